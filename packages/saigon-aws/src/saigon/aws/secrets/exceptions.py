"""The errors of ``saigon.aws.secrets``; a secret's value is in none of them.

::

    SaigonAwsError
     +-- SecretError
          +-- SecretNotFoundError
          +-- SecretAccessDeniedError
          +-- SecretDecodeError
          +-- SecretUnavailableError

A wrong argument is a ``ValueError``, raised before any request.
"""

from collections.abc import Sequence

from saigon.aws.exceptions import SaigonAwsError

__all__ = [
    "SecretAccessDeniedError",
    "SecretDecodeError",
    "SecretError",
    "SecretNotFoundError",
    "SecretUnavailableError",
]


class SecretError(SaigonAwsError):
    """The root of what ``saigon.aws.secrets`` raises of its own.

    Attributes:
        secret_names: The secrets that it is about.
        code: Secrets Manager's own error code, where it gave one.
    """

    secret_names: tuple[str, ...]
    code: str | None

    def __init__(
        self, message: str, *, secret_names: Sequence[str] = (), code: str | None = None
    ) -> None:
        super().__init__(message)
        self.secret_names = tuple(secret_names)
        self.code = code


class SecretNotFoundError(SecretError):
    """There is no such secret, version or stage, or the secret is about to be deleted."""


class SecretAccessDeniedError(SecretError):
    """The secret, or the key that it is encrypted with, may not be used."""


class SecretDecodeError(SecretError):
    """The secret's value is not what the model or the text expects.

    Attributes:
        errors: Where and how the value does not fit, as pairs of location and error type; never
            what the value is. A name in a location that is not one of the model's is a ``*``: the
            keys of an object are a part of the value.
    """

    errors: tuple[tuple[tuple[int | str, ...], str], ...]

    def __init__(
        self,
        message: str,
        *,
        secret_names: Sequence[str] = (),
        errors: Sequence[tuple[tuple[int | str, ...], str]] = (),
    ) -> None:
        super().__init__(message, secret_names=secret_names)
        self.errors = tuple(errors)


class SecretUnavailableError(SecretError):
    """Secrets Manager did not answer, or told to ask later."""
