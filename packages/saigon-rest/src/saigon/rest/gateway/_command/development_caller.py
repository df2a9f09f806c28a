"""One random caller, so that the gateway runs with nothing prepared."""

import base64
import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from saigon.rest.exceptions import ConfigurationError
from saigon.rest.gateway._callers import CallersFile
from saigon.rest.gateway._command.arguments import CALLERS_FILE
from saigon.rest.gateway._command.private_files import is_open_to_others, write_new
from saigon.rest.gateway._signature.checks import EXECUTE_API

_HOURS: Final = 12
_REGION: Final = "us-east-1"


def callers_file(
    given: Path | None, *, region: str | None, now: datetime, tell: Callable[[str], None]
) -> CallersFile:
    """Return the callers of the given file, or of the default one, which is made if need be.

    Args:
        given: The file that was asked for.
        region: The region of a caller that is made.
        now: The present time, aware.
        tell: Shows a line.

    Raises:
        OSError: The file cannot be read or made.
        ConfigurationError: It holds something else, or the default one is open to others or holds
            nobody whose credentials are valid.
    """
    if given is not None:
        callers = CallersFile(given.absolute())
        callers.read()
        if is_open_to_others(given):
            tell(f"{given} holds secrets and is open to others: chmod 600 it")
        return callers
    path = CALLERS_FILE.absolute()
    if _made(path, region or _REGION, now):
        tell(f"{path} is new and holds one caller, valid for {_HOURS} hours; keep it to yourself")
    else:
        _require_usable(path, now)
        tell(f"{path} holds the callers")
    return CallersFile(path)


def how_to_sign(callers: CallersFile, host: str, region: str | None) -> str:
    """Say how a program signs as the first of the callers."""
    signed_for = region or next((caller.region for caller in callers.read()), _REGION)
    return (
        "sign as its first caller with "
        f"saigon.rest.sigv4.SigV4Auth(aws_host={host!r}, aws_region={signed_for!r}, "
        f"aws_service={EXECUTE_API!r}, credentials=saigon.rest.gateway.{callers!r}.first)"
    )


def _made(path: Path, region: str, now: datetime) -> bool:
    try:
        write_new(path, [development_caller(region, now)])
    except FileExistsError:
        return False
    return True


def _require_usable(path: Path, now: datetime) -> None:
    if is_open_to_others(path):
        raise ConfigurationError(
            f"{path} holds secrets and is open to others: chmod 600 it, or remove it"
        )
    if not any(now < caller.expiration for caller in CallersFile(path).read()):
        raise ConfigurationError(
            f"{path} holds nobody whose credentials are still valid: remove it for new ones"
        )


def development_caller(region: str, now: datetime) -> dict[str, Any]:
    """Make up a caller: keys, a token, an identity and a user, all random."""
    return {
        # ASIA marks temporary keys; the rest is base32, as AWS's are.
        "access_key_id": "ASIA" + base64.b32encode(secrets.token_bytes(10)).decode(),
        "secret_access_key": base64.b64encode(secrets.token_bytes(30)).decode(),
        "session_token": base64.b64encode(secrets.token_bytes(120)).decode(),
        "expiration": (now.astimezone(UTC) + timedelta(hours=_HOURS)).isoformat(timespec="seconds"),
        "identity_id": f"{region}:{uuid.uuid4()}",
        "user_sub": str(uuid.uuid4()),
        "user_pool_id": f"{region}_LocalUsers",
        "region": region,
    }
