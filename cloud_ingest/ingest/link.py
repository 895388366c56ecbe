"""The MQTT side of the worker: a queue of messages that the broker keeps until we say that they are safe."""

from __future__ import annotations

import hashlib
import logging
import queue
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from cloud_ingest.settings import Broker
from smokesentry.identity import Identity
from smokesentry.messages.topics import STATE_FILTER, UP_FILTER

_log = logging.getLogger(__name__)
_SESSION_S = 30 * 24 * 3600  # how long the broker queues for a worker that is away
_MAX_PACKET = 4 * 1024 * 1024  # above the largest envelope, so that what is merely too large is still seen and recorded
_KEEPALIVE_S = 30


def secret_group(signer: Identity) -> str:
    """The name of the shared subscription's group, 32 hex digits: the same for all workers that sign with one key.

    Nobody without that key can guess it. Whoever joins the group takes its share of the messages, and Mosquitto's
    access list does not judge subscriptions (docs/identity.md). An Ed25519 signature is the same every time.
    """
    return hashlib.sha256(signer.key.sign(b"smokesentry: the ingestors' shared subscription")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Message:
    """One message as received, with what is needed to acknowledge it to the broker."""

    topic: str
    raw: bytes
    mid: int  # packet id; 0 when nothing needs to be acknowledged
    connection: int  # which connection brought it: packet ids mean nothing on another


class Link:
    """Connects, subscribes, reconnects by itself; messages come out of :meth:`gather`."""

    def __init__(self, settings: Broker, group: str) -> None:
        self._settings = settings
        self._filters = (f"$share/{group}/{UP_FILTER}", STATE_FILTER)
        self._queue: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.dropped = 0  # messages of QoS 0, which promises nothing, that came faster than they could be stored
        self._connections = 0
        self._lock = threading.Lock()  # no acknowledgement may slip onto a connection that has just begun
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            protocol=mqtt.MQTTv5,
            manual_ack=True,
        )
        if not settings.plaintext:
            self._client.tls_set(
                ca_certs=str(settings.ca),
                certfile=str(settings.certificate),
                keyfile=str(settings.key),
                tls_version=ssl.PROTOCOL_TLS_CLIENT,
            )
        self._client.max_inflight_messages_set(settings.inflight)
        self._client.reconnect_delay_set(1, 30)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def start(self) -> None:
        """Connects in the background and keeps trying."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = _SESSION_S
        properties.ReceiveMaximum = self._settings.inflight
        properties.MaximumPacketSize = _MAX_PACKET
        self._client.connect_async(
            self._settings.host,
            self._settings.port,
            keepalive=_KEEPALIVE_S,
            clean_start=False,
            properties=properties,
        )
        self._client.loop_start()

    def stop(self) -> None:
        """Sends what is still to be sent and leaves; the broker keeps the session."""
        self._client.disconnect()
        self._client.loop_stop()

    def gather(self, wait_s: float, linger_s: float, max_messages: int, max_bytes: int) -> list[Message]:
        """Waits for a message, then takes what else comes within ``linger_s``, up to the bounds. May be empty."""
        try:
            messages = [self._queue.get(timeout=wait_s)]
        except queue.Empty:
            return []
        size = len(messages[0].raw)
        deadline = time.monotonic() + linger_s
        while len(messages) < max_messages and size < max_bytes:
            try:
                messages.append(self._queue.get(timeout=max(0.0, deadline - time.monotonic())))
            except queue.Empty:
                break
            size += len(messages[-1].raw)
        return messages

    def acknowledge(self, messages: list[Message]) -> None:
        """Tells the broker that these are safe. Those of an earlier connection will come again; that is harmless."""
        with self._lock:
            for message in messages:
                if message.mid and message.connection == self._connections:
                    self._client.ack(message.mid, 1)

    def publish(self, topic: str, payload: bytes) -> None:
        """Queues a message with QoS 1; lost ones are made good by the next acknowledgement."""
        self._client.publish(topic, payload, qos=1)

    def _on_connect(self, client: mqtt.Client, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            _log.error("broker %s:%d refused us: %s", self._settings.host, self._settings.port, reason)
            return
        with self._lock:
            self._connections += 1
        _log.info(
            "connected to %s:%d (session kept: %s)", self._settings.host, self._settings.port, flags.session_present
        )
        options = SubscribeOptions(qos=1)
        client.subscribe([(wanted, options) for wanted in self._filters])

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, reasons: list[Any], _properties: Any) -> None:
        for kind, reason in zip(("what gateways send", "their state"), reasons, strict=False):  # the group stays unsaid
            if reason.is_failure:
                _log.error("the broker refused the subscription to %s: %s; check its access list", kind, reason)

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            _log.warning("lost the broker: %s; trying again", reason)

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""  # not UTF-8: set aside as a bad topic
        # The receive maximum bounds what the broker hands out with QoS 1; with QoS 0 nothing does.
        if message.qos == 0 and self._queue.qsize() >= self._settings.inflight:
            self.dropped += 1
            return
        self._queue.put(Message(topic, bytes(message.payload), message.mid if message.qos else 0, self._connections))
