"""Nova Fitness SDS011/018/021 and SDS198 laser dust sensors on a UART.

Frame: ``AA``, kind (``C0`` measurement, ``CF`` measurement of the SDS198, ``C5`` answer), six data bytes of which the
last two are the unit's id, sum of the six modulo 256, ``AB``. The sum does not cover the kind byte. Details:
docs/sensors/nova.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from firmware_bridge.driver import BAD_CHECKSUM, Driver, Refused, Reply, flagged, scaled
from firmware_bridge.reading import Reading

_LENGTH = 10
_TAIL = 0xAB
_NO_TAIL = Refused("no end byte")
_TOO_HIGH = Refused("mass beyond any reading")
_CEILING_TENTHS = 9999
_CEILING_PM100 = 20_000  # µg/m³, the SDS198's stated range
_EVERYONE = 0xFFFF
_KIND_OF_FUNCTION = {2: "report_mode", 5: "set_id", 6: "power", 7: "firmware", 8: "period"}


def command(function: int, a: int = 0, b: int = 0, *, unit: int = _EVERYONE, new_id: int = 0) -> bytes:
    """A host command of 19 bytes. ``unit`` addresses one sensor id, by default every sensor on the line."""
    data = bytes((function, a, b)) + bytes(8) + new_id.to_bytes(2, "big") + unit.to_bytes(2, "big")
    return b"\xaa\xb4" + data + bytes((sum(data) & 0xFF, _TAIL))


@dataclass(frozen=True)
class Nova(Driver):
    """An SDS011/018/021, or with ``kind`` 0xCF an SDS198 (total dust to 100 µm instead of PM2.5 and PM10)."""

    model: str
    kind: int = 0xC0
    identify: tuple[str, ...] = ("firmware",)

    family = "nova"
    start = re.compile(rb"\xaa[\xc0\xc5\xcf]")
    start_bytes = 2
    longest = _LENGTH

    @property
    def commands(self) -> Mapping[str, bytes]:
        """Report mode and working period survive a power cut; a sleeping unit obeys only ``wake``."""
        return {
            "active": command(2, 1, 0),
            "passive": command(2, 1, 1),
            "read": command(4),
            "sleep": command(6, 1, 0),
            "wake": command(6, 1, 1),
            "firmware": command(7),
            "continuous": command(8, 1, 0),
            "every_5_minutes": command(8, 1, 5),
        }

    def frame_length(self, buffer: bytes, at: int) -> int:
        """Always ten bytes."""
        return _LENGTH

    def parse(self, frame: bytes) -> Reading | Reply | Refused:
        """``pm25_ug_m3`` and ``pm10_ug_m3`` (tenths on the wire), or ``pm100_ug_m3``; and ``sensor_id``."""
        _, kind, a, b, c, d, e, f, checksum, tail = frame
        if tail != _TAIL:
            return _NO_TAIL
        if (a + b + c + d + e + f) & 0xFF != checksum:
            return BAD_CHECKSUM
        if kind == 0xC5:
            return self._answer(frame)
        if kind != self.kind:
            return Refused("measurement of another model")
        if kind == 0xCF:
            return self._total_dust(c | d << 8, e << 8 | f)
        pm25, pm10 = a | b << 8, c | d << 8
        values: dict[str, float] = {"pm25_ug_m3": pm25 / 10, "pm10_ug_m3": pm10 / 10, "sensor_id": e << 8 | f}
        if 0 < pm25 <= pm10 < _CEILING_TENTHS:
            return Reading(self.model, values)
        if pm25 > _CEILING_TENTHS or pm10 > _CEILING_TENTHS:
            return _TOO_HIGH
        if _CEILING_TENTHS in (pm25, pm10):
            return flagged(self.model, values, "ceiling", "999.9 µg/m³ is the top of its range")
        if pm25 > pm10:
            return flagged(self.model, values, "out_of_range", "PM2.5 is part of PM10 and cannot exceed it")
        if pm10 == 0:
            return flagged(
                self.model, values, "zero", "both are zero: a stopped fan, a blocked inlet, or very clean air"
            )
        return Reading(self.model, values)

    def _total_dust(self, pm100: int, sensor_id: int) -> Reading | Refused:
        values: dict[str, float] = {"pm100_ug_m3": pm100, "sensor_id": sensor_id}
        if pm100 > _CEILING_PM100:
            return _TOO_HIGH
        if pm100 == _CEILING_PM100:
            return flagged(self.model, values, "ceiling", f"{_CEILING_PM100} µg/m³ is the top of its range")
        if pm100 == 0:
            return flagged(self.model, values, "zero", "zero: a stopped fan, a blocked inlet, or very clean air")
        return Reading(self.model, values)

    def _answer(self, frame: bytes) -> Reply:
        function, a, b, c = frame[2:6]
        kind = _KIND_OF_FUNCTION.get(function, f"function {function}")
        values: dict[str, float | str] = {"sensor_id": frame[6] << 8 | frame[7]}
        if function == 7:
            values["firmware"] = f"20{a:02d}-{b:02d}-{c:02d}"
        elif function in (2, 6, 8):
            values |= {"set": a, kind: b}
        return Reply(self.model, kind, values)

    def encode(self, values: Mapping[str, float]) -> bytes:
        """The inverse of ``parse``; raises ``ValueError`` above what the sensor can report."""
        if self.kind == 0xCF:
            fields = (0, scaled(values, "pm100_ug_m3", 1, 0, _CEILING_PM100))
        else:
            fields = (
                scaled(values, "pm25_ug_m3", 10, 0, _CEILING_TENTHS),
                scaled(values, "pm10_ug_m3", 10, 0, _CEILING_TENTHS),
            )
        unit = scaled(values, "sensor_id", 1, 0, 0xFFFF)
        data = fields[0].to_bytes(2, "little") + fields[1].to_bytes(2, "little") + unit.to_bytes(2, "big")
        return bytes((0xAA, self.kind)) + data + bytes((sum(data) & 0xFF, _TAIL))
