"""Sensirion SPS30 on a UART: SHDLC frames between ``7E`` flags, polled.

A frame is address, command, state, length, data and the inverted low byte of their sum, byte-stuffed between the flags.
Two frames may share one flag. Details: docs/sensors/sensirion.md.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct

from firmware_bridge.driver import BAD_CHECKSUM, NEED_MORE, NO_FRAME, WRONG_LENGTH, Driver, Refused, Reply, flagged
from firmware_bridge.reading import Reading

_FLAG = b"\x7e"
_NAMES = (
    "pm1_ug_m3", "pm25_ug_m3", "pm4_ug_m3", "pm10_ug_m3",
    "n0_5_per_cm3", "n1_0_per_cm3", "n2_5_per_cm3", "n4_0_per_cm3", "n10_0_per_cm3", "typical_size_um",
)  # fmt: skip
_FLOATS = Struct(">10f")
_INTEGERS = Struct(">10H")
_CEILING = 1000.0  # µg/m³
_IMPOSSIBLE = 30_000.0
_READ = 0x03
_DEVICE_ERROR = 0x80
_NOT_IN_THIS_STATE = 0x43
_STATES = {
    0x00: "ok", 0x01: "wrong data length", 0x02: "unknown command", 0x03: "no access right", 0x04: "illegal parameter",
    0x28: "argument out of range", _NOT_IN_THIS_STATE: "not allowed in this state",
}  # fmt: skip
_FAULT_BITS = {21: "fan speed out of range", 5: "laser", 4: "fan"}
_STUFFED = re.compile(rb"[\x7e\x7d\x11\x13]")
_ESCAPED = re.compile(rb"\x7d(.?)", re.DOTALL)


def _stuff(body: bytes) -> bytes:
    return _FLAG + _STUFFED.sub(lambda hit: bytes((0x7D, hit[0][0] ^ 0x20)), body) + _FLAG


def _unstuff(body: bytes) -> bytes:
    """One pass from left to right: what an escape yields is never looked at again (``7D 31`` beside ``7D``)."""
    return _ESCAPED.sub(lambda hit: bytes((hit[1][0] ^ 0x20,)) if hit[1] else b"\x7d", body)


def _with_check(body: bytes) -> bytes:
    return _stuff(body + bytes((~sum(body) & 0xFF,)))


def _request(code: int, data: bytes = b"") -> bytes:
    return _with_check(bytes((0, code, len(data))) + data)


_COMMANDS = {
    "wake": _request(0x00, b"\x01\x03"),  # start measuring, floats
    "sleep": _request(0x01),  # stop measuring: fan and laser off
    "read": _request(_READ),
    "deep_sleep": _request(0x10),
    "deep_wake": b"\xff" + _request(0x11),  # the first byte only wakes its UART
    "clean_fan": _request(0x56),
    "clean_interval": _request(0x80, b"\x00"),
    "product_type": _request(0xD0, b"\x00"),
    "serial_number": _request(0xD0, b"\x03"),
    "versions": _request(0xD1),
    "status": _request(0xD2, b"\x00"),
    "reset": _request(0xD3),
}
_NAME_OF_CODE = {
    0x00: "wake", 0x01: "sleep", 0x03: "read", 0x10: "deep_sleep", 0x11: "deep_wake", 0x56: "clean_fan",
    0x80: "clean_interval", 0xD0: "device_information", 0xD1: "versions", 0xD2: "status", 0xD3: "reset",
}  # fmt: skip
_ECHOES = frozenset(message.removeprefix(b"\xff") for message in _COMMANDS.values())


@dataclass(frozen=True)
class Sps30(Driver):
    """The SPS30. PM4 and PM10 are its own extrapolation from the finer classes."""

    model: str = "SPS30"
    baud: int = 115200
    on_open: tuple[str, ...] = ("wake",)
    polls: tuple[str, ...] = ("read",)
    identify: tuple[str, ...] = ("product_type", "serial_number", "versions", "status")

    family = "sensirion"
    start = re.compile(rb"\x7e[^\x7e]")
    start_bytes = 2
    longest = 96
    flag_bytes = 1

    @property
    def commands(self) -> Mapping[str, bytes]:
        """``wake`` and ``sleep`` start and stop the measurement; the deep ones switch the whole module off."""
        return _COMMANDS

    def remedy(self, reply: Reply) -> tuple[str, ...]:
        """A sensor that lost its power for a moment is idle again and refuses to be read: start it."""
        lost = reply.kind == "read" and reply.values["state"] == _STATES[_NOT_IN_THIS_STATE]
        return ("wake",) if lost else ()

    def frame_length(self, buffer: bytes, at: int) -> int:
        """To the next flag; a flag inside the data is always stuffed."""
        end = buffer.find(_FLAG, at + 1, at + self.longest)
        if end > 0:
            return end - at + 1
        return NO_FRAME if len(buffer) - at >= self.longest else NEED_MORE

    def parse(self, frame: bytes) -> Reading | Reply | Refused:
        """Four masses, five counts above a size in 1/cm³, and the typical particle size."""
        if frame in _ECHOES:
            return Refused("echo of our own request")
        body = _unstuff(frame[1:-1])
        if len(body) < 5 or len(body) != body[3] + 5:
            return WRONG_LENGTH
        if sum(body) & 0xFF != 0xFF:
            return BAD_CHECKSUM
        _, code, state, size = body[:4]
        data = body[4:-1]
        if code == _READ and size in (_FLOATS.size, _INTEGERS.size):
            return self._measurement(data, device_error=bool(state & _DEVICE_ERROR))
        values: dict[str, float | str] = {"state": _STATES.get(state & 0x7F, f"0x{state & 0x7F:02x}")}
        if code == 0xD0:
            values["text"] = data.rstrip(b"\0").decode("ascii", "replace")
        elif code == 0xD2 and len(data) >= 4:
            register = int.from_bytes(data[:4], "big")
            faults = [fault for bit, fault in _FAULT_BITS.items() if register >> bit & 1]
            values["faults"] = ", ".join(faults) or "none"
        elif data:
            values["data"] = data.hex()
        return Reply(self.model, _NAME_OF_CODE.get(code, f"command 0x{code:02x}"), values)

    def _measurement(self, data: bytes, *, device_error: bool) -> Reading | Refused:
        if len(data) == _FLOATS.size:
            raw: tuple[float, ...] = _FLOATS.unpack(data)
        else:
            integers = _INTEGERS.unpack(data)
            raw = (*integers[:9], integers[9] / 1000)  # nanometres in this format
        if not all(math.isfinite(value) and value >= 0 for value in raw) or max(raw[:4]) > _IMPOSSIBLE:
            return Refused("mass beyond any reading")
        values = dict(zip(_NAMES, raw, strict=True))
        if device_error:
            return flagged(self.model, values, "sensor_error", "the sensor reports an error: ask it for its status")
        if max(raw[:4]) >= _CEILING:
            return flagged(self.model, values, "ceiling", "1000 µg/m³ is the top of its range")
        if not any(raw[:9]):
            return flagged(self.model, values, "zero", "everything is zero: starting, blocked, or very clean air")
        if any(small > large * 1.001 for small, large in (raw[0:2], raw[1:3], raw[2:4])):
            return flagged(self.model, values, "out_of_range", "a smaller size class holds more mass than a larger one")
        return Reading(self.model, values)

    def encode(self, values: Mapping[str, float]) -> bytes:
        """The float format's answer to ``read``."""
        data = _FLOATS.pack(*(values.get(name, 0.0) for name in _NAMES))
        return _with_check(bytes((0, _READ, 0, len(data))) + data)
