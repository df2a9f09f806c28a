import asyncio
import io
import json
import logging
import math
import pickle
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import partial
from logging.handlers import QueueHandler
from queue import SimpleQueue
from types import ModuleType
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from _pytest.logging import LogCaptureHandler
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretBytes, SecretStr

from saigon.fastapi._logs.json import ContextJsonFormatter
from saigon.fastapi.exceptions import MissingExtraError
from saigon.fastapi.headers import GatewaySecret
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
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LogCaptureHandler):
            handler.reset()  # its text could not go from one process of pytest to another


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
        st.text(st.characters(categories=["Ll"]), min_size=1).map(lambda name: f"f_{name}_x"),
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


class Login(BaseModel):
    user: str
    password: str


@dataclass
class Held:
    user: str
    client_secret: str
    itself: Any = None


class Pair(NamedTuple):
    user: str
    password: str


@dataclass(slots=True)
class Slotted:
    user: str
    passphrase: str


class Kind(Enum):
    NAN = float("nan")


ENDLESS = Held("jo", "hunter2")
ENDLESS.itself = ENDLESS


@pytest.mark.parametrize(
    "held",
    [
        {"headers": [[b"authorization", b"hunter2"], [b"accept", b"seen"]]},
        {"AuthenticationResult": {"AccessToken": "hunter2", "IdToken": "hunter2"}},
        {"SecretAccessKey": "hunter2", "SessionToken": "hunter2"},
        {"client_secret": "hunter2", "X-Api-Key": "hunter2", "Set-Cookie": "hunter2"},
        {"X-Gateway-Secret": "hunter2", "refresh_token": "hunter2", "privateKey": "hunter2"},
        {"x-origin-verify": "hunter2"},
        Login(user="jo", password="hunter2"),
        deque([{"passwd": "hunter2"}]),
        {"cookies": {"session": "hunter2"}, "tokens": ["hunter2"], "secret_key": "hunter2"},
        ("authorization", "Bearer hunter2"),
        Pair("jo", "hunter2"),
        Slotted("jo", "hunter2"),
        ENDLESS,
        {"key": SecretBytes(b"hunter2")},
    ],
    ids=lambda held: f"{type(held).__name__} {str(held)[:30]}",
)
def test_secret_is_hidden_whatever_it_stands_in(lines: Lines, held: object) -> None:
    GatewaySecret("X-Origin-Verify", lambda: SecretStr("hunter2"))
    log.info("x", extra={"held": held})
    (line,) = lines()
    assert "hunter2" not in line
    assert "***" in line


def test_secrets_of_a_message_that_is_a_mapping_are_hidden_in_text_too(lines: Lines) -> None:
    log.info({"password": "hunter2", "order": 1})
    assert "hunter2" not in lines()[0]


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError


class HostileMapping(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError


ODD: list[object] = [
    *(Kind.NAN, [float("inf")], Held("jo", "x", float("nan")), Hostile(), HostileMapping(a=1)),
    *(10**5000, [10**5000], {1: 2}, {None: {(): ()}}, ENDLESS, {"a", "b"}, b"\xff", object()),
    *(Decimal(1), UUID(int=1), datetime(2026, 1, 1, tzinfo=UTC), ValueError("x"), Hostile),
]


@pytest.mark.parametrize(
    "value", ODD, ids=[f"{place} {type(value).__name__}" for place, value in enumerate(ODD)]
)
def test_value_of_any_type_is_one_line(
    lines: Lines, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    log.info("x", extra={"value": value, "beside": "ü"})
    (line,) = lines()
    if line.startswith("{"):
        json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert capsys.readouterr().err == "", "logging itself has failed"


def test_name_that_is_no_text_is_written(lines: Lines) -> None:
    record = log.makeRecord("orders", logging.INFO, "f", 1, "x", (), None)
    vars(record)[1] = 2  # type: ignore[index]  # as extra={1: 2} does
    log.handle(record)
    assert len(lines()) == 1


def test_breadth_of_a_field_is_bounded(lines: Lines) -> None:
    wide: Any = ["x"] * 1_000_000
    for _ in range(12):
        wide = dict.fromkeys("abcdefghijkl", wide) if isinstance(wide, dict) else {"a": wide}
    log.info("x", extra={"wide": wide, "long": [["k" * 1_000_000, 1]]})
    assert len(lines()[0]) <= 16_000


@pytest.mark.parametrize("fields", [{}, {"order": 1}])
def test_record_is_pickled_within_a_scope_and_outside(
    restored_logging: None, fields: dict[str, object]
) -> None:
    enable_log_context(handler=logging.StreamHandler(io.StringIO()))
    with logcontext(**fields):
        record = log.makeRecord("orders", logging.INFO, "f", 1, "made", (), None)
    copied = pickle.loads(pickle.dumps(record))
    assert copied.log_context == fields


def test_cut_line_keeps_what_says_most(json_lines: Callable[[], list[dict[str, object]]]) -> None:
    with logcontext(**{f"context_{number}": "x" * 90 for number in range(180)}):
        log.info("x", extra={"method": "GET", "route": "/orders", "status": 200})
    (line,) = json_lines()
    assert (line["method"], line["route"], line["status"]) == ("GET", "/orders", 200)
    assert line["truncated"] is True


def test_cut_line_keeps_types_and_the_ends(
    json_lines: Callable[[], list[dict[str, object]]],
) -> None:
    log.error("x", exc_info=ValueError("x" * 100_000 + "the end"), extra={"ratio": 0.5, "on": True})
    (line,) = json_lines()
    assert (line["ratio"], line["on"]) == (0.5, True)
    assert str(line["exc_info"]).endswith("the end")
    assert len(str(line["exc_info"])) > 4000


def test_traceback_of_another_process_is_written(restored_logging: None) -> None:
    stream = io.StringIO()
    enable_log_context(handler=logging.StreamHandler(stream))
    record = log.makeRecord("orders", logging.ERROR, "f", 1, "failed", (), None)
    record.exc_text = "Traceback: of there"
    log.handle(record)
    assert "\n  Traceback: of there" in stream.getvalue()


def test_stack_is_written(restored_logging: None) -> None:
    stream = io.StringIO()
    enable_log_context(handler=logging.StreamHandler(stream))
    log.info("here", stack_info=True)
    assert "test_stack_is_written" in stream.getvalue()


def test_direction_of_the_text_cannot_be_turned(lines: Lines) -> None:
    log.info("user \u202egnp.exe\u2066 \u200f")
    assert lines()[0].isprintable()


def test_function_that_is_awaited_is_refused_by_what_would_do_nothing() -> None:
    async def later() -> None: ...

    async def many() -> AsyncIterator[int]:
        yield 1

    for function in (later, many):
        with pytest.raises(TypeError, match="asynclogcontext"):
            logcontext(order=1)(function)
        with pytest.raises(TypeError, match="async"):
            bind_log_context(function)


def test_decorated_function_may_call_itself() -> None:
    @logcontext(depth="inside")
    def recurse(times: int) -> list[dict[str, object]]:
        below = recurse(times - 1) if times else []
        return [*below, dict(current_log_context())]

    assert recurse(2) == [{"depth": "inside"}] * 3
    assert current_log_context() == {}


def test_level_that_is_none_changes_nothing(restored_logging: None) -> None:
    before = list(logging.getLogger().handlers)
    with pytest.raises(ValueError, match="BAD"):
        enable_log_context(level="BAD")
    assert logging.getLogger().handlers == before


def test_standard_error_is_that_of_the_moment(
    restored_logging: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    enable_log_context()
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    log.info("there")
    assert "there" in stream.getvalue()


def test_what_is_handed_out_is_a_copy() -> None:
    with logcontext(order=1):
        fields = current_log_context()
        assert isinstance(fields, dict)
        fields["order"] = 2
        assert current_log_context() == {"order": 1}


def test_handler_of_lambda_is_taken_off_and_mangums_line_left_out(
    uvicorn_loggers: list[logging.Logger],
) -> None:
    class LambdaLoggerHandler(logging.StreamHandler[io.StringIO]):
        __module__ = "awslambdaric.bootstrap"

    of_lambda, ours = io.StringIO(), io.StringIO()
    logging.getLogger().addHandler(LambdaLoggerHandler(of_lambda))
    configure(handler=logging.StreamHandler(ours))
    adapter = logging.getLogger("mangum.http")
    try:
        adapter.info("GET / 200")
        adapter.error("An error occurred")
    finally:
        adapter.filters.clear()
    assert of_lambda.getvalue() == ""
    assert [line.split(" ", 2)[2] for line in ours.getvalue().splitlines()] == [
        "ERROR mangum.http An error occurred"
    ]


def test_nothing_fails_while_opentelemetry_is_being_imported(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", ModuleType("opentelemetry.trace"))
    log.info("x")
    assert len(lines()) == 1


def test_members_are_shown_by_their_names(
    json_lines: Callable[[], list[dict[str, object]]],
) -> None:
    class Open(BaseModel, extra="allow"):
        a: int

    held = [Slotted("jo", "hunter2"), Pair("jo", "hunter2"), Open.model_validate({"a": 1, "b": 2})]
    log.info("x", extra={"held": held})
    hidden = "**********"
    assert json_lines()[0]["held"] == [
        {"user": "jo", "passphrase": hidden},
        {"user": "jo", "password": hidden},
        {"a": 1, "b": 2},
    ]


def test_scope_that_two_tasks_share_leaves_nothing() -> None:
    shared = logcontext(order=1)

    async def use(times: int) -> dict[str, object]:
        with shared:
            for _ in range(times):
                await asyncio.sleep(0)
        return dict(current_log_context())

    async def main() -> list[dict[str, object]]:
        return [*await asyncio.gather(use(1), use(2))]

    assert asyncio.run(main()) == [{}, {}]


def test_scope_that_ends_in_another_context_leaves_that_alone() -> None:
    def scoped() -> Iterator[None]:
        with logcontext(order=1):
            yield

    generator = scoped()
    copy_context().run(next, generator)
    copy_context().run(lambda: next(generator, None))
    assert current_log_context() == {}


def test_generator_is_refused_by_what_would_do_nothing() -> None:
    def many() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError, match="generator"):
        logcontext(order=1)(many)
    with pytest.raises(TypeError, match="async"):
        bind_log_context(partial(asyncio.sleep, 0))


def test_scope_that_ends_in_a_copy_of_a_context_leaves_the_outer_scopes_alone() -> None:
    """As FastAPI ends a dependency that yields in another worker thread than it began in."""

    def scoped() -> Iterator[None]:
        with logcontext(order=1):
            yield

    def end(generator: Iterator[None]) -> dict[str, object]:
        with logcontext(inner=1):
            next(generator, None)
            return dict(current_log_context())

    with logcontext(outer=1):
        first, second = scoped(), scoped()
        for generator in (first, second):
            copy_context().run(next, generator)
        copy_context().run(next, first, None)
        assert copy_context().run(end, second) == {"outer": 1, "inner": 1}
        assert current_log_context() == {"outer": 1}
    assert current_log_context() == {}
