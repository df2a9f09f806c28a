"""The command ``python -m saigon.rest.gateway``."""
