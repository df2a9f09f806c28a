"""Large payloads as AWS's Extended Client Libraries send them, through SQS, SNS and S3."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from boto3.session import Session
from botocore.config import Config

from saigon.aws.sqs import ForwarderConfig, PayloadRefusedError, PayloadUnavailableError
from saigon.aws.sqs.payloads import S3Payloads

Make = Callable[..., Any]
Body = Callable[..., str]
Stored = Callable[[], dict[str, str]]

POINTER = "software.amazon.payloadoffloading.PayloadS3Pointer"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database: what is stored is the same as without S3."""
    return sqlite_url


class Producer:
    """Sends as the extended clients of SQS and SNS do, with everything through S3."""

    def __init__(self, aws: Any, bucket: str) -> None:
        self._aws = aws
        self._bucket = bucket

    def put(self, key: str, body: str) -> tuple[str, dict[str, Any]]:
        self._aws.client("s3").put_object(Bucket=self._bucket, Key=key, Body=body.encode())
        size = {"DataType": "Number", "StringValue": str(len(body.encode()))}
        pointer = json.dumps([POINTER, {"s3BucketName": self._bucket, "s3Key": key}])
        return pointer, {"ExtendedPayloadSize": size}

    def send(self, queue_url: str, key: str, body: str) -> None:
        pointer, attributes = self.put(key, body)
        self._aws.client("sqs").send_message(
            QueueUrl=queue_url, MessageBody=pointer, MessageAttributes=attributes
        )

    def publish(self, queue_arn: str, key: str, body: str, *, is_raw: bool) -> None:
        pointer, attributes = self.put(key, body)
        sns = self._aws.client("sns")
        topic = sns.create_topic(Name=f"orders-{key}")["TopicArn"]
        sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=queue_arn,
            Attributes={"RawMessageDelivery": json.dumps(is_raw)},
        )
        sns.publish(TopicArn=topic, Message=pointer, MessageAttributes=attributes)


@pytest.fixture
def producer(aws: Any, aws_bucket: str) -> Producer:
    return Producer(aws, aws_bucket)


@pytest.fixture
def make(aws: Any, aws_queue: Any, aws_bucket: str, make_forwarder: Make) -> Make:
    def make(*, s3_client: Any = None, buckets: Any = None, **options: Any) -> Any:
        payloads = S3Payloads(
            buckets=[aws_bucket] if buckets is None else buckets,
            s3_client=aws.client("s3") if s3_client is None else s3_client,
        )
        return make_forwarder(
            sqs_queue_url=aws_queue.url,
            sqs_client=aws.client("sqs"),
            config=ForwarderConfig(large_payloads=payloads, wait_seconds=0, **options),
        )

    return make


def test_payloads_become_rows_whatever_their_size_and_number(
    *, aws_queue: Any, producer: Producer, make: Make, order_json: Body, stored: Stored
) -> None:
    for n in range(10):
        # Larger than SQS takes, in more bytes than characters.
        producer.send(aws_queue.url, f"k{n}", order_json(f"a{n}", padding="é" * 200_000))
    assert make().forward().inserted == 10
    assert set(stored()) == {f"a{n}" for n in range(10)}


@pytest.mark.parametrize("is_raw", [False, True], ids=["in an envelope", "raw"])
def test_payloads_come_through_sns(
    *,
    is_raw: bool,
    aws_queue: Any,
    producer: Producer,
    make: Make,
    order_json: Body,
    stored: Stored,
) -> None:
    producer.publish(aws_queue.arn, f"raw-{is_raw}", order_json("a"), is_raw=is_raw)
    result = make(envelope="none" if is_raw else "sns").forward(WaitTimeSeconds=5)
    assert (result.inserted, result.failures) == (1, ())
    assert set(stored()) == {"a"}


def test_a_client_is_made_where_none_is_given(
    *,
    aws: Any,
    aws_bucket: str,
    producer: Producer,
    make_forwarder: Make,
    order_json: Body,
    stored: Stored,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", aws.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
    config = ForwarderConfig(large_payloads=S3Payloads(buckets=[aws_bucket]))
    make_forwarder(config=config).forward_message(producer.put("k", order_json("a"))[0])
    assert set(stored()) == {"a"}


def test_an_object_that_is_gone_is_the_messages_fault(
    *, aws: Any, aws_bucket: str, aws_queue: Any, producer: Producer, make: Make, order_json: Body
) -> None:
    producer.send(aws_queue.url, "k", order_json("a"))
    aws.client("s3").delete_object(Bucket=aws_bucket, Key="k")
    (failure,) = make().forward().failures
    assert failure.reason == "the large payload is not in S3"


def test_a_bucket_that_is_not_there_and_an_s3_that_is_not_there_are_told_apart(
    *, aws: Any, aws_bucket: str, aws_queue: Any, producer: Producer, make: Make, order_json: Body
) -> None:
    producer.send(aws_queue.url, "k", order_json("a"))
    nobody = Session(aws_access_key_id="a", aws_secret_access_key="b").client(
        "s3",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:9",
        config=Config(retries={"max_attempts": 0}),
    )
    with pytest.raises(PayloadUnavailableError, match="EndpointConnectionError"):
        make(s3_client=nobody, retry_delay=0).forward()
    aws.client("s3").delete_object(Bucket=aws_bucket, Key="k")
    aws.client("s3").delete_bucket(Bucket=aws_bucket)
    with pytest.raises(PayloadRefusedError, match="NoSuchBucket"):
        make().forward()
