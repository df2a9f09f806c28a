"""A local API Gateway: what is signed wrongly fails at the desk, and not in production.

``LocalGateway`` is middleware for an app in the same process; ``python -m saigon.rest.gateway``
stands before a service in another one and needs the extra ``[gateway]``. For development and
tests on one machine only: it refuses to run on AWS, and to answer beyond loopback.
"""

from saigon.rest.gateway._callers import CallersFile, GatewayCaller
from saigon.rest.gateway._middleware import LocalGateway
from saigon.rest.gateway._onward.variables import DEFAULT_MAPPING
from saigon.rest.gateway._proxy import UpstreamProxy

__all__ = ["DEFAULT_MAPPING", "CallersFile", "GatewayCaller", "LocalGateway", "UpstreamProxy"]
