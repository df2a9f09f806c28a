"""Cognito on this machine, with a user who can log in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from saigon.rest.exceptions import ConfigurationError, MissingExtraError
from saigon.rest.gateway._command.private_files import write_new

if TYPE_CHECKING:
    from saigon.aws.testing import LocalAws, LocalIdentityPool, LocalUser

_REGION: Final = "us-east-1"


@dataclass(frozen=True)
class LocalLogin:
    """Who may log in, and where."""

    user: "LocalUser"
    identities: "LocalIdentityPool"
    region: str

    def document(self, base_url: str) -> dict[str, Any]:
        """Return what an ``AuthRestClient`` needs to know."""
        config = self.identities.config().model_dump(mode="json", exclude_defaults=True)
        return {
            "base_url": base_url,
            "region": self.region,
            "cognito": config,
            "username": self.user.username,
            "password": self.user.password.get_secret_value(),
        }


@contextmanager
def local_login(region: str | None) -> Iterator[LocalLogin]:
    """Run a local Cognito with one user for as long as the block.

    Raises:
        MissingExtraError: The extra ``[testing]`` is not installed.
    """
    with _local_aws(region or _REGION) as aws:
        user_pool = aws.create_user_pool()
        user = aws.create_user(user_pool)
        yield LocalLogin(user, aws.create_identity_pool(user_pool), aws.region)


@contextmanager
def told_in_file(
    login: LocalLogin, base_url: str, path: Path, tell: Callable[[str], None]
) -> Iterator[None]:
    """Keep a file with the login for as long as the block.

    Raises:
        ConfigurationError: Something is there already.
    """
    try:
        write_new(path, login.document(base_url))
    except FileExistsError as exc:
        raise ConfigurationError(
            f"{path} is there already: remove it, or name another file after --local-aws"
        ) from exc
    tell(f"{path.absolute()} says how to log in, for as long as this runs")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _local_aws(region: str) -> Iterator["LocalAws"]:
    try:
        from saigon.aws.testing import LocalAws

        aws = LocalAws(region=region)
        aws.start()
    except ImportError as exc:
        raise MissingExtraError("testing", exc.name) from exc
    with aws:
        yield aws
