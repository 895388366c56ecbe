"""Winsen modules on a UART: ZH03B/ZH06/ZH07 dust, ZE07-CO/ZE15-CO carbon monoxide, MH-Z19B carbon dioxide.

Short frame: ``FF``, kind, six data bytes, two's complement of the sum of bytes 1-7. The dust sensors send longer frames
by themselves, which look like Plantower's with other fields. Details and sources: docs/sensors/winsen.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from firmware_bridge.driver import BAD_CHECKSUM, NEED_MORE, NO_FRAME, Driver, Refused, Reply, flagged, scaled
from firmware_bridge.drivers.masses import judge_masses
from firmware_bridge.reading import Reading

_SHORT = 9
_ANSWER = 0x86
_CO_FULL_TENTHS = 5000
_CO2_FULL = 10_000
_DUST = ("pm1_ug_m3", "pm25_ug_m3", "pm10_ug_m3")


def _short(*body: int) -> bytes:
    data = bytes(body).ljust(_SHORT - 2, b"\0")
    return b"\xff" + data + bytes((-sum(data) & 0xFF,))


def _checks(frame: bytes) -> bool:
    return -sum(frame[1:8]) & 0xFF == frame[8]


@dataclass(frozen=True)
class WinsenDust(Driver):
    """ZH03B, ZH06-I and ZH07; ``pushed`` are the lengths of the frames that the model sends by itself."""

    model: str
    pushed: tuple[int, ...]
    warm_up_s: float = 45.0

    family = "winsen"
    start = re.compile(rb"\xff[\x86\xa7]|\x42\x4d")
    start_bytes = 2
    longest = 32

    @property
    def commands(self) -> Mapping[str, bytes]:
        """Question-and-answer mode is ``passive``."""
        return {
            "read": _short(0x01, _ANSWER),
            "passive": _short(0x01, 0x78, 0x41),
            "active": _short(0x01, 0x78, 0x40),
            "sleep": _short(0x01, 0xA7, 0x01),
            "wake": _short(0x01, 0xA7, 0x00),
        }

    def frame_length(self, buffer: bytes, at: int) -> int:
        """9 for an answer, else the model's own pushed length."""
        if buffer[at] == 0xFF:
            return _SHORT
        if len(buffer) < at + 4:
            return NEED_MORE
        length = 4 + (buffer[at + 2] << 8 | buffer[at + 3])
        return length if length in self.pushed else NO_FRAME

    def parse(self, frame: bytes) -> Reading | Reply | Refused:
        """Masses in µg/m³; a polled answer has them in the order PM2.5, PM10, PM1."""
        if frame[0] == 0xFF:
            if not _checks(frame):
                return BAD_CHECKSUM
            if frame[1] != _ANSWER:
                return Reply(self.model, "done" if frame[2] == 1 else "refused", {})
            pm25, pm10, pm1 = (frame[at] << 8 | frame[at + 1] for at in (2, 4, 6))
        else:
            if sum(frame[:-2]) != frame[-2] << 8 | frame[-1]:
                return BAD_CHECKSUM
            pm1, pm25, pm10 = (frame[at] << 8 | frame[at + 1] for at in (10, 12, 14))
        return judge_masses(self.model, dict(zip(_DUST, (pm1, pm25, pm10), strict=True)))

    def encode(self, values: Mapping[str, float]) -> bytes:
        """The frame that it sends by itself: the three masses stand in it twice."""
        masses = b"".join(scaled(values, name, 1, 0, 0xFFFF).to_bytes(2, "big") for name in _DUST)
        length = self.pushed[0]
        body = (b"\x42\x4d" + (length - 4).to_bytes(2, "big") + masses + masses).ljust(length - 2, b"\0")
        return body + sum(body).to_bytes(2, "big")


@dataclass(frozen=True)
class WinsenCo(Driver):
    """ZE07-CO and ZE15-CO, electrochemical carbon monoxide, the cheap hint of solid fuel. Slow to settle: minutes."""

    model: str
    warm_up_s: float = 180.0

    family = "winsen"
    start = re.compile(rb"\xff[\x04\x86]")
    start_bytes = 2
    longest = _SHORT

    @property
    def commands(self) -> Mapping[str, bytes]:
        """By default it sends every second; ``passive`` makes it wait for ``read``."""
        return {
            "read": _short(0x01, _ANSWER),
            "passive": _short(0x01, 0x78, 0x41),
            "active": _short(0x01, 0x78, 0x40),
        }

    def frame_length(self, buffer: bytes, at: int) -> int:
        """Always nine bytes."""
        return _SHORT

    def parse(self, frame: bytes) -> Reading | Reply | Refused:
        """``co_ppm``. A pushed frame states gas, unit, decimals and full scale, and all four are checked."""
        if not _checks(frame):
            return BAD_CHECKSUM
        if frame[1] == _ANSWER:
            raw, full = frame[2] << 8 | frame[3], _CO_FULL_TENTHS
        else:
            if frame[2:4] != b"\x03\x01":
                return Refused("not in tenths of a ppm")
            raw, full = frame[4] << 8 | frame[5], frame[6] << 8 | frame[7]
        values: dict[str, float] = {"co_ppm": raw / 10}
        if raw > full:
            return Refused("above its own full scale")
        if raw == full:
            return flagged(self.model, values, "ceiling", f"{full / 10:g} ppm is the top of its range")
        return Reading(self.model, values)

    def encode(self, values: Mapping[str, float]) -> bytes:
        """The frame that it sends by itself."""
        raw = scaled(values, "co_ppm", 10, 0, _CO_FULL_TENTHS)
        return _short(0x04, 0x03, 0x01, *raw.to_bytes(2, "big"), *_CO_FULL_TENTHS.to_bytes(2, "big"))


@dataclass(frozen=True)
class WinsenCo2(Driver):
    """MH-Z19B, infrared carbon dioxide."""

    model: str = "MHZ19B"
    warm_up_s: float = 180.0
    polls: tuple[str, ...] = ("read",)
    every_s: float = 5.0

    family = "winsen"
    start = re.compile(rb"\xff\x86")
    start_bytes = 2
    longest = _SHORT

    @property
    def commands(self) -> Mapping[str, bytes]:
        """Only the question; calibration commands are left to the maker's tools."""
        return {"read": _short(0x01, _ANSWER)}

    def frame_length(self, buffer: bytes, at: int) -> int:
        """Always nine bytes."""
        return _SHORT

    def parse(self, frame: bytes) -> Reading | Reply | Refused:
        """``co2_ppm``; what else is in the frame is undocumented."""
        if not _checks(frame):
            return BAD_CHECKSUM
        raw = frame[2] << 8 | frame[3]
        values: dict[str, float] = {"co2_ppm": raw}
        if raw > _CO2_FULL:
            return Refused("above its own full scale")
        if raw == _CO2_FULL:
            return flagged(self.model, values, "ceiling", f"{_CO2_FULL} ppm is the top of its range")
        return Reading(self.model, values)

    def encode(self, values: Mapping[str, float]) -> bytes:
        """The answer to ``read``."""
        return _short(_ANSWER, *scaled(values, "co2_ppm", 1, 0, _CO2_FULL).to_bytes(2, "big"))
