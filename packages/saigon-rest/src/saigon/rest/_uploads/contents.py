"""Whether a file is the one that a permission was signed for, where it says so."""

import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Protocol

from saigon.rest._calls.bodies import FileBody
from saigon.rest.exceptions import PresignedUrlError


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


# CRC32C and CRC64NVME are not in the standard library; S3 compares those itself.
_DIGESTS: Final[Mapping[str, Callable[[], _Digest]]] = {
    "content-md5": partial(hashlib.md5, usedforsecurity=False),
    "x-amz-checksum-crc32": _Crc32,
    "x-amz-checksum-sha1": partial(hashlib.sha1, usedforsecurity=False),
    "x-amz-checksum-sha256": hashlib.sha256,
    "x-amz-content-sha256": hashlib.sha256,
}
_HEXADECIMAL: Final = "x-amz-content-sha256"
_HEXADECIMAL_LENGTH: Final = 64


def check_content(wanted: Mapping[str, str], file: FileBody) -> None:
    """Refuse a file whose length or checksum is not the one that was signed or given.

    The file is read for it only where there is a checksum to compare.

    Args:
        wanted: Headers or fields, by names in lower case.
        file: What is to be sent; it is at its beginning afterwards.

    Raises:
        PresignedUrlError: It is another file.
    """
    length = wanted.get("content-length")
    if length is not None and length != str(len(file)):
        raise PresignedUrlError(f"expected a file of the Content-Length given, got {len(file)}")
    digests = {name: make() for name, make in _DIGESTS.items() if _is_checksum(name, wanted)}
    if digests:
        _read_through(file, digests)
    for name, digest in digests.items():
        if _written(name, digest.digest()) != wanted[name]:
            raise PresignedUrlError(f"the file is not the one signed for: its {name} differs")


def _is_checksum(name: str, wanted: Mapping[str, str]) -> bool:
    if name not in wanted:
        return False
    # Else it is a word such as UNSIGNED-PAYLOAD.
    return name != _HEXADECIMAL or len(wanted[name]) == _HEXADECIMAL_LENGTH


def _read_through(file: FileBody, digests: Mapping[str, _Digest]) -> None:
    for chunk in file:
        for digest in digests.values():
            digest.update(chunk)
    file.seek(0)


def _written(name: str, digest: bytes) -> str:
    return digest.hex() if name == _HEXADECIMAL else base64.b64encode(digest).decode()
