"""Ids for requests that came without one."""

import uuid


def new_request_id() -> str:
    """Return a random request id."""
    return str(uuid.uuid4())
