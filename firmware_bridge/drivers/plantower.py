"""Plantower laser particle counters (PMS1003/3003/5003/7003/A003, 5003S, 5003T, 5003ST) on a UART.

Frame: ``42 4D``, u16 length of what follows, big-endian u16 fields, u16 sum of all bytes before it. Layouts and
examples: docs/sensors/plantower.md. The same header and length are used by other makers with other layouts, so the
model is configured and never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Literal

from firmware_bridge.driver import BAD_CHECKSUM, NEED_MORE, NO_FRAME, Driver, Refused, Reply, flagged, scaled
from firmware_bridge.reading import Reading

Layout = Literal["3003", "x003", "5003S", "5003T", "5003ST"]

_HEADER = b"\x42\x4d"
_ACK_LENGTH = 8
_LENGTH_OF_LAYOUT: dict[Layout, int] = {"3003": 24, "x003": 32, "5003S": 32, "5003T": 32, "5003ST": 40}
_MASSES = (
    "pm1_cf1_ug_m3", "pm25_cf1_ug_m3", "pm10_cf1_ug_m3", "pm1_atm_ug_m3", "pm25_atm_ug_m3", "pm10_atm_ug_m3",
)  # fmt: skip
_COUNTS = ("n0_3_per_cm3", "n0_5_per_cm3", "n1_0_per_cm3", "n2_5_per_cm3", "n5_0_per_cm3", "n10_0_per_cm3")
_UNPACK_12 = Struct(">4x12H").unpack_from
_UNPACK_6 = Struct(">4x6H").unpack_from
_CEILING = 1000  # µg/m³; effective to 500, reports to about here
_COUNT_CEILING = 655.35  # 0xFFFF in 0.1 L
_IMPOSSIBLE = 10_000  # µg/m³; 0x424D = 16973, the header itself, has been seen here after lost bytes
_WARMING_UP_ERROR = 0x08

_COMMANDS = {
    "read": (0xE2, 0), "passive": (0xE1, 0), "active": (0xE1, 1), "sleep": (0xE4, 0), "wake": (0xE4, 1),
}  # fmt: skip
_COMMAND_OF_ACK = {answer: name for name, answer in _COMMANDS.items()}


def _with_sum(body: bytes) -> bytes:
    return body + sum(body).to_bytes(2, "big")


@dataclass(frozen=True)
class Plantower(Driver):
    """A Plantower sensor; ``layout`` is the family member's arrangement of fields."""

    model: str
    layout: Layout
    every_s: float = 2.3  # 1 s while the air changes

    family = "plantower"
    start = re.compile(re.escape(_HEADER))
    start_bytes = 2
    longest = 40

    @property
    def commands(self) -> Mapping[str, bytes]:
        """Mode and sleep commands; none for the PMS3003. ``wake`` is not acknowledged: frames just start."""
        if self.layout == "3003":
            return {}
        return {name: _with_sum(_HEADER + bytes((code, 0, data))) for name, (code, data) in _COMMANDS.items()}

    def frame_length(self, buffer: bytes, at: int) -> int:
        """The model's own length, or an acknowledgement's; nothing else is believed."""
        if len(buffer) < at + 4:
            return NEED_MORE
        length = 4 + (buffer[at + 2] << 8 | buffer[at + 3])
        return length if length in (_LENGTH_OF_LAYOUT[self.layout], _ACK_LENGTH) else NO_FRAME

    def parse(self, frame: bytes) -> Reading | Reply | Refused:
        """A reading with the six masses and what the layout adds; counts are per cm³ (the wire says per 0.1 L)."""
        if sum(frame) - frame[-2] - frame[-1] != frame[-2] << 8 | frame[-1]:
            return BAD_CHECKSUM
        if len(frame) == _ACK_LENGTH:
            kind = _COMMAND_OF_ACK.get((frame[4], frame[5]), f"command 0x{frame[4]:02x}")
            return Reply(self.model, kind, {"data": frame[5]})
        if self.layout == "x003":
            return self._parse_x003(frame)
        return self._parse_other(frame)

    def _parse_x003(self, frame: bytes) -> Reading | Refused:
        a, b, c, d, e, f, n03, n05, n10, n25, n50, n100 = _UNPACK_12(frame)
        values: dict[str, float] = {
            "pm1_cf1_ug_m3": a, "pm25_cf1_ug_m3": b, "pm10_cf1_ug_m3": c,
            "pm1_atm_ug_m3": d, "pm25_atm_ug_m3": e, "pm10_atm_ug_m3": f,
            "n0_3_per_cm3": n03 / 100, "n0_5_per_cm3": n05 / 100, "n1_0_per_cm3": n10 / 100,
            "n2_5_per_cm3": n25 / 100, "n5_0_per_cm3": n50 / 100, "n10_0_per_cm3": n100 / 100,
            "version": frame[28], "error_code": frame[29],
        }  # fmt: skip
        if (
            a <= b <= c < _CEILING and d <= e <= f < _CEILING and 0 < n03 < 0xFFFF
            and n03 >= n05 >= n10 >= n25 >= n50 >= n100 and not frame[29]
        ):  # fmt: skip
            return Reading(self.model, values)
        return self._judge(values)

    def _parse_other(self, frame: bytes) -> Reading | Refused:
        values: dict[str, float] = dict(zip(_MASSES, _UNPACK_6(frame), strict=True))
        if self.layout == "3003":
            return self._judge(values)
        fields = [frame[at] << 8 | frame[at + 1] for at in range(16, len(frame) - 2, 2)]
        bins = 4 if self.layout == "5003T" else 6
        values |= {name: raw / 100 for name, raw in zip(_COUNTS, fields[:bins], strict=False)}
        if self.layout in ("5003S", "5003ST"):
            values["hcho_mg_m3"] = fields[6] / 1000
        if self.layout in ("5003T", "5003ST"):
            raw_temp, raw_rh = (fields[4], fields[5]) if self.layout == "5003T" else (fields[7], fields[8])
            values["temp_c"] = (raw_temp - 0x10000 if raw_temp & 0x8000 else raw_temp) / 10
            values["rh_percent"] = raw_rh / 10
        if self.layout in ("5003T", "5003ST"):  # the 5003S sends formaldehyde in this place
            values["version"], values["error_code"] = divmod(fields[-1], 256)
        return self._judge(values)

    def _judge(self, values: dict[str, float]) -> Reading | Refused:
        """What one frame alone can tell. Ceilings and contradictions are flagged; what no air can be is refused."""
        masses = [values[name] for name in _MASSES]
        counts = [values[name] for name in _COUNTS if name in values]
        if values.get("rh_percent", 0) > 100 or not -50 <= values.get("temp_c", 0) <= 100:
            return Refused("temperature or humidity impossible")
        if counts and not any(counts) and any(masses):
            return flagged(self.model, values, "warming_up", "mass without counts: the fan has just started")
        if values.get("error_code"):
            code = int(values["error_code"])
            if code == _WARMING_UP_ERROR and not any(counts):
                return flagged(self.model, values, "warming_up", "error byte 0x08, all counts zero")
            return flagged(self.model, values, "sensor_error", f"error byte 0x{code:02x}")
        if any(_IMPOSSIBLE <= mass != 0xFFFF for mass in masses):
            return flagged(
                self.model, values, "out_of_range", "more mass than air can hold: bytes were lost or shifted"
            )
        if max(masses) >= _CEILING or _COUNT_CEILING in counts:
            return flagged(
                self.model, values, "ceiling", f"at the top of its range, {_CEILING} µg/m³ or {_COUNT_CEILING}/cm³"
            )
        if not any(masses) and not any(counts):
            return flagged(
                self.model, values, "zero", "everything is zero: blocked, unplugged inside, or very clean air"
            )
        if sorted(masses[:3]) != masses[:3] or sorted(masses[3:]) != masses[3:]:
            return flagged(self.model, values, "out_of_range", "a smaller size class holds more mass than a larger one")
        if sorted(counts, reverse=True) != counts:
            return flagged(self.model, values, "out_of_range", "counts must fall from class to class and do not")
        return Reading(self.model, values)

    def encode(self, values: Mapping[str, float]) -> bytes:
        """The inverse of ``parse``. ``version`` and ``error_code`` default to 0x97 and 0 where the layout has them."""

        def u16(name: str, factor: float) -> int:
            return scaled(values, name, factor, 0, 0xFFFF)

        fields = [u16(name, 1) for name in _MASSES]
        status = scaled({"version": 0x97} | dict(values), "version", 1, 0, 0xFF) << 8
        status |= scaled(values, "error_code", 1, 0, 0xFF)
        climate = [scaled(values, "temp_c", 10, -0x8000, 0x7FFF) & 0xFFFF, u16("rh_percent", 10)]
        counts = [u16(name, 100) for name in _COUNTS]
        hcho = u16("hcho_mg_m3", 1000)
        fields += {
            "3003": [0, 0, 0x0051],
            "x003": [*counts, status],
            "5003S": [*counts, hcho],
            "5003T": [*counts[:4], *climate, status],
            "5003ST": [*counts, hcho, *climate, 0, status],
        }[self.layout]
        body = b"".join(field.to_bytes(2, "big") for field in fields)
        return _with_sum(_HEADER + (len(body) + 2).to_bytes(2, "big") + body)
