"""Whatever an answer is like: exactly the right bytes, or an error of ours and nothing left."""

import gc
from pathlib import Path
from typing import Any

import pytest

from saigon.aws.s3 import S3Error, s3_object_to_file, s3_object_unzip

HEAD_OF_CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

# How one answer differs from the right one; the names are those of the scripted server's Answer.
FAULTS: dict[str, dict[str, Any]] = {
    "none": {},
    "cut-by-fin": {"sent": 0.5, "end": "fin"},
    "cut-by-rst": {"sent": 0.5, "end": "rst"},
    "cut-before-the-body": {"sent": 0, "end": "fin"},
    "reset-before-the-body": {"sent": 0, "end": "rst"},
    "cut-in-the-status-line": {"raw": b"HTTP/1.1 20", "end": "fin"},
    "cut-in-the-headers": {"raw": b"HTTP/1.1 200 OK\r\nContent-Le", "end": "fin"},
    "no-answer": {"raw": b"", "end": "fin"},
    "reset-without-an-answer": {"raw": b"", "end": "rst"},
    "no-http": {"raw": b"SSH-2.0-OpenSSH_9.9\r\n", "end": "fin"},
    "whole-instead-of-a-range": {"whole": True},
    "first-half-instead": {"bounds": (0, 400)},
    "middle-instead": {"bounds": (400, 700)},
    "range-shifted": {"headers": {"Content-Range": "bytes 7-500/10240"}},
    "range-of-another-size": {"headers": {"Content-Range": "bytes 0-10239/99999"}},
    "range-of-unknown-size": {"headers": {"Content-Range": "bytes 100-9000/*"}},
    "range-unsatisfied": {"headers": {"Content-Range": "bytes */10240"}},
    "range-garbage": {"headers": {"Content-Range": "none of your business"}},
    "range-reversed": {"headers": {"Content-Range": "bytes 500-7/10240"}},
    "range-untold": {"headers": {"Content-Range": None}},
    "length-negative": {"headers": {"Content-Length": "-7"}, "end": "fin"},
    "length-untold": {"headers": {"Content-Length": None}, "end": "fin"},
    "length-untold-and-cut": {"headers": {"Content-Length": None}, "sent": 0.5, "end": "fin"},
    "chunked": {"chunked": True},
    "chunked-and-cut": {"chunked": True, "sent": 0.5, "end": "fin"},
    "chunked-garbage": {"raw": HEAD_OF_CHUNKS + b"zz\r\n", "end": "fin"},
    "tag-untold": {"headers": {"ETag": None}},
    "checksum-not-base64": {"headers": {"x-amz-checksum-crc32": "AAA"}},
    "checksum-garbage": {"headers": {"x-amz-checksum-crc32": "?!"}},
    "checksum-empty": {"headers": {"x-amz-checksum-crc32": ""}},
    "encoding-gzip": {"headers": {"Content-Encoding": "gzip"}},
    "encoding-aws-chunked": {"headers": {"Content-Encoding": "aws-chunked"}},
    "no-content": {"status": 204, "body": b""},
    "internal-error": {"status": 500, "code": "InternalError"},
    "slow-down": {"status": 503, "code": "SlowDown"},
    "deleted": {"status": 404, "code": "NoSuchKey"},
    "changed": {"status": 412, "code": "PreconditionFailed"},
    "denied": {"status": 403, "code": "AccessDenied"},
    "moved": {"status": 307, "code": "TemporaryRedirect"},
    "not-modified": {"status": 304, "body": b""},
    "unsatisfiable": {"status": 416, "code": "InvalidRange"},
    "error-garbage": {"status": 400, "body": b"<Error><Code>Inv"},
    "error-in-html": {"status": 502, "body": b"<html><body>Bad Gateway<br></body></html>"},
    "error-binary": {"status": 400, "body": b"\x00\xff\xfe"},
    "error-empty": {"status": 500, "body": b""},
    "error-cut-by-fin": {"status": 403, "code": "AccessDenied", "sent": 0.5, "end": "fin"},
    "error-cut-by-rst": {"status": 500, "code": "InternalError", "sent": 0.5, "end": "rst"},
    "error-in-cut-chunks": {"status": 503, "body": b"<", "chunked": True, "sent": 0, "end": "fin"},
}  # fmt: skip

OPERATIONS = ["file", "range", "rest", "temporary-file", "unzip", "iter-unzip", "list"]
# The others go the same way as one of these, as does a range with refusals; they see the faults
# of each kind.
CHIEF = ["file", "range", "unzip"]
FAULTS_OF_EACH_KIND = [
    "none",
    "cut-by-rst",
    "no-answer",
    "whole-instead-of-a-range",
    "range-shifted",
    "chunked",
    "internal-error",
    "error-cut-by-fin",
]
CASES = [
    (fault, name)
    for fault in FAULTS
    for name in OPERATIONS
    if fault in FAULTS_OF_EACH_KIND
    or (name in CHIEF and not (name == "range" and "status" in FAULTS[fault]))
]

CUT = {"sent": 0.3, "end": "fin"}


def outcome(trial: Any, client: Any, place: Path) -> S3Error | None:
    """Run one function: it gives the right result, or one of our errors and leaves nothing."""
    place.mkdir(exist_ok=True)
    failure: S3Error | None = None
    found = trial.right
    try:
        found = trial.run(client, place)
    except S3Error as error:
        failure = error
    assert found == trial.right
    assert failure is None or list(place.iterdir()) == []
    assert "http://" not in str(failure)
    return failure


@pytest.mark.parametrize(("fault", "name"), CASES)
def test_a_fault_gives_no_wrong_result(
    s3: Any, client: Any, stage: Any, fault: str, name: str
) -> None:
    trial = stage.trials[name]
    # In the first request, in the last, and in the one that takes a broken last one up.
    good: list[dict[str, Any]] = [{}] * (trial.requests - 1)
    bad = FAULTS[fault]
    plays = [*([[bad]] if good else []), [*good, bad], [*good, CUT, bad]]
    for play in plays:
        s3.reset()
        stage.puts(trial)
        s3.plays(*play)
        outcome(trial, client, stage.path / "place")
        stage.clears()
        assert list(stage.temporary.iterdir()) == []
        assert s3.answers == []


# botocore forgets the connection of an answer that it cannot parse.
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("header", [{"Content-Length": "many"}, {"Last-Modified": "yesterday"}])
def test_a_header_that_botocore_cannot_parse_is_an_error_of_ours(
    s3: Any, client: Any, stage: Any, header: dict[str, str]
) -> None:
    s3.plays({"headers": header, "end": "fin"})
    try:
        assert outcome(stage.trials["file"], client, stage.path / "place") is not None
    finally:
        gc.collect()


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("end", ["fin", "rst"])
def test_a_connection_that_breaks_in_every_answer_is_taken_up_again(
    s3: Any, client: Any, stage: Any, name: str, end: str
) -> None:
    trial = stage.trials[name]
    stage.puts(trial)
    s3.plays(*[{"sent": 0.5, "end": end}, {"sent": 0.5, "end": end}, {}] * trial.requests)
    assert outcome(trial, client, stage.path / "place") is None
    assert len(s3.requests) == 3 * trial.requests


@pytest.mark.parametrize("name", ["file", "range", "unzip"])
def test_a_connection_that_stalls_is_taken_up_again(
    s3: Any, impatient_client: Any, stage: Any, name: str
) -> None:
    trial = stage.trials[name]
    stage.puts(trial)
    s3.plays({"sent": 0.5, "end": "stall"})
    assert outcome(trial, impatient_client, stage.path / "place") is None


def test_a_server_that_never_answers_is_an_error_of_ours(
    s3: Any, impatient_client: Any, stage: Any
) -> None:
    s3.plays({"raw": b"", "end": "stall"})
    error = outcome(stage.trials["file"], impatient_client, stage.path / "place")
    assert "ReadTimeoutError" in str(error)


def test_an_error_that_stalls_is_an_error_of_ours(
    s3: Any, impatient_client: Any, stage: Any
) -> None:
    s3.plays({"status": 500, "code": "InternalError", "sent": 0.5, "end": "stall"})
    assert outcome(stage.trials["file"], impatient_client, stage.path / "place") is not None


@pytest.mark.parametrize("name", ["file", "unzip"])
def test_what_was_there_stays_as_it_was(
    s3: Any, client: Any, archive: bytes, tmp_path: Path, name: str
) -> None:
    target = tmp_path / "target"
    if name == "file":
        target.write_bytes(b"old")
        s3.plays(CUT, {"status": 500, "code": "InternalError"})
        with pytest.raises(S3Error, match="InternalError"):
            s3_object_to_file(client, "s3://bucket/key", destination=target, overwrite=True)
        assert target.read_bytes() == b"old"
    else:
        s3.objects["key"] = archive
        target.mkdir()
        (target / "old").write_bytes(b"old")
        s3.plays({}, CUT, {"status": 500, "code": "InternalError"})
        with pytest.raises(S3Error, match="InternalError"):
            s3_object_unzip(client, "s3://bucket/key", destination=target, overwrite=True)
        assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
