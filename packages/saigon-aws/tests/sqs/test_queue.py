"""The requests that are made of a queue, and what follows from their answers."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import (
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)
from urllib3.exceptions import HTTPError

from saigon.aws.sqs import ForwarderConfigError, QueueError
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs._sqs.client import client_for
from saigon.aws.sqs._sqs.queue import SqsQueue
from saigon.aws.sqs._worker.receivers import Receivers
from saigon.aws.sqs.testing import LocalSqs, StrictQueue

Make = Callable[..., Any]
Body = Callable[..., str]


def messages(count: int) -> list[ReceivedMessage]:
    return [ReceivedMessage(f"m{n}", f"handle of {n}", "") for n in range(count)]


class Answers:
    """A client that notes requests, and answers each operation as it is told to."""

    def __init__(self, answer: Callable[[str, Mapping[str, Any]], Mapping[str, Any]]) -> None:
        self.requests: list[tuple[str, Mapping[str, Any]]] = []
        self._answer = answer

    def __getattr__(self, operation: str) -> Callable[..., Mapping[str, Any]]:
        def call(**request: Any) -> Mapping[str, Any]:
            self.requests.append((operation, request))
            return self._answer(operation, request)

        return call


def failing(**faults: bool) -> Answers:
    """Fail the entries named, each by the sender's fault or the server's."""

    def answer(_operation: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        handles = {entry["Id"]: entry["ReceiptHandle"] for entry in request["Entries"]}
        failed = [
            {"Id": place, "SenderFault": faults[handle.replace("handle of ", "m")], "Code": "x"}
            for place, handle in handles.items()
            if handle.replace("handle of ", "m") in faults
        ]
        return {"Failed": failed}

    return Answers(answer)


def names(found: list[ReceivedMessage]) -> list[str]:
    return [message.message_id for message in found]


def test_what_could_not_be_hidden_is_lost_or_worth_another_request() -> None:
    client = failing(m1=True, m11=False)
    waits = [(message, seconds) for seconds, message in enumerate(messages(12))]
    lost, unknown = SqsQueue("http://queue/1/orders", client).hide(waits)
    assert (names(lost), names(unknown)) == (["m1"], ["m11"])
    entries = [entry for _, request in client.requests for entry in request["Entries"]]
    assert [entry["VisibilityTimeout"] for entry in entries] == list(range(12))
    assert [len(request["Entries"]) for _, request in client.requests] == [10, 2]


def test_what_a_denied_request_would_have_hidden_is_worth_another(
    sqs: LocalSqs, queue: StrictQueue
) -> None:
    queue.refuse["ChangeMessageVisibilityBatch"] = ["ThrottlingException"]
    lost, unknown = SqsQueue(queue.url, sqs.client()).hide([(m, 9) for m in messages(3)])
    assert (names(lost), names(unknown)) == ([], ["m0", "m1", "m2"])


def test_only_failures_of_the_server_are_deleted_again() -> None:
    client = failing(m1=True, m2=False)
    queue = SqsQueue("http://queue/1/orders", client)
    assert names(queue.delete(messages(4), attempts=3, backoff=0)) == ["m0", "m3"]
    assert [len(request["Entries"]) for _, request in client.requests] == [4, 1, 1]


def test_when_it_is_over_nothing_is_asked_again() -> None:
    client = failing(m0=False)
    queue = SqsQueue("http://queue/1/orders", client)
    queue.delete(messages(4), attempts=9, backoff=9, is_over=lambda: True)
    assert len(client.requests) == 1


def test_requests_are_made_side_by_side_where_each_does_so() -> None:
    together = threading.Barrier(3)

    def answer(_operation: str, _request: Mapping[str, Any]) -> Mapping[str, Any]:
        together.wait(10)
        return {}

    queue = SqsQueue("http://queue/1/orders", Answers(answer))
    with ThreadPoolExecutor(3) as pool:
        deleted = queue.delete(messages(30), attempts=1, backoff=0, each=pool.map)
    assert len(deleted) == 30


@pytest.mark.parametrize(
    ("code", "retryable"),
    [
        ("KMS.ThrottlingException", True),
        ("KmsThrottled", True),
        ("ThrottlingException", True),
        ("InternalError", True),
        ("KMS.AccessDeniedException", False),
        ("KmsAccessDenied", False),
        ("KMS.DisabledException", False),
        ("KmsNotFound", False),
        ("AccessDenied", False),
        ("NotAuthorized", False),
        ("UnauthorizedOperation", False),
        ("OptInRequired", False),
        ("AWS.SimpleQueueService.NonExistentQueue", False),
        ("InvalidClientTokenId", False),
    ],
)
def test_a_key_service_that_is_busy_passes_and_one_that_refuses_does_not(
    code: str, *, retryable: bool, sqs: LocalSqs, queue: StrictQueue
) -> None:
    queue.refuse["ReceiveMessage"] = [code]
    with pytest.raises(QueueError) as caught:
        SqsQueue(queue.url, sqs.client()).receive()
    assert (caught.value.code, caught.value.retryable) == (code, retryable)


def test_a_fifo_receive_that_failed_is_asked_again_as_the_same_attempt(
    make_forwarder: Make, sqs: LocalSqs, order_json: Body
) -> None:
    fifo = sqs.create_queue(fifo=True, dead_letter=sqs.create_queue(fifo=True), max_receive_count=9)
    fifo.put(order_json("a"), group_id="a")
    client, stop, real = Answers(lambda *_: {}), threading.Event(), sqs.client()

    def answer(operation: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        if operation == "receive_message" and len(client.requests) == 2:
            fifo.refuse["ReceiveMessage"] = ["InternalError"]
        answered: Mapping[str, Any] = getattr(real, operation)(**request)
        return answered

    client._answer = answer
    hooks = [lambda _: stop.set()]
    make_forwarder(sqs_queue_url=fifo.url, sqs_client=client, hooks=hooks).run(stop)
    attempts = [
        request["ReceiveRequestAttemptId"]
        for operation, request in client.requests
        if operation == "receive_message"
    ]
    assert attempts[0] == attempts[1]
    assert len(set(attempts)) == len(attempts) - 1


@pytest.mark.parametrize(
    ("url", "region", "endpoint"),
    [
        (
            "https://sqs.eu-west-3.amazonaws.com/123456789012/orders",
            "eu-west-3",
            "https://sqs.eu-west-3.amazonaws.com",
        ),
        (
            "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/orders",
            "cn-north-1",
            "https://sqs.cn-north-1.amazonaws.com.cn",
        ),
        ("http://127.0.0.1:4566/123456789012/orders", "us-east-2", "http://127.0.0.1:4566"),
    ],
    ids=["AWS", "China", "a server of one's own"],
)
def test_the_region_and_the_server_come_from_the_queues_url(
    url: str, region: str, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-2")
    client: Any = client_for(url, read_timeout=30, connections=9, attempts=1)
    assert (client.meta.region_name, client.meta.endpoint_url) == (region, endpoint)
    config = client.meta.config
    assert (config.read_timeout, config.max_pool_connections) == (30, 9)
    assert type(client._serializer).__name__ != "ParamValidationDecorator"


def test_a_poll_may_take_longer_than_it_waits_and_other_requests_may_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[tuple[float, int]] = []

    def make(_url: str, *, read_timeout: float, connections: int, attempts: int) -> Any:
        assert connections == 10
        made.append((read_timeout, attempts))
        return Answers(lambda *_: {})

    monkeypatch.setattr("saigon.aws.sqs._sqs.queue.client_for", make)
    queue = SqsQueue("https://sqs.eu-west-3.amazonaws.com/1/orders", wait_seconds=20)
    assert made == []
    queue.receive()
    queue.hide([(messages(1)[0], 30)])
    queue.delete(messages(1), attempts=1, backoff=0)
    assert made == [(30, 4), (5, 2)]


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (FileNotFoundError("token"), True),
        (ValueError("an answer that is none"), True),
        (HTTPError(), True),
        (EndpointConnectionError(endpoint_url="http://x"), True),
        (ProfileNotFound(profile="x"), False),
        (NoRegionError(), False),
        (NoCredentialsError(), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_whatever_a_client_raises_is_an_error_of_the_queue(
    error: Exception, *, retryable: bool
) -> None:
    def fail(*_: Any) -> Any:
        raise error

    with pytest.raises(QueueError) as caught:
        SqsQueue("http://queue/1/orders", Answers(fail)).receive()
    assert caught.value.retryable is retryable


@pytest.mark.parametrize(
    "answer", [{"Messages": [{"Body": "x"}]}, {"Messages": 7}], ids=["no id", "no list"]
)
def test_an_answer_that_is_none_is_an_error_of_the_queue(answer: Mapping[str, Any]) -> None:
    with pytest.raises(QueueError, match="ReceiveMessage failed"):
        SqsQueue("http://queue/1/orders", Answers(lambda *_: answer)).receive()


@pytest.mark.parametrize("url", ["orders", "arn:aws:sqs:x:1:orders", "https://", "http://[/1/o"])
def test_what_is_no_url_is_refused(url: str, make_forwarder: Make) -> None:
    with pytest.raises(ForwarderConfigError, match="expected the URL of a queue"):
        make_forwarder(sqs_queue_url=url)


def test_an_idle_worker_polls_with_one_thread(
    make_forwarder: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls: list[str] = []
    stop = threading.Event()
    receive = Receivers._receive

    def noted(receivers: Receivers) -> None:
        polls.append(threading.current_thread().name)
        receive(receivers)
        if len(polls) == 3:
            stop.set()

    monkeypatch.setattr(Receivers, "_receive", noted)
    make_forwarder().run(stop)
    assert set(polls) == {"receiver-0"}
