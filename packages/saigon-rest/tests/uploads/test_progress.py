"""What a progress callback is told."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saigon.rest.client import RestClientBase

Told = list[tuple[int, int | None]]
SIZE = 100_000


def test_progress_goes_from_nothing_to_the_length(
    client: RestClientBase, put_url: Callable[..., str], progress: Any, told: Told
) -> None:
    client.upload_file_to_url(put_url(), io.BytesIO(bytes(SIZE)), progress=progress)
    assert told[0] == (0, SIZE)
    assert told[-1] == (SIZE, SIZE)
    assert len(told) > 3
    assert told == sorted(told)


def test_progress_of_a_form_counts_the_file_alone(
    client: RestClientBase, form_url: str, form: Callable[..., Any], progress: Any, told: Told
) -> None:
    client.upload_file_to_form(form_url, form(), io.BytesIO(bytes(SIZE)), progress=progress)
    assert (told[0], told[-1]) == ((0, SIZE), (SIZE, SIZE))
    assert told == sorted(told)


def test_progress_of_an_open_file_counts_from_where_it_stands(
    client: RestClientBase, put_url: Callable[..., str], file: Path, progress: Any, told: Told
) -> None:
    with file.open("rb") as source:
        source.seek(4)
        client.upload_file_to_url(put_url(), source, progress=progress)
    assert told == [(0, 4), (4, 4)]


def test_an_empty_file_is_told_of(
    client: RestClientBase, put_url: Callable[..., str], progress: Any, told: Told
) -> None:
    client.upload_file_to_url(put_url(), io.BytesIO(), progress=progress)
    assert told == [(0, 0)]


def test_progress_starts_anew_with_each_try(
    *,
    client: RestClientBase,
    server: Any,
    put_url: Callable[..., str],
    file: Path,
    progress: Any,
    told: Told,
) -> None:
    server.answer(503)
    client.upload_file_to_url(put_url(), file, progress=progress)
    assert told == [(0, 8), (8, 8)] * 2


@pytest.mark.parametrize("at", [0, 8])
@pytest.mark.parametrize(
    "error",
    [KeyError("stop"), BrokenPipeError("stop"), TimeoutError("stop"), KeyboardInterrupt()],
    ids=lambda error: type(error).__name__,
)
def test_what_progress_raises_ends_the_upload(
    *,
    client: RestClientBase,
    put_url: Callable[..., str],
    file: Path,
    at: int,
    error: BaseException,
    told: Told,
) -> None:
    def stop(done: int, length: int | None) -> None:
        told.append((done, length))
        if done == at:
            raise error

    with pytest.raises(type(error)) as caught:
        client.upload_file_to_url(put_url(), file, progress=stop, timeout=5)
    assert caught.value is error
    assert told.count((at, 8)) == 1


def test_a_client_goes_on_after_an_upload_that_was_ended(
    client: RestClientBase, server: Any, put_url: Callable[..., str], file: Path
) -> None:
    def stop(done: int, length: int | None) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        client.upload_file_to_url(put_url(), file, progress=stop)
    assert client.upload_file_to_url(put_url(), file).attempts == 1
    assert server.seen[-1].body == file.read_bytes()
