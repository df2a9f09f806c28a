"""One worker: the forwarder as anybody runs it, but for its fate."""

import os
import threading
import traceback
from multiprocessing import parent_process
from multiprocessing.connection import wait
from typing import Any, Final
from urllib.parse import urlsplit

from saigon.aws.sqs import ForwarderConfig, SqsToRdsForwarder
from saigon.orm.connection import DbConnector
from tools.proof.cases import CASES
from tools.proof.dying import Fate
from tools.proof.plan import Plan
from tools.proof.warm import SESSION, client_config
from tools.proof.warrants import Warrants

__all__ = ["work"]

_MAX_ATTEMPTS: Final = 3
_DRAIN_SECONDS: Final = 10
_BATCHES: Final = 2  # in the hands of a worker


def work(plan: Plan) -> None:
    """Work until a signal comes."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        with DbConnector(plan.database_url) as connector:
            _forwarder(plan, connector).run(drain_timeout=_DRAIN_SECONDS)
    except BaseException:
        (plan.folder / "error").write_text(traceback.format_exc())
        raise


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _forwarder(plan: Plan, connector: DbConnector) -> SqsToRdsForwarder[Any]:
    case, fate = CASES[plan.case], Fate(Warrants(plan.folder))
    return SqsToRdsForwarder(
        case.message_type,
        plan.queue_url,
        connector,
        case.builder(fate),
        dead_letter=plan.dead_letter_url,
        sqs_client=case.client(_client(plan.queue_url), fate),
        config=ForwarderConfig(
            batch_size=plan.batch_size,
            max_in_flight=_BATCHES * plan.batch_size,
            visibility_timeout=plan.visibility_timeout,
            wait_seconds=1,
            max_attempts=_MAX_ATTEMPTS,
            retry_delay=0,
            backoff_seconds=0.05,
            probe_seconds=0.1,
            max_probe_seconds=0.5,
        ),
    )


def _client(queue_url: str) -> Any:
    parts = urlsplit(queue_url)
    return SESSION.client(
        "sqs", endpoint_url=f"{parts.scheme}://{parts.netloc}", config=client_config()
    )
