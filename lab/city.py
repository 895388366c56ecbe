"""A city of simulated gateways for load and fault runs: signed, valid messages, and a ledger of every fact sent.

Each gateway behaves as ``edge`` does on the wire: one connection of its own, numbers a lane, keeps what it sent until
the cloud's *signed* acknowledgement covers it, and sends it again until then. What it measures is made up.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lab import mqtt_wire
from lab.city_facts import Author, Fact, Parcel
from smokesentry.messages.control import Ack
from smokesentry.messages.envelope import ACK_TYPE, EnvelopeError, unseal

_KEEPALIVE_S = 30
_PATIENCE_S = 15.0  # before a message that nobody acknowledged goes again; doubles up to a minute
_WINDOW = 8  # messages of one gateway that may wait for the cloud at once


@dataclass(frozen=True, slots=True)
class Door:
    """One way in: a broker's address and TLS, or None for a plain loopback broker."""

    host: str
    port: int
    tls: ssl.SSLContext | None


@dataclass(slots=True)
class Ledger:
    """Every fact that left a gateway, and how long each acknowledged message took from first sending, in seconds."""

    sent: set[Fact] = field(default_factory=set)
    latencies_s: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Waiting:
    parcel: Parcel
    first_s: float
    next_s: float
    patience_s: float = _PATIENCE_S
    times: int = 0


class CityGateway:
    """One gateway: produces at its pace while the city lives, then goes on until everything is acknowledged."""

    def __init__(self, author: Author, doors: Sequence[Door], cloud: Ed25519PublicKey, ledger: Ledger) -> None:
        self._author = author
        self._doors = doors
        self._turn = random.randrange(len(doors))
        self._cloud = cloud
        self._ledger = ledger
        self._waiting: dict[tuple[str, int], _Waiting] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._packet = 0

    @property
    def waiting(self) -> int:
        """How many messages the cloud has not acknowledged."""
        return len(self._waiting)

    async def live(self, interval_s: float, alive: Callable[[], bool]) -> None:
        """Produces while the city is alive, sends until nothing waits any more (or until cancelled)."""
        reader = asyncio.create_task(self._keep_connected())
        due = time.monotonic() + random.random() * interval_s
        try:
            while alive() or self._waiting:
                now = time.monotonic()
                if now >= due and alive():
                    if len(self._waiting) < _WINDOW:
                        self._produce(now)
                    due = now + interval_s
                self._send_due(now)
                await asyncio.sleep(min(0.5, max(0.02, due - time.monotonic())))
        finally:
            while not reader.done():  # once is not enough: ``wait_for`` forgets a cancellation that meets its result
                reader.cancel()
                await asyncio.wait([reader], timeout=0.1)

    def _produce(self, now: float) -> None:
        parcel = self._author.next_parcel()
        self._ledger.sent.update(parcel.facts)
        self._ledger.counts["messages"] += 1
        self._waiting[parcel.lane, parcel.last_seq] = _Waiting(parcel, now, now)

    def _send_due(self, now: float) -> None:
        writer = self._writer
        if writer is None or writer.is_closing():
            return
        for waiting in self._waiting.values():
            if now < waiting.next_s:
                continue
            self._packet = self._packet % 65535 + 1
            writer.write(mqtt_wire.publish(waiting.parcel.topic, waiting.parcel.raw, self._packet))
            self._ledger.counts["sent again"] += waiting.times > 0
            waiting.times += 1
            waiting.next_s = now + waiting.patience_s
            waiting.patience_s = min(60.0, waiting.patience_s * 2)

    async def _keep_connected(self) -> None:
        failures = 0
        while True:
            try:
                await self._one_connection(self._doors[self._turn % len(self._doors)])
            except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError):
                self._ledger.counts["connections lost"] += 1
            failures = 0 if self._writer is not None else failures + 1
            self._turn += 1
            self._writer = None
            await asyncio.sleep((0.5 + random.random()) * min(16, 2**failures))  # a thousand at once would drown it

    async def _one_connection(self, door: Door) -> None:
        opening = asyncio.open_connection(door.host, door.port, ssl=door.tls, limit=2**20)
        reader, writer = await asyncio.wait_for(opening, 45)
        try:
            writer.write(mqtt_wire.connect(self._author.client_id, clean=False, keepalive_s=_KEEPALIVE_S))
            writer.write(mqtt_wire.subscribe(1, self._author.address.ack))
            parser, pinged = mqtt_wire.Parser(), time.monotonic()
            while True:
                with contextlib.suppress(asyncio.TimeoutError):
                    data = await asyncio.wait_for(reader.read(65536), _KEEPALIVE_S / 3)
                    if not data:
                        raise OSError("the broker hung up")
                    for packet in parser.feed(data):
                        self._handle(packet, writer)
                if time.monotonic() - pinged > _KEEPALIVE_S / 2:
                    writer.write(mqtt_wire.PINGREQ)
                    pinged = time.monotonic()
        finally:
            writer.close()

    def _handle(self, packet: mqtt_wire.Packet, writer: asyncio.StreamWriter) -> None:
        if packet.kind == mqtt_wire.CONNACK and packet.body[1] != 0:
            raise OSError(f"the broker refused {self._author.client_id}: code {packet.body[1]}")
        if packet.kind == mqtt_wire.SUBACK:
            if packet.body[2] & 0x80:
                raise OSError(f"the broker refused {self._author.client_id} its own acknowledgements")
            self._writer = writer
            for waiting in self._waiting.values():  # a new connection: everything goes again, as at the edge
                waiting.next_s = 0.0
        if packet.kind == mqtt_wire.PUBLISH:
            topic, packet_id, payload = packet.published()
            if packet_id:
                writer.write(mqtt_wire.puback(packet_id))
            if topic == self._author.address.ack:
                self._acknowledged(payload)

    def _acknowledged(self, envelope: bytes) -> None:
        try:
            payload, _ = unseal(envelope, ACK_TYPE, lambda _: self._cloud)
        except EnvelopeError:
            self._ledger.counts["acknowledgements refused"] += 1
            return
        ack = msgspec.json.decode(payload, type=Ack)
        now = time.monotonic()
        for key in list(self._waiting):
            lane, last = key
            held = last <= ack.contiguous or any(first <= last <= end for first, end in ack.ranges)
            if lane == ack.lane and held:
                self._ledger.latencies_s.append(now - self._waiting.pop(key).first_s)


async def run_city(
    authors: Sequence[Author],
    doors: Sequence[Sequence[Door]],
    cloud: Ed25519PublicKey,
    *,
    interval_s: float,
    alive: Callable[[], bool],
    settle_s: float,
) -> tuple[Ledger, int]:
    """All gateways while ``alive`` says so, then up to ``settle_s`` more until all is acknowledged.

    Gives the ledger and how many messages were still unacknowledged when patience ended.
    """
    ledger = Ledger()
    gateways = [CityGateway(author, ways, cloud, ledger) for author, ways in zip(authors, doors, strict=True)]
    lives = [asyncio.create_task(gateway.live(interval_s, alive)) for gateway in gateways]
    while alive():
        await asyncio.sleep(0.2)
    _, late = await asyncio.wait(lives, timeout=settle_s)
    for life in late:
        life.cancel()
    await asyncio.gather(*lives, return_exceptions=True)
    for life in lives:
        if not life.cancelled() and life.exception() is not None:
            raise RuntimeError("a simulated gateway failed; the run means nothing") from life.exception()
    return ledger, sum(gateway.waiting for gateway in gateways)
