import asyncio
import io
import json
import logging
import math
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from logging.handlers import QueueHandler
from queue import SimpleQueue
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from saigon.fastapi._logs.json import ContextJsonFormatter
from saigon.fastapi.exceptions import MissingExtraError
from saigon.fastapi.logging import (
    asynclogcontext,
    bind_log_context,
    configure,
    current_log_context,
    enable_log_context,
    logcontext,
    set_log_context,
    unset_log_context,
)

log = logging.getLogger("orders")
Lines = Callable[[], list[str]]


@pytest.fixture(params=[False, True], ids=["text", "json"])
def lines(request: pytest.FixtureRequest, restored_logging: None) -> Lines:
    stream = io.StringIO()
    enable_log_context(json=request.param, handler=logging.StreamHandler(stream))
    return lambda: stream.getvalue().splitlines()


@pytest.fixture
def json_lines(restored_logging: None) -> Callable[[], list[dict[str, object]]]:
    stream = io.StringIO()
    enable_log_context(json=True, handler=logging.StreamHandler(stream))
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_inner_scope_overrides_and_restores() -> None:
    with logcontext(order=1, step="a"):
        with logcontext(step="b"):
            assert current_log_context() == {"order": 1, "step": "b"}
        assert current_log_context() == {"order": 1, "step": "a"}
    assert current_log_context() == {}


def test_context_is_restored_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), logcontext(order=1):
        raise ZeroDivisionError
    assert current_log_context() == {}


def test_set_and_unset_last_until_the_scope_ends() -> None:
    with logcontext(order=1):
        set_log_context(user="u")
        unset_log_context("order", "unknown")
        assert current_log_context() == {"user": "u"}
    assert current_log_context() == {}


def test_functions_are_decorated() -> None:
    @logcontext(job="sync")
    def sync_job() -> dict[str, object]:
        return dict(current_log_context())

    @asynclogcontext(job="async")
    async def async_job() -> dict[str, object]:
        await asyncio.sleep(0)
        return dict(current_log_context())

    assert sync_job() == {"job": "sync"}
    assert asyncio.run(async_job()) == {"job": "async"}


def test_concurrent_tasks_have_a_context_each() -> None:
    async def task(name: str) -> dict[str, object]:
        async with asynclogcontext(task=name):
            await asyncio.sleep(0)
            return dict(current_log_context())

    async def main() -> list[dict[str, object]]:
        return list(await asyncio.gather(*(task(name) for name in "abc")))

    assert asyncio.run(main()) == [{"task": "a"}, {"task": "b"}, {"task": "c"}]


def test_scope_may_end_in_another_thread_than_it_began_in() -> None:
    def generator() -> Iterator[None]:
        with logcontext(order=1):
            yield

    begun = generator()
    thread = threading.Thread(target=next, args=(begun,))
    thread.start()
    thread.join()
    assert list(begun) == []
    assert current_log_context() == {}


def test_lines_carry_the_context(lines: Lines) -> None:
    with logcontext(order=17):
        log.info("stored %s", "it")
    (line,) = lines()
    assert "stored it" in line
    assert "17" in line
    assert "order" in line


def test_caller_extras_win_over_the_context(
    json_lines: Callable[[], list[dict[str, object]]],
) -> None:
    with logcontext(order=1):
        log.info("x", extra={"order": 2})
    assert json_lines()[0]["order"] == 2


def test_other_handlers_find_the_context_on_the_record(
    lines: Lines, caplog: pytest.LogCaptureFixture
) -> None:
    with logcontext(order=1):
        log.info("x")
    assert vars(caplog.records[-1])["log_context"] == {"order": 1}


def test_second_call_replaces_the_handler_of_the_first(restored_logging: None) -> None:
    before = len(logging.getLogger().handlers)
    enable_log_context()
    handler = enable_log_context(json=True)
    assert len(logging.getLogger().handlers) == before + 1
    assert handler in logging.getLogger().handlers


def test_json_without_the_extra_names_it(
    restored_logging: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pythonjsonlogger.json", None)
    monkeypatch.delitem(sys.modules, "saigon.fastapi._logs.json", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'saigon-fastapi\[json\]'"):
        enable_log_context(json=True)


@pytest.mark.parametrize(
    "hostile",
    ["two\nlines", "\x1b[31mred", "a\u2028b", "lone \ud800 half", "\x00"],
    ids=["line feed", "escape", "line separator", "surrogate", "nul"],
)
def test_nothing_makes_a_second_line_or_fails_to_encode(lines: Lines, hostile: str) -> None:
    with logcontext(value=hostile):
        log.info("got %s", hostile)
    (line,) = lines()
    line.encode()
    assert line.isprintable()


def test_secrets_are_not_shown(lines: Lines) -> None:
    with logcontext(authorization="Bearer abc123", Cookie="abc123", key=SecretStr("abc123")):
        log.info("x", extra={"access_token": "abc123"})
    assert "abc123" not in lines()[0]


def test_line_is_never_longer_than_16_kb(lines: Lines) -> None:
    with logcontext(**{f"k{i}": "ü" * 5000 for i in range(50)}):
        log.info("x" * 100_000)
    (line,) = lines()
    assert len(line.encode()) <= 16_384


def test_huge_traceback_keeps_its_end(lines: Lines) -> None:
    log.error("failed", exc_info=ValueError("x" * 100_000 + "the end"))
    text = "\n".join(lines())
    assert len(text.encode()) <= 16_384
    assert "the end" in text


def test_json_line_stays_json_when_cut(json_lines: Callable[[], list[dict[str, object]]]) -> None:
    log.info("x" * 100_000, extra={"nested": {"a": ["b" * 50_000]}, "number": 7})
    (line,) = json_lines()
    assert line["truncated"] is True
    assert line["number"] == 7


def test_json_has_no_nan(json_lines: Callable[[], list[dict[str, object]]]) -> None:
    log.info("x", extra={"ratio": float("nan")})
    assert json_lines()[0]["ratio"] == "NaN"


@pytest.mark.parametrize(
    "field",
    [
        {"headers": {"Authorization": "hunter2", "accept": "seen"}},
        {"scope": {"headers": [(b"cookie", b"hunter2"), (b"accept", b"seen")]}},
        {"calls": [{"password": "hunter2"}, "seen"]},
    ],
)
def test_secrets_within_fields_are_hidden(lines: Lines, field: dict[str, object]) -> None:
    log.info("x", extra=field)
    assert "hunter2" not in lines()[0]
    assert "***" in lines()[0]


def test_secrets_of_a_message_that_is_a_mapping_are_hidden(
    json_lines: Callable[[], list[dict[str, object]]],
) -> None:
    log.info({"password": "hunter2", "order": 1})
    assert (json_lines()[0]["password"], json_lines()[0]["order"]) == ("**********", 1)


def test_field_of_any_shape_is_written(lines: Lines) -> None:
    endless: dict[object, object] = {("a", "tuple"): float("nan")}
    endless["self"] = endless
    log.info("x", extra={"odd": endless})
    (line,) = lines()
    assert ": NaN" not in line


def test_names_that_every_line_has_are_not_taken_over(
    json_lines: Callable[[], list[dict[str, object]]],
) -> None:
    with logcontext(message="m", timestamp="t", logger="l", exc_info="e"):
        log.info("stored", extra={"level": "gold"})
    (line,) = json_lines()
    assert (line["level"], line["logger"], line["message"]) == ("INFO", "orders", "stored")
    assert (line["level_"], line["message_"], line["exc_info_"]) == ("gold", "m", "e")


def test_line_of_any_script_is_at_most_16_kb(lines: Lines) -> None:
    log.info("\u20ac" * 15_000)
    assert len(lines()[0].encode()) <= 16_000


def test_text_of_an_error_cannot_pass_for_a_record(restored_logging: None) -> None:
    stream = io.StringIO()
    enable_log_context(handler=logging.StreamHandler(stream))
    forged = "2025-01-01 00:00:00,000 INFO orders forged"
    log.error("failed", exc_info=ValueError(f"a\n{forged}\r\x1b[2J"))
    written = stream.getvalue()
    assert all(line.startswith("  ") for line in written.rstrip("\n").split("\n")[1:])
    assert "\r" not in written
    assert "\x1b" not in written


def test_function_for_another_thread_carries_the_fields() -> None:
    with ThreadPoolExecutor(4) as executor, logcontext(order=1):
        plain = executor.submit(current_log_context).result()
        bound = bind_log_context(current_log_context)
        found = list(executor.map(lambda _: bound(), range(20)))
        assert executor.submit(current_log_context).result() == {}, "the thread is left as it was"
    assert plain == {}
    assert found == [{"order": 1}] * 20


def test_bound_function_is_restored_after_an_error_and_keeps_its_name() -> None:
    def fail(order: int) -> None:
        """Fail."""
        set_log_context(step="inside")
        raise ZeroDivisionError(order)

    with logcontext(order=1):
        bound = bind_log_context(fail)
    with pytest.raises(ZeroDivisionError, match="17"):
        bound(order=17)
    assert current_log_context() == {}
    assert (bound.__name__, bound.__doc__) == ("fail", "Fail.")


def test_worker_threads_and_tasks_carry_the_fields() -> None:
    async def main() -> list[dict[str, object]]:
        with logcontext(order=1):
            task = asyncio.create_task(asyncio.sleep(0, dict(current_log_context())))
            thread = await asyncio.to_thread(lambda: dict(current_log_context()))
            return [thread, await task]

    assert asyncio.run(main()) == [{"order": 1}] * 2


@pytest.fixture
def uvicorn_loggers(restored_logging: None) -> Iterator[list[logging.Logger]]:
    loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "uvicorn.access")]
    yield loggers
    for logger in (*loggers, logging.getLogger("uvicorn.asgi")):
        logger.filters.clear()
        logger.handlers.clear()
        logger.propagate = True


def test_uvicorns_lines_go_the_way_of_all_others_but_for_its_access_lines(
    uvicorn_loggers: list[logging.Logger],
) -> None:
    written, its_own = io.StringIO(), io.StringIO()
    for _ in range(2):
        configure(handler=logging.StreamHandler(written))
    for logger in uvicorn_loggers:  # as uvicorn does where it starts afterwards
        logger.addHandler(logging.StreamHandler(its_own))
        logger.propagate = False
        logger.warning("from %s", logger.name)
    assert its_own.getvalue() == ""
    lines = [line.split(" ", 2)[2] for line in written.getvalue().splitlines()]
    assert lines == ["WARNING uvicorn from uvicorn", "WARNING uvicorn.error from uvicorn.error"]


def test_configure_gives_back_the_handler(uvicorn_loggers: list[logging.Logger]) -> None:
    handler = configure(level="WARNING")
    root = logging.getLogger()
    assert (handler in root.handlers, root.level) == (True, logging.WARNING)


def test_record_that_begins_otherwise_shows_its_extras_alone(lines: Lines) -> None:
    """As one of a class that sets an attribute before those of every record."""

    class Early(logging.LogRecord):
        def __init__(self, *args: object, **kwargs: object) -> None:
            self.early = "yes"
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    logging.getLogger().handle(Early("orders", logging.INFO, "f", 1, "made", (), None))
    (line,) = lines()
    assert "early" in line
    assert "pathname" not in line


def test_record_that_has_crossed_a_queue_is_written_alike(lines: Lines) -> None:
    with logcontext(order=1):
        record = log.makeRecord("orders", logging.INFO, "f", 1, "%s", ("made",), None)
    record.stage = "late"
    prepared = QueueHandler(SimpleQueue()).prepare(record)
    logging.getLogger().handle(logging.makeLogRecord(vars(prepared)))
    (line,) = lines()
    assert "made" in line
    assert "order" in line
    assert "late" in line
    assert "pathname" not in line


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("beside", ["plain", "\u00fc", datetime(2026, 1, 1, tzinfo=UTC)], ids=str)
def test_json_has_words_for_what_is_no_number(
    json_lines: Callable[[], list[dict[str, object]]], number: float, beside: object
) -> None:
    log.info("x", extra={"ratio": number, "nested": [number], "beside": beside})
    (line,) = json_lines()
    assert line["ratio"] in {"NaN", "Infinity", "-Infinity"}
    assert line["nested"] == [line["ratio"]]


@given(
    st.dictionaries(
        st.text(st.characters(categories=["Ll"]), min_size=1).map(lambda name: f"f_{name}"),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    ),
    st.text(),
)
def test_fields_of_plain_types_come_back_from_json(fields: dict[str, Any], message: str) -> None:
    record = logging.LogRecord("orders", logging.INFO, "f", 1, message, (), None)
    vars(record).update(fields)
    line = ContextJsonFormatter().format(record)
    assert line.isascii()
    read = json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    if "truncated" in read:
        return
    for name, value in fields.items():
        if isinstance(value, float) and not math.isfinite(value):
            continue
        assert read[name] == value
    assert read["message"] == message
