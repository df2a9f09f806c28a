"""Counts of the forwarder as metrics of CloudWatch."""

import json
import sys
import threading
import time
from collections.abc import Mapping
from typing import Final, TextIO

from saigon.aws.sqs.results import ForwardResult

__all__ = ["CloudWatchMetrics"]

_METRICS: Final = {
    "MessagesReceived": "Count",
    "RowsInserted": "Count",
    "Duplicates": "Count",
    "DeadLettered": "Count",
    "Retried": "Count",
    "Deleted": "Count",
    "BatchDuration": "Milliseconds",
}
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
_MAX_DIMENSIONS: Final = 30
_MAX_NAME: Final = 255
_MAX_VALUE: Final = 1024


class CloudWatchMetrics:
    """A hook that writes each batch's counts as a line of CloudWatch's embedded metric format.

    Lambda's log, and the agent of CloudWatch elsewhere, make metrics of such lines: nothing is
    asked of AWS. They are MessagesReceived, RowsInserted, Duplicates, DeadLettered, Retried and
    Deleted, and BatchDuration in milliseconds.
    See https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

    Args:
        namespace: Where CloudWatch keeps them.
        dimensions: What tells them from others, such as ``{"Queue": "orders"}``. CloudWatch
            bills each combination of values as seven metrics of its own.
        stream: Where lines go; what ``sys.stdout`` is at the time where absent.

    Raises:
        ValueError: CloudWatch would not take the namespace or a dimension.
    """

    def __init__(
        self,
        namespace: str,
        dimensions: Mapping[str, str] | None = None,
        *,
        stream: TextIO | None = None,
    ) -> None:
        self._dimensions = dict(dimensions or {})
        _check(namespace, self._dimensions)
        self._directive = {
            "Namespace": namespace,
            "Dimensions": [list(self._dimensions)],
            "Metrics": [{"Name": name, "Unit": unit} for name, unit in _METRICS.items()],
        }
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, result: ForwardResult) -> None:
        """Write a batch's line."""
        values = (
            result.received,
            result.inserted,
            result.duplicates,
            result.dead,
            result.retried,
            result.deleted,
            round(result.seconds * 1000, 3),
        )
        metadata = {
            "Timestamp": time.time_ns() // 1_000_000,
            "CloudWatchMetrics": [self._directive],
        }
        line = json.dumps(
            {"_aws": metadata, **self._dimensions, **dict(zip(_METRICS, values, strict=True))}
        )
        stream = sys.stdout if self._stream is None else self._stream
        with self._lock:
            stream.write(line + "\n")
            stream.flush()


def _check(namespace: str, dimensions: Mapping[str, str]) -> None:
    if not _is_name(namespace, _MAX_NAME) or namespace.startswith("AWS/"):
        raise ValueError(f"expected a namespace of CloudWatch outside of AWS/, got {namespace!r}")
    if len(dimensions) > _MAX_DIMENSIONS:
        raise ValueError(f"expected at most {_MAX_DIMENSIONS} dimensions, got {len(dimensions)}")
    for name, value in dimensions.items():
        if not _is_name(name, _MAX_NAME) or name in _METRICS or name == "_aws":
            raise ValueError(f"expected a name of a dimension of CloudWatch, got {name!r}")
        if not _is_text(value, _MAX_VALUE):
            raise ValueError(f"expected a value of CloudWatch for the dimension {name}")


def _is_name(text: str, max_length: int) -> bool:
    return _is_text(text, max_length) and not text.startswith(":")


def _is_text(text: str, max_length: int) -> bool:
    is_short = len(text) <= max_length and bool(text.strip())
    return is_short and text.isascii() and text.isprintable()
