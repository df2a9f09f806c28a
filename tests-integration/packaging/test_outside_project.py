"""A project of somebody else's, with our wheels and nothing of this repository."""

from pathlib import Path

from tools.environments import clean_environment

CONFTEST = 'pytest_plugins = ["saigon.aws.testing"]\n'
TESTS = """\
import sys


def test_message_comes_back_from_the_queue(aws, aws_queue):
    sqs = aws.client("sqs")
    sqs.send_message(QueueUrl=aws_queue.url, MessageBody="an order")
    received = sqs.receive_message(QueueUrl=aws_queue.url)["Messages"]
    assert [message["Body"] for message in received] == ["an order"]


def test_object_comes_back_from_the_bucket(aws, aws_bucket):
    s3 = aws.client("s3")
    s3.put_object(Bucket=aws_bucket, Key="orders.json", Body=b"[]")
    assert s3.get_object(Bucket=aws_bucket, Key="orders.json")["Body"].read() == b"[]"


def test_secret_is_there(aws, aws_secret):
    value = aws.client("secretsmanager").get_secret_value(SecretId=aws_secret)
    assert "password" in value["SecretString"]


def test_pools_are_there(aws_user_pool, aws_user, aws_identity_pool):
    assert aws_user_pool and aws_user and aws_identity_pool


def test_database_is_no_part_of_it():
    assert "sqlalchemy" not in sys.modules
"""


def test_fixtures_serve_a_project_outside_the_repository(
    built_wheels: Path, tmp_path: Path
) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_orders.py").write_text(TESTS)
    with clean_environment(built_wheels) as environment:
        environment.install("saigon-aws[testing]")
        done = environment.run("-m", "pytest", "-q", cwd=tmp_path)
        assert "5 passed" in done.stdout, done.stdout + done.stderr
        assert done.returncode == 0
