"""A form's policy is checked as S3 checks it, before the form is sent."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saigon.rest import exceptions
from saigon.rest.client import RestClientBase

TYPE = "Content-Type"


@pytest.fixture
def refused(
    client: RestClientBase,
    server: Any,
    form_url: str,
    file: Path,
    everything: Callable[[BaseException], str],
) -> Callable[..., str]:
    """Upload what is refused unsent; gives why."""

    def upload(fields: dict[str, str], **options: Any) -> str:
        with pytest.raises(exceptions.PresignedUrlError) as caught:
            client.upload_file_to_form(form_url, fields, file, **options)
        assert not server.seen
        said = everything(caught.value)
        assert "hidden" not in said
        assert fields.get("policy", "hidden") not in said
        return str(caught.value)

    return upload


@pytest.fixture
def accepted(client: RestClientBase, server: Any, form_url: str, file: Path) -> Callable[..., bool]:
    """Upload what is not refused."""

    def upload(fields: dict[str, str], **options: Any) -> bool:
        client.upload_file_to_form(form_url, fields, file, **options)
        return len(server.seen) == 1

    return upload


@pytest.mark.parametrize("minutes", [0, -60])
def test_an_expired_policy_is_refused(
    refused: Callable[..., str], form: Callable[..., Any], policy: Any, minutes: float
) -> None:
    fields = form() | {"policy": policy(minutes=minutes)}
    assert "expired at 2026-05-17T" in refused(fields)


@pytest.mark.parametrize("expiration", ["2026-05-17T12:00:01Z", "2026-05-17T12:00:00.500Z"])
def test_a_policy_is_good_to_its_last_moment(
    accepted: Callable[..., bool], form: Callable[..., Any], policy: Any, expiration: str
) -> None:
    fields = form() | {"policy": policy(["eq", "$key", "key"], expiration=expiration)}
    assert accepted(fields)


@pytest.mark.parametrize(
    "text",
    [
        "no base64",
        base64.b64encode(b"no json").decode(),
        base64.b64encode(b"\xff").decode(),
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b"{}").decode(),
        base64.b64encode(b"[" * 100_000).decode(),
    ],
    ids=["no base64", "no json", "no utf-8", "a list", "empty", "deep"],
)
def test_what_is_no_policy_is_refused(
    refused: Callable[..., str], form: Callable[..., Any], text: str
) -> None:
    assert "malformed" in refused(form() | {"policy": text})


@pytest.mark.parametrize(
    "changes",
    [
        {"expiration": "soon"},
        {"expiration": None},
        {"expiration": 5},
        {"conditions": None},
        {"conditions": 5},
        {"conditions": ["key"]},
        {"conditions": [["eq", "$key"]]},
        {"conditions": [["eq", 5, "x"]]},
        {"conditions": [["content-length-range", "few", "many"]]},
        {"conditions": [["content-length-range", 0, float("inf")]]},
    ],
    ids=str,
)
def test_a_malformed_policy_is_refused(
    refused: Callable[..., str], form: Callable[..., Any], policy: Any, changes: Any
) -> None:
    assert "malformed" in refused(form() | {"policy": policy(**changes)})


def test_a_policy_may_be_wrapped(accepted: Callable[..., bool], form: Callable[..., Any]) -> None:
    fields = form()
    text = fields["policy"]
    assert accepted(fields | {"policy": f"{text[:40]}\r\n{text[40:]}\n"})


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ({TYPE: "text/csv"}, "text/csv"),
        ({"content-type": "text/csv"}, "text/csv"),
        (["eq", "$Content-Type", "text/csv"], "text/csv"),
        (["starts-with", "$Content-Type", "text/"], "text/csv"),
        (["starts-with", "$content-type", ""], "anything"),
        (["starts-with", "$Content-Type", "image/"], "image/png, image/jpeg"),
    ],
    ids=str,
)
def test_a_condition_that_is_met_is_met(
    accepted: Callable[..., bool], form: Callable[..., Any], condition: Any, value: str
) -> None:
    assert accepted(form(condition, Content_Type=value))


@pytest.mark.parametrize(
    ("condition", "value", "reason"),
    [
        ({TYPE: "text/csv"}, "text/plain", "another value of the field 'content-type'"),
        ({TYPE: "text/csv"}, "TEXT/csv", "another value"),
        (["eq", "$Content-Type", "text/csv"], "text/plain", "another value"),
        (["starts-with", "$Content-Type", "image/"], "text/csv", "another beginning"),
        (["starts-with", "$Content-Type", "image/"], "image/png,text/csv", "another beginning"),
    ],
    ids=str,
)
def test_a_condition_that_is_not_met_is_refused(
    refused: Callable[..., str],
    form: Callable[..., Any],
    condition: Any,
    value: str,
    reason: str,
) -> None:
    assert reason in refused(form(condition, Content_Type=value))


def test_a_comma_makes_no_list_of_another_field(
    accepted: Callable[..., bool], form: Callable[..., Any]
) -> None:
    condition = ["starts-with", "$x-amz-meta-a", "a"]
    assert accepted(form(condition, x_amz_meta_a="a,b"))


def test_a_space_at_the_beginning_counts(
    accepted: Callable[..., bool], form: Callable[..., Any]
) -> None:
    assert accepted(form(["starts-with", "$x-amz-meta-a", " a"], x_amz_meta_a=" a b"))


def test_all_conditions_of_a_field_have_to_be_met(
    refused: Callable[..., str], form: Callable[..., Any]
) -> None:
    conditions = [["starts-with", "$acl", "p"], {"acl": "private"}]
    assert "'acl'" in refused(form(*conditions, acl="public-read"))


@pytest.mark.parametrize(
    "condition",
    [{"acl": "private"}, ["eq", "$acl", "private"], ["starts-with", "$acl", ""]],
    ids=str,
)
def test_a_field_that_the_policy_asks_for_has_to_be_there(
    refused: Callable[..., str], form: Callable[..., Any], condition: Any
) -> None:
    assert "asks for the field 'acl'" in refused(form(condition))


def test_a_field_that_the_policy_does_not_name_is_refused(
    refused: Callable[..., str], form: Callable[..., Any]
) -> None:
    fields = form(acl="private", x_amz_meta_a="hidden", bucket="bucket")
    assert "not allow the fields ['acl', 'x-amz-meta-a']" in refused(fields)


def test_fields_that_no_policy_names_are_sent(
    accepted: Callable[..., bool], form: Callable[..., Any]
) -> None:
    fields = form(x_ignore_a="1", AWSAccessKeyId="id", signature="hidden")
    assert accepted(fields)


def test_the_bucket_of_the_form_is_that_of_its_policy(
    refused: Callable[..., str], form: Callable[..., Any]
) -> None:
    assert "'bucket'" in refused(form(bucket="another"))


@pytest.mark.parametrize(
    ("least", "most"), [(0, 8), (8, 8), ("0", "8")], ids=["most", "just", "text"]
)
def test_a_file_of_a_size_that_the_policy_allows_is_sent(
    accepted: Callable[..., bool], form: Callable[..., Any], least: Any, most: Any
) -> None:
    assert accepted(form(["content-length-range", least, most]))


@pytest.mark.parametrize(("least", "most"), [(0, 7), (9, 100)], ids=["more", "less"])
def test_a_file_of_another_size_is_refused(
    refused: Callable[..., str], form: Callable[..., Any], least: int, most: int
) -> None:
    reason = refused(form(["content-length-range", least, most]))
    assert reason == f"the form's policy allows {least} to {most} bytes; the file has 8"


def test_the_size_is_what_is_left_of_an_open_file(
    client: RestClientBase, form_url: str, form: Callable[..., Any], file: Path
) -> None:
    with file.open("rb") as source:
        source.seek(4)
        fields = form(["content-length-range", 4, 4])
        assert client.upload_file_to_form(form_url, fields, source).status == 200


def test_a_condition_that_only_others_know_asks_for_its_field_alone(
    accepted: Callable[..., bool], form: Callable[..., Any]
) -> None:
    assert accepted(form(["in", "$acl", ["private"]], acl="private"))


@pytest.mark.parametrize("condition", [{"key": "up/report.csv"}, ["starts-with", "$key", "up/r"]])
def test_the_files_name_is_filled_in_before_a_condition_is_looked_at(
    accepted: Callable[..., bool], form: Callable[..., Any], policy: Any, condition: Any
) -> None:
    fields = form() | {"key": "up/${filename}", "policy": policy(condition)}
    assert accepted(fields)


def test_a_name_that_the_policy_does_not_allow_is_refused(
    refused: Callable[..., str], form: Callable[..., Any], policy: Any
) -> None:
    fields = form() | {"key": "${filename}", "policy": policy(["starts-with", "$key", "up"])}
    assert "'key'" in refused(fields)


def test_a_form_without_a_policy_is_sent(accepted: Callable[..., bool]) -> None:
    assert accepted({"key": "key", "acl": "public-read"})
