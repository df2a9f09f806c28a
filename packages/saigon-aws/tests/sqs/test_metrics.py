"""Counts become metrics of CloudWatch."""

import io
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from saigon.aws.sqs import ForwardResult
from saigon.aws.sqs.metrics import CloudWatchMetrics
from saigon.aws.sqs.testing import StrictQueue

Make = Callable[..., Any]
Body = Callable[..., str]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]

RESULT = ForwardResult(
    received=7, inserted=3, duplicates=2, dead=1, retried=1, deleted=6, seconds=0.25
)


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Metric(Strict):
    name: Name = Field(alias="Name")
    unit: Annotated[
        str,
        StringConstraints(
            pattern="^(Seconds|Microseconds|Milliseconds|Percent|None"
            "|(Count|Bytes|Bits|(Kilo|Mega|Giga|Tera)(bytes|bits))(/Second)?)$"
        ),
    ] = Field(alias="Unit")


class Directive(Strict):
    namespace: Name = Field(alias="Namespace")
    dimensions: Annotated[
        list[Annotated[list[Name], Field(max_length=30)]], Field(min_length=1)
    ] = Field(alias="Dimensions")
    metrics: Annotated[list[Metric], Field(max_length=100)] = Field(alias="Metrics")


class Metadata(Strict):
    timestamp: int = Field(alias="Timestamp", ge=1_700_000_000_000)
    directives: list[Directive] = Field(alias="CloudWatchMetrics")


class Document(BaseModel):
    """What AWS publishes as the schema of a document, and says of it in words.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """

    model_config = ConfigDict(strict=True, extra="allow")

    metadata: Metadata = Field(alias="_aws")

    def targets(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The values of the dimensions, and those of the metrics."""
        (directive,) = self.metadata.directives
        members = self.model_extra or {}
        (dimensions,) = directive.dimensions
        return (
            {name: members[name] for name in dimensions},
            {metric.name: members[metric.name] for metric in directive.metrics},
        )


def test_a_batch_is_a_line_that_cloudwatch_reads() -> None:
    file = io.BytesIO()
    stream = io.TextIOWrapper(file)
    CloudWatchMetrics("Shop", {"Service": "forwarder", "Queue": "orders"}, stream=stream)(RESULT)
    line = file.getvalue().decode()  # at once, though the stream has a buffer
    assert line.endswith("}\n")
    assert line.count("\n") == 1
    dimensions, metrics = Document.model_validate_json(line).targets()
    assert dimensions == {"Service": "forwarder", "Queue": "orders"}
    assert metrics == {
        "MessagesReceived": 7,
        "RowsInserted": 3,
        "Duplicates": 2,
        "DeadLettered": 1,
        "Retried": 1,
        "Deleted": 6,
        "BatchDuration": 250.0,
    }


def test_a_forwarder_writes_each_batch_to_what_is_stdout_then(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.put(order_json("a"))
    queue.put("poison")
    forwarder = make_forwarder(hooks=[CloudWatchMetrics("Shop")])
    forwarder.forward()
    forwarder.forward()
    lines = capsys.readouterr().out.splitlines()
    found = [Document.model_validate_json(line).targets() for line in lines]
    assert [dimensions for dimensions, _ in found] == [{}, {}]
    assert [metrics["MessagesReceived"] for _, metrics in found] == [2, 0]
    assert found[0][1]["BatchDuration"] > 0


def test_lines_of_threads_do_not_mix() -> None:
    class Stream(io.StringIO):
        writers = 0

        def write(self, text: str) -> int:
            self.writers += 1
            assert self.writers == 1
            entered.wait(0.001)
            self.writers -= 1
            return super().write(text)

    entered, stream = threading.Event(), Stream()
    metrics = CloudWatchMetrics("Shop", stream=stream)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(metrics, [RESULT] * 40))
    assert len([json.loads(line) for line in stream.getvalue().splitlines()]) == 40


def test_a_stream_that_is_closed_changes_nothing(
    queue: StrictQueue, make_forwarder: Make, order_json: Body
) -> None:
    stream = io.StringIO()
    stream.close()
    queue.put(order_json("a"))
    result = make_forwarder(hooks=[CloudWatchMetrics("Shop", stream=stream)]).forward()
    assert (result.inserted, result.deleted) == (1, 1)


def test_what_ends_the_program_passes_a_hook(
    queue: StrictQueue, make_forwarder: Make, order_json: Body
) -> None:
    def interrupt(_result: ForwardResult) -> None:
        raise KeyboardInterrupt

    queue.put(order_json("a"))
    with pytest.raises(KeyboardInterrupt):
        make_forwarder(hooks=[interrupt]).forward()
    assert queue.messages == []


@pytest.mark.parametrize(
    ("namespace", "dimensions"),
    [
        ("", {}),
        (" ", {}),
        ("n" * 256, {}),
        (":shop", {}),
        ("AWS/Shop", {}),
        ("Shöp", {}),
        ("Shop\n", {}),
        ("Shop", {"": "v"}),
        ("Shop", {":queue": "v"}),
        ("Shop", {"n" * 256: "v"}),
        ("Shop", {"Quëue": "v"}),
        ("Shop", {"Deleted": "v"}),
        ("Shop", {"_aws": "v"}),
        ("Shop", {"Queue": " "}),
        ("Shop", {"Queue": "v" * 1025}),
        ("Shop", {"Queue": "ordërs"}),
        ("Shop", {"Queue": "a\tb"}),
        ("Shop", {f"d{n}": "v" for n in range(31)}),
    ],
    ids=lambda value: str(value)[:20].encode("ascii", "backslashreplace").decode(),
)
def test_names_that_cloudwatch_does_not_take_are_refused(
    namespace: str, dimensions: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match="expected"):
        CloudWatchMetrics(namespace, dimensions)


def test_names_that_cloudwatch_takes_are_not_refused() -> None:
    dimensions = {f"name {n}": "v" * 1024 for n in range(29)} | {"n" * 255: "/aws:x#"}
    CloudWatchMetrics("n" * 255, dimensions)
    CloudWatchMetrics("Shop/Orders .-_/#:")
