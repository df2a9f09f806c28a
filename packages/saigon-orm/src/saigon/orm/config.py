"""Where a database is and who logs in: from code, the environment, or a vault of secrets."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, create_model
from sqlalchemy import URL

from saigon.model import BaseModelNoExtra, Environment
from saigon.model.interface import SecretVault
from saigon.orm.exceptions import DbConfigurationError

__all__ = [
    "DbCredentials",
    "MySQLCredentials",
    "PostgreSQLCredentials",
    "SQLiteCredentials",
    "SslMode",
    "TargetSession",
]

SslMode: TypeAlias = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]
"""How much the connection is protected, in PostgreSQL's words for both servers.

See Also:
    https://www.postgresql.org/docs/current/libpq-ssl.html
"""


TargetSession: TypeAlias = Literal[
    "any", "read-write", "read-only", "primary", "standby", "prefer-standby"
]
"""Which of PostgreSQL's servers will do, in libpq's words.

See Also:
    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-TARGET-SESSION-ATTRS
"""


class DbCredentials(BaseModelNoExtra, ABC):
    """The address of a database and, on a server, the login."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    @abstractmethod
    def url(self) -> URL:
        """Return SQLAlchemy's URL, **with the password in it**: hand it on, do not print it."""

    @abstractmethod
    def connect_args(self) -> dict[str, Any]:
        """Return what the driver is told beyond the URL."""

    @classmethod
    def from_env(cls, prefix: str = "DATABASE_") -> Self:
        """Read the fields from the environment: ``host`` from ``DATABASE_HOST``, and so on.

        On ``DbCredentials`` itself, ``DATABASE_ENGINE`` says which database it is:
        ``postgresql``, ``mysql``, ``mariadb`` or ``sqlite``.

        Raises:
            DbConfigurationError: A variable is missing or wrong; the message names it and never
                quotes its value.
        """
        target = cls._target(_read_env({"engine": (str | None, None)}, prefix).get("engine"))
        fields: dict[str, Any] = {
            name: (field.annotation, field) for name, field in target.model_fields.items()
        }
        return target(**_read_env(fields, prefix))

    @classmethod
    def from_secret(
        cls,
        vault: SecretVault,
        name: str,
        *,
        host: str | None = None,
        port: int | None = None,
        dbname: str | None = None,
    ) -> Self:
        """Read a secret as AWS writes it for RDS, or one with the names of our own fields.

        What is given here goes before what the secret says. A secret that RDS manages holds only
        the user and the password: give the rest, and call it on the class of the database.

        Raises:
            DbConfigurationError: The secret and the arguments together do not make a login.

        See Also:
            https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
        """
        try:
            secret = vault.get_secret(_DbSecret, name)
            given = _without_none({"host": host, "port": port, "dbname": dbname})
            values = {**_without_none(secret.model_dump()), **given}
            target = cls._target(values.pop("engine", None))
            return target(**{key: values[key] for key in values if key in target.model_fields})
        except ValidationError as exc:
            raise DbConfigurationError(f"secret {name!r}: {_problems(exc)}") from None

    @classmethod
    def _target(cls, engine: str | None) -> type[Self]:
        """Return the class for an engine's name, which must agree with the one called."""
        if engine is None:
            if cls is DbCredentials:
                raise DbConfigurationError(
                    "nothing says which database it is; expected an 'engine', or the call on "
                    "PostgreSQLCredentials, MySQLCredentials or SQLiteCredentials"
                )
            return cls
        found: type[Self] = _class_of_engine(engine)
        if not issubclass(found, cls):
            raise DbConfigurationError(f"expected {cls.__name__}, but the engine is {engine!r}")
        return found


class _ServerCredentials(DbCredentials):
    host: str = Field(min_length=1)
    """Its name or address."""

    port: int = Field(ge=1, le=65_535)

    username: str = Field(min_length=1)

    password: SecretStr

    dbname: str = Field(min_length=1)
    """The database on the server."""

    ssl_mode: SslMode = "prefer"
    """``prefer`` encrypts where the server can and verifies nothing; use ``verify-full`` on RDS."""

    ssl_root_cert: Path | None = None
    """The certificates that are trusted, for the two modes that verify."""

    connect_timeout: int = Field(default=10, ge=1)
    """Seconds until an attempt to connect is given up."""

    application_name: str | None = None
    """What the server's list of sessions shows."""

    def _url(self, drivername: str) -> URL:
        return URL.create(
            drivername,
            username=self.username,
            password=self.password.get_secret_value(),
            host=self.host,
            port=self.port,
            database=self.dbname,
        )


class PostgreSQLCredentials(_ServerCredentials):
    """The login on a PostgreSQL server."""

    host: str = Field(min_length=1)
    """Its name or address; several with commas between, tried in turn, of the same port."""

    port: int = Field(default=5432, ge=1, le=65_535)

    target_session_attrs: TargetSession | None = None
    """By default ``read-write``, or whatever a proxy leads to; for who only reads,
    ``any`` or ``prefer-standby``."""

    def url(self) -> URL:
        """Return SQLAlchemy's URL, **with the password in it**."""
        return self._url("postgresql+psycopg")

    def connect_args(self) -> dict[str, Any]:
        """Return libpq's options.

        See Also:
            https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
        """
        options = {
            "sslmode": self.ssl_mode,
            "sslrootcert": self.ssl_root_cert and str(self.ssl_root_cert),
            "connect_timeout": self.connect_timeout,
            "application_name": self.application_name,
            "target_session_attrs": self.target_session_attrs,
        }
        return {key: value for key, value in options.items() if value is not None}


class MySQLCredentials(_ServerCredentials):
    """The login on a MySQL or MariaDB server."""

    port: int = Field(default=3306, ge=1, le=65_535)

    read_timeout: int = Field(default=300, ge=1)
    """Seconds without an answer until the connection counts as lost; longer than any query."""

    write_timeout: int = Field(default=60, ge=1)
    """Seconds until a packet that the server does not take counts as lost."""

    def url(self) -> URL:
        """Return SQLAlchemy's URL, **with the password in it**."""
        return self._url("mysql+pymysql")

    def connect_args(self) -> dict[str, Any]:
        """Return PyMySQL's options.

        See Also:
            https://pymysql.readthedocs.io/en/latest/modules/connections.html
        """
        options = {
            "connect_timeout": self.connect_timeout,
            "read_timeout": self.read_timeout,
            "write_timeout": self.write_timeout,
            "program_name": self.application_name,
            **self._ssl_options(),
        }
        return {key: value for key, value in options.items() if value is not None}

    def _ssl_options(self) -> dict[str, Any]:
        match self.ssl_mode:
            case "disable":
                return {"ssl_disabled": True}
            case "prefer":
                return {}
            case "require":
                return {"ssl": {"check_hostname": False, "verify_mode": "none"}}
        if self.ssl_root_cert is None:
            raise DbConfigurationError(f"ssl_mode={self.ssl_mode!r} expects an ssl_root_cert")
        return {
            "ssl_ca": str(self.ssl_root_cert),
            "ssl_verify_cert": True,
            "ssl_verify_identity": self.ssl_mode == "verify-full",
        }


class SQLiteCredentials(DbCredentials):
    """The file of a SQLite database."""

    path: Path | None = None
    """The file, made when it is first used; without one, the database lives in memory."""

    busy_timeout: float = Field(default=30.0, ge=0)
    """Seconds to wait for another connection's transaction."""

    def url(self) -> URL:
        """Return SQLAlchemy's URL."""
        return URL.create("sqlite+pysqlite", database=None if self.path is None else str(self.path))

    def connect_args(self) -> dict[str, Any]:
        """Return the driver's options."""
        return {"timeout": self.busy_timeout}


class _DbSecret(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore", hide_input_in_errors=True)

    engine: str | None = None
    host: str | None = None
    port: int | None = None
    username: str | None = None
    password: SecretStr | None = None
    dbname: str | None = None
    path: Path | None = None
    ssl_mode: SslMode | None = None
    ssl_root_cert: Path | None = None
    connect_timeout: int | None = None
    application_name: str | None = None
    target_session_attrs: TargetSession | None = None
    read_timeout: int | None = None
    write_timeout: int | None = None
    busy_timeout: float | None = None


def _class_of_engine(engine: str) -> Any:
    match engine.lower().removeprefix("aurora-"):
        case "postgres" | "postgresql":
            return PostgreSQLCredentials
        case "mysql" | "mariadb" | "aurora":
            return MySQLCredentials
        case "sqlite":
            return SQLiteCredentials
        case _:
            raise DbConfigurationError(
                f"expected the engine postgresql, mysql, mariadb or sqlite, got {engine!r}"
            )


def _read_env(fields: dict[str, Any], prefix: str) -> dict[str, Any]:
    settings: type[Environment] = create_model("Settings", __base__=Environment, **fields)
    options: dict[str, Any] = {"_env_prefix": prefix}
    try:
        return settings(**options).model_dump(exclude_unset=True)
    except ValidationError as exc:
        raise DbConfigurationError(f"environment: {_problems(exc, prefix)}") from None


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _problems(exc: ValidationError, prefix: str = "") -> str:
    """Say which fields are wrong and how, without their values."""
    errors = exc.errors(include_input=False, include_context=False, include_url=False)
    return "; ".join(f"{_place(error['loc'], prefix)}: {error['msg']}" for error in errors)


def _place(loc: tuple[int | str, ...], prefix: str) -> str:
    name = ".".join(map(str, loc))
    return f"{prefix}{name}".upper() if prefix else name
