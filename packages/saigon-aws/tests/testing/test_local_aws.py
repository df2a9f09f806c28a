import base64
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from saigon.aws.testing import (
    LocalAws,
    LocalIdentityPool,
    LocalQueue,
    LocalUser,
    LocalUserPool,
)
from saigon.aws.testing._issuer import CredentialIssuer

NONSENSE = {
    "AWS_PROFILE": "no-such-profile",
    "AWS_DEFAULT_PROFILE": "no-such-profile",
    "AWS_CONFIG_FILE": "/nonexistent/config",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
    "AWS_ENDPOINT_URL": "http://192.0.2.1:1",
    "AWS_ENDPOINT_URL_S3": "http://192.0.2.1:1",
    "AWS_ACCESS_KEY_ID": "AKIAREALREALREALREAL",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_SESSION_TOKEN": "real",
    "AWS_REGION": "mars-north-1",
    "AWS_DEFAULT_REGION": "mars-north-1",
    "AWS_DEFAULTS_MODE": "nonsense",
    "AWS_RETRY_MODE": "nonsense",
    "AWS_MAX_ATTEMPTS": "many",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_CA_BUNDLE": "/nonexistent/ca.pem",
    "AWS_DATA_PATH": "/nonexistent",
    "HTTP_PROXY": "http://192.0.2.1:1",
    "http_proxy": "http://192.0.2.1:1",
}


def test_the_users_aws_environment_does_not_matter(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("this is [not a configuration file")
    for name, value in NONSENSE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    session = aws.session()
    client = session.client("s3")

    assert session.region_name == client.meta.region_name == aws.region
    assert client.meta.endpoint_url == aws.endpoint_url
    credentials = session.get_credentials()
    assert credentials is not None
    assert (credentials.access_key, credentials.token) == ("testing", None)
    bucket = aws.create_bucket()
    assert bucket in {each["Name"] for each in client.list_buckets()["Buckets"]}
    aws.create_identity_pool(aws.create_user_pool())


@dataclass(frozen=True)
class Life:
    """What was seen while one instance, of another region, started, ran and stopped."""

    addresses: tuple[str, str]
    user_pool: LocalUserPool
    identity_pool: LocalIdentityPool
    bucket_region: str
    environments: tuple[dict[str, str], ...]
    threads_left: set[threading.Thread]


@pytest.fixture(scope="module")
def life() -> Life:
    """One life for all the tests of it, because each start takes seconds."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
        environments = [dict(os.environ)]
        threads = set(threading.enumerate())
        local_aws = LocalAws(region="eu-west-1")
        local_aws.start()
        first = local_aws.endpoint_url
        local_aws.start()
        user_pool = local_aws.create_user_pool()
        identity_pool = local_aws.create_identity_pool(user_pool)
        local_aws.create_queue()
        bucket = local_aws.create_bucket()
        bucket_region = local_aws.client("s3").head_bucket(Bucket=bucket)["BucketRegion"]
        environments.append(dict(os.environ))
        second = local_aws.endpoint_url
        local_aws.stop()
        local_aws.stop()
        environments.append(dict(os.environ))
    left = set(threading.enumerate()) - threads
    for thread in left:
        thread.join(timeout=10)
    return Life(
        addresses=(first, second),
        user_pool=user_pool,
        identity_pool=identity_pool,
        bucket_region=bucket_region,
        environments=tuple(environments),
        threads_left={thread for thread in left if thread.is_alive()},
    )


def test_nothing_of_the_environment_is_changed(life: Life) -> None:
    before, during, after = life.environments

    assert before == during == after


def test_no_thread_outlives_it(life: Life) -> None:
    assert not life.threads_left


def test_starting_and_stopping_twice_is_harmless(life: Life) -> None:
    assert life.addresses[0] == life.addresses[1]


def test_everything_is_of_the_region(life: Life, aws: LocalAws, aws_bucket: str) -> None:
    assert life.user_pool.user_pool_id.startswith("eu-west-1_")
    assert life.identity_pool.identity_pool_id.startswith("eu-west-1:")
    assert life.bucket_region == "eu-west-1"
    # The one region that a bucket's location must not name.
    assert aws.region == "us-east-1"
    assert aws.client("s3").head_bucket(Bucket=aws_bucket)["BucketRegion"] == "us-east-1"


def test_two_at_once_share_nothing(life: Life, aws: LocalAws, aws_bucket: str) -> None:
    assert life.addresses[0] != aws.endpoint_url
    pools = aws.client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]
    assert life.user_pool.user_pool_id not in {pool["Id"] for pool in pools}


@contextlib.contextmanager
def killed(signal_number: int, cwd: Path) -> Iterator[int]:
    """Let a process start a LocalAws, then kill it; the server's port is what remains."""
    code = (
        "import time; from saigon.aws.testing import LocalAws\n"
        "with LocalAws() as aws:\n"
        "    print(aws.endpoint_url.rsplit(':')[-1], flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-P", "-c", code],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        yield int(parent.stdout.readline())
        parent.send_signal(signal_number)


def test_the_servers_end_with_a_process_that_is_killed(tmp_path: Path) -> None:
    # Nor does a module in the working directory stand in for one that the server imports.
    (tmp_path / "secrets.py").write_text("raise SystemExit(1)")

    with killed(signal.SIGKILL, tmp_path) as one, killed(signal.SIGINT, tmp_path) as other:
        assert one != other

    for port in (one, other):
        assert is_closed_soon(port), "the server outlived the process that started it"


def is_closed_soon(port: int) -> bool:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return True
        time.sleep(0.1)
    return False


def test_the_servers_listen_on_this_machine_only(aws: LocalAws) -> None:
    pool = aws.create_identity_pool(aws.create_user_pool())

    assert aws.endpoint_url.startswith("http://127.0.0.1:")
    assert pool.endpoint_url.startswith("http://127.0.0.1:")
    assert pool.endpoint_url != aws.endpoint_url


def test_a_process_without_pytest_uses_it_and_ends_without_warnings() -> None:
    code = (
        "import sys\n"
        "import importlib.abc\n"
        "class NoPytest(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name.split('.')[0] in {'pytest', '_pytest'}:\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, NoPytest())\n"
        "import importlib.util\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda n, p=None: None if n == 'pytest' else real(n, p)\n"
        "from saigon.aws.testing import LocalAws\n"
        "with LocalAws() as aws:\n"
        "    aws.create_identity_pool(aws.create_user_pool())\n"
        "    aws.create_queue()\n"
        "    print(aws.create_bucket()[:7])\n"
    )

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "bucket-\n", "")


def test_importing_it_loads_no_boto3_and_no_moto() -> None:
    code = (
        "import sys, saigon.aws.testing\n"
        "print({'boto3', 'botocore', 'moto', 'werkzeug', 'requests'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def test_a_project_outside_the_repository_gets_the_fixtures(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from saigon.aws.testing import LocalAws\npytest_plugins = ['saigon.aws.testing']\n"
    )
    (tmp_path / "test_it.py").write_text(
        "def test_it(aws, aws_user_pool, aws_user, aws_identity_pool, aws_queue, aws_bucket,"
        " aws_secret):\n"
        "    assert aws_identity_pool.user_pool == aws_user_pool\n"
        "    aws.client('s3').head_bucket(Bucket=aws_bucket)\n"
    )

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # they only take time
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_it_says_that_it_is_not_running() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        _ = LocalAws().endpoint_url


@pytest.mark.parametrize(
    ("chosen", "found"), [(logging.NOTSET, logging.WARNING), (logging.ERROR, logging.ERROR)]
)
def test_the_request_log_stays_silent_unless_somebody_asked_for_it(chosen: int, found: int) -> None:
    logger = logging.getLogger("werkzeug")
    level = logger.level
    logger.setLevel(chosen)
    issuer = CredentialIssuer()
    try:
        issuer.start()
        assert logger.level == found
    finally:
        issuer.stop()
        logger.setLevel(level)


def test_a_queue_moves_what_fails_to_its_dead_letter_queue(aws: LocalAws) -> None:
    queue = aws.create_queue(max_receive_count=1, visibility_timeout=0)
    sqs = aws.client("sqs")
    sqs.send_message(QueueUrl=queue.url, MessageBody="poison")

    assert sqs.receive_message(QueueUrl=queue.url)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=queue.url)
    dead = sqs.receive_message(QueueUrl=queue.dead_letter_url)["Messages"]
    assert [message["Body"] for message in dead] == ["poison"]


def test_a_fifo_queue_has_a_fifo_dead_letter_queue(aws: LocalAws) -> None:
    queue = aws.create_queue(fifo=True)

    assert queue.name.endswith(".fifo")
    assert queue.dead_letter_url is not None
    assert queue.dead_letter_url.endswith(".fifo")


def test_a_queue_may_stand_alone(aws: LocalAws) -> None:
    assert aws.create_queue(dead_letter=False).dead_letter_url is None


def test_the_fixtures_are_fresh(aws: LocalAws, aws_queue: LocalQueue, aws_bucket: str) -> None:
    attributes = aws.client("sqs").get_queue_attributes(
        QueueUrl=aws_queue.url, AttributeNames=["ApproximateNumberOfMessages", "RedrivePolicy"]
    )["Attributes"]

    assert attributes["ApproximateNumberOfMessages"] == "0"
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 3
    assert aws.client("s3").list_objects_v2(Bucket=aws_bucket)["KeyCount"] == 0


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("text", {"SecretString": "text"}),
        (b"\x00\xff", {"SecretBinary": b"\x00\xff"}),
        ({"username": "ü"}, {"SecretString": json.dumps({"username": "ü"})}),
    ],
)
def test_a_secret_holds_its_value(aws: LocalAws, value: Any, stored: dict[str, Any]) -> None:
    name = aws.create_secret(value)

    answer = aws.client("secretsmanager").get_secret_value(SecretId=name)

    assert stored.items() <= answer.items()


def test_the_fixture_secret_is_a_login(aws: LocalAws, aws_secret: str) -> None:
    answer = aws.client("secretsmanager").get_secret_value(SecretId=aws_secret)

    assert set(json.loads(answer["SecretString"])) == {"username", "password"}


def login(aws: LocalAws, pool: LocalUserPool, user: LocalUser) -> dict[str, str]:
    answer = aws.client("cognito-idp").initiate_auth(
        ClientId=pool.client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={
            "USERNAME": user.username,
            "PASSWORD": user.password.get_secret_value(),
        },
    )
    result: dict[str, str] = answer["AuthenticationResult"]
    return result


def test_a_user_can_log_in(
    aws: LocalAws, aws_user_pool: LocalUserPool, aws_user: LocalUser
) -> None:
    assert login(aws, aws_user_pool, aws_user)["IdToken"]
    assert aws_user.password.get_secret_value() not in repr(aws_user)


def test_an_app_client_may_have_a_secret(aws: LocalAws) -> None:
    pool = aws.create_user_pool(with_client_secret=True)

    assert pool.client_secret is not None
    assert pool.client_secret.get_secret_value() not in repr(pool)


class TestIdentityPool:
    def credentials(
        self, aws: LocalAws, endpoint_url: str, pool_id: str, provider: str, token: str
    ) -> dict[str, Any]:
        client = aws.session().client("cognito-identity", endpoint_url=endpoint_url)
        logins = {provider: token}
        identity_id = client.get_id(IdentityPoolId=pool_id, Logins=logins)["IdentityId"]
        return dict(client.get_credentials_for_identity(IdentityId=identity_id, Logins=logins))

    def test_two_users_are_seen_as_two(self, aws: LocalAws, aws_user_pool: LocalUserPool) -> None:
        identities = aws.create_identity_pool(aws_user_pool)
        users = [aws.create_user(aws_user_pool) for _ in range(2)]

        answers = [
            self.credentials(
                aws,
                identities.endpoint_url,
                identities.identity_pool_id,
                aws_user_pool.provider_name,
                login(aws, aws_user_pool, user)["IdToken"],
            )
            for user in users
        ]

        assert len({answer["IdentityId"] for answer in answers}) == 2
        for user, answer in zip(users, answers, strict=True):
            given = answer["Credentials"]
            found = identities.find(given["AccessKeyId"])
            assert found is not None
            assert found.user_sub == user.sub
            assert found.identity_id == answer["IdentityId"]
            assert found.user_pool_id == aws_user_pool.user_pool_id
            assert found.region == aws.region
            assert found.secret_access_key.get_secret_value() == given["SecretKey"]
            assert found.session_token.get_secret_value() == given["SessionToken"]
            assert found.expiration == given["Expiration"]
            assert found.expiration > datetime.now(UTC) + timedelta(minutes=55)
            assert given["SecretKey"] not in repr(found)
            assert given["SessionToken"] not in repr(found)

    def test_a_user_keeps_the_identity_and_gets_new_keys(
        self, aws: LocalAws, aws_user_pool: LocalUserPool, aws_user: LocalUser
    ) -> None:
        identities = aws.create_identity_pool(aws_user_pool)
        token = login(aws, aws_user_pool, aws_user)["IdToken"]

        first, second = (
            self.credentials(
                aws,
                identities.endpoint_url,
                identities.identity_pool_id,
                aws_user_pool.provider_name,
                token,
            )
            for _ in range(2)
        )

        assert first["IdentityId"] == second["IdentityId"]
        assert first["Credentials"]["AccessKeyId"] != second["Credentials"]["AccessKeyId"]
        assert identities.find(first["Credentials"]["AccessKeyId"]) is not None

    def test_keys_are_found_in_their_own_pool_only(
        self, aws: LocalAws, aws_user_pool: LocalUserPool, aws_user: LocalUser
    ) -> None:
        here, elsewhere = (aws.create_identity_pool(aws_user_pool) for _ in range(2))
        answer = self.credentials(
            aws,
            here.endpoint_url,
            here.identity_pool_id,
            aws_user_pool.provider_name,
            login(aws, aws_user_pool, aws_user)["IdToken"],
        )

        assert here.find(answer["Credentials"]["AccessKeyId"]) is not None
        assert elsewhere.find(answer["Credentials"]["AccessKeyId"]) is None
        assert here.find("ASIAUNKNOWN") is None

    @pytest.mark.parametrize(
        "forgery",
        [
            "expired",
            "forged",
            "unsigned",
            "other_issuer",
            "other_audience",
            "access",
            "garbage",
            "no_exp",
        ],
    )
    def test_a_token_that_proves_nothing_is_refused(
        self, aws: LocalAws, aws_user_pool: LocalUserPool, aws_user: LocalUser, forgery: str
    ) -> None:
        identities = aws.create_identity_pool(aws_user_pool)
        token = forge(forgery, aws_user_pool, aws_user)

        with pytest.raises(ClientError) as caught:
            self.credentials(
                aws,
                identities.endpoint_url,
                identities.identity_pool_id,
                aws_user_pool.provider_name,
                token,
            )

        assert caught.value.response["Error"]["Code"] == "NotAuthorizedException"
        assert token not in str(caught.value)

    def test_the_forger_of_these_tests_can_make_a_good_one(
        self, aws: LocalAws, aws_user_pool: LocalUserPool, aws_user: LocalUser
    ) -> None:
        identities = aws.create_identity_pool(aws_user_pool)

        answer = self.credentials(
            aws,
            identities.endpoint_url,
            identities.identity_pool_id,
            aws_user_pool.provider_name,
            forge("good", aws_user_pool, aws_user),
        )

        found = identities.find(answer["Credentials"]["AccessKeyId"])
        assert found is not None
        assert found.user_sub == aws_user.sub

    def test_another_pools_token_is_refused(
        self, aws: LocalAws, aws_user_pool: LocalUserPool
    ) -> None:
        identities = aws.create_identity_pool(aws_user_pool)
        other = aws.create_user_pool()
        token = login(aws, other, aws.create_user(other))["IdToken"]

        for provider in (aws_user_pool.provider_name, other.provider_name):
            with pytest.raises(ClientError) as caught:
                self.credentials(
                    aws,
                    identities.endpoint_url,
                    identities.identity_pool_id,
                    provider,
                    token,
                )
            assert caught.value.response["Error"]["Code"] == "NotAuthorizedException"

    def test_anothers_identity_is_refused(
        self, aws: LocalAws, aws_user_pool: LocalUserPool
    ) -> None:
        identities = aws.create_identity_pool(aws_user_pool)
        ada, eve = (aws.create_user(aws_user_pool) for _ in range(2))
        client = aws.session().client("cognito-identity", endpoint_url=identities.endpoint_url)
        adas = client.get_id(
            IdentityPoolId=identities.identity_pool_id,
            Logins={aws_user_pool.provider_name: login(aws, aws_user_pool, ada)["IdToken"]},
        )["IdentityId"]

        with pytest.raises(ClientError) as caught:
            client.get_credentials_for_identity(
                IdentityId=adas,
                Logins={aws_user_pool.provider_name: login(aws, aws_user_pool, eve)["IdToken"]},
            )

        assert caught.value.response["Error"]["Code"] == "NotAuthorizedException"

    def test_guests_are_refused(self, aws: LocalAws, aws_user_pool: LocalUserPool) -> None:
        identities = aws.create_identity_pool(aws_user_pool)
        client = aws.session().client("cognito-identity", endpoint_url=identities.endpoint_url)

        with pytest.raises(ClientError) as caught:
            client.get_id(IdentityPoolId=identities.identity_pool_id)

        assert caught.value.response["Error"]["Code"] == "NotAuthorizedException"

    def test_unknown_things_are_named(self, aws: LocalAws, aws_user_pool: LocalUserPool) -> None:
        identities = aws.create_identity_pool(aws_user_pool)
        client = aws.session().client("cognito-identity", endpoint_url=identities.endpoint_url)

        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.get_id(IdentityPoolId=f"{aws.region}:00000000-0000-0000-0000-000000000000")
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.get_credentials_for_identity(IdentityId=f"{aws.region}:0000")
        with pytest.raises(ClientError, match="UnknownOperationException"):
            client.list_identity_pools(MaxResults=1)

    def test_the_lifetime_can_be_short(self, aws: LocalAws, aws_user_pool: LocalUserPool) -> None:
        identities = aws.create_identity_pool(aws_user_pool, lifetime=timedelta(minutes=1))
        answer = self.credentials(
            aws,
            identities.endpoint_url,
            identities.identity_pool_id,
            aws_user_pool.provider_name,
            login(aws, aws_user_pool, aws.create_user(aws_user_pool))["IdToken"],
        )

        left = answer["Credentials"]["Expiration"] - datetime.now(UTC)
        assert timedelta(seconds=30) < left <= timedelta(minutes=1)


def forge(kind: str, pool: LocalUserPool, user: LocalUser) -> str:
    """Make an ID token with moto's own key, wrong in one respect."""
    from joserfc import jwk, jwt
    from moto.utilities.utils import load_resource

    if kind == "garbage":
        return "not.a.token"
    key: Any = jwk.RSAKey.import_key(load_resource("cognitoidp/resources/jwks-private.json"))
    now = int(datetime.now(UTC).timestamp())
    claims: dict[str, Any] = {
        "iss": pool.issuer,
        "aud": pool.client_id,
        "sub": user.sub,
        "token_use": "id",
        "iat": now - 7200,
        "exp": now + 600,
    }
    wrong: dict[str, dict[str, Any]] = {
        "expired": {"exp": now - 1},
        "other_issuer": {"iss": pool.issuer + "x"},
        "other_audience": {"aud": "another"},
        "access": {"token_use": "access"},
    }
    claims.update(wrong.get(kind, {}))
    if kind == "no_exp":
        del claims["exp"]
    if kind == "forged":
        key = jwk.RSAKey.generate_key(2048, {"kid": key.kid})
    token = jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)
    if kind == "unsigned":
        header = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
        return f"{header}.{token.split('.')[1]}."
    return token
