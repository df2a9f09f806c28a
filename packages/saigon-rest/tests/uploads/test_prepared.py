"""Prepared calls, as they serve any library that sends them."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from saigon.rest import exceptions
from saigon.rest._calls.call import Call
from saigon.rest._calls.journey import Journey
from saigon.rest._uploads.prepared import prepare_form, prepare_put

Prepare = Callable[..., AbstractContextManager[Call]]


@pytest.fixture
def put(put_url: Callable[..., str], file: Path, now: datetime) -> Prepare:
    def prepare(**changes: Any) -> AbstractContextManager[Call]:
        given: dict[str, Any] = {
            "source": file,
            "content_type": None,
            "headers": {},
            "progress": None,
            "timeout": 5,
            "now": now,
        }
        return prepare_put(put_url(), **(given | changes))

    return prepare


@pytest.fixture
def post(form_url: str, form: Callable[..., Any], file: Path, now: datetime) -> Prepare:
    def prepare(**changes: Any) -> AbstractContextManager[Call]:
        given: dict[str, Any] = {
            "source": file,
            "filename": None,
            "content_type": None,
            "progress": None,
            "timeout": 5,
            "now": now,
        }
        return prepare_form(form_url, form(), **(given | changes))

    return prepare


@pytest.fixture(params=["put", "post"])
def prepare(request: pytest.FixtureRequest) -> Prepare:
    made: Prepare = request.getfixturevalue(request.param)
    return made


def test_a_prepared_body_is_read_in_pieces_that_add_up_to_its_length(prepare: Prepare) -> None:
    with prepare() as call:
        pieces = [*iter(lambda: call.body.read(5), b"")]
        assert sum(map(len, pieces)) == len(call.body)
        assert b"a,b\n1,2\n" in b"".join(pieces)
        assert max(map(len, pieces)) <= 5


def test_a_prepared_body_begins_anew_with_each_try(prepare: Prepare) -> None:
    with prepare() as call:
        journey = Journey(call)
        assert journey.is_rewindable
        tries = [journey.begin_try().body.read() for _ in range(3)]
    assert tries[0] == tries[1] == tries[2] != b""


def test_a_path_is_closed_after_the_block(prepare: Prepare) -> None:
    with prepare() as call:
        pass
    with pytest.raises(Exception, match="ValueError"):
        call.body.read()


def test_an_open_file_stays_open_after_the_block(prepare: Prepare, file: Path) -> None:
    with file.open("rb") as source, prepare(source=source) as call:
        call.body.read()
        assert not source.closed


def test_what_progress_raises_leaves_the_block_as_it_was(prepare: Prepare) -> None:
    error = OSError("of progress")

    def stop(done: int, length: int | None) -> None:
        raise error

    with pytest.raises(OSError, match="of progress") as caught, prepare(progress=stop) as call:
        call.body.read()
    assert caught.value is error


def test_what_the_block_raises_leaves_it_as_it_was(prepare: Prepare) -> None:
    error = exceptions.TransportError("of the network")
    with pytest.raises(exceptions.TransportError) as caught, prepare():
        raise error
    assert caught.value is error


def test_a_prepared_call_shows_no_secret(prepare: Prepare) -> None:
    with prepare() as call:
        assert "hidden" not in repr(call)
        assert "hidden" not in repr(call.body)
