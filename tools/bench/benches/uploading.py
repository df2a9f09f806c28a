"""A file to where a pre-signed URL or form of S3 says, by us and by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from tools.bench.answer_server import start_answer_server
from tools.bench.objects import Objects, client_of, current_objects, scaled
from tools.bench.registry import Pair, Peaks, bench, same_result
from tools.bench.run import current_run
from tools.bench.uploads import Uploading, UploadWay, upload_peaks, uploader

_TINY: Final = 1_024
_MEBIBYTES: Final = (20, 200)
_PLACE: Final = {"Bucket": "uploads", "Key": "file.bin"}
_FORMS: Final = {"upload_file_to_form", "files="}


@contextmanager
def against(peer: UploadWay, ours: UploadWay) -> Iterator[Pair]:
    """Compare an upload, and hold both to as many bytes."""
    file = _file(current_objects(), scaled(_MEBIBYTES[-1] * 2**20))
    with uploader(_uploading(ours)) as our_upload, uploader(_uploading(peer)) as their_upload:
        yield same_result(Pair(ours=lambda: our_upload(file), peer=lambda: their_upload(file)))


@contextmanager
def memory_against(peer: UploadWay, ours: UploadWay) -> Iterator[Peaks]:
    """Compare uploads of growing size, each way in a process of its own."""
    objects = current_objects()
    sizes = (_TINY, *(scaled(size * 2**20) for size in _MEBIBYTES))
    files = tuple(str(_file(objects, size)) for size in sizes)
    yield Peaks(
        sizes,
        ours=partial(upload_peaks, replace(_uploading(ours), files=files)),
        peer=partial(upload_peaks, replace(_uploading(peer), files=files)),
        unit="bytes",
    )


bench("upload-put", peer="Session.put(url, data=file) by hand", goal="at most 1.1")(
    partial(against, "data=file", "upload_file_to_url")
)
bench("upload-form", peer="Session.post(url, files=…) by hand", goal="at most 1.1")(
    partial(against, "files=", "upload_file_to_form")
)
bench("memory-upload-put", peer="the file read at once", goal="below 20 MiB added")(
    partial(memory_against, "data=file.read()", "upload_file_to_url")
)
bench("memory-upload-form", peer="requests' files=", goal="below 20 MiB added")(
    partial(memory_against, "files=", "upload_file_to_form")
)


def _file(objects: Objects, size: int) -> Path:
    return objects.server.folder / objects.blob_of(size)


def _uploading(way: UploadWay) -> Uploading:
    server = current_run().shared(start_answer_server)
    client = client_of(server.url)
    if way in _FORMS:
        form = client.generate_presigned_post(**_PLACE)
        return Uploading(way, form["url"], form["fields"])
    return Uploading(way, client.generate_presigned_url("put_object", Params=_PLACE))
