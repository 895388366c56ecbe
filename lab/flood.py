"""Messages encoded and signed beforehand, pushed into a broker by plain sockets: never the slow part of a trial."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Sequence

import msgspec

from lab import mqtt_wire
from lab.city_facts import Author, Parcel
from smokesentry.messages.control import Ack
from smokesentry.messages.envelope import Envelope

_AHEAD = 4000  # messages without PUBACK; broker and publisher share one machine, its buffers are the limit


def corpus(authors: Sequence[Author], count: int) -> list[Parcel]:
    """``count`` telemetry messages, the gateways taking turns."""
    return [authors[number % len(authors)].telemetry() for number in range(count)]


class Publisher:
    """One connection that publishes parcels with QoS 1."""

    def __init__(
        self, port: int, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, client_id: str = "flood"
    ) -> None:
        self._socket: socket.socket = socket.create_connection((host, port))
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket, server_hostname=host)
        self._socket.sendall(mqtt_wire.connect(client_id, clean=True, keepalive_s=0))
        self._confirmed = 0
        self._more = threading.Condition()
        self._sent = 0
        threading.Thread(target=self._read, daemon=True).start()

    def publish(self, parcel: Parcel) -> None:
        """Sends; waits only while too many are unconfirmed."""
        self._sent += 1
        self._socket.sendall(mqtt_wire.publish(parcel.topic, parcel.raw, self._sent % 65535 + 1))
        if self._sent % 500 == 0:
            self._wait(self._sent - _AHEAD)

    def finish(self) -> None:
        """Waits for the last PUBACK and hangs up."""
        self._wait(self._sent)
        self._socket.sendall(mqtt_wire.DISCONNECT)
        self._socket.close()

    def _wait(self, confirmed: int) -> None:
        with self._more:
            if not self._more.wait_for(lambda: self._confirmed >= confirmed, 120):
                raise TimeoutError(f"the broker confirmed {self._confirmed} of {self._sent} messages")

    def _read(self) -> None:
        parser = mqtt_wire.Parser()
        try:
            while data := self._socket.recv(1 << 16):
                count = sum(packet.kind == mqtt_wire.PUBACK for packet in parser.feed(data))
                with self._more:
                    self._confirmed += count
                    self._more.notify()
        except OSError:
            return


def fill(port: int, parcels: Sequence[Parcel]) -> None:
    """Puts all messages into the broker and returns once it has confirmed them."""
    publisher = Publisher(port)
    for parcel in parcels:
        publisher.publish(parcel)
    publisher.finish()


def forget(port: int, *client_ids: str) -> None:
    """Ends sessions that a broker keeps: else they take their share of whatever is published later."""
    for client_id in client_ids:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(mqtt_wire.connect(client_id, clean=True, keepalive_s=0))
            connection.recv(4)  # the CONNACK
            connection.sendall(mqtt_wire.DISCONNECT)


class AckClock:
    """Listens to the cloud's acknowledgements of all gateways and notes when each message was covered."""

    def __init__(self, port: int) -> None:
        self.latencies_s: list[float] = []
        self._sent: dict[tuple[str, int], float] = {}
        self._held: dict[str, int] = {}
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.sendall(mqtt_wire.connect("ack-clock", clean=True, keepalive_s=0))
        self._socket.sendall(mqtt_wire.subscribe(1, "smokesentry/v1/+/+/down/ack"))
        threading.Thread(target=self._read, daemon=True).start()

    def sent(self, gateway: str, seq: int) -> None:
        """To be called right before a message is published."""
        self._sent[gateway, seq] = time.monotonic()

    def _read(self) -> None:
        parser = mqtt_wire.Parser()
        while data := self._socket.recv(1 << 16):
            now = time.monotonic()
            for packet in parser.feed(data):
                if packet.kind != mqtt_wire.PUBLISH:
                    continue
                _, packet_id, payload = packet.published()
                if packet_id:
                    self._socket.sendall(mqtt_wire.puback(packet_id))
                ack = msgspec.json.decode(msgspec.json.decode(payload, type=Envelope).payload, type=Ack)
                for seq in range(self._held.get(ack.gateway, 0) + 1, ack.contiguous + 1):
                    began = self._sent.pop((ack.gateway, seq), None)
                    if began is not None:
                        self.latencies_s.append(now - began)
                self._held[ack.gateway] = max(ack.contiguous, self._held.get(ack.gateway, 0))
