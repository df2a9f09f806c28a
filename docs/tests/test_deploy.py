"""The templates of docs/deploy have what a deployment must have, and the checks find what lacks."""

import ast
import copy
import importlib
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import entry_points
from itertools import chain
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from botocore import xform_name
from botocore.session import get_session
from pydantic import BaseModel

from saigon.aws.sqs import ForwarderConfig, _cli
from saigon.orm.config import DbCredentials, PostgreSQLCredentials
from saigon.orm.connection import DbConnector
from tools.stacks import Stack, lint, read_template, stacks_of

ModelT = TypeVar("ModelT", bound=BaseModel)

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "docs" / "deploy"
SOURCES: Final = ROOT / "packages" / "saigon-aws" / "src" / "saigon" / "aws" / "sqs"
PAGE: Final = (DEPLOY / "index.md").read_text()
WORDS: Final = {"lambda": "calls", "worker": "tasks"}
COMMANDS: Final = [
    ROOT / "docs" / "guides" / "from-an-empty-queue-to-a-running-worker.md",
    ROOT / "docs" / "packages" / "saigon-aws-sqs.md",
]
DAYS: Final = 24 * 3600
MANY_RECEIVES: Final = 100
ABSENT: Final = object()
BACKLOG: Final = (
    "ScalingPolicy.TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Metrics"
)


@dataclass(frozen=True)
class Shop:
    """The application of the templates, as far as they have to agree with it."""

    config: ForwarderConfig
    """The function's."""
    connections: int
    """The most that one environment of the function opens."""


Check = Callable[[Stack, Shop], bool]


@dataclass(frozen=True)
class Fact:
    """What holds in each stack of a template, and what would break it."""

    template: str
    check: Check
    broken_by: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.template}-{self.check.__name__}"


FACTS: Final[list[Fact]] = []


def fact(*templates: str, broken_by: Mapping[str, Any]) -> Callable[[Check], Check]:
    """Say that a check holds in templates, and by which values at which places it would not."""

    def note(check: Check) -> Check:
        FACTS.extend(Fact(template, check, broken_by) for template in templates)
        return check

    return note


def most_connections(connector: DbConnector) -> int:
    pool: Any = connector.engine.pool
    return int(pool.size() + pool._max_overflow)


@pytest.fixture(scope="module")
def templates() -> dict[str, dict[str, Any]]:
    return {path.stem: read_template(path) for path in DEPLOY.glob("*.yaml")}


@pytest.fixture(scope="module")
def shop(templates: dict[str, dict[str, Any]]) -> Iterator[Shop]:
    """Import the function with what the template puts into its environment, and nothing else."""
    function = next(stacks_of(templates["lambda"]))["Function"]
    module, _, handler = function["Handler"].rpartition(".")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DEPLOY / function["CodeUri"])
        for name, value in function["Environment"]["Variables"].items():
            is_queue = value in {"Queue", "DeadLetterQueue"}
            patch.setenv(name, f"https://sqs.example/123456789012/{value}" if is_queue else value)
        imported = importlib.import_module(module)
        assert callable(getattr(imported, handler))
        config = imported.forwarder._pipeline.config
        yield Shop(config, most_connections(imported.connector))
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


def stacks(template: Mapping[str, Any]) -> Iterator[Stack]:
    return stacks_of(template, KmsKeyArn="arn:aws:kms:us-east-1:123456789012:key/k")


@pytest.mark.parametrize("name", ["lambda", "worker"])
def test_cfn_lint_finds_nothing(name: str) -> None:
    assert lint(DEPLOY / f"{name}.yaml") == []


def test_cfn_lint_finds_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {Nonsense: 1}}}")
    (found,) = lint(wrong)
    assert found.startswith("E3002")


# What a deployment must have: one function each.


@fact(
    "lambda",
    broken_by={
        "Queue.VisibilityTimeout": 364,
        "Function.Timeout": 61,
        "Mapping.MaximumBatchingWindowInSeconds": 6,
    },
)
def messages_are_hidden_for_six_timeouts_and_the_window(stack: Stack, _: Shop) -> bool:
    window = stack["Mapping"].get("MaximumBatchingWindowInSeconds", 0)
    return bool(stack["Queue"]["VisibilityTimeout"] >= 6 * stack["Function"]["Timeout"] + window)


@fact("lambda", broken_by={"Mapping.MaximumBatchingWindowInSeconds": 0, "Mapping.BatchSize": 11})
def more_than_ten_messages_are_waited_for(stack: Stack, _: Shop) -> bool:
    size = stack["Mapping"]["BatchSize"]
    window = stack["Mapping"].get("MaximumBatchingWindowInSeconds")
    if stack.parameters["Fifo"] == "true":  # for which AWS allows neither
        return bool(size <= 10) and window is None
    return bool(size <= 10 or window)


@fact(
    "lambda",
    broken_by={"Mapping.FunctionResponseTypes": ABSENT},
)
def failures_are_answered_as_the_mapping_reads_them(stack: Stack, shop: Shop) -> bool:
    types = stack["Mapping"].get("FunctionResponseTypes", [])
    return bool(types == ["ReportBatchItemFailures"]) == shop.config.partial_responses


@fact(
    "lambda",
    broken_by={
        "Queue.RedrivePolicy.maxReceiveCount": 900,
        "Queue.MessageRetentionPeriod": 5 * DAYS,
        "Queue.VisibilityTimeout": 300,
    },
)
def an_outage_dead_letters_nothing_before_it_expires(stack: Stack, shop: Shop) -> bool:
    queue = stack["Queue"]
    hidden = min(queue["VisibilityTimeout"], shop.config.outage_visibility)
    outlasted = queue["RedrivePolicy"]["maxReceiveCount"] * hidden
    return bool(outlasted >= queue["MessageRetentionPeriod"])


@fact("lambda", "worker", broken_by={"Queue.RedrivePolicy.maxReceiveCount": MANY_RECEIVES - 1})
def a_message_may_be_received_often(stack: Stack, _: Shop) -> bool:
    return bool(stack["Queue"]["RedrivePolicy"]["maxReceiveCount"] >= MANY_RECEIVES)


@fact(
    "lambda",
    "worker",
    broken_by={
        "Queue.RedrivePolicy.deadLetterTargetArn": {"Fn::GetAtt": ["Queue", "Arn"]},
        "DeadLetterQueue.RedriveAllowPolicy.redrivePermission": "allowAll",
        "DeadLetterQueue.RedriveAllowPolicy.sourceQueueArns": ["arn:aws:sqs:r:1:another"],
    },
)
def the_dead_letter_queue_is_of_this_queue_alone(stack: Stack, _: Shop) -> bool:
    queue, allowed = stack["Queue"], stack["DeadLetterQueue"]["RedriveAllowPolicy"]
    return (
        queue["RedrivePolicy"]["deadLetterTargetArn"] == "DeadLetterQueue.Arn"
        and allowed["redrivePermission"] == "byQueue"
        and [arn.rpartition(":")[2] for arn in allowed["sourceQueueArns"]] == [queue["QueueName"]]
    )


@fact(
    "lambda",
    "worker",
    broken_by={
        "DeadLetterQueue.MessageRetentionPeriod": 13 * DAYS,
        "Queue.MessageRetentionPeriod": 14 * DAYS,
    },
)
def dead_letters_are_kept_for_14_days_and_longer_than_messages(stack: Stack, _: Shop) -> bool:
    kept = stack["DeadLetterQueue"]["MessageRetentionPeriod"]
    return bool(kept == 14 * DAYS and kept > stack["Queue"]["MessageRetentionPeriod"])


@fact(
    "lambda",
    "worker",
    broken_by={
        "Queue.FifoQueue": ABSENT,
        "DeadLetterQueue.QueueName": "dead",
        "Queue.QueueName": "q.fifo",
    },
)
def both_queues_are_of_one_kind(stack: Stack, _: Shop) -> bool:
    is_fifo = stack.parameters["Fifo"] == "true"
    return all(
        queue.get("FifoQueue", False) == queue["QueueName"].endswith(".fifo") == is_fifo
        for queue in stack.of_type("AWS::SQS::Queue")
    )


@fact(
    "lambda",
    "worker",
    broken_by={
        "Queue.SqsManagedSseEnabled": ABSENT,
        "DeadLetterQueue.KmsMasterKeyId": ABSENT,
        "Secret.KmsKeyId": ABSENT,
    },
)
def messages_and_secret_are_encrypted_by_the_key(stack: Stack, _: Shop) -> bool:
    key = stack.parameters["KmsKeyArn"]
    return stack["Secret"].get("KmsKeyId", "") == key and all(
        queue.get("KmsMasterKeyId", "") == key
        and (bool(key) or queue.get("SqsManagedSseEnabled", False))
        for queue in stack.of_type("AWS::SQS::Queue")
    )


@fact(
    "lambda",
    "worker",
    broken_by={
        "QueuePolicy.Queues": ["Queue"],
        "QueuePolicy.PolicyDocument.Statement.0.Effect": "Allow",
    },
)
def nobody_speaks_to_the_queues_in_the_clear(stack: Stack, _: Shop) -> bool:
    (statement,) = stack["QueuePolicy"]["PolicyDocument"]["Statement"]
    return (
        stack["QueuePolicy"]["Queues"] == ["Queue", "DeadLetterQueue"]
        and (statement["Effect"], statement["Principal"]) == ("Deny", "*")
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    )


@fact(
    "lambda",
    "worker",
    broken_by={
        "OldestMessageAlarm.Dimensions.0.Value": {"Fn::GetAtt": ["DeadLetterQueue", "QueueName"]},
        "OldestMessageAlarm.AlarmActions": ABSENT,
        "OldestMessageAlarm.Threshold": 2 * DAYS,
        "DeadLetterAlarm.MetricName": "ApproximateNumberOfMessagesNotVisible",
        "DeadLetterAlarm.Threshold": 1,
    },
)
def old_messages_and_dead_letters_raise_alarms(stack: Stack, _: Shop) -> bool:
    return is_watched(stack, "Queue", "ApproximateAgeOfOldestMessage", most=DAYS) and is_watched(
        stack, "DeadLetterQueue", "ApproximateNumberOfMessagesVisible", most=0
    )


@fact(
    "lambda",
    broken_by={
        "ErrorAlarm.Dimensions.0.Value": "Another",
        "ThrottleAlarm.AlarmActions": ABSENT,
        "MappingAlarm.MetricName": "PolledEventCount",
        "Mapping.MetricsConfig": ABSENT,
    },
)
def a_function_that_fails_raises_alarms(stack: Stack, _: Shop) -> bool:
    watched = {
        (alarm["MetricName"], alarm["Dimensions"][0]["Value"])
        for alarm in alarms(stack)
        if alarm["Namespace"] == "AWS/Lambda"
    }
    needed = {
        ("Errors", "Function"),
        ("Throttles", "Function"),
        ("FailedInvokeEventCount", "Mapping"),
    }
    return needed <= watched and stack["Mapping"].get("MetricsConfig") == {
        "Metrics": ["EventCount"]
    }


@fact(
    "lambda",
    broken_by={
        "Mappings.Database.100.MaximumConcurrency": 51,
        "Mappings.Database.1600.MaximumConcurrency": 801,
        "ProxyTargets.ConnectionPoolConfigurationInfo.MaxConnectionsPercent": 49,
    },
)
def functions_connect_within_the_proxys_share(stack: Stack, shop: Shop) -> bool:
    concurrency = stack["Mapping"]["ScalingConfig"]["MaximumConcurrency"]
    percent = stack["ProxyTargets"]["ConnectionPoolConfigurationInfo"]["MaxConnectionsPercent"]
    share = int(stack.parameters["DatabaseMaxConnections"]) * percent / 100
    return bool(concurrency * shop.connections <= share)


@fact(
    "worker",
    broken_by={
        "Mappings.Database.100.MaxTasks": 9,
        "Mappings.Database.1600.MaxTasks": 134,
        "Service.DeploymentConfiguration.MaximumPercent": 300,
    },
)
def workers_connect_within_half_of_the_connections(stack: Stack, _: Shop) -> bool:
    generations = stack["Service"]["DeploymentConfiguration"]["MaximumPercent"] / 100
    tasks = stack["ScalableTarget"]["MaxCapacity"] * generations
    connections = tasks * worker_connections(tuple(container_of(stack)["Command"]))
    return bool(connections <= int(stack.parameters["DatabaseMaxConnections"]) / 2)


@fact(
    "lambda",
    broken_by={
        "Proxy.RequireTLS": False,
        "Function.Environment.Variables.DATABASE_URL": "postgresql://proxy/orders?sslmode=require",
    },
)
def the_function_verifies_the_proxy(stack: Stack, _: Shop) -> bool:
    url = stack["Function"]["Environment"]["Variables"]["DATABASE_URL"]
    return bool(stack["Proxy"]["RequireTLS"]) and "sslmode=verify-full&sslrootcert=/" in url


@fact(
    "lambda",
    broken_by={
        "Proxy.Auth.0.IAMAuth": "DISABLED",
        "Proxy.Auth.0.SecretArn": "another",
        "Function.Environment.Variables.DATABASE_IAM_USER": "forwarder",
    },
)
def the_function_logs_in_as_the_proxy_expects(stack: Stack, _: Shop) -> bool:
    (login,) = stack["Proxy"]["Auth"]
    by_token = stack.parameters["IamAuthentication"] == "REQUIRED"
    user = stack["Function"]["Environment"]["Variables"].get("DATABASE_IAM_USER")
    secret = json.loads(stack["Secret"]["GenerateSecretString"]["SecretStringTemplate"])
    return (
        (login["AuthScheme"], login["SecretArn"]) == ("SECRETS", "Secret")
        and (login["IAMAuth"] == "REQUIRED") == by_token
        and user == (secret["username"] if by_token else None)
    )


@fact(
    "lambda",
    "worker",
    broken_by={
        "Secret.SecretString": "{}",
        "Secret.GenerateSecretString.SecretStringTemplate": '{"username": "u", "password": "p"}',
        "OldestMessageAlarm.AlarmDescription": "postgresql://forwarder:word@db/orders",
        "DeadLetterAlarm.AlarmDescription": "{{resolve:secretsmanager:orders}}",
    },
)
def no_secret_stands_in_the_template(stack: Stack, _: Shop) -> bool:
    secret = stack["Secret"]
    written = json.loads(secret["GenerateSecretString"]["SecretStringTemplate"])
    told = json.dumps([stack.template["Parameters"], stack.resources])
    return (
        "SecretString" not in secret
        and secret["GenerateSecretString"]["GenerateStringKey"] == "password"
        and "password" not in written
        and not re.search(r"\{\{resolve:|://[^/\s]*:[^/\s]*@", told)
    )


@fact(
    "lambda",
    broken_by={
        "Role.Policies.0.PolicyDocument.Statement.0.Action": ["sqs:*"],
        "Role.Policies.0.PolicyDocument.Statement.0.Resource": "*",
        "Role.Policies.0.PolicyDocument.Statement.1.Action": "sqs:ReceiveMessage",
        "Role.Policies.0.PolicyDocument.Statement.1.Resource": {"Fn::GetAtt": ["Queue", "Arn"]},
        "Role.Policies.0.PolicyDocument.Statement.3": {"Ref": "AWS::NoValue"},
    },
)
def the_function_may_do_what_it_does_and_nothing_else(stack: Stack, _: Shop) -> bool:
    return permissions(stack["Role"]) == needed_permissions(stack)


@fact(
    "worker",
    broken_by={
        "TaskRole.Policies.0.PolicyDocument.Statement.0.Action": ["sqs:ReceiveMessage"],
        "TaskRole.Policies.0.PolicyDocument.Statement.2.Resource": "*",
        "TaskRole.Policies.0.PolicyDocument.Statement.3": {"Ref": "AWS::NoValue"},
    },
)
def the_worker_may_do_what_it_does_and_nothing_else(stack: Stack, _: Shop) -> bool:
    return permissions(stack["TaskRole"]) == needed_permissions(stack)


@fact(
    "worker",
    broken_by={
        "TaskDefinition.ContainerDefinitions.0.StopTimeout": 25,
        "TaskDefinition.ContainerDefinitions.0.LinuxParameters": ABSENT,
    },
)
def a_stopped_worker_drains(stack: Stack, _: Shop) -> bool:
    container = container_of(stack)
    can_be_told = container.get("LinuxParameters") == {"InitProcessEnabled": True}
    drains = options_of(stack).drain_timeout < container["StopTimeout"] <= 120
    return bool(drains) and can_be_told


@fact(
    "worker",
    broken_by={
        "TaskDefinition.ContainerDefinitions.0.Command.3": {"Ref": "Queue"},
        "TaskDefinition.ContainerDefinitions.0.Command.5": "1000",
        "TaskDefinition.ContainerDefinitions.0.Environment": [
            {"Name": "DATABASE_URL", "Value": "x"}
        ],
    },
)
def bad_messages_are_dead_lettered_by_the_worker(stack: Stack, _: Shop) -> bool:
    options = options_of(stack)
    most = stack["Queue"]["RedrivePolicy"]["maxReceiveCount"]
    return (
        (options.queue_url, options.dead_letter) == ("Queue", "DeadLetterQueue")
        and options.max_attempts < most
        and options.secret == "Secret"
        and "Environment" not in container_of(stack)
    )


@fact(
    "worker",
    broken_by={
        "TaskDefinition.ContainerDefinitions.0.Command.9": "shop.models:Ordr",
        "TaskDefinition.ContainerDefinitions.0.Command.11": "shop.models:Order",
    },
)
def the_workers_model_and_table_are_there(stack: Stack, _: Shop) -> bool:
    options = options_of(stack)
    try:
        return bool(_cli._model(options.model)) and _cli._target(options.table) is not None
    except _cli._UsageError:
        return False


@fact(
    "worker",
    broken_by={
        "Secret.GenerateSecretString.SecretStringTemplate": {
            "Fn::Sub": '{"engine": "postgres", "host": "h", "username": "u", "dbname": "d",'
            ' "ssl_mode": "require", "ssl_root_cert": "/etc/ssl/rds.pem"}'
        },
    },
)
def the_worker_verifies_the_database(stack: Stack, _: Shop) -> bool:
    credentials = DbCredentials.from_secret(Vault(stack), "Secret")
    assert isinstance(credentials, PostgreSQLCredentials)
    certificates = re.findall(r"^ADD .* (\S+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    return credentials.ssl_mode == "verify-full" and certificates == [
        str(credentials.ssl_root_cert)
    ]


@fact(
    "worker",
    broken_by={
        "Service.DeploymentConfiguration.DeploymentCircuitBreaker.Rollback": False,
        "Service.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp": "ENABLED",
        "Service.DesiredCount": 3,
    },
)
def a_deployment_that_fails_is_rolled_back_and_undoes_no_scaling(stack: Stack, _: Shop) -> bool:
    service = stack["Service"]
    network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
    return (
        service["DeploymentConfiguration"]["DeploymentCircuitBreaker"]
        == {"Enable": True, "Rollback": True}
        and network["AssignPublicIp"] == "DISABLED"
        and "DesiredCount" not in service
    )


@fact(
    "worker",
    broken_by={
        f"{BACKLOG}.2.Expression": "messages",
        f"{BACKLOG}.0.MetricStat.Metric.MetricName": "ApproximateNumberOfMessagesNotVisible",
        f"{BACKLOG}.1.MetricStat.Metric.Dimensions": [],
        "Cluster.ClusterSettings": [],
        "ScalableTarget.MinCapacity": 0,
    },
)
def workers_are_as_many_as_the_backlog_needs(stack: Stack, _: Shop) -> bool:
    tracking = stack["ScalingPolicy"]["TargetTrackingScalingPolicyConfiguration"]
    messages, tasks, backlog = tracking["CustomizedMetricSpecification"]["Metrics"]
    visible = ("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": "Queue.QueueName"})
    service = {"ClusterName": "Cluster", "ServiceName": "Service.Name"}
    return (
        metric(messages) == visible
        and metric(tasks) == ("ECS/ContainerInsights", "RunningTaskCount", service)
        and backlog["Expression"] == f"{messages['Id']} / {tasks['Id']}"
        and {"Name": "containerInsights", "Value": "enabled"} in stack["Cluster"]["ClusterSettings"]
        and stack["ScalableTarget"]["MinCapacity"] >= 1
    )


# What the facts are read from.


def is_watched(stack: Stack, queue: str, metric: str, *, most: int) -> bool:
    return any(
        (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SQS", metric)
        and alarm["Dimensions"] == [{"Name": "QueueName", "Value": f"{queue}.QueueName"}]
        and alarm["ComparisonOperator"] == "GreaterThanThreshold"
        and alarm["Threshold"] <= most
        for alarm in alarms(stack)
    )


def alarms(stack: Stack) -> list[dict[str, Any]]:
    """Return the alarms that tell somebody."""
    every = stack.of_type("AWS::CloudWatch::Alarm")
    return [alarm for alarm in every if alarm.get("AlarmActions") == ["AlarmTopicArn"]]


def metric(query: Mapping[str, Any]) -> tuple[str, str, dict[str, str]]:
    found = query["MetricStat"]["Metric"]
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in found["Dimensions"]}
    return found["Namespace"], found["MetricName"], dimensions


def permissions(role: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return what a role may do, as actions and what they are done to."""
    statements = chain.from_iterable(p["PolicyDocument"]["Statement"] for p in role["Policies"])
    return {
        (action, re.sub(r"^arn:.*:rds-db:.*/", "user ", statement["Resource"]))
        for statement in statements
        for action in as_list(statement["Action"])
    }


def needed_permissions(stack: Stack) -> set[tuple[str, str]]:
    needed = {(action, "Queue.Arn") for action in sqs_actions() - {"sqs:SendMessage"}}
    needed.add(("sqs:SendMessage", "DeadLetterQueue.Arn"))
    if stack.parameters.get("IamAuthentication") == "REQUIRED":
        needed.add(("rds-db:connect", f"user {stack.parameters['DatabaseUser']}"))
    else:
        needed.add(("secretsmanager:GetSecretValue", "Secret"))
    if key := stack.parameters["KmsKeyArn"]:
        # To receive, and to send to the dead-letter queue.
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
        needed |= {("kms:Decrypt", key), ("kms:GenerateDataKey", key)}
    return needed


@cache
def sqs_actions() -> frozenset[str]:
    """Return what the forwarder's code asks of SQS, in IAM's words."""
    operations = get_session().get_service_model("sqs").operation_names
    names = {xform_name(operation): operation for operation in operations}
    asked = {
        node.attr
        for path in SOURCES.rglob("*.py")
        if "testing" not in str(path.relative_to(SOURCES))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }
    return frozenset(f"sqs:{names[name].removesuffix('Batch')}" for name in names.keys() & asked)


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def container_of(stack: Stack) -> Any:
    (container,) = stack["TaskDefinition"]["ContainerDefinitions"]
    return container


def options_of(stack: Stack) -> Any:
    return _cli._parser().parse_args(container_of(stack)["Command"])


@cache
def worker_connections(command: tuple[str, ...]) -> int:
    options = _cli._parser().parse_args(command)
    options.secret, options.database_url = None, "postgresql://db.example/orders"
    with _cli._connector(options) as connector:
        return most_connections(connector)


class Vault:
    """Gives the secret that a stack makes."""

    def __init__(self, stack: Stack) -> None:
        self._rule = stack["Secret"]["GenerateSecretString"]

    def get_secret(self, model: type[ModelT], name: str) -> ModelT:
        written = json.loads(self._rule["SecretStringTemplate"])
        return model.model_validate(written | {self._rule["GenerateStringKey"]: "generated"})


# The tests of the facts.


@pytest.mark.parametrize("fact", FACTS, ids=str)
def test_each_stack_of_a_template_has_what_it_must_have(
    fact: Fact, templates: dict[str, dict[str, Any]], shop: Shop
) -> None:
    for stack in stacks(templates[fact.template]):
        assert fact.check(stack, shop), stack.parameters


@pytest.mark.parametrize(
    ("fact", "place"),
    [(fact, place) for fact in FACTS for place in fact.broken_by],
    ids=lambda value: str(value).replace(f"{BACKLOG}.", ""),
)
def test_a_template_that_lacks_it_is_found(
    fact: Fact, place: str, templates: dict[str, dict[str, Any]], shop: Shop
) -> None:
    broken = copy.deepcopy(templates[fact.template])
    put(broken, place, fact.broken_by[place])
    assert not all(fact.check(stack, shop) for stack in stacks(broken))


def put(template: dict[str, Any], place: str, value: object) -> None:
    first, *rest = place.split(".")
    holder: Any = template.get(first) or template["Resources"][first]["Properties"]
    *way, last = rest
    for step in way:
        holder = holder[int(step)] if isinstance(holder, list) else holder[step]
    if value is ABSENT:
        del holder[last]
    elif isinstance(holder, list):
        holder[int(last)] = value
    else:
        holder[last] = value


def test_a_handler_that_raises_does_not_go_with_a_mapping_that_reads_answers(
    templates: dict[str, dict[str, Any]], shop: Shop
) -> None:
    raising = replace(shop, config=shop.config.model_copy(update={"partial_responses": False}))
    stack = next(stacks(templates["lambda"]))
    assert not failures_are_answered_as_the_mapping_reads_them(stack, raising)


def test_the_image_starts_the_command_as_an_ordinary_user() -> None:
    steps = re.findall(r"^([A-Z]+) (.*)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    instructions = dict(steps)
    (command,) = json.loads(instructions["ENTRYPOINT"])  # a list: no shell keeps the signals
    (script,) = entry_points(group="console_scripts", name=command)
    assert script.load() is _cli.main
    assert int(instructions["USER"]) > 0
    assert all((DEPLOY / rest.split()[0]).exists() for name, rest in steps if name == "COPY")


def test_the_page_has_the_numbers_of_the_templates(templates: dict[str, dict[str, Any]]) -> None:
    rows = re.findall(r"(?m)^\| (`max_connections`|calls|tasks)[^|]*\| ([\d, |]+) \|$", PAGE)
    told = {name: [int(n.replace(",", "")) for n in row.split(" | ")] for name, row in rows}
    sizes = {name: templates[name]["Mappings"]["Database"] for name in templates}
    for name, column in (("lambda", "MaximumConcurrency"), ("worker", "MaxTasks")):
        assert [int(size) for size in sizes[name]] == told["`max_connections`"]
        assert [size[column] for size in sizes[name].values()] == told[WORDS[name]]


@pytest.mark.parametrize("page", COMMANDS, ids=lambda page: page.stem)
def test_the_commands_of_a_page_are_understood(page: Path) -> None:
    commands = re.findall(r"(?m)^\$ saigon-forward ((?:.*\\\n)*.*)$", page.read_text())
    assert commands
    for command in commands:
        arguments = shlex.split(command.replace("\\\n", " "))
        assert _cli._parser().parse_args(arguments).model == "shop.models:Order"
