"""Wind, temperature and humidity over RS-485: Modbus RTU read requests and their answers.

An answer carries no tag: unit, function, byte count and CRC must all fit the question. Which register holds what, in
which order, scale and sign rule differs from maker to maker, so each device is a named preset. Details:
docs/sensors/modbus.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from firmware_bridge.driver import BAD_CHECKSUM, NEED_MORE, NO_FRAME, Driver, Refused, Reply, scaled
from firmware_bridge.reading import Reading

_ANY_UNIT = 0xFF
_EXCEPTION = 0x80
_CALM_M_S = 0.5  # below this a vane points anywhere
_LIMITS = {
    "wind_speed_m_s": (0, 100), "wind_from_deg": (0, 360), "temp_c": (-60, 100), "rh_percent": (0, 100),
}  # fmt: skip

Sign = Literal["unsigned", "twos_complement", "from_10000"]


def crc16(data: bytes) -> bytes:
    """CRC-16/Modbus, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


@dataclass(frozen=True, slots=True)
class Register:
    """``index`` counts from the first register asked for; the value is raw * ``scale``."""

    index: int
    name: str
    scale: float
    sign: Sign = "unsigned"

    def value(self, raw: int) -> float:
        """Raw register to the named quantity."""
        if self.sign == "twos_complement" and raw & 0x8000:
            raw -= 0x10000
        elif self.sign == "from_10000" and raw >= 10_000:
            raw = 10_000 - raw
        return round(raw * self.scale, 6)

    def raw(self, values: Mapping[str, float]) -> int:
        """The inverse of ``value``; raises ``ValueError`` for what the register cannot hold."""
        if self.sign == "unsigned":
            return scaled(values, self.name, 1 / self.scale, 0, 0xFFFF)
        raw = scaled(values, self.name, 1 / self.scale, -0x8000, 0x7FFF)
        return (10_000 - raw if self.sign == "from_10000" else raw + 0x10000) if raw < 0 else raw


@dataclass(frozen=True)
class Modbus(Driver):
    """One device on the bus: what is asked, and what the answer's registers mean."""

    model: str
    registers: tuple[Register, ...]
    first: int = 0
    count: int = 1
    function: int = 3
    unit: int = 1
    baud: int = 4800
    polls: tuple[str, ...] = ("read",)

    family = "modbus"
    start_bytes = 2
    longest = 64

    @property
    def start(self) -> re.Pattern[bytes]:
        """Unit and function, or the function's exception. A question to unit 255 is answered by any unit."""
        unit = b"[\\x01-\\xff]" if self.unit == _ANY_UNIT else re.escape(bytes((self.unit,)))
        functions = re.escape(bytes((self.function,))) + re.escape(bytes((self.function | _EXCEPTION,)))
        return re.compile(unit + b"[" + functions + b"]", re.DOTALL)

    @property
    def commands(self) -> Mapping[str, bytes]:
        """The one question that is asked."""
        body = bytes((self.unit, self.function)) + self.first.to_bytes(2, "big") + self.count.to_bytes(2, "big")
        return {"read": body + crc16(body)}

    def frame_length(self, buffer: bytes, at: int) -> int:
        """By the byte count, which must be that of the question."""
        if buffer[at + 1] & _EXCEPTION:
            return 5
        if len(buffer) < at + 3:
            return NEED_MORE
        return 5 + 2 * self.count if buffer[at + 2] == 2 * self.count else NO_FRAME

    def parse(self, frame: bytes) -> Reading | Reply | Refused:
        """Wind direction is left out while a speed beside it says calm: a vane then points anywhere."""
        if crc16(frame[:-2]) != frame[-2:]:
            return BAD_CHECKSUM
        if frame[1] & _EXCEPTION:
            return Reply(self.model, "exception", {"code": frame[2]})
        values: dict[str, float] = {}
        for register in self.registers:
            at = 3 + 2 * register.index
            values[register.name] = register.value(frame[at] << 8 | frame[at + 1])
        for name, (low, high) in _LIMITS.items():
            if name in values and not low <= values[name] <= high:
                return Refused(f"{name} impossible")
        if values.get("wind_from_deg") == 360:
            values["wind_from_deg"] = 0
        if values.get("wind_speed_m_s", _CALM_M_S) < _CALM_M_S:
            values.pop("wind_from_deg", None)
        return Reading(self.model, values)

    def encode(self, values: Mapping[str, float]) -> bytes:
        """The answer to ``read``."""
        raws = [0] * self.count
        for register in self.registers:
            raws[register.index] = register.raw(values)
        body = bytes((self.unit, self.function, 2 * self.count)) + b"".join(raw.to_bytes(2, "big") for raw in raws)
        return body + crc16(body)


@dataclass(frozen=True)
class ModbusBus(Driver):
    """Several devices on one pair of wires, asked in turn; each reading bears its own device's model.

    ``encode`` speaks for the first device. Raises ``ValueError`` where two have one unit, or speeds differ.
    """

    model: str
    devices: tuple[Modbus, ...]

    family = "modbus"
    start_bytes = 2
    longest = Modbus.longest

    def __post_init__(self) -> None:
        """Checks that the devices can share a line, and takes over its settings."""
        units = [device.unit for device in self.devices]
        speeds = {device.baud for device in self.devices}
        if len(set(units)) < len(units) or _ANY_UNIT in units:
            raise ValueError(f"devices on one line need units of their own; got {units}")
        if len(speeds) > 1:
            raise ValueError(f"devices on one line speak at one speed; got {sorted(speeds)} baud")
        object.__setattr__(self, "baud", speeds.pop())
        object.__setattr__(self, "polls", tuple(self.commands))

    @property
    def start(self) -> re.Pattern[bytes]:
        """What any of the devices begins an answer with."""
        return re.compile(b"|".join(device.start.pattern for device in self.devices), re.DOTALL)

    @property
    def commands(self) -> Mapping[str, bytes]:
        """One question a device."""
        return {f"read {device.model}": device.commands["read"] for device in self.devices}

    def _device(self, unit: int) -> Modbus:
        return next(device for device in self.devices if device.unit == unit)

    def frame_length(self, buffer: bytes, at: int) -> int:
        """As the device with this unit says."""
        return self._device(buffer[at]).frame_length(buffer, at)

    def parse(self, frame: bytes) -> Reading | Reply | Refused:
        """As the device with this unit says."""
        return self._device(frame[0]).parse(frame)

    def encode(self, values: Mapping[str, float]) -> bytes:
        """The first device's answer."""
        return self.devices[0].encode(values)


def presets() -> Iterable[Modbus]:
    """Devices whose registers are known. Names of unknown scale give the bare register."""
    tenth_speed = (Register(0, "wind_speed_m_s", 0.1),)
    yield Modbus("RS-FSJT-N01", tenth_speed)
    yield Modbus("PR-3000-FSJT-N01", tenth_speed)
    yield Modbus("RS-FXJT-N01", (Register(1, "wind_from_deg", 1),), count=2)
    yield Modbus("SEN0483", tenth_speed, unit=2, baud=9600)
    yield Modbus("SEN0482", (Register(0, "wind_from_deg", 0.1),), unit=2, baud=9600)
    station = (Register(0, "wind_speed_m_s", 0.1), Register(2, "wind_from_deg", 45))  # eight sectors
    yield Modbus("SEN0657", station, first=0x01F4, count=3)
    yield Modbus("ADTEK-WSA", tenth_speed)
    rh_first = (Register(0, "rh_percent", 0.1), Register(1, "temp_c", 0.1, "twos_complement"))
    yield Modbus("RS-WS-N01", rh_first, count=2)
    temp_first = (Register(0, "temp_c", 0.1, "twos_complement"), Register(1, "rh_percent", 0.1))
    yield Modbus("XY-MD02", temp_first, first=1, count=2, function=4, baud=9600)
    yield Modbus("SRTH", temp_first, count=2, baud=9600)
    above_10000 = (Register(0, "temp_c", 0.1, "from_10000"), Register(1, "rh_percent", 0.1))
    yield Modbus("KINCONY-SHT30", above_10000, count=2, baud=9600)
    bare = (Register(0, "register_0", 1),)
    yield Modbus("XM8589", bare, baud=9600)
    yield Modbus("MODBUS-ANY", bare, unit=_ANY_UNIT)
    yield Modbus("MODBUS-1", bare)
    yield Modbus("MODBUS-TEMP", (Register(0, "temp_c", 0.1, "twos_complement"),), first=1, function=4, baud=9600)
