"""GY-MCU680 climate module (a BME680 behind a microcontroller) on a UART that sends by itself.

Frame: ``5A 5A 3F 0F``, big-endian fields, low byte of the sum of all bytes before it. Layout: docs/sensors/other.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct

from firmware_bridge.driver import BAD_CHECKSUM, Driver, Refused, Reply, scaled
from firmware_bridge.reading import Reading

_HEADER = b"\x5a\x5a\x3f\x0f"
_FIELDS = Struct(">4x h H 3s H I h x")


@dataclass(frozen=True)
class GyMcu680(Driver):
    """Temperature, humidity, pressure, an indoor air index, gas resistance and altitude."""

    model: str = "MCU680"

    family = "other"
    start = re.compile(re.escape(_HEADER))
    start_bytes = len(_HEADER)
    longest = _FIELDS.size

    def frame_length(self, buffer: bytes, at: int) -> int:
        """Always twenty bytes."""
        return _FIELDS.size

    def parse(self, frame: bytes) -> Reading | Reply | Refused:
        """The index's accuracy is not published: sources disagree about the bits that hold it."""
        if sum(frame[:-1]) & 0xFF != frame[-1]:
            return BAD_CHECKSUM
        temp, rh, pressure, index, resistance, altitude = _FIELDS.unpack(frame)
        if rh > 100_00 or not -50_00 <= temp <= 100_00:
            return Refused("temperature or humidity impossible")
        return Reading(
            self.model,
            {
                "temp_c": temp / 100,
                "rh_percent": rh / 100,
                "pressure_hpa": int.from_bytes(pressure, "big") / 100,
                "iaq": index & 0x0FFF,
                "gas_resistance_kohm": resistance / 1000,
                "altitude_m": altitude,
            },
        )

    def encode(self, values: Mapping[str, float]) -> bytes:
        """The inverse of ``parse``."""
        body = (
            _HEADER
            + _FIELDS.pack(
                scaled(values, "temp_c", 100, -0x8000, 0x7FFF),
                scaled(values, "rh_percent", 100, 0, 0xFFFF),
                scaled(values, "pressure_hpa", 100, 0, 0xFFFFFF).to_bytes(3, "big"),
                scaled(values, "iaq", 1, 0, 0x0FFF),
                scaled(values, "gas_resistance_kohm", 1000, 0, 0xFFFFFFFF),
                scaled(values, "altitude_m", 1, -0x8000, 0x7FFF),
            )[4:-1]
        )
        return body + bytes((sum(body) & 0xFF,))
