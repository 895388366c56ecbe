"""Honeywell HPMA115S0 and HPMA115C0 on a UART: polled answers and the 32-byte frames that they send by themselves.

Answer: ``40``, length, command, big-endian u16 data, checksum that makes the sum of all bytes 0 modulo 256. The
frames sent unasked look like Plantower's with other fields. Details: docs/sensors/honeywell.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from firmware_bridge.driver import BAD_CHECKSUM, NEED_MORE, NO_FRAME, Driver, Refused, Reply, scaled
from firmware_bridge.drivers.masses import judge_masses
from firmware_bridge.reading import Reading

_NAMES_S0 = ("pm25_ug_m3", "pm10_ug_m3")
_NAMES_C0 = ("pm1_ug_m3", "pm25_ug_m3", "pm4_ug_m3", "pm10_ug_m3")
_PUSHED_LENGTH = 32


def _command(*body: int) -> bytes:
    return bytes((*body, -sum(body) & 0xFF))


_COMMANDS = {
    "read": _command(0x68, 1, 0x04),
    "wake": _command(0x68, 1, 0x01),  # start measuring
    "sleep": _command(0x68, 1, 0x02),  # stop measuring: fan and laser off
    "active": _command(0x68, 1, 0x40),
    "passive": _command(0x68, 1, 0x20),
    "coefficient": _command(0x68, 1, 0x10),
}


@dataclass(frozen=True)
class Hpma(Driver):
    """HPMA115S0 (PM2.5, PM10) or, with ``compact``, HPMA115C0 (PM1, PM2.5, PM4, PM10).

    The link lets it send by itself: those frames carry a 16-bit sum, the polled ones only 8 bits.
    """

    model: str
    compact: bool
    warm_up_s: float = 6.0
    on_open: tuple[str, ...] = ("wake", "active")
    identify: tuple[str, ...] = ("coefficient",)

    family = "honeywell"
    start = re.compile(rb"\x40[\x02\x05\x0d]|\x42\x4d|\xa5\xa5|\x96\x96")
    start_bytes = 2
    longest = _PUSHED_LENGTH

    @property
    def commands(self) -> Mapping[str, bytes]:
        """All are answered by ``A5 A5`` (done) or ``96 96`` (refused), except the two that return data."""
        return _COMMANDS

    def frame_length(self, buffer: bytes, at: int) -> int:
        """By kind: acknowledgement 2, coefficient 5, polled 8 (S0) or 16 (C0), pushed 32."""
        first, second = buffer[at], buffer[at + 1]
        if first in (0xA5, 0x96):
            return 2
        if len(buffer) < at + 4:
            return NEED_MORE
        if first == 0x42:
            return _PUSHED_LENGTH if buffer[at + 2 : at + 4] == b"\x00\x1c" else NO_FRAME
        if buffer[at + 2] == (0x10 if second == 2 else 0x04) and second in (2, 0x0D if self.compact else 5):
            return second + 3
        return NO_FRAME

    def parse(self, frame: bytes) -> Reading | Reply | Refused:
        """Masses in µg/m³. All zeros can be real clean air, so they are flagged and kept."""
        if len(frame) == 2:
            return Reply(self.model, "done" if frame[0] == 0xA5 else "refused", {})
        if frame[0] == 0x42:
            if sum(frame[:-2]) != frame[-2] << 8 | frame[-1]:
                return BAD_CHECKSUM
            first = 4 if self.compact else 6
        else:
            if sum(frame) & 0xFF:
                return BAD_CHECKSUM
            if frame[1] == 2:
                return Reply(self.model, "coefficient", {"coefficient": frame[3]})
            first = 3
        names = _NAMES_C0 if self.compact else _NAMES_S0
        masses = [frame[at] << 8 | frame[at + 1] for at in range(first, first + 2 * len(names), 2)]
        return judge_masses(self.model, dict(zip(names, masses, strict=True)))

    def encode(self, values: Mapping[str, float]) -> bytes:
        """The frame that it sends by itself."""
        names = _NAMES_C0 if self.compact else _NAMES_S0
        fields = [0] if not self.compact else []
        fields += [scaled(values, name, 1, 0, 0xFFFF) for name in names]
        body = b"\x42\x4d\x00\x1c" + b"".join(field.to_bytes(2, "big") for field in fields)
        body = body.ljust(_PUSHED_LENGTH - 2, b"\0")
        return body + sum(body).to_bytes(2, "big")
