"""The pin-to-pin table as data, and the rules that no harness may break."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from hardware import text_of
from hardware.bom import Part

#: Which pin may meet which. TX and RX are seen from their own part, so they cross.
_MEETS = {"5V": "5V", "3V3": "3V3", "GND": "GND", "TX": "RX", "RX": "TX", "SDA": "SDA", "SCL": "SCL"}
_VOLTS = {"5V": 5.0, "3V3": 3.3, "GND": 0.0, "TX": 3.3, "RX": 3.3, "SDA": 3.3, "SCL": 3.3}
_COMPLETE = ({"5V", "GND", "TX", "RX"}, {"3V3", "GND", "SDA", "SCL"})


@dataclass(frozen=True, slots=True)
class Wire:
    """One core: pin at the Pi's end, pin at the part's end, its level in volts (0: ground) and its colour."""

    near: str
    far: str
    volts: float
    colour: str


@dataclass(frozen=True, slots=True)
class Bus:
    """A bus of the header: role -> GPIO; per Pi generation the overlay of ``config.txt`` and the kernel's address."""

    name: str
    roles: Mapping[str, str]
    pi4: Mapping[str, str]
    pi5: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Cable:
    """One part's harness; a serial sensor's cable also says model, port and line settings."""

    name: str
    build: str
    near: str
    far: str
    wires: tuple[Wire, ...]
    bus: str | None = None
    model: str | None = None
    port: str | None = None
    baud: int | None = None
    parity: str | None = None


@dataclass(frozen=True, slots=True)
class Wiring:
    """The whole table: pin -> name for each part, the header's buses, the cables."""

    pinouts: Mapping[str, Mapping[str, str]]
    buses: Mapping[str, Bus]
    cables: tuple[Cable, ...] = field(default_factory=tuple)

    def near_role(self, cable: Cable, pin: str) -> str | None:
        """What the pin at the Pi's end does on this cable: on the header, a GPIO has the role that its bus gives it."""
        name = self.pinouts[cable.near].get(pin)
        roles = self.buses[cable.bus].roles if cable.bus is not None else {}
        return next((role for role, gpio in roles.items() if gpio == name), name)


def load_wiring() -> Wiring:
    """Reads ``wiring.toml``."""
    return parse_wiring(text_of("wiring.toml"))


def parse_wiring(text: str) -> Wiring:
    """The table from TOML; raises ``ValueError`` or ``TypeError`` for keys that are missing or unknown."""
    data = tomllib.loads(text)
    cables = (Cable(**{**row, "wires": tuple(Wire(**wire) for wire in row["wires"])}) for row in data["cable"])
    return Wiring(data["pinout"], {row["name"]: Bus(**row) for row in data["bus"]}, tuple(cables))


def faults(wiring: Wiring, parts: Mapping[str, Part]) -> list[str]:
    """Everything that would not work or would burn, in words; empty for a sound table."""
    found = list[str]()
    for cable in wiring.cables:
        found += _unknown(wiring, cable, parts)
    if found:
        return found  # the rules below need known parts and pins
    for cable in wiring.cables:
        found += _bad_wires(wiring, cable) + _bad_supply(wiring, cable, parts)
    return found + _used_twice(wiring) + _colours(wiring)


def _unknown(wiring: Wiring, cable: Cable, parts: Mapping[str, Part]) -> list[str]:
    where = f"{cable.build} build, {cable.name}"
    found = list[str]()
    for end in (cable.near, cable.far):
        part = parts.get("computer" if end == "header" else end)
        if part is None or cable.build not in part.builds:
            found.append(f"{where}: {end} is not in this build's bill of materials")
        if end not in wiring.pinouts:
            found.append(f"{where}: no pinout for {end}")
    if cable.bus is not None and cable.bus not in wiring.buses:
        found.append(f"{where}: no bus {cable.bus}")
    for end, pins in ((cable.near, [w.near for w in cable.wires]), (cable.far, [w.far for w in cable.wires])):
        found += [f"{where}: {end} has no pin {pin}" for pin in pins if pin not in wiring.pinouts.get(end, {})]
    return found


def _bad_wires(wiring: Wiring, cable: Cable) -> list[str]:
    where = f"{cable.build} build, {cable.name}"
    found, roles = list[str](), set[str]()
    for wire in cable.wires:
        near, far = wiring.near_role(cable, wire.near), wiring.pinouts[cable.far][wire.far]
        line = f"{where}: {cable.near} pin {wire.near} ({near}) to {cable.far} pin {wire.far} ({far})"
        if near not in _MEETS or _MEETS[near] != far:
            found.append(f"{line}: these two must not meet")
        elif wire.volts != _VOLTS[near]:
            found.append(f"{line}: is {_VOLTS[near]} V, the table says {wire.volts} V")
        roles.add(near or "?")
    if roles not in _COMPLETE:
        found.append(f"{where}: has {', '.join(sorted(roles))}; a cable has supply, ground and two crossed signals")
    return found


def _bad_supply(wiring: Wiring, cable: Cable, parts: Mapping[str, Part]) -> list[str]:
    part = parts[cable.far]
    found = list[str]()
    for wire in cable.wires:
        pin = wiring.pinouts[cable.far][wire.far]
        expected = {"5V": part.supply_v, "3V3": part.supply_v, "GND": 0.0}.get(pin, part.signal_v)
        if wire.volts != expected:
            found.append(
                f"{cable.build} build, {cable.name}: {cable.far} pin {wire.far} takes {expected} V, gets {wire.volts} V"
            )
    return found


def _used_twice(wiring: Wiring) -> list[str]:
    # Every cable of the header shares it; an adapter is a part of its cable.
    near = Counter((c.build, w.near) for c in wiring.cables if c.near == "header" for w in c.wires)
    own = Counter((c.build, c.name, c.near, w.near) for c in wiring.cables if c.near != "header" for w in c.wires)
    far = Counter((c.build, c.name, c.far, w.far) for c in wiring.cables for w in c.wires)
    ports = Counter((c.build, c.port) for c in wiring.cables if c.port is not None)
    buses = Counter((c.build, c.bus) for c in wiring.cables if c.bus is not None)
    return [
        f"used {count} times: {' '.join(map(str, what))}"
        for counter in (near, own, far, ports, buses)
        for what, count in counter.items()
        if count > 1
    ]


def _colours(wiring: Wiring) -> list[str]:
    meaning = dict[str, set[str]]()
    for cable in wiring.cables:
        for wire in cable.wires:
            meaning.setdefault(wire.colour, set()).add(str(wiring.near_role(cable, wire.near)))
    return [f"{colour} means {', '.join(sorted(roles))}" for colour, roles in meaning.items() if len(roles) > 1]
