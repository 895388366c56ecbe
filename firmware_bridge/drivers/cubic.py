"""Cubic PM1006/PM1006K (LED) and PM2007/PM2008 (laser) on a UART, polled.

Answer: ``16``, length, command, data, checksum that makes the sum of all bytes 0 modulo 256. Details:
docs/sensors/cubic.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from firmware_bridge.driver import BAD_CHECKSUM, NEED_MORE, NO_FRAME, Driver, Refused, Reply, flagged, scaled
from firmware_bridge.drivers.masses import judge_masses
from firmware_bridge.reading import Reading

_MEASUREMENT = 0x0B
_SWITCH = 0x0C
_GRIMM = ("pm1_ug_m3", "pm25_ug_m3", "pm10_ug_m3")
_TSI = ("pm1_tsi_ug_m3", "pm25_tsi_ug_m3", "pm10_tsi_ug_m3")
_COUNTS = ("n0_3_per_cm3", "n0_5_per_cm3", "n1_0_per_cm3", "n2_5_per_cm3", "n5_0_per_cm3", "n10_0_per_cm3")
_PM1006_CEILING = 1000


def _with_check(body: bytes) -> bytes:
    return body + bytes((-sum(body) & 0xFF,))


@dataclass(frozen=True)
class Cubic(Driver):
    """A PM2007/2008, which sends masses by two calibrations and counts, or with ``only_pm25`` a PM1006."""

    model: str
    only_pm25: bool
    polls: tuple[str, ...] = ("read",)

    family = "cubic"
    start = re.compile(rb"\x16[\x02\x11\x35]")
    start_bytes = 2
    longest = 56

    @property
    def commands(self) -> Mapping[str, bytes]:
        """The PM1006 only answers ``read``; the PM2007/2008 can also stop its fan."""
        if self.only_pm25:
            return {"read": _with_check(b"\x11\x02\x0b\x01")}
        return {
            "read": _with_check(b"\x11\x02\x0b\x07"),
            "wake": _with_check(b"\x11\x03\x0c\x02\x1e"),
            "sleep": _with_check(b"\x11\x03\x0c\x01\x1e"),
        }

    def frame_length(self, buffer: bytes, at: int) -> int:
        """20 bytes from a PM1006, 56 from a PM2007/2008, 5 for a switch acknowledged."""
        if len(buffer) < at + 3:
            return NEED_MORE
        size, code = buffer[at + 1], buffer[at + 2]
        expected = {_SWITCH: 2, _MEASUREMENT: 0x11 if self.only_pm25 else 0x35}.get(code)
        return size + 3 if size == expected else NO_FRAME

    def parse(self, frame: bytes) -> Reading | Reply | Refused:
        """PM1006: PM2.5 only, its other slots are reserved. PM2007/2008: masses by two calibrations, counts per cm³."""
        if sum(frame) & 0xFF:
            return BAD_CHECKSUM
        if frame[2] == _SWITCH:
            return Reply(self.model, "sleep" if frame[3] == 1 else "wake", {})
        if self.only_pm25:
            pm25 = frame[5] << 8 | frame[6]
            if pm25 > _PM1006_CEILING and pm25 != 0xFFFF:
                return Refused("mass beyond any reading")
            return judge_masses(self.model, {"pm25_ug_m3": pm25}, _PM1006_CEILING)
        fields = [int.from_bytes(frame[at : at + 4], "big") for at in range(3, 51, 4)]
        item = judge_masses(self.model, dict(zip(_GRIMM, fields[:3], strict=True)))
        if isinstance(item, Refused):
            return item
        item.values.update(zip(_TSI, fields[3:6], strict=True))
        item.values.update((name, raw / 100) for name, raw in zip(_COUNTS, fields[6:], strict=True))
        if item.quality == "ok" and not any(fields[6:]):
            return flagged(self.model, item.values, "warming_up", "mass without counts: the fan has just started")
        return item

    def encode(self, values: Mapping[str, float]) -> bytes:
        """The answer to ``read``."""
        if self.only_pm25:
            raw = scaled(values, "pm25_ug_m3", 1, 0, 0xFFFF)
            return _with_check(b"\x16\x11\x0b\0\0" + raw.to_bytes(2, "big") + bytes(12))
        fields = [scaled(values, name, 1, 0, 0xFFFFFFFF) for name in (*_GRIMM, *_TSI)]
        fields += [scaled(values, name, 100, 0, 0xFFFFFFFF) for name in _COUNTS]
        body = b"\x16\x35\x0b" + b"".join(field.to_bytes(4, "big") for field in fields)
        return _with_check(body.ljust(55, b"\0"))
