"""Bodies, envelopes and encodings become models or reasons."""

import base64
import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal, NewType

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    field_validator,
)
from sqlalchemy import Column, MetaData, String, Table

from saigon.aws.sqs import ForwarderConfig, MessageRejectedError
from saigon.aws.sqs._message.parser import MessageParser
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs.decoders import gunzip_base64

Make = Callable[..., Any]
ORDER = {"id": "a", "item": "tea", "version": 1}
SNS = {"Type": "Notification", "MessageId": "m", "TopicArn": "t", "Message": json.dumps(ORDER)}
GZIPPED = gzip.compress(json.dumps(ORDER).encode(), mtime=0)
EVENT = {"id": "e", "source": "s", "detail-type": "d", "detail": ORDER}


BOMB = gzip.compress(bytes(1_000_000), mtime=0)

Price = NewType("Price", Decimal)


class Rate(RootModel[Decimal]):
    pass


class Line(BaseModel):
    price: Decimal | None = None
    width: float = 0.0


class Weighed(BaseModel):
    kind: Literal["weighed"]
    weight: Decimal
    price: Decimal
    parts: list[Line] = []


class Counted(BaseModel):
    kind: Literal["counted"]
    number: int = 0
    price: float
    total: Decimal


class Bill(BaseModel):
    model_config = ConfigDict(strict=True)

    total: Decimal = Decimal(0)
    net: Price | None = Field(None, alias="netTotal")
    rate: Rate | None = None
    parts: list[Decimal] = []
    lines: list[Line] = []
    width: float = 0.0
    other: Any = None
    either: str | Decimal = ""
    parent: "Bill | None" = None


Parse = Callable[..., Any]


@pytest.fixture
def parse() -> Parse:
    """Parses a body of one kind of message as a configuration says."""

    def parse(message_type: type[BaseModel], body: str, **options: Any) -> Any:
        parser = MessageParser(message_type, ForwarderConfig(**options))
        (content,) = parser.contents([ReceivedMessage("m", "h", body)])
        assert content is not None
        return parser.parse(content)

    return parse


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ({}, json.dumps(ORDER)),
        ({"envelope": "sns"}, json.dumps(SNS)),
        ({"envelope": "eventbridge"}, json.dumps(EVENT)),
        ({"decode": base64.b64decode}, base64.b64encode(json.dumps(ORDER).encode()).decode()),
        ({"decode": gunzip_base64()}, base64.b64encode(GZIPPED).decode()),
        (
            {"envelope": "sns", "decode": gunzip_base64()},
            json.dumps(SNS | {"Message": base64.b64encode(GZIPPED).decode()}),
        ),
        (
            {"envelope": "eventbridge", "decode": base64.b64decode},
            base64.b64encode(json.dumps(EVENT).encode()).decode(),
        ),
    ],
    ids=["none", "SNS", "EventBridge", "base64", "gzip", "gzip in SNS", "base64 of EventBridge"],
)
def test_a_body_is_unwrapped_as_configured(
    options: dict[str, Any], body: str, make_forwarder: Make, stored: Callable[[], dict[str, str]]
) -> None:
    make_forwarder(config=ForwarderConfig(**options)).forward_message(body)
    assert stored() == {"a": "tea"}


@pytest.mark.parametrize(
    ("options", "body", "reason"),
    [
        ({"envelope": "sns"}, json.dumps(ORDER), "expected an SNS notification"),
        (
            {"envelope": "eventbridge"},
            json.dumps(ORDER | {"secret": 1}),
            r"EventBridge event: source \(missing\), detail-type \(missing\), detail \(missing\)$",
        ),
        (
            {"envelope": "eventbridge"},
            json.dumps(EVENT | {"detail": ORDER | {"item": ["secret"]}}),
            r"not a valid Order: item \(string_type\)$",
        ),
        (
            {"envelope": "eventbridge"},
            json.dumps(EVENT | {"detail": "secret"}),
            r"not a valid Order: \(model_type\)$",
        ),
        ({"envelope": "sns"}, "secret", "expected JSON"),
        ({"decode": base64.b64decode}, "secret", "could not be decoded: Error"),
        (
            {},
            '{"id": "secret", "item": [1], "version": 1}',
            r"not a valid Order: item \(string_type\)$",
        ),
        ({}, '"secret"', r"not a valid Order: \(model_type\)$"),
    ],
    ids=[
        "no SNS",
        "no EventBridge",
        "bad detail",
        "no detail",
        "no JSON",
        "no base64",
        "bad field",
        "no object",
    ],
)
def test_a_broken_body_is_rejected_without_being_quoted(
    options: dict[str, Any], body: str, reason: str, make_forwarder: Make
) -> None:
    forwarder = make_forwarder(config=ForwarderConfig(**options))
    with pytest.raises(MessageRejectedError, match=reason) as caught:
        forwarder.forward_message(body)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (b"not gzip", "BadGzipFile"),
        (GZIPPED[:30], "EOFError"),
        (GZIPPED[:10] + b"\xff" * 40, "error"),
    ],
    ids=["not gzip", "cut off", "corrupt"],
)
def test_a_broken_encoding_is_the_messages_fault(
    encoded: bytes, reason: str, make_forwarder: Make
) -> None:
    forwarder = make_forwarder(config=ForwarderConfig(decode=gunzip_base64()))
    with pytest.raises(MessageRejectedError, match=f"could not be decoded: {reason}$"):
        forwarder.forward_message(base64.b64encode(encoded).decode())


def test_what_a_validator_raises_is_the_messages_fault_and_not_quoted(make_forwarder: Make) -> None:
    class Message(BaseModel):
        id: str

        @field_validator("id", mode="before")
        @classmethod
        def known(cls, value: str) -> str:
            names: dict[str, str] = {}
            return names[value]  # a KeyError, which pydantic lets through

    things = Table("things", MetaData(), Column("id", String(9), primary_key=True))
    forwarder = make_forwarder(message_type=Message, target=things)
    with pytest.raises(MessageRejectedError, match=r"^not a valid Message: KeyError$") as caught:
        forwarder.forward_message('{"id": "secret"}')
    assert caught.value.__context__ is None


def test_a_body_is_unpacked_up_to_its_limit_alone(parse: Parse) -> None:
    body = base64.b64encode(BOMB * 3).decode()  # members, one after the other
    with pytest.raises(MessageRejectedError, match=r"^the body has more than 1999999 bytes unp"):
        parse(Bill, body, decode=gunzip_base64(max_bytes=1_999_999))
    with pytest.raises(MessageRejectedError, match="not a valid Bill"):
        parse(Bill, body, decode=gunzip_base64(max_bytes=3_000_000))


@pytest.mark.parametrize(
    ("options", "wrapped"),
    [
        ({}, "{}"),
        ({"decode": str.encode}, "{}"),
        ({"envelope": "sns"}, None),
        (
            {"envelope": "eventbridge"},
            '{{"id": "e", "source": "s", "detail-type": "d", "detail": {}}}',
        ),
    ],
    ids=["none", "bytes", "SNS", "EventBridge"],
)
@pytest.mark.parametrize(
    "number",
    [
        *("1.10", "-12345678901234567.89", "0.1234567890123456789", "1.2345678901234567890E+3"),
        *("123456789012345678e-2", "-1234567890123456789E1"),
    ],
)
def test_a_decimal_has_the_digits_that_were_sent(
    *, options: dict[str, Any], wrapped: str | None, number: str, parse: Parse
) -> None:
    body = f"""{{
        "total": {number}, "netTotal": {number}, "rate": {number}, "parts": [1, {number}],
        "lines": [{{"price": {number}, "width": {number}}}], "parent": {{"total": {number}}}
    }}"""
    sent = json.dumps(SNS | {"Message": body}) if wrapped is None else wrapped.format(body)
    bill = parse(Bill, sent, **options)
    exact = Decimal(number)
    assert (bill.total, bill.net, bill.rate.root) == (exact, exact, exact)
    assert bill.parts == [1, exact]
    assert bill.lines == [Line(price=exact, width=float(number))]


def test_a_decimal_is_exact_wherever_its_alias_leads(parse: Parse) -> None:
    class Paid(BaseModel):
        model_config = ConfigDict(strict=True)

        net: Decimal = Field(validation_alias=AliasPath("amount", "net"))
        tax: Decimal = Field(validation_alias=AliasChoices("tax", AliasPath("amount", "tax")))
        rate: float = Field(validation_alias=AliasPath("amount", "rate"))
        first: Decimal = Field(validation_alias=AliasPath("pair", 0))
        last: float = Field(validation_alias=AliasPath("pair", -1))

    long = "1.12345678901234567890"
    amount = f'{{"net": {long}, "tax": {long}, "rate": {long}}}'
    paid = parse(Paid, f'{{"amount": {amount}, "pair": [{long}, {long}]}}')
    assert {paid.net, paid.tax, paid.first} == {Decimal(long)}
    assert paid.rate == paid.last == float(long)


def test_a_decimal_is_exact_in_each_model_of_a_union(parse: Parse) -> None:
    class Sent(BaseModel):
        item: Counted | Weighed
        by_name: dict[str, Weighed | Counted] = {}

    long = "1.12345678901234567890"
    part = f'[{{"price": {long}}}]'
    weighed = f'{{"kind": "weighed", "weight": {long}, "price": "{long}", "parts": {part}}}'
    counted = f'{{"kind": "counted", "price": {long}, "total": {long}}}'
    sent = parse(Sent, f'{{"item": {weighed}, "by_name": {{"a": {counted}}}}}')
    assert sent.item.weight == sent.item.price == sent.item.parts[0].price == Decimal(long)
    assert sent.by_name["a"].total == Decimal(long)
    assert sent.by_name["a"].price == float(long)


def test_a_number_stays_one_where_another_model_of_the_union_would_take_a_string(
    parse: Parse,
) -> None:
    class Exact(BaseModel):
        price: Decimal
        made: int

    class Free(BaseModel):
        price: float | str

    class Sent(BaseModel):
        item: Exact | Free

    assert type(parse(Sent, '{"item": {"price": 1.1234567890}}').item.price) is float


def test_what_is_no_decimal_is_read_as_ever(parse: Parse) -> None:
    body = """{
        "total": 0.12345678901234567890, "width": 0.12345678901234567890, "either": 0.123456789,
        "other": {"total": 0.12345678901234567890, "big": 123456789012345678901234567890},
        "other": {"total": 0.12345678901234567890, "big": 123456789012345678901234567890.0}
    }"""
    bill = parse(Bill, body)
    assert bill.width == 0.12345678901234568
    assert bill.other == {"total": 0.12345678901234568, "big": 123456789012345678901234567890.0}
    assert (type(bill.either), bill.either) == (Decimal, Decimal("0.123456789"))


@pytest.mark.parametrize(
    "body",
    [
        '{"total": 0.123456789, "other": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"total": 0.123456789, "parts": ' + "[" * 900 + "0" + "]" * 900 + "}",
        '{"total": 0.123456789, "other": secret}',
        '{"total": 0.123456789, "other": ' + "1" * 5_000 + "}",
        "[0.123456789]",
    ],
    ids=["too deep for json", "too deep for us", "no JSON", "large", "no object"],
)
def test_no_body_with_a_long_number_is_more_than_a_bad_message(body: str, parse: Parse) -> None:
    with pytest.raises(MessageRejectedError, match=r"^not a valid Bill") as caught:
        parse(Bill, body)
    assert "secret" not in str(caught.value)
