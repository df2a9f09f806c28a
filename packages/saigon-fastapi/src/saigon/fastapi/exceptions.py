"""The errors of saigon.fastapi.

.. code-block:: text

    SaigonFastapiError
    ├── ConfigurationError         (ValueError)           the service is set up wrongly
    │   └── DuplicateOperationIdError                     two operations would share one id
    ├── IdentityHeaderError        (ValueError)           the identity is not of the form expected
    ├── MissingExtraError          (ImportError)          an extra is not installed
    └── NoRequestContextError      (LookupError)          asked for outside of a request
"""

from typing import ClassVar

from saigon.model import extras

__all__ = [
    "ConfigurationError",
    "DuplicateOperationIdError",
    "IdentityHeaderError",
    "MissingExtraError",
    "NoRequestContextError",
    "SaigonFastapiError",
]


class SaigonFastapiError(Exception):
    """The root of this package's errors."""


class ConfigurationError(SaigonFastapiError, ValueError):
    """The service is set up in a way that could not work, or not safely."""


class DuplicateOperationIdError(ConfigurationError):
    """Two operations of the OpenAPI document would have the same id; the message names both."""


class IdentityHeaderError(SaigonFastapiError, ValueError):
    """What a trusted gateway sent as the identity is not one; the message never quotes it."""


class MissingExtraError(SaigonFastapiError, extras.MissingExtraError):
    """An optional dependency is not installed; the message names the extra that brings it."""

    distribution: ClassVar[str] = "saigon-fastapi"


class NoRequestContextError(SaigonFastapiError, LookupError):
    """The request context was asked for where no request is being answered."""
