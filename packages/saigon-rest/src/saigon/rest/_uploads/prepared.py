"""Make calls that upload files, whichever library sends them.

A prepared call is a context manager: within its block the file is open, and what reading it or
telling of its progress raised leaves the block as it was raised. The body of the call has a
length, ``read``, and ``seek(0)`` before each try; it is to be sent with its ``Content-Length``.
``Expect: 100-continue`` is not sent: everything that S3 can refuse by is checked before, and an
answer that comes early is read all the same.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from requests.structures import CaseInsensitiveDict

from saigon.rest._calls.bodies import Progress
from saigon.rest._calls.call import Call, Timeout
from saigon.rest._uploads.contents import check_content
from saigon.rest._uploads.forms import read_form
from saigon.rest._uploads.multipart import FormBody
from saigon.rest._uploads.sources import Source, name_of, opened
from saigon.rest._uploads.told import told
from saigon.rest._uploads.urls import check_url
from saigon.rest.exceptions import InvalidRequestError


@contextmanager
def prepare_put(
    url: str,
    source: Source,
    *,
    content_type: str | None,
    headers: Mapping[str, str],
    progress: Progress | None,
    timeout: Timeout,
    now: datetime,
) -> Iterator[Call]:
    """Make the call that sends a file by a pre-signed PUT; raises as ``upload_file_to_url``."""
    sent_headers = _put_headers(headers, content_type)
    signed = check_url(url, sent_headers, now)
    given = {name.lower(): value for name, value in sent_headers.items()}
    with opened(source) as file:
        check_content({**signed, **given}, file)
        with told(file, progress) as body:
            yield Call("PUT", url, sent_headers, body, timeout)


def _put_headers(headers: Mapping[str, str], content_type: str | None) -> Mapping[str, str]:
    sent = CaseInsensitiveDict[str](headers)
    if content_type is None:
        return dict(sent)
    if sent.get("Content-Type", content_type) != content_type:
        raise InvalidRequestError("the headers say another content type")
    sent["Content-Type"] = content_type
    return dict(sent)


@contextmanager
def prepare_form(
    url: str,
    fields: Mapping[str, str],
    source: Source,
    *,
    filename: str | None,
    content_type: str | None,
    progress: Progress | None,
    timeout: Timeout,
    now: datetime,
) -> Iterator[Call]:
    """Make the call that sends a file by a pre-signed POST; raises as ``upload_file_to_form``."""
    name = name_of(source) if filename is None else filename
    form = read_form(url, fields, filename=name, content_type=content_type, now=now)
    with opened(source) as file:
        form.check_size(len(file))
        check_content(form.values, file)
        with told(file, progress) as part:
            body = FormBody(
                form.fields, part, filename=form.filename, content_type=form.content_type
            )
            yield Call("POST", url, {"Content-Type": body.content_type}, body, timeout)
