"""The server of strict queues, as tests use it."""

import itertools
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from saigon.aws.sqs._testing.errors import PREFIX, RefusedError
from saigon.aws.sqs._testing.queue import StrictQueue
from saigon.aws.sqs._testing.server import QueueServer

__all__ = ["LocalSqs"]


class LocalSqs:
    """A server of strict queues on 127.0.0.1, at a free port; a context manager.

    Visibility goes by ``now``. Without a clock only ``advance`` moves it, and nothing becomes
    visible by itself.

    Args:
        clock: The seconds that pass by themselves, such as ``time.monotonic`` for queues that
            other processes work on.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock: Callable[[], float] = clock or (lambda: 0.0)
        self._moved = 0.0
        self._epoch = time.time() - self._clock()
        self._client: Any = None
        self._queues: dict[str, StrictQueue] = {}
        self._numbers = itertools.count(1)
        self._server = QueueServer(self._answer)

    @property
    def endpoint_url(self) -> str:
        """Where it listens."""
        return self._server.url

    @property
    def now(self) -> float:
        """The queues' time in seconds."""
        return self._clock() + self._moved

    def advance(self, seconds: float) -> None:
        """Let time pass for the queues."""
        self._moved += seconds

    def create_queue(
        self,
        name: str | None = None,
        *,
        fifo: bool = False,
        dead_letter: StrictQueue | None = None,
        max_receive_count: int = 0,
        visibility_timeout: float = 30,
        shuffled: bool = False,
        duplicates: float = 0.0,
        content_based_deduplication: bool = False,
        seed: int = 0,
    ) -> StrictQueue:
        """Make a queue; with a count it has a redrive policy to the dead-letter queue.

        Args:
            name: Its name; without one it gets one that no other queue here has.
            fifo: Whether it is a FIFO queue; its name then ends in ``.fifo``.
            dead_letter: The queue for messages that were received too often.
            max_receive_count: How often that is.
            visibility_timeout: Seconds for which a receive hides messages, if it names none.
            shuffled: Whether messages come in an order of chance; of a FIFO queue, its groups.
            duplicates: The chance that a message is delivered again that should not be.
            content_based_deduplication: Whether a FIFO queue makes deduplication ids of bodies.
            seed: What chance goes by.
        """
        name = (name or f"queue-{next(self._numbers)}") + (".fifo" if fifo else "")
        url = f"{self.endpoint_url}/123456789012/{name}"
        queue = self._queues[url] = StrictQueue(
            name,
            url,
            lambda: self.now,
            dead_letter=dead_letter,
            max_receive_count=max_receive_count,
            visibility_timeout=visibility_timeout,
            shuffled=shuffled,
            duplicates=duplicates,
            content_based_deduplication=content_based_deduplication,
            seed=seed,
            epoch=self._epoch,
        )
        return queue

    def client(self, config: Any = None) -> Any:
        """Return a boto3 client that asks this server, without retries of its own.

        Args:
            config: A ``botocore.config.Config`` to be put over the client's own.
        """
        if config is not None:
            return self._new_client(config)
        if self._client is None:
            self._client = self._new_client()
        return self._client

    def _new_client(self, config: Any = None) -> Any:
        from boto3.session import Session
        from botocore.config import Config

        own = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
        return Session(
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106  # a word that opens nothing
            region_name="us-east-1",
        ).client(
            "sqs",
            endpoint_url=self.endpoint_url,
            config=own if config is None else own.merge(config),
        )

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.stop()

    def _answer(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        queue = self._queues.get(request.get("QueueUrl", ""))
        if queue is None:
            raise RefusedError(f"{PREFIX}NonExistentQueue")
        return queue.answer(operation, request)
