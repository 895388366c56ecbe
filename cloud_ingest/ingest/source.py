"""Where messages come from: the one interface between a broker and the worker, and the inbox that both kinds share.

Contract. A source hands out messages in two roads, *urgent* and *bulk* (:func:`is_bulk`), each in order of arrival; it
bounds what it holds by the broker's own window; it keeps reconnecting by itself. The broker keeps every message until
:meth:`Source.acknowledge`, which the worker calls after its commit, with messages in the order in which they came.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One message as received, with what is needed to acknowledge it to the broker."""

    topic: str
    raw: bytes
    mid: int  # packet id or delivery tag; 0 when nothing needs to be acknowledged
    connection: int  # which connection brought it: such numbers mean nothing on another


class Source(Protocol):
    """A queue of messages that somebody else keeps until we say that they are safe."""

    dropped: int  # messages that were promised to nobody (QoS 0) and came faster than they could be stored

    def start(self) -> None:
        """Connects in the background and keeps trying."""

    def stop(self) -> None:
        """Sends what is still to be sent and leaves."""

    def gather(self, wait_s: float, linger_s: float, max_messages: int, max_bytes: int) -> list[Message]:
        """Waits for a message, then takes what else comes within ``linger_s``, up to the bounds. May be empty."""

    def acknowledge(self, messages: list[Message]) -> None:
        """Tells the broker that these are safe. Those of an earlier connection will come again; that is harmless."""

    def publish(self, topic: str, payload: bytes) -> None:
        """Queues a message to a gateway with QoS 1; lost ones are made good by the next acknowledgement."""


def is_bulk(topic: str) -> bool:
    """Whether a topic is telemetry, which everything else overtakes: an outage leaves hours of it."""
    return topic.endswith("/up/telemetry")


class Inbox:
    """Between the thread that receives and the one that works: urgent messages come out first."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._urgent: deque[Message] = deque()
        self._bulk: deque[Message] = deque()
        self._wanted = 1  # wake the worker when so many are here, not for each

    def __len__(self) -> int:
        return len(self._urgent) + len(self._bulk)

    def put(self, message: Message) -> None:
        """From the receiving thread."""
        with self._ready:
            (self._bulk if is_bulk(message.topic) else self._urgent).append(message)
            if len(self) >= self._wanted:
                self._ready.notify()

    def gather(self, wait_s: float, linger_s: float, max_messages: int, max_bytes: int) -> list[Message]:
        """See :meth:`Source.gather`; one message is handed out even when it alone is larger than ``max_bytes``."""
        with self._ready:
            if not self._wait_for(1, wait_s):
                return []
            self._wait_for(max_messages, linger_s)
            return self._take(max_messages, max_bytes)

    def _wait_for(self, wanted: int, seconds: float) -> bool:
        self._wanted = wanted
        deadline = time.monotonic() + seconds
        while len(self) < wanted:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._ready.wait(left)
        return True

    def _take(self, max_messages: int, max_bytes: int) -> list[Message]:
        taken: list[Message] = []
        size = 0
        for road in (self._urgent, self._bulk):
            while road and len(taken) < max_messages and (not taken or size + len(road[0].raw) <= max_bytes):
                size += len(road[0].raw)
                taken.append(road.popleft())
        return taken
