"""Which name a member has: by the flag, by the Unicode Path field, by the writer's system."""

from collections.abc import Callable
from typing import Any

import pytest

from saigon.aws.s3 import BadArchiveError, UnsafeMemberError, s3_object_unzip, s3_unzip_list

UTF8 = 0x0800
DOS, UNIX, MAC = 0, 3 << 8, 19 << 8
ELSEWHERE = {"DOS": DOS, "NTFS": 10 << 8, "VFAT": 14 << 8, "OS/2": 6 << 8, "unknown": 0xFF00}

Field = Callable[[Any], bytes]


def field(name: str, raw: bytes, **options: int) -> Field:
    return lambda zips: bytes(zips.unicode_path(name.encode(), raw, **options))


def names(zips: Any, s3: Any, place: Any, **fields: Any) -> list[str]:
    """Return the name of an archive's only member by the list, which extraction agrees with."""
    url = s3.put(zips.archive(zips.member(**fields)))
    listed = [member.name for member in s3_unzip_list(s3, url)]
    s3_object_unzip(s3, url, destination=place.out)
    assert [name for name, content in place.extracted().items() if content is not None] == listed
    return listed


@pytest.mark.parametrize("made_by", [UNIX, MAC, *ELSEWHERE.values()])
def test_a_name_with_the_flag_is_utf8_wherever_it_was_made(
    made_by: int, zips: Any, s3: Any, place: Any
) -> None:
    raw = "søster/日本.txt".encode()
    got = names(zips, s3, place, name=raw, flags=UTF8, made_by=made_by | 63)
    assert got == ["søster/日本.txt"]


@pytest.mark.parametrize("made_by", [UNIX, MAC], ids=["Unix", "Darwin"])
@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("søster/日本.txt".encode(), "søster/日本.txt"),
        (b"plain.txt", "plain.txt"),
        (b"\x81\x82.txt", "üé.txt"),
        (b"\xc3", "├"),
        (b"ok\xff", "ok\xa0"),
        (b"\xed\xa0\x80", "φáÇ"),
    ],
)
def test_a_name_without_the_flag_from_unix_is_utf8_where_it_can_be(
    *, raw: bytes, name: str, made_by: int, zips: Any, s3: Any, place: Any
) -> None:
    assert names(zips, s3, place, name=raw, made_by=made_by | 30) == [name]


@pytest.mark.parametrize("made_by", ELSEWHERE.values(), ids=ELSEWHERE.keys())
@pytest.mark.parametrize(
    ("raw", "name"),
    [(b"\x81\x82.txt", "üé.txt"), ("é".encode(), "├⌐"), (b"plain.txt", "plain.txt")],
)
def test_a_name_without_the_flag_from_elsewhere_is_of_code_page_437(
    *, raw: bytes, name: str, made_by: int, zips: Any, s3: Any, place: Any
) -> None:
    assert names(zips, s3, place, name=raw, made_by=made_by | 30) == [name]


def test_every_byte_of_a_name_has_its_character_of_code_page_437(
    zips: Any, s3: Any, place: Any
) -> None:
    characters = sorted({*range(0x20, 0x100)} - {0x2F, 0x5C, 0x7F})
    raw = b"/".join(bytes(characters[at : at + 50]) for at in range(0, 256, 50)).rstrip(b"/")
    assert names(zips, s3, place, name=raw, made_by=DOS) == [raw.decode("cp437")]


@pytest.mark.parametrize("made_by", [DOS, UNIX], ids=["DOS", "Unix"])
def test_the_unicode_path_wins_over_a_name_without_the_flag(
    made_by: int, zips: Any, s3: Any, place: Any
) -> None:
    extra = zips.extra(0xCAFE, b"") + zips.unicode_path("d/日本.txt".encode(), b"d/__.txt")
    got = names(zips, s3, place, name=b"d/__.txt", extra=extra, made_by=made_by)
    assert got == ["d/日本.txt"]


@pytest.mark.parametrize("flags", [0, UTF8], ids=["without flag", "with flag"])
@pytest.mark.parametrize("options", [{"crc": 1}, {"version": 2}, {"version": 0}], ids=str)
def test_a_unicode_path_of_another_name_or_version_is_ignored(
    options: dict[str, int], flags: int, zips: Any, s3: Any, place: Any
) -> None:
    extra = zips.unicode_path(b"other", b"name", **options)
    assert names(zips, s3, place, name=b"name", extra=extra, flags=flags) == ["name"]


def test_a_unicode_path_that_is_ignored_may_hold_anything(zips: Any, s3: Any, place: Any) -> None:
    extra = zips.unicode_path(b"../\xff\0", b"name", crc=1)
    assert names(zips, s3, place, name=b"name", extra=extra) == ["name"]


@pytest.mark.parametrize("side", ["extra", "local_extra"], ids=["directory", "local header"])
def test_a_unicode_path_on_one_side_alone_is_no_contradiction_by_itself(
    side: str, zips: Any, s3: Any, place: Any
) -> None:
    extras = {"extra": b"", "local_extra": b"", side: zips.unicode_path("é".encode(), b"\x82")}
    assert names(zips, s3, place, name=b"\x82", made_by=DOS, **extras) == ["é"]


def test_the_flag_and_a_unicode_path_that_agree_are_one_name(
    zips: Any, s3: Any, place: Any
) -> None:
    raw = "é".encode()
    extra = zips.unicode_path(raw, raw)
    assert names(zips, s3, place, name=raw, extra=extra, flags=UTF8) == ["é"]


CONTRADICTIONS: dict[str, tuple[bytes, int, Field, bool]] = {
    "flag and field": (b"a", UTF8, field("b", b"a"), True),
    "flag and field by normal form": ("é".encode(), UTF8, field("e\u0301", "é".encode()), True),
    "two fields": (b"a", 0, lambda z: field("b", b"a")(z) + field("c", b"a")(z), True),
    "one field twice": (b"a", 0, lambda z: field("b", b"a")(z) * 2, True),
    "two fields, one ignored": (
        b"a",
        0,
        lambda z: field("b", b"a")(z) + field("c", b"a", crc=1)(z),
        True,
    ),
    "field that is no UTF-8": (b"a", 0, lambda z: bytes(z.unicode_path(b"\xff", b"a")), True),
    "field too short": (b"a", 0, lambda z: bytes(z.extra(0x7075, b"\1\0\0\0")), True),
    "field that overruns": (b"a", 0, lambda z: field("b", b"a")(z)[:-1], True),
    "local field": (b"a", 0, field("b", b"a"), False),
    "local field and flag": (b"a", UTF8, field("b", b"a"), False),
    "two local fields": (b"a", 0, lambda z: field("a", b"a")(z) * 2, False),
    "local field that is no UTF-8": (
        b"a",
        0,
        lambda z: bytes(z.unicode_path(b"\xff", b"a")),
        False,
    ),
}


@pytest.mark.parametrize("case", CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_a_member_of_two_names_is_refused(
    case: tuple[bytes, int, Field, bool], zips: Any, s3: Any, place: Any
) -> None:
    name, flags, make, in_directory = case
    extras = {"extra": make(zips)} if in_directory else {"local_extra": make(zips)}
    url = s3.put(zips.archive(zips.member(name, flags=flags, **extras)))
    before = place.seen()
    with pytest.raises(BadArchiveError):
        s3_object_unzip(s3, url, destination=place.out)
    if in_directory:
        with pytest.raises(BadArchiveError):
            s3_unzip_list(s3, url)
    else:
        assert [member.name for member in s3_unzip_list(s3, url)] == [name.decode()]
    assert place.seen() == before


def test_two_unicode_paths_that_differ_between_the_headers_are_refused(
    zips: Any, s3: Any, place: Any
) -> None:
    extra, other = zips.unicode_path(b"b", b"a"), zips.unicode_path(b"c", b"a")
    url = s3.put(zips.archive(zips.member(b"a", extra=extra, local_extra=other)))
    with pytest.raises(BadArchiveError):
        s3_object_unzip(s3, url, destination=place.out)
    assert not place.out.exists()


@pytest.mark.parametrize(
    "name", ["/a", "../a", "a/../b", "C:a", "a\\b", "a\0b", "a\nb", "", ".", "a//b"]
)
def test_an_unsafe_unicode_path_is_refused(name: str, zips: Any, s3: Any, place: Any) -> None:
    extra = zips.unicode_path(name.encode(), b"safe")
    url, before = s3.put(zips.archive(zips.member(b"safe", extra=extra))), place.seen()
    with pytest.raises(UnsafeMemberError):
        s3_object_unzip(s3, url, destination=place.out)
    assert place.seen() == before


@pytest.mark.parametrize("raw", [b"/a", b"../a", b"a\\b", b"a\0b"])
def test_a_safe_unicode_path_stands_for_an_unsafe_raw_name(
    raw: bytes, zips: Any, s3: Any, place: Any
) -> None:
    """The name that counts is the one that is checked, and nothing is made by the other."""
    extra, before = zips.unicode_path(b"safe", raw), place.outside()
    try:
        assert names(zips, s3, place, name=raw, extra=extra) == ["safe"]
    except UnsafeMemberError:
        assert not place.out.exists()
    assert place.outside() == before


def test_two_members_are_one_place_by_their_unicode_paths(zips: Any, s3: Any, place: Any) -> None:
    members = [
        zips.member(raw, content=b"", extra=zips.unicode_path(name, raw))
        for raw, name in ((b"1", "É".encode()), (b"2", "é".encode()))
    ]
    with pytest.raises(UnsafeMemberError):
        s3_object_unzip(s3, s3.put(zips.archive(*members)), destination=place.out)
    assert not place.out.exists()


def test_a_directory_is_one_by_its_unicode_path(zips: Any, s3: Any, place: Any) -> None:
    extra = zips.unicode_path("d/é/".encode(), b"d/_")
    url = s3.put(zips.archive(zips.member(b"d/_", content=b"", extra=extra)))
    assert s3_object_unzip(s3, url, destination=place.out) == []
    assert place.extracted() == {"d": None, "d/é": None}
