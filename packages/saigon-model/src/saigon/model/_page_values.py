"""The values in a page token as text, each beside its type."""

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from math import isfinite
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

PageValue: TypeAlias = bool | int | float | Decimal | str | bytes | datetime | date | UUID


class _Form(NamedTuple):
    tag: str
    write: Callable[[Any], str]
    read: Callable[[str], PageValue]


def write_values(values: Sequence[PageValue]) -> bytes:
    """Write values as JSON.

    Raises:
        TypeError: A value is of no type that a token can carry.
        ValueError: A number is not finite.
    """
    text = json.dumps(list(map(_pack, values)), ensure_ascii=False, separators=(",", ":"))
    return text.encode(*_UTF8)


def read_values(text: bytes) -> tuple[PageValue, ...]:
    """Read what :func:`write_values` wrote, to the letter."""
    values = tuple(map(_unpack, json.loads(text.decode(*_UTF8))))
    if write_values(values) != text:
        raise ValueError
    return values


def _pack(value: PageValue) -> tuple[str, str]:
    form = _FORMS.get(type(value))
    if form is None:
        raise TypeError(f"a page token cannot carry a {type(value).__name__}")
    return form.tag, form.write(value)


def _unpack(item: Any) -> PageValue:
    tag, text = item
    if not isinstance(text, str):
        raise TypeError
    return _READ[tag](text)


def _write_float(value: float) -> str:
    _refuse_unless(finite=isfinite(value))
    return value.hex()


def _write_decimal(value: Decimal) -> str:
    _refuse_unless(finite=value.is_finite())
    return str(value).upper()  # the caller's context may ask for a small "e"


def _refuse_unless(*, finite: bool) -> None:
    if not finite:
        raise ValueError("a page token carries finite numbers only")


def _write_datetime(value: datetime) -> str:
    # The offset apart: fromisoformat overlooks one of less than a second.
    offset = value.utcoffset()
    zone = "" if offset is None else f" {offset // _MICROSECOND}"
    return f"{value.fold} {value.replace(tzinfo=None).isoformat()}{zone}"


def _read_datetime(text: str) -> datetime:
    fold, local, *offsets = text.split()
    zone = timezone(_MICROSECOND * int(offsets[0])) if offsets else None
    return datetime.fromisoformat(local).replace(fold=int(fold), tzinfo=zone)


_MICROSECOND: Final = timedelta(microseconds=1)
# Lone surrogates are text to Python, and two of them are not the character that they spell in JSON.
_UTF8: Final = ("utf-8", "surrogatepass")
# By exact type: of a subclass, an enum say, the value would come back as another one.
_FORMS: Final[dict[type, _Form]] = {
    bool: _Form("b", lambda value: "1" if value else "0", {"1": True, "0": False}.__getitem__),
    int: _Form("i", "{:x}".format, lambda text: int(text, 16)),  # decimal text has a limit
    float: _Form("f", _write_float, float.fromhex),
    Decimal: _Form("n", _write_decimal, Decimal),
    str: _Form("s", str, str),
    bytes: _Form("x", bytes.hex, bytes.fromhex),
    datetime: _Form("t", _write_datetime, _read_datetime),
    date: _Form("d", date.isoformat, date.fromisoformat),
    UUID: _Form("u", str, UUID),
}
_READ: Final = {form.tag: form.read for form in _FORMS.values()}
