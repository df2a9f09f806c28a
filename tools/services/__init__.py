"""Database servers for the tests: the one that is there, or an embedded one.

Each finder is a context manager that gives a :class:`Found` or a :class:`Missing`, and stops
at its end what it has started.
"""

from tools.services.found import Found, Missing, Service
from tools.services.mysql import find_mysql
from tools.services.postgresql import find_postgresql

__all__ = ["Found", "Missing", "Service", "find_mysql", "find_postgresql"]
