"""What goes into headers of a request as the caller gave it."""

import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["check_header", "checked_metadata"]

# RFC 9110, 5.5 and 5.6.2
_VALUE: Final = re.compile(r"[!-~]([\t -~]*[!-~])?", re.ASCII)
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)


def check_header(name: str, value: object) -> None:
    """Refuse what HTTP cannot carry, or would carry as something else."""
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise ValueError(f"expected printable ASCII in {name}, without spaces around it")


def checked_metadata(metadata: Any) -> dict[str, str]:
    """Return an object's own metadata as boto3 takes it.

    See https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
    """
    if not isinstance(metadata, Mapping):
        raise ValueError(f"expected a mapping as metadata, got {type(metadata).__name__}")  # noqa: TRY004  # every wrong argument is a ValueError
    for name, value in metadata.items():
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise ValueError(f"expected the name of a header in metadata, got {name!r}")
        if value != "":
            check_header(f"metadata {name!r}", value)
    if len({name.lower() for name in metadata}) < len(metadata):
        raise ValueError("expected names in metadata that differ in more than case")
    return dict(metadata)
