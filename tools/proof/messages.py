"""What is sent in a trial, and what is to come of it."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random
from typing import Any, Final

__all__ = ["Sent", "entries", "orders", "versions"]

_ONE_IN: Final = 50
_LINES: Final = 20
_VERSIONS: Final = 5

Message = Mapping[str, Any]


@dataclass(slots=True)
class Sent:
    """Messages of which one in fifty is bad."""

    bodies: list[tuple[str, str | None]] = field(default_factory=list)
    """What is put into the queue, each with its group."""
    good: list[Message] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, messages: Iterable[Message]) -> "Sent":
        """Spoil some of the messages."""
        sent = cls()
        for number, message in enumerate(messages):
            body = json.dumps(message)
            if number % _ONE_IN == _ONE_IN // 2:
                body = _SPOILED[number // _ONE_IN % len(_SPOILED)](message)
                sent.bad.add(body)
            else:
                sent.good.append(message)
            sent.bodies.append((body, message.get("line")))
        return sent


_SPOILED: Final[tuple[Callable[[Message], str], ...]] = (
    lambda message: f"not JSON {message['id']} {message.get('version')}",
    lambda message: json.dumps({**message, "id": None}),
    lambda message: json.dumps({**message, "id": f"too long for its column {'x' * 20}"}),
)


def orders(count: int, chance: Random) -> Sent:  # noqa: ARG001  # they are shuffled by the queue
    """Return orders of different keys."""
    return Sent.of(_order(f"order {number}", 1) for number in range(count))


def versions(count: int, chance: Random) -> Sent:
    """Return orders in several versions each, which come in no order."""
    found = [
        _order(f"order {number}", version)
        for number in range(count // _VERSIONS)
        for version in range(1, _VERSIONS + 1)
    ]
    chance.shuffle(found)
    sent = Sent.of(found)
    by_age = sorted(sent.good, key=lambda order: order["version"])
    sent.good = list({order["id"]: order for order in by_age}.values())
    return sent


def entries(count: int, chance: Random) -> Sent:
    """Return entries of several lines, whose keys tell nothing of their places."""
    return Sent.of(
        {"id": _digest(f"{number}"), "line": f"line {chance.randrange(_LINES)}", "number": number}
        for number in range(count)
    )


def _order(name: str, version: int) -> Message:
    item = f"{name} → {_digest(f'{name} {version}')}"
    return {"id": name, "item": item, "version": version}


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]
