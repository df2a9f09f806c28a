"""Whose credentials the gateway knows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from pydantic import AwareDatetime, SecretStr, TypeAdapter, ValidationError

from saigon.model import BaseModelNoExtra
from saigon.rest._credentials import TemporaryCredentials
from saigon.rest.exceptions import ConfigurationError


class GatewayCaller(TemporaryCredentials, Protocol):
    """Temporary credentials and the user that they were issued to.

    Where there is an ``identity_pool_id`` too, it fills the variable of that name.
    """

    @property
    def user_sub(self) -> str:
        """The user's id in the user pool."""
        ...

    @property
    def user_pool_id(self) -> str:
        """The user pool."""
        ...

    @property
    def region(self) -> str:
        """The user pool's region."""
        ...


class _FileCaller(BaseModelNoExtra):
    access_key_id: str
    secret_access_key: SecretStr
    session_token: SecretStr
    expiration: AwareDatetime
    identity_id: str
    user_sub: str
    user_pool_id: str
    region: str
    identity_pool_id: str | None = None


_CALLERS = TypeAdapter(list[_FileCaller])


class CallersFile:
    """Callers out of a JSON file: a list of objects with the fields of ``GatewayCaller``.

    The file is read for each request, so that callers come and go while the gateway runs.

    Args:
        path: The file.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._path)!r})"

    def __call__(self, access_key_id: str) -> GatewayCaller | None:
        """Return the caller with the access key id, or None.

        Raises:
            OSError: The file cannot be read.
            ConfigurationError: It holds something else.
        """
        return next((c for c in self.read() if c.access_key_id == access_key_id), None)

    def first(self) -> GatewayCaller:
        """Return the first caller, to sign with: ``SigV4Auth(…, credentials=callers.first)``.

        Raises:
            OSError: The file cannot be read.
            ConfigurationError: It holds nobody, or something else.
        """
        for caller in self.read():
            return caller
        raise ConfigurationError(f"{self._path}: expected at least one caller")

    def read(self) -> Sequence[GatewayCaller]:
        """Return all callers.

        Raises:
            OSError: The file cannot be read.
            ConfigurationError: It holds something else.
        """
        try:
            return _CALLERS.validate_json(self._path.read_bytes())
        except ValidationError as exc:
            faults = exc.errors(include_input=False)
        # Without its cause, whose text shows what stands in the file.
        where = ".".join(map(str, faults[0]["loc"])) or "its start"
        raise ConfigurationError(
            f"{self._path}: expected a list of callers; {len(faults)} faults, the first at {where}"
        )
