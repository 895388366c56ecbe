"""The few MQTT 3.1.1 packets that a load generator speaks, as bytes in and bytes out (OASIS MQTT 3.1.1, chapter 3).

The product's own client is paho; a thousand of it in one process would measure paho, not the cloud.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP = 2, 3, 4, 9, 13
PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"


@dataclass(frozen=True, slots=True)
class Packet:
    """One control packet: its type, the four flag bits and everything after the fixed header."""

    kind: int
    flags: int
    body: bytes

    @property
    def packet_id(self) -> int:
        """Of a PUBACK or SUBACK."""
        return int.from_bytes(self.body[:2], "big")

    def published(self) -> tuple[str, int, bytes]:
        """Topic, packet id (0 with QoS 0) and payload of a PUBLISH."""
        length = int.from_bytes(self.body[:2], "big")
        topic, rest = self.body[2 : 2 + length].decode(), self.body[2 + length :]
        if not self.flags & 0b0110:
            return topic, 0, rest
        return topic, int.from_bytes(rest[:2], "big"), rest[2:]


def connect(client_id: str, *, clean: bool, keepalive_s: int) -> bytes:
    """CONNECT without user name (the certificate says who it is) and without a will."""
    return _packet(
        0x10, _text("MQTT") + bytes([4, 2 if clean else 0]) + struct.pack("!H", keepalive_s) + _text(client_id)
    )


def subscribe(packet_id: int, *filters: str) -> bytes:
    """SUBSCRIBE with QoS 1 each."""
    return _packet(0x82, struct.pack("!H", packet_id) + b"".join(_text(wanted) + b"\x01" for wanted in filters))


def publish(topic: str, payload: bytes, packet_id: int, *, duplicate: bool = False) -> bytes:
    """PUBLISH with QoS 1."""
    return _packet(0x3A if duplicate else 0x32, _text(topic) + struct.pack("!H", packet_id) + payload)


def puback(packet_id: int) -> bytes:
    """PUBACK."""
    return _packet(0x40, struct.pack("!H", packet_id))


class Parser:
    """Cuts a byte stream into packets."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that are complete now."""
        self._buffer += data
        packets: list[Packet] = []
        while (end := self._header()) is not None:
            start, stop = end
            packets.append(Packet(self._buffer[0] >> 4, self._buffer[0] & 0x0F, bytes(self._buffer[start:stop])))
            del self._buffer[:stop]
        return packets

    def _header(self) -> tuple[int, int] | None:
        """Where the first packet's body begins and ends, or None when it is not all there."""
        length = 0
        for position in range(1, min(5, len(self._buffer))):
            byte = self._buffer[position]
            length |= (byte & 0x7F) << 7 * (position - 1)
            if byte < 0x80:
                stop = position + 1 + length
                return (position + 1, stop) if len(self._buffer) >= stop else None
        if len(self._buffer) >= 5:
            raise ValueError("a packet's length has at most four bytes; this is no MQTT")
        return None


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("!H", len(data)) + data


def _packet(first: int, body: bytes) -> bytes:
    length, header = len(body), bytearray([first])
    while True:
        length, low = divmod(length, 128)
        header.append(low | (0x80 if length else 0))
        if not length:
            return bytes(header) + body
