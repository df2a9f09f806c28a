"""What a pre-signed URL tells of itself is checked before it is called."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from saigon.rest import exceptions
from saigon.rest.client import RestClientBase

V4_GONE = {
    f"X_Amz_{name}": None for name in ("Algorithm", "Date", "Expires", "SignedHeaders", "Signature")
}
NOON = 1_779_019_200


@pytest.fixture
def refused(
    client: RestClientBase, server: Any, file: Path, everything: Callable[[BaseException], str]
) -> Callable[..., str]:
    """Upload what is refused unsent; gives why."""

    def upload(url: str, **options: Any) -> str:
        with pytest.raises(exceptions.PresignedUrlError) as caught:
            client.upload_file_to_url(url, file, **options)
        assert not server.seen
        assert "hidden" not in everything(caught.value)
        return str(caught.value)

    return upload


@pytest.fixture
def v2_url(put_url: Callable[..., str]) -> Callable[[str], str]:
    return lambda expires: put_url(
        **V4_GONE, AWSAccessKeyId="id", Expires=expires, Signature="hidden"
    )


def test_noon_is_now(now: datetime) -> None:
    assert now.timestamp() == NOON


@pytest.mark.parametrize("expires", ["299", "300"])
def test_an_expired_url_is_refused(
    refused: Callable[..., str], put_url: Callable[..., str], expires: str
) -> None:
    said = refused(put_url(X_Amz_Expires=expires))
    assert "expired at 2026-05-17T" in said
    assert "here it is 2026-05-17T12:00:00+00:00" in said


def test_a_url_is_good_to_its_last_second(
    client: RestClientBase, put_url: Callable[..., str], file: Path
) -> None:
    assert client.upload_file_to_url(put_url(X_Amz_Expires="301"), file).status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"X_Amz_Date": "yesterday"},
        {"X_Amz_Date": "2026-05-17T11:55:00Z"},
        {"X_Amz_Date": ""},
        {"X_Amz_Date": None},
        {"X_Amz_Expires": None},
        {"X_Amz_Expires": "soon"},
        {"X_Amz_Expires": ""},
        {"X_Amz_Expires": "-1"},
        {"X_Amz_Expires": "6_00"},
        {"X_Amz_Expires": "²"},
        {"X_Amz_Expires": "9" * 30},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_a_malformed_time_is_refused(
    refused: Callable[..., str], put_url: Callable[..., str], changes: dict[str, str | None]
) -> None:
    assert "malformed" in refused(put_url(**changes))


@pytest.mark.parametrize(
    ("expires", "reason"),
    [(str(NOON), "expired"), ("1000", "expired"), ("9" * 18, "malformed"), ("", "malformed")],
    ids=["now", "long ago", "far", "empty"],
)
def test_a_url_of_version_2_is_checked_for_its_expiry(
    refused: Callable[..., str], v2_url: Callable[[str], str], expires: str, reason: str
) -> None:
    assert reason in refused(v2_url(expires))


def test_a_url_of_version_2_may_be_signed_for_any_header(
    client: RestClientBase, server: Any, v2_url: Callable[[str], str], file: Path
) -> None:
    client.upload_file_to_url(
        v2_url(str(NOON + 1)), file, content_type="text/csv", headers={"x-amz-acl": "private"}
    )
    assert server.seen[0].headers["x-amz-acl"] == "private"


def test_a_url_that_is_not_pre_signed_is_called(
    client: RestClientBase, server: Any, file: Path
) -> None:
    assert client.upload_file_to_url(f"{server.url}/bucket/key?Expires=never", file).status == 200


@pytest.mark.parametrize(
    "signed",
    ["content-type;host", "host;x-amz-meta-a", "host;x-amz-server-side-encryption", "accept;host"],
)
def test_a_header_that_was_signed_has_to_be_given(
    refused: Callable[..., str], put_url: Callable[..., str], signed: str
) -> None:
    name = signed.replace("host", "").strip(";")
    assert f"signed with the headers ['{name}']" in refused(put_url(signed))


@pytest.mark.parametrize("name", ["x-amz-acl", "X-Amz-Meta-A", "X-AMZ-SERVER-SIDE-ENCRYPTION"])
def test_a_header_of_s3_that_was_not_signed_is_refused(
    refused: Callable[..., str], put_url: Callable[..., str], name: str
) -> None:
    reason = refused(put_url(), headers={name: "hidden"})
    assert f"not signed with the headers ['{name.lower()}']" in reason


@pytest.mark.parametrize("name", ["Authorization", "AUTHORIZATION", "transfer-encoding"])
def test_a_header_that_cannot_be_meant_is_refused(
    refused: Callable[..., str], put_url: Callable[..., str], name: str
) -> None:
    assert f"no header '{name.lower()}'" in refused(put_url(), headers={name: "hidden"})


def test_what_was_signed_is_sent_by_whatever_names(
    client: RestClientBase, server: Any, put_url: Callable[..., str], file: Path
) -> None:
    client.upload_file_to_url(
        put_url("Content-Type;content-length;host;x-amz-acl;x-amz-meta-a"),
        file,
        content_type="text/csv",
        headers={"X-Amz-Acl": "private", "x-AMZ-meta-A": "1"},
    )
    seen = server.seen[0].headers
    assert (seen["Content-Type"], seen["X-Amz-Acl"], seen["x-amz-meta-a"]) == (
        "text/csv",
        "private",
        "1",
    )


def test_a_content_type_that_was_not_signed_is_sent(
    client: RestClientBase, server: Any, put_url: Callable[..., str], file: Path
) -> None:
    client.upload_file_to_url(put_url(), file, content_type="text/csv")
    assert server.seen[0].headers["Content-Type"] == "text/csv"


def test_two_content_types_are_refused(
    client: RestClientBase, server: Any, put_url: Callable[..., str], file: Path
) -> None:
    with pytest.raises(exceptions.InvalidRequestError, match="another content type"):
        client.upload_file_to_url(
            put_url(), file, content_type="text/csv", headers={"CONTENT-type": "text/plain"}
        )
    same = {"CONTENT-type": "text/csv"}
    client.upload_file_to_url(put_url(), file, content_type="text/csv", headers=same)
    assert server.seen[0].headers.get_all("content-type") == ["text/csv"]


@pytest.mark.parametrize(
    "where", ["http://[bad", "ftp://x/k", "http://x:99999/", "/k", "", "http:///k"]
)
def test_what_is_no_url_is_refused(refused: Callable[..., str], where: str) -> None:
    assert "http(s) URL" in refused(where)


@pytest.mark.parametrize("path", ["/b/../k", "/b/./k", "/b/k/..", "/b/%2e%2E/k", "/b/.%2e", "/."])
def test_a_segment_that_would_lead_to_another_object_is_refused(
    refused: Callable[..., str], put_url: Callable[..., str], path: str
) -> None:
    assert "segment" in refused(put_url().replace("/bucket/key", path, 1))


@pytest.fixture
def aging(server: Any, now: datetime) -> Iterator[Callable[[datetime], RestClientBase]]:
    """Make clients at other times."""
    made: list[RestClientBase] = []

    def make(at: datetime) -> RestClientBase:
        made.append(RestClientBase(server.url, clock=lambda: at))
        return made[-1]

    yield make
    for client in made:
        client.close()


def test_the_time_is_that_of_the_clock_handed_in(
    aging: Callable[[datetime], RestClientBase],
    put_url: Callable[..., str],
    file: Path,
    now: datetime,
) -> None:
    assert aging(now).upload_file_to_url(put_url(), file).status == 200
    with pytest.raises(exceptions.PresignedUrlError, match="expired"):
        aging(now.replace(hour=13)).upload_file_to_url(put_url(), file)
