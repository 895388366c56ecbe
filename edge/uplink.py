"""The road to the cloud: sends what the spool holds, detections first, until the cloud has acknowledged it.

One thread. MQTT v5 with a persistent session, 3.1.1 where the broker knows no v5. Every connection is a fresh client:
the spool, not the MQTT library, remembers what is still to be delivered. New records wake the thread through a queue,
so nothing polls.
"""

from __future__ import annotations

import logging
import queue
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge.clockwatch import WatchedClock
from edge.downlink import Downlink, Refused
from edge.mqtt import CONNECT_TIMEOUT_S, at_least_once, connect, new_client
from edge.spool import Spool
from edge.tls import client_context
from edge.window import LIMITS, Allowance, Window, backoff_s
from smokesentry.clock import from_wire
from smokesentry.identity import Identity
from smokesentry.messages.control import State
from smokesentry.messages.envelope import BATCH_TYPE, STATE_TYPE, seal
from smokesentry.messages.records import LANES, encode_batch
from smokesentry.messages.topics import Address

if TYPE_CHECKING:
    from paho.mqtt.client import Client

_log = logging.getLogger("edge.uplink")
_STEADY_S = 30.0  # a connection that lived this long resets the back-off
_LOOK_AGAIN_S = 30.0
_BACKLOG_BYTES_S = 25_000.0  # 72 hours of four sensors in about half an hour, over one slow mobile connection
_MOST_SILENT = 2  # so many connections that end before the broker has answered: it may not know this version


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and how it is reached: with TLS, or in clear text on a test bench (``ca`` None)."""

    host: str
    port: int
    ca: Path | None
    key: Path
    certificate: Path


@dataclass(slots=True)
class UplinkState:
    """How the connection is, for health and status."""

    connected: bool = False
    connections: int = 0
    last_problem: str | None = None
    sent_batches: int = 0
    last_ack_unix_s: float | None = None


@dataclass(slots=True)
class Uplink:
    """Runs in its own thread by :meth:`run` until :meth:`stop`."""

    broker: Broker
    address: Address
    identity: Identity
    spool: Spool
    downlink: Downlink
    clock: WatchedClock
    state: UplinkState = field(default_factory=UplinkState)
    allowance: Allowance = field(default_factory=lambda: Allowance(_BACKLOG_BYTES_S))
    _window: Window = field(default_factory=Window)
    _speaks_v5: bool = True
    _unanswered: int = 0
    _events: queue.SimpleQueue[tuple[Any, ...]] = field(default_factory=queue.SimpleQueue)
    rests: Callable[[float], None] = lambda _: None  # told before every pause: the loop still turns
    _stopping: bool = False
    _sending: str = ""  # the spool whose numbers the window watches

    def wake(self) -> None:
        """New records lie in the spool. Never blocks."""
        self._events.put(("wake",))

    def stop(self) -> None:
        """Ends :meth:`run` after it has said goodbye to the broker."""
        self._stopping = True
        self._events.put(("wake",))

    def run(self) -> None:
        """Connects, delivers, and connects again until stopped."""
        failures = 0
        while not self._stopping:
            began_s = self._now_s()
            self.rests(CONNECT_TIMEOUT_S)
            problem = self._one_connection()
            if self._stopping:
                break
            failures = 0 if self._now_s() - began_s > _STEADY_S else failures + 1
            pause_s = backoff_s(failures - 1 if failures else 0, random.random())
            self._say_problem(problem, pause_s)
            self._rest(pause_s)

    def _say_problem(self, problem: str, pause_s: float) -> None:
        if problem != self.state.last_problem:
            _log.warning("broker %s:%d: %s; next try in %.0f s", self.broker.host, self.broker.port, problem, pause_s)
        self.state.last_problem = problem

    def _rest(self, pause_s: float) -> None:
        until_s = self._now_s() + pause_s
        while not self._stopping and (left_s := until_s - self._now_s()) > 0:
            try:
                self.rests(left_s)
                self._events.get(timeout=left_s)
            except queue.Empty:
                return

    # -- one connection --------------------------------------------------------------------------------------------

    def _one_connection(self) -> str:
        """From connecting to the end of the connection; gives the reason for people."""
        while not self._events.empty():  # what an earlier connection left behind
            self._events.get()
        try:
            client = self._client()
            connect(client, self.broker.host, self.broker.port, v5=self._speaks_v5)
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            return f"cannot connect ({error})"
        client.loop_start()
        try:
            return self._serve(client)
        finally:
            self.state.connected = False
            client.disconnect()
            client.loop_stop()

    def _client(self) -> Client:
        secured = None
        if self.broker.ca is not None:
            secured = client_context(self.broker.ca, self.broker.certificate, self.broker.key)
        # Whoever connects with another's client id ends that one's session: the spool's id cannot be guessed.
        name = f"{self.address.gateway}-{self.spool.spool_id}"
        client = new_client(name, self._events.put, secured, v5=self._speaks_v5)
        client.will_set(self.address.state, self._sealed_state(online=False), qos=1, retain=True)
        return client

    def _serve(self, client: Client) -> str:
        deadline_s = self._now_s() + CONNECT_TIMEOUT_S
        while True:
            event = self._next_event(self._patience_s(deadline_s))
            if self._stopping:
                return self._goodbye(client)
            if event is None and not self.state.connected and self._now_s() >= deadline_s:
                return "connected, but the broker did not answer"
            if event is not None:
                ended = self._handle(client, event)
                if ended is not None:
                    return ended
            if self.state.connected and self._events.empty():
                self._send_due(client)

    def _patience_s(self, deadline_s: float) -> float:
        now_s = self._now_s()
        if not self.state.connected:
            return max(0.0, deadline_s - now_s)
        overdue_s = self._window.next_overdue_s()
        look_s = self.allowance.wait_s() or _LOOK_AGAIN_S
        return look_s if overdue_s is None else min(look_s, max(0.0, overdue_s - now_s))

    def _next_event(self, patience_s: float) -> tuple[Any, ...] | None:
        self.rests(patience_s)
        try:
            return self._events.get(timeout=patience_s)
        except queue.Empty:
            return None

    def _handle(self, client: Client, event: tuple[Any, ...]) -> str | None:
        """Follows one event; a text ends the connection for that reason."""
        match event:
            case ("connected", reason):
                self._unanswered = 0
                if reason.is_failure and self._speaks_v5 and reason.getName() == "Unsupported protocol version":
                    self._speaks_v5 = False
                    return "the broker knows no MQTT v5; going on with 3.1.1"
                if reason.is_failure:
                    return f"the broker refuses this gateway: {reason}"
                self._begin(client)
            case ("closed", reason):
                if not self.state.connected:
                    self._unanswered += 1
                    if self._unanswered % _MOST_SILENT == 0:  # some brokers hang up on a version without a word
                        self._speaks_v5 = not self._speaks_v5
                return f"the connection ended: {reason}"
            case ("subscribed", reasons):
                if any(reason.is_failure for reason in reasons):
                    return "the broker does not let this gateway read its own acknowledgements; check its access list"
            case ("message", topic, payload):
                self._received(topic, payload)
        return None

    def _begin(self, client: Client) -> None:
        options = at_least_once(v5=self._speaks_v5)
        client.subscribe([(self.address.ack, options), (self.address.command, options)])
        client.publish(self.address.state, self._sealed_state(online=True), qos=1, retain=True)
        self._forget_sent()
        self.state.connected = True
        self.state.connections += 1
        self.state.last_problem = None
        _log.info("connected to %s:%d, %s waiting", self.broker.host, self.broker.port, self.spool.depth())

    def _forget_sent(self) -> None:
        self._window.restart({lane: self.spool.last_seq(lane) for lane in LANES})

    def _goodbye(self, client: Client) -> str:
        if self.state.connected:
            # A clean end sends no last will, so the gateway itself says that it is gone.
            client.publish(self.address.state, self._sealed_state(online=False), qos=1, retain=True).wait_for_publish(2)
        return "stopped"

    def _received(self, topic: str, payload: bytes) -> None:
        stamp = self.clock.now()
        try:
            if topic == self.address.ack:
                ack = self.downlink.acknowledgement(payload)
                left_s = self._window.acknowledged(ack.lane, ack.contiguous, ack.ranges)
                if ack.at is not None and left_s is not None:
                    self.clock.heard(from_wire(ack.at).timestamp(), int(left_s * 1e9), stamp.mono_ns)
                self.state.last_ack_unix_s = stamp.unix_s
            elif topic == self.address.command:
                again = self.downlink.command(payload, stamp, self.clock.state())
                if again is not None:
                    self._window.rewind(again.lane, again.from_seq)
        except Refused as refusal:
            self.downlink.refused(refusal)
            _log.warning("ignored on %s: %s", topic, refusal)

    # -- sending ---------------------------------------------------------------------------------------------------

    def _send_due(self, client: Client) -> None:
        if self.spool.spool_id != self._sending:  # a damaged spool was set aside: its numbers mean nothing any more
            self._sending = self.spool.spool_id
            self._forget_sent()
        for lane, seqs in self._window.overdue(self._now_s()):
            records = self.spool.still_waiting(lane, seqs)
            self._window.gone(lane, sorted(set(seqs) - {seq for seq, _ in records}))
            if records:
                self._publish(client, lane, [raw for _, raw in records])
        for lane in self._window.open_lanes():
            self._fill(client, lane)

    def _fill(self, client: Client, lane: str) -> None:
        limits = LIMITS[lane]
        while lane in self._window.open_lanes():
            if lane != "detection" and not self.allowance.is_open(self._now_s()):
                return
            records = self.spool.waiting(lane, self._window.after(lane), limits.records, limits.bytes)
            if not records:
                return
            on_the_way = self._window.in_flight(lane)
            fresh = [(seq, raw) for seq, raw in records if seq not in on_the_way]
            if fresh:
                self._publish(client, lane, [raw for _, raw in fresh])
                self._window.sent(lane, [seq for seq, _ in fresh], self._now_s())
            self._window.passed(lane, records[-1][0])

    def _publish(self, client: Client, lane: str, records: list[bytes]) -> None:
        payload = encode_batch(
            tenant=self.address.tenant,
            gateway=self.address.gateway,
            spool=self.spool.spool_id,
            lane=lane,
            records=records,
        )
        raw = seal(payload, BATCH_TYPE, self.identity.key)
        client.publish(self.address.up(lane), raw, qos=1)
        self.allowance.spend(len(raw))
        self.state.sent_batches += 1

    def _sealed_state(self, *, online: bool) -> bytes:
        state = State(
            gateway=self.address.gateway,
            online=online,
            boot_id=self.clock.boot_id,
            since=self.clock.now().captured_at,
        )
        return seal(msgspec.json.encode(state), STATE_TYPE, self.identity.key)

    def _now_s(self) -> float:
        return self.clock.now().mono_ns / 1e9
