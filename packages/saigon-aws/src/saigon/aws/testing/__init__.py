"""AWS on this machine, for tests and demonstrations: moto's server, and identities that differ.

Use :class:`LocalAws` as a context manager anywhere, or load the module as a pytest plugin for the
fixtures ``aws``, ``aws_user_pool``, ``aws_user``, ``aws_identity_pool``, ``aws_queue``,
``aws_bucket`` and ``aws_secret``::

    pytest_plugins = ["saigon.aws.testing"]

The fixtures exist where pytest is installed. PYTEST_DONT_REWRITE: the plugin holds no assertions,
so a project may import it before pytest does.
"""

from importlib.util import find_spec

from saigon.aws.testing._local_aws import LocalAws
from saigon.aws.testing._resources import (
    IssuedCredentials,
    LocalIdentityPool,
    LocalQueue,
    LocalUser,
    LocalUserPool,
)

if find_spec("pytest"):
    from saigon.aws.testing._fixtures import (  # noqa: F401  # pytest finds the fixtures here
        aws,
        aws_bucket,
        aws_identity_pool,
        aws_queue,
        aws_secret,
        aws_user,
        aws_user_pool,
    )

__all__ = [
    "IssuedCredentials",
    "LocalAws",
    "LocalIdentityPool",
    "LocalQueue",
    "LocalUser",
    "LocalUserPool",
]
