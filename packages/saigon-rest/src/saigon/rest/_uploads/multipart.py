"""A form with one file in it, streamed, of known length."""

import io
import secrets
from collections.abc import Iterator, Mapping

from saigon.rest._calls.bodies import CHUNK
from saigon.rest._uploads.told import ToldBody
from saigon.rest.exceptions import InvalidRequestError


class FormBody:
    """The multipart body of a pre-signed POST: the fields, then the file, as S3 wants it.

    Names are escaped as browsers do, values are sent as they are, all of it in UTF-8. The boundary
    is random, so that neither a field nor the file can hold it but by chance.

    See Also:
        https://www.rfc-editor.org/rfc/rfc7578
    """

    def __init__(
        self, fields: Mapping[str, str], file: ToldBody, *, filename: str, content_type: str
    ) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        head = "".join(_field(boundary, name, value) for name, value in fields.items())
        self._head = _utf8(head + _file_head(boundary, filename, content_type))
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._file = file
        self._begin()

    def __len__(self) -> int:
        return len(self._head) + len(self._file) + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(CHUNK):
            yield chunk

    def read(self, size: int = -1) -> bytes:
        """Read like a file; at most up to where one part ends."""
        if size < 0:
            return b"".join(iter(lambda: self.read(CHUNK), b""))
        for part in self._parts:
            if chunk := part.read(size):
                self._position += len(chunk)
                return chunk
        return b""

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int) -> int:
        """Go back to the start; a retry needs no other place."""
        if offset != 0:
            raise io.UnsupportedOperation("a form goes back to its start only")
        self._file.seek(0)
        self._begin()
        return 0

    def _begin(self) -> None:
        self._parts = (io.BytesIO(self._head), self._file, io.BytesIO(self._tail))
        self._position = 0


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Without its cause, which holds the text.
        error = InvalidRequestError("a field or the file's name holds half a character")
    raise error


def _field(boundary: str, name: str, value: str) -> str:
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{value}\r\n'
    )


def _file_head(boundary: str, filename: str, content_type: str) -> str:
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
        f'filename="{_quoted(filename)}"\r\nContent-Type: {content_type}\r\n\r\n'
    )


def _quoted(value: str) -> str:
    # The three characters that https://html.spec.whatwg.org/#multipart-form-data escapes.
    return value.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
