"""What stops a release."""

__all__ = ["RefusedError"]


class RefusedError(Exception):
    """The release is not made, and nothing has been changed; the message says why."""
