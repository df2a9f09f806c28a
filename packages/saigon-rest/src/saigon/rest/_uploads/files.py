"""Put files where a pre-signed URL or form of S3 says."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

from saigon.rest._calls.answers import Sent
from saigon.rest._calls.bodies import FileBody, Progress, is_rewindable, is_text_file
from saigon.rest._calls.call import Call, Timeout
from saigon.rest._requests.sender import Sender
from saigon.rest._uploads.multipart import FormBody
from saigon.rest._uploads.presigned import check_form, check_url
from saigon.rest.exceptions import InvalidRequestError

Source: TypeAlias = str | Path | IO[bytes]

_DEFAULT_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Upload:
    """What S3 answered to an upload."""

    status: int
    """The HTTP status."""

    etag: str | None
    """The entity tag of the object, with its quotes, where S3 gave one."""

    request_id: str | None
    """S3's request id."""

    attempts: int
    """How many times the file was sent."""


@contextmanager
def _opened(source: Source, progress: Progress | None) -> Iterator[FileBody]:
    if isinstance(source, (str, Path)):
        with Path(source).open("rb") as file:
            yield FileBody(file, progress=progress)
        return
    if is_text_file(source) or not is_rewindable(source):
        raise InvalidRequestError("expected a path or a seekable file opened with mode 'rb'")
    yield FileBody(source, progress=progress)


def put_file(
    sender: Sender,
    url: str,
    source: Source,
    *,
    content_type: str | None,
    headers: Mapping[str, str],
    progress: Progress | None,
    timeout: Timeout,
) -> Upload:
    """Send a file by a pre-signed PUT."""
    sent_headers = dict(headers)
    if content_type is not None:
        sent_headers["Content-Type"] = content_type
    check_url(url, sent_headers, sender.clock())
    with _opened(source, progress) as body:
        call = Call("PUT", url, sent_headers, body, timeout)
        return _upload(sender.send(call))


def post_file(
    sender: Sender,
    url: str,
    fields: Mapping[str, str],
    source: Source,
    *,
    filename: str,
    content_type: str | None,
    progress: Progress | None,
    timeout: Timeout,
) -> Upload:
    """Send a file by a pre-signed POST form."""
    check_form(url, fields, sender.clock())
    with _opened(source, progress) as file:
        part_type = content_type or fields.get("Content-Type", _DEFAULT_TYPE)
        body = FormBody(fields, file, filename=filename, content_type=part_type)
        call = Call("POST", url, {"Content-Type": body.content_type}, body, timeout)
        return _upload(sender.send(call))


def _upload(sent: Sent) -> Upload:
    return Upload(
        status=sent.answer.status,
        etag=sent.answer.headers.get("ETag"),
        request_id=sent.answer.request_id,
        attempts=sent.attempts,
    )
