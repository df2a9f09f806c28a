"""Forms are multipart by the book: another parser finds in them what was put in."""

import io
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saigon.rest import exceptions
from saigon.rest._calls.bodies import FileBody
from saigon.rest._uploads.multipart import FormBody
from saigon.rest._uploads.told import ToldBody

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
# The parser of email takes these for ends of a header's line, which browsers send as they are.
NAMES = TEXT.filter(lambda name: not set(name) & set("\x00\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\\"))


def form_of(fields: dict[str, str], content: bytes, filename: str = "f") -> FormBody:
    file = ToldBody(FileBody(io.BytesIO(content)), None)
    return FormBody(fields, file, filename=filename, content_type="text/csv")


def parsed(form: FormBody) -> list[Message]:
    head = f"Content-Type: {form.content_type}\r\n\r\n".encode()
    message = message_from_bytes(head + form.read())
    payload = message.get_payload()
    assert not message.defects
    assert isinstance(payload, list)
    return [part for part in payload if isinstance(part, Message)]


def name_of(part: Message) -> str:
    header = dict(part.raw_items())["Content-Disposition"]
    name = header.removeprefix('form-data; name="').removesuffix('"')
    return str(name.encode("ascii", "surrogateescape").decode())


def escaped(name: str) -> str:
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


@given(fields=st.dictionaries(NAMES, TEXT, max_size=4), content=st.binary(max_size=60))
def test_every_field_and_file_is_found_again(fields: dict[str, str], content: bytes) -> None:
    *others, last = parsed(form_of(fields, content))
    values = [part.get_payload(decode=True) for part in others]
    assert values == [value.encode() for value in fields.values()]
    assert [name_of(part) for part in others] == [escaped(name) for name in fields]
    assert last.get_payload(decode=True) == content


@pytest.mark.parametrize(
    ("filename", "sent"),
    [
        ('a "b".csv', 'filename="a %22b%22.csv"'),
        ("a\r\nX-Y: z", 'filename="a%0D%0AX-Y: z"'),
        ("größe €.csv", 'filename="größe €.csv"'),
        ("100%.csv", 'filename="100%.csv"'),
    ],
)
def test_a_name_is_escaped_as_browsers_do(filename: str, sent: str) -> None:
    data = form_of({}, b"x", filename).read()
    assert f'name="file"; {sent}\r\nContent-Type: text/csv\r\n\r\nx'.encode() in data


@given(sizes=st.lists(st.integers(1, 400), min_size=1, max_size=20), length=st.integers(0, 600))
def test_a_form_is_read_in_pieces_of_any_size(sizes: list[int], length: int) -> None:
    form = form_of({"key": "k"}, bytes(length))
    whole = form.read()
    form.seek(0)
    read = b""
    while piece := form.read(sizes[len(read) % len(sizes)]):
        read += piece
        assert form.tell() == len(read)
    assert read == whole
    assert len(form) == len(whole)


def test_two_forms_have_two_boundaries() -> None:
    assert form_of({}, b"").content_type != form_of({}, b"").content_type


def test_a_form_goes_back_to_its_start_alone() -> None:
    form = form_of({"key": "k"}, b"x")
    first = list(form)
    form.seek(0)
    assert list(form) == first
    with pytest.raises(io.UnsupportedOperation):
        form.seek(3)


@pytest.mark.parametrize("fields", [{"a": "\udc80"}, {"\udc80": "a"}], ids=["value", "name"])
def test_half_a_character_is_refused_untold(
    fields: dict[str, str], everything: Callable[[BaseException], str]
) -> None:
    with pytest.raises(exceptions.InvalidRequestError, match="half a character") as caught:
        form_of(fields, b"")
    assert caught.value.__context__ is None
    assert "udc80" not in everything(caught.value).replace(__file__, "")
