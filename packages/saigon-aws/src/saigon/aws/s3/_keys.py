"""Keys that are safe in a URL."""

__all__ = ["check_no_dot_segments"]


def check_no_dot_segments(key: str) -> None:
    """Refuse a key that HTTP clients fold into another object's URL (RFC 3986, 5.2.4)."""
    if not {".", ".."}.isdisjoint(key.split("/")):
        raise ValueError("expected a key without the segments '.' and '..'")
