"""Find a MySQL or MariaDB server; there is no embedded one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tools.services.found import Found, Missing, Service, connection_error, named_server

__all__ = ["find_mysql"]

_VARIABLE: Final = "SAIGON_TEST_MYSQL_URL"
_DRIVER: Final = "mysql+pymysql"
_STANDARD: Final = f"{_DRIVER}://root@127.0.0.1:3306/"


@contextmanager
def find_mysql() -> Iterator[Service]:
    """Give the server of SAIGON_TEST_MYSQL_URL, else that of the standard local port."""
    if value := os.environ.get(_VARIABLE):
        yield named_server(_VARIABLE, value, driver=_DRIVER)
    elif error := connection_error(_STANDARD):
        yield Missing(f"no MySQL: {_VARIABLE} is not set, and {_STANDARD} said: {error}")
    else:
        yield Found(_STANDARD, "the standard local port")
