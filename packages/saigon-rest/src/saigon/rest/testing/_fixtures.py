"""The fixture of :mod:`saigon.rest.testing`, which stands on those of ``saigon.aws.testing``."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from saigon.rest.gateway._asgi import App
from saigon.rest.testing._api import LocalApi, LocalApiFactory

if TYPE_CHECKING:
    from saigon.aws.testing import LocalAws, LocalIdentityPool


@pytest.fixture
def gateway(aws: "LocalAws", aws_identity_pool: "LocalIdentityPool") -> Iterator[LocalApiFactory]:
    """Serve apps behind a gateway of their own: ``gateway(app, stage="prod")``."""
    with ExitStack() as stack:

        def serve(app: App, **options: Any) -> LocalApi:
            options.setdefault("session", aws.session())
            return stack.enter_context(LocalApi(app, aws_identity_pool, **options))

        yield serve
