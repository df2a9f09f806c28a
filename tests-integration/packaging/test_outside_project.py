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


def test_user_gets_credentials_that_are_known_as_theirs(
    aws, aws_user_pool, aws_user, aws_identity_pool
):
    login = aws.client("cognito-idp").initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=aws_user_pool.client_id,
        AuthParameters={
            "USERNAME": aws_user.username,
            "PASSWORD": aws_user.password.get_secret_value(),
        },
    )
    logins = {aws_user_pool.provider_name: login["AuthenticationResult"]["IdToken"]}
    identities = aws.session().client(
        "cognito-identity", endpoint_url=aws_identity_pool.endpoint_url
    )
    pool = aws_identity_pool.identity_pool_id
    identity = identities.get_id(IdentityPoolId=pool, Logins=logins)["IdentityId"]
    answer = identities.get_credentials_for_identity(IdentityId=identity, Logins=logins)
    known = aws_identity_pool.find(answer["Credentials"]["AccessKeyId"])
    assert (known.identity_id, known.user_sub) == (identity, aws_user.sub)


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
