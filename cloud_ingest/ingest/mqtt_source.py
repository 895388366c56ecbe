"""An MQTT broker as the source: one persistent session a road, a shared subscription, manual acknowledgement."""

from __future__ import annotations

import hashlib
import logging
import ssl
import threading
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from cloud_ingest.ingest.source import Inbox, Message, is_bulk
from cloud_ingest.settings import Broker
from smokesentry.identity import Identity
from smokesentry.messages.records import LANES
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


class MqttSource:
    """Two sessions, so that hours of telemetry that wait at the broker hold up no detection."""

    def __init__(self, settings: Broker, group: str) -> None:
        self.dropped = 0
        self._inbox = Inbox()
        self._window = settings.inflight
        lanes = [UP_FILTER.removesuffix("+") + lane for lane in LANES]
        urgent = [*(f"$share/{group}/{lane}" for lane in lanes if not is_bulk(lane)), STATE_FILTER]
        bulk = [f"$share/{group}/{lane}" for lane in lanes if is_bulk(lane)]
        self._roads = [
            _Session(settings, settings.client_id, urgent, 1, self._receive),
            _Session(settings, f"{settings.client_id}-bulk", bulk, 2, self._receive),
        ]

    def start(self) -> None:
        """Connects in the background and keeps trying."""
        for road in self._roads:
            road.start()

    def stop(self) -> None:
        """Sends what is still to be sent and leaves; the broker keeps the sessions."""
        for road in self._roads:
            road.stop()

    def gather(self, wait_s: float, linger_s: float, max_messages: int, max_bytes: int) -> list[Message]:
        """Waits for a message, then takes what else comes within ``linger_s``, up to the bounds. May be empty."""
        return self._inbox.gather(wait_s, linger_s, max_messages, max_bytes)

    def acknowledge(self, messages: list[Message]) -> None:
        """Tells the broker that these are safe."""
        for road in self._roads:
            road.acknowledge(messages)

    def publish(self, topic: str, payload: bytes) -> None:
        """Queues a message with QoS 1."""
        self._roads[0].publish(topic, payload)

    def _receive(self, message: Message) -> None:
        # The receive maximum bounds what the broker hands out with QoS 1; with QoS 0 nothing does.
        if not message.mid and len(self._inbox) >= self._window:
            self.dropped += 1
            return
        self._inbox.put(message)


class _Session:
    """One client: connects, subscribes, reconnects by itself."""

    def __init__(
        self, settings: Broker, client_id: str, filters: list[str], number: int, receive: Callable[[Message], None]
    ) -> None:
        self._settings = settings
        self._filters = filters
        self._receive = receive
        self._connection = number  # counts in steps, so that the two sessions' connections differ
        self._lock = threading.Lock()  # no acknowledgement may slip onto a connection that has just begun
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5, manual_ack=True
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
        self._client.disconnect()
        self._client.loop_stop()

    def acknowledge(self, messages: list[Message]) -> None:
        with self._lock:
            for message in messages:
                if message.mid and message.connection == self._connection:
                    self._client.ack(message.mid, 1)

    def publish(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1)

    def _on_connect(self, client: mqtt.Client, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            _log.error("broker %s:%d refused us: %s", self._settings.host, self._settings.port, reason)
            return
        with self._lock:
            self._connection += 2
        _log.info(
            "connected to %s:%d (session kept: %s)", self._settings.host, self._settings.port, flags.session_present
        )
        options = SubscribeOptions(qos=1)
        client.subscribe([(wanted, options) for wanted in self._filters])

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, reasons: list[Any], _properties: Any) -> None:
        for reason in {str(reason) for reason in reasons if reason.is_failure}:  # the group stays unsaid
            _log.error("the broker refused a subscription to what gateways send: %s; check its access list", reason)

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            _log.warning("lost the broker: %s; trying again", reason)

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""  # not UTF-8: set aside as a bad topic
        self._receive(Message(topic, bytes(message.payload), message.mid if message.qos else 0, self._connection))
