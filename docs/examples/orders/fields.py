"""The values of an order, read as strictly as their schema says.

Pydantic alone understands more: ``true`` and ``"1_0"`` as numbers, a count of seconds as a date, a
price of a megabyte of zeros.
"""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from saigon.model import UtcDatetime

_CENT: Final = Decimal("0.01")
_PRICE: Final = re.compile(r"[0-9]{1,10}(\.[0-9]{1,2})?")
_PRICE_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": 9_999_999_999.99, "multipleOf": 0.01},
        {"type": "string", "pattern": f"^{_PRICE.pattern}$"},
    ]
}
# MySQL has no year before 1000, and at the ends of the calendar not every offset is an instant.
_DATE: Final = re.compile(r"[12][0-9]{3}-")
_DATE_SCHEMA: Final = {"type": "string", "format": "date-time", "pattern": f"^{_DATE.pattern}"}


def _number(value: object) -> object:
    if isinstance(value, bool | str):
        raise ValueError("expected a number")  # noqa: TRY004  # pydantic takes no TypeError
    return value


def _plain(value: object) -> object:
    if isinstance(value, str) and _PRICE.fullmatch(value) is None:
        raise ValueError("expected at most ten digits, and two after the point")
    return value


def _to_the_cent(price: Decimal) -> Decimal:
    return abs(price.quantize(_CENT))  # zero has a sign


def _date_and_time(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and _DATE.match(value)):
        return value
    raise ValueError("expected a date and time of the years 1000 to 2999, with its UTC offset")


# A database wants nothing of what is below a space, and SQS no U+FFFE and no U+FFFF.
Text = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\uFFFE\uFFFF]*$")
]

Count = Annotated[int, BeforeValidator(_number)]

Price = Annotated[
    Decimal,
    BeforeValidator(_plain),
    Field(ge=0, max_digits=12, decimal_places=2),
    AfterValidator(_to_the_cent),
    WithJsonSchema(_PRICE_SCHEMA, mode="validation"),
]

Instant = Annotated[
    UtcDatetime,
    BeforeValidator(_date_and_time),
    WithJsonSchema(_DATE_SCHEMA, mode="validation"),
]
