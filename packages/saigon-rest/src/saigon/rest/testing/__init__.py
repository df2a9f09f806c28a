"""A service behind the local API Gateway, for tests: a user logs in, signs, and is known to it.

Use :class:`LocalApi` as a context manager anywhere, or load the module as a pytest plugin, on top
of the one of ``saigon.aws.testing``, for the fixture ``gateway``::

    pytest_plugins = ["saigon.aws.testing", "saigon.rest.testing"]


    def test_who_is_logged_in_is_known(gateway, aws_user):
        client = gateway(app).client()
        identity = client.login(aws_user.username, aws_user.password)
        assert client.get_resource("/me", str) == identity.sub

Needs the extra ``[testing]``; the fixture exists where pytest is installed. PYTEST_DONT_REWRITE:
the plugin holds no assertions, so a project may import it before pytest does.
"""

from importlib.util import find_spec

from saigon.rest.testing._api import LocalApi, LocalApiFactory
from saigon.rest.testing._server import LocalServer

if find_spec("pytest"):
    from saigon.rest.testing._fixtures import (  # noqa: F401  # pytest finds the fixture here
        gateway,
    )

__all__ = ["LocalApi", "LocalApiFactory", "LocalServer"]
