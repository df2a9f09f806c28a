"""The client over requests."""
