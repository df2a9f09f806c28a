"""Database servers for the tests: the one that is there, or an embedded one.

Each finder is a context manager that gives a :class:`Found` or a :class:`Missing`, and stops
at its end what it has started. Makers give a :class:`PrivateServer` instead, for tests that stop
it, kill it or change its settings.
"""

from tools.services.found import Found, Missing, Service
from tools.services.mysql import find_mysql
from tools.services.postgresql import find_postgresql
from tools.services.private import PrivateServer
from tools.services.private_mysql import make_private_mysql
from tools.services.private_postgresql import make_private_postgresql

__all__ = [
    "Found",
    "Missing",
    "PrivateServer",
    "Service",
    "find_mysql",
    "find_postgresql",
    "make_private_mysql",
    "make_private_postgresql",
]
