"""Proxies that share the server's sessions between clients, which may leave nothing in them.

See Also:
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html
    https://www.pgbouncer.org/features.html
"""

from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import URL

from saigon.orm.exceptions import DbConfigurationError

__all__ = ["Proxy", "check_session", "without_session_state"]

Proxy: TypeAlias = Literal["rds", "pgbouncer"]

_DATABASES: Final[Mapping[Proxy, tuple[str, ...]]] = {
    "rds": ("postgresql", "mysql", "mariadb"),
    "pgbouncer": ("postgresql",),
}
# What these options ask for would be set in a session that the next client gets too.
_SESSION_OPTIONS: Final = frozenset({"options", "init_command", "sql_mode", "autocommit"})
_SESSION_QUERY: Final = (
    "SELECT IF(@@time_zone = 'SYSTEM', @@system_time_zone, @@time_zone), @@sql_mode,"
    " @@character_set_client"
)
_UTC: Final = frozenset({"+00:00", "UTC", "Etc/UTC", "GMT"})
_INITIALIZATION: Final = (
    "SET time_zone = '+00:00', sql_mode = CONCAT_WS(',', @@sql_mode, 'STRICT_ALL_TABLES'), "
    "NAMES utf8mb4"
)


def without_session_state(url: URL, args: Mapping[str, Any], proxy: Proxy) -> dict[str, Any]:
    """Return a driver's options without those that would set something for a whole session.

    Raises:
        DbConfigurationError: The database has no such proxy, or the URL asks for such a thing.
    """
    if proxy not in _DATABASES:
        raise DbConfigurationError(f"expected proxy='rds' or 'pgbouncer', got {proxy!r}")
    database = url.get_backend_name()
    if database not in _DATABASES[proxy]:
        raise DbConfigurationError(
            f"expected {' or '.join(_DATABASES[proxy])} behind proxy={proxy!r}, got {database}"
        )
    if refused := _SESSION_OPTIONS & set(url.query):
        raise DbConfigurationError(
            f"proxy={proxy!r} shares sessions, so the URL cannot ask for {sorted(refused)}; "
            "set it for the role, in the parameter group or in the proxy's initialization query"
        )
    if database == "postgresql":
        # Empty, it goes before PGOPTIONS.
        # https://www.psycopg.org/psycopg3/docs/advanced/prepare.html
        return {**args, "prepare_threshold": None, "options": ""}
    kept = {key: value for key, value in args.items() if key not in _SESSION_OPTIONS}
    return {**kept, "autocommit": None}


def check_session(connection: Any) -> None:
    """Ask MySQL whether the session that a proxy gives is as ours are elsewhere.

    Raises:
        DbConfigurationError: It is not in UTC, not strict, or not in UTF-8.
    """
    with closing(connection.cursor()) as cursor:
        cursor.execute(_SESSION_QUERY)
        time_zone, sql_mode, charset = map(str, cursor.fetchone())
    problems = [
        f"{name} is {value!r}"
        for name, value, good in [
            ("time_zone", time_zone, time_zone in _UTC),
            ("sql_mode", sql_mode, "STRICT_" in sql_mode),
            ("character_set_client", charset, charset == "utf8mb4"),
        ]
        if not good
    ]
    if problems:
        raise DbConfigurationError(
            f"expected a session in UTC, strict and in utf8mb4, but {', '.join(problems)}; nothing "
            "is set in a session behind a proxy: set it in the parameter group of the database, "
            f"or let the proxy's initialization query be: {_INITIALIZATION}"
        )
