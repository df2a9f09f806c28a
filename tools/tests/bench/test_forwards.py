import json
import threading

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from tools.bench.databases import fresh_database
from tools.bench.forwards import Forwarding, ForwardWay, forward_peaks
from tools.bench.generated_queue import GeneratedQueue
from tools.bench.sales import BODY_BYTES, SALES, Sale, new_body


def test_message_has_its_size_eight_fields_and_a_key_of_its_own() -> None:
    bodies = [new_body(number) for number in (0, 7, 1_999)]
    assert {len(body.encode()) for body in bodies} == {BODY_BYTES}
    assert {len(json.loads(body)) for body in bodies} == {len(SALES.c)} == {8}
    assert len({Sale.model_validate_json(body).id for body in bodies}) == len(bodies)


def test_generated_queue_gives_so_many_messages_and_tells_when_they_are_deleted() -> None:
    emptied = threading.Event()
    queue = GeneratedQueue(25, emptied)
    received = [queue.receive_message()["Messages"] for _ in range(4)]
    assert [len(messages) for messages in received] == [10, 10, 5, 0]
    for messages in received[:2]:
        queue.delete_message_batch(Entries=messages)
    assert not emptied.is_set()
    queue.delete_message_batch(Entries=received[2])
    assert emptied.is_set()


@pytest.mark.parametrize("way", ["run", "one executemany"])
def test_all_messages_are_stored_in_a_process_of_its_own(way: ForwardWay) -> None:
    with fresh_database("sqlite") as url:
        SALES.create(create_engine(url, poolclass=NullPool))
        first, second = forward_peaks(Forwarding(url, way, (20, 40)))
    assert 20_000_000 < first <= second
