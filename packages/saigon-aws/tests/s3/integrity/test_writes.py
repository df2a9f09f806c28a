"""Writes whose answers are lost, or are errors: never a half object, never a foreign error."""

from typing import Any

import pytest

from saigon.aws.s3 import S3AccessDeniedError, S3Error, S3ObjectChangedError, s3_write_bytes

LARGE = bytes(8 * 1024 * 1024 + 1)  # two parts

FAULTS: dict[str, dict[str, Any]] = {
    "internal-error": {"status": 500, "code": "InternalError"},
    "slow-down": {"status": 503, "code": "SlowDown"},
    "denied": {"status": 403, "code": "AccessDenied"},
    "no-answer": {"raw": b"", "end": "fin"},
    "reset": {"raw": b"", "end": "rst"},
    "error-cut-by-fin": {"status": 500, "code": "InternalError", "sent": 0.5, "end": "fin"},
    "error-cut-by-rst": {"status": 403, "code": "AccessDenied", "sent": 0.5, "end": "rst"},
    "error-garbage": {"status": 400, "body": b"<Error><Cod"},
    "error-html": {"status": 502, "body": b"<html><br></html>"},
    "error-empty": {"status": 500, "body": b""},
}
STEPS = ["create", "part", "part", "complete"]
LOST = {"raw": b"", "end": "fin"}  # carried out, and the answer never comes


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_put_that_fails_is_an_error_of_ours(s3: Any, client: Any, fault: dict[str, Any]) -> None:
    s3.plays(fault | {"effect": False})
    with pytest.raises(S3Error, match="s3://bucket/new"):
        s3_write_bytes(client, "bucket", "new", b"content")
    assert s3.requests == ["put"]


@pytest.mark.parametrize("step", range(4), ids=["create", "first-part", "second-part", "complete"])
@pytest.mark.parametrize("fault", ["denied", "no-answer", "error-cut-by-rst"])
def test_a_step_that_fails_aborts_the_upload_once(
    s3: Any, client: Any, fault: str, step: int
) -> None:
    s3.plays(*[{}] * step, FAULTS[fault] | {"effect": False})
    with pytest.raises(S3Error, match="s3://bucket/new"):
        s3_write_bytes(client, "bucket", "new", LARGE)
    assert s3.requests == [*STEPS[: step + 1], *(["abort"] if step else [])]
    assert not s3.uploads
    assert "new" not in s3.objects


@pytest.mark.parametrize("fault", ["internal-error", "reset", "error-cut-by-rst", "error-html"])
def test_an_abort_that_fails_hides_not_why(s3: Any, client: Any, fault: str) -> None:
    s3.plays({}, {"status": 403, "code": "AccessDenied"}, FAULTS[fault])
    with pytest.raises(S3AccessDeniedError):
        s3_write_bytes(client, "bucket", "new", LARGE)
    assert s3.requests == ["create", "part", "abort"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<Initiate",
        b"not xml",
        b"<InitiateMultipartUploadResult/>",
        b"<Error><Code>InternalError</Code></Error>",
    ],
    ids=["empty", "cut", "text", "without-an-id", "an-error"],
)
def test_an_upload_that_is_not_rightly_begun_is_an_error_of_ours(
    s3: Any, client: Any, body: bytes
) -> None:
    s3.plays({"body": body})
    with pytest.raises(S3Error, match="s3://bucket/new"):
        s3_write_bytes(client, "bucket", "new", LARGE)
    assert s3.requests == ["create"]


def test_a_part_without_a_tag_is_an_error_of_ours(s3: Any, client: Any) -> None:
    s3.plays({}, {"headers": {"ETag": None}})
    with pytest.raises(S3Error, match="s3://bucket/new"):
        s3_write_bytes(client, "bucket", "new", LARGE)
    assert s3.requests[-1] == "abort"


@pytest.mark.parametrize(
    "body",
    [b"", b"<Complete", b"not xml", b"<Error><Code>InternalError</Code><Message/></Error>"],
    ids=["empty", "cut", "text", "an-error"],
)
def test_an_upload_that_is_ended_by_an_error_with_status_200_is_an_error_of_ours(
    s3: Any, client: Any, body: bytes
) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    s3.plays({}, {}, {}, {"body": body, "effect": False})
    with pytest.raises(S3Error, match="s3://bucket/new"):
        s3_write_bytes(client, "bucket", "new", LARGE)
    assert s3.requests == [*STEPS, "abort"]


@pytest.mark.parametrize("play", [[LOST], [{"status": 500, "code": "InternalError"}] * 2])
def test_a_put_is_tried_again_as_the_client_says(
    s3: Any, retrying_client: Any, play: list[Any]
) -> None:
    s3.plays(*play)
    s3_write_bytes(retrying_client, "bucket", "new", b"content")
    assert s3.objects["new"] == b"content"
    assert s3.requests == ["put"] * (len(play) + 1)


@pytest.mark.parametrize("step", range(3), ids=["create", "first-part", "second-part"])
def test_a_step_whose_answer_is_lost_is_tried_again(
    s3: Any, retrying_client: Any, step: int
) -> None:
    s3.plays(*[{}] * step, LOST)
    s3_write_bytes(retrying_client, "bucket", "new", LARGE)
    assert s3.objects["new"] == LARGE
    assert len(s3.requests) == 5


def test_a_conditional_put_that_finds_its_own_object_says_so(s3: Any, retrying_client: Any) -> None:
    s3.plays(LOST)
    with pytest.raises(S3ObjectChangedError, match="earlier attempt of this call") as caught:
        s3_write_bytes(retrying_client, "bucket", "new", b"content", if_none_match="*")
    assert caught.value.code == "PreconditionFailed"
    assert s3.objects["new"] == b"content"


def test_a_conditional_put_that_finds_anothers_object_blames_no_attempt(
    s3: Any, retrying_client: Any
) -> None:
    with pytest.raises(S3ObjectChangedError) as caught:
        s3_write_bytes(retrying_client, "bucket", "key", b"content", if_none_match="*")
    assert "attempt" not in str(caught.value)


@pytest.mark.parametrize("condition", [None, "*"])
def test_an_upload_whose_end_is_told_too_late_may_have_been_written(
    s3: Any, retrying_client: Any, condition: Any
) -> None:
    """The repeated request finds no upload any more: the first one took it."""
    s3.plays({}, {}, {}, LOST)
    with pytest.raises(S3Error, match="earlier attempt of this call"):
        s3_write_bytes(retrying_client, "bucket", "new", LARGE, if_none_match=condition)
    assert s3.objects["new"] == LARGE


def test_a_large_conditional_upload_keeps_what_is_there(
    s3: Any, client: Any, content: bytes
) -> None:
    with pytest.raises(S3ObjectChangedError):
        s3_write_bytes(client, "bucket", "key", LARGE, if_none_match="*")
    assert s3.objects["key"] == content
    assert s3.requests == [*STEPS, "abort"]
