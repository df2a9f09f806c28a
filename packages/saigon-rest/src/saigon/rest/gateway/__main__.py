"""Run the local gateway before a service: ``python -m saigon.rest.gateway``."""

from saigon.rest.gateway._command.main import main

if __name__ == "__main__":
    main()
