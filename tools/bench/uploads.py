"""Files to where a pre-signed URL or form says, in each way, and the memory that this takes.

As a program it takes an :class:`Uploading` on standard input, and tells its peaks of memory.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import requests

from tools.bench.apart import highest_resident_bytes, peaks_of

__all__ = ["Upload", "UploadWay", "Uploading", "upload_peaks", "uploader"]

UploadWay = Literal[
    "upload_file_to_url", "data=file", "data=file.read()", "upload_file_to_form", "files="
]
Upload = Callable[[Path], str | None]
_TIMEOUT: Final = (5.0, 30.0)  # as ours by default


@dataclass(frozen=True, slots=True)
class Uploading:
    """What is uploaded."""

    way: UploadWay
    url: str
    """Where to, signed beforehand."""
    fields: dict[str, str] = field(default_factory=dict)
    """Those of the form, where one is sent."""
    files: tuple[str, ...] = ()
    """One after the other; ascending in size, as a peak only grows."""


def upload_peaks(uploading: Uploading) -> tuple[int, ...]:
    """Return the highest resident memory, in bytes, up to the end of each file."""
    return peaks_of("tools.bench.uploads", uploading)


def main() -> None:
    print(json.dumps(_upload_all(Uploading(**json.load(sys.stdin)))))


def _upload_all(uploading: Uploading) -> list[int]:
    highest: list[int] = []
    with uploader(uploading) as upload:
        for file in uploading.files:
            upload(Path(file))
            highest.append(highest_resident_bytes())
    return highest


@contextmanager
def uploader(uploading: Uploading) -> Iterator[Upload]:
    """Give what uploads a file and returns its entity tag, over a connection that is kept."""
    if uploading.way.startswith("upload_file"):
        from saigon.rest.client import RestClientBase

        with RestClientBase(uploading.url.partition("?")[0]) as client:
            url, fields = uploading.url, uploading.fields
            if uploading.way == "upload_file_to_url":
                yield lambda file: client.upload_file_to_url(url, file).etag
            else:
                yield (
                    lambda file: client.upload_file_to_form(url, fields, file, filename="file").etag
                )
    else:
        with requests.Session() as session:
            yield lambda file: _by_hand(session, uploading, file)


def _by_hand(session: requests.Session, uploading: Uploading, path: Path) -> str | None:
    with path.open("rb") as file:
        match uploading.way:
            case "files=":
                response = session.post(
                    uploading.url,
                    data=uploading.fields,
                    files={"file": ("file", file, "application/octet-stream")},
                    timeout=_TIMEOUT,
                )
            case "data=file":
                response = session.put(uploading.url, data=file, timeout=_TIMEOUT)
            case _:
                response = session.put(uploading.url, data=file.read(), timeout=_TIMEOUT)
    response.raise_for_status()
    return response.headers["ETag"]


if __name__ == "__main__":
    main()
