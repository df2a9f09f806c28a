"""Keep the test services running until interrupted: ``python -m tools.services``."""

import signal
from contextlib import suppress

from tools.services import Found, Service, find_mysql, find_postgresql


def main() -> None:
    with find_postgresql() as postgresql, find_mysql() as mysql, suppress(KeyboardInterrupt):
        _report("SAIGON_TEST_POSTGRESQL_URL", postgresql)
        _report("SAIGON_TEST_MYSQL_URL", mysql)
        print("# interrupt to stop", flush=True)
        signal.pause()


def _report(variable: str, service: Service) -> None:
    if isinstance(service, Found):
        print(f"export {variable}='{service.url}'  # {service.origin}")
    else:
        print(f"# {service.reason}")


if __name__ == "__main__":
    main()
