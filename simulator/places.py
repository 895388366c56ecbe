"""What stands in a street: houses, chimneys, outlets, lamps, blocks; and what stands in the way of a look.

World coordinates are metres east, north and up of :attr:`Street.origin`; the ground is flat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, sin

from simulator.geodesy import Origin
from simulator.pinhole import Pinhole

Point = tuple[float, float, float]
Colour = tuple[float, float, float]  # red, green, blue weights


@dataclass(frozen=True, slots=True)
class Chimney:
    """``mouth`` is the middle of the opening; ``registered`` ones stand in the town's ledger."""

    mouth: Point
    flue_m: float
    registered: bool


@dataclass(frozen=True, slots=True)
class Roof:
    """A rectangular house: ``width_m`` along ``turn_rad`` (from east, anticlockwise), ``depth_m`` across it."""

    rooftop: str
    name: str
    centre: tuple[float, float]
    width_m: float
    depth_m: float
    turn_rad: float
    eave_m: float
    ridge_m: float  # equals eave_m for a flat roof
    chimney: Chimney
    albedo: float

    def at(self, across: float, along: float, up: float) -> Point:
        """A point in house coordinates: ±0.5 reach the walls (across the width, along the depth), ``up`` in metres."""
        x, y = across * self.width_m, along * self.depth_m
        turn_x, turn_y = cos(self.turn_rad), sin(self.turn_rad)
        return (self.centre[0] + x * turn_x - y * turn_y, self.centre[1] + x * turn_y + y * turn_x, up)

    @property
    def footprint(self) -> list[tuple[float, float]]:
        """The four corners, anticlockwise, metres east and north."""
        corners = ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
        return [self.at(across, along, 0.0)[:2] for across, along in corners]


@dataclass(frozen=True, slots=True)
class Terminal:
    """A gas boiler's outlet: ``out`` is the direction the gas leaves (sideways from a wall, or up from a flue pipe)."""

    rooftop: str
    mouth: Point
    out: Point


@dataclass(frozen=True, slots=True)
class Lamp:
    """``candela`` straight down; ``spill`` is the share that also leaves sideways and upwards."""

    place: Point
    candela: float
    spill: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class Block:
    """A far apartment block, part of the background only."""

    centre: tuple[float, float]
    width_m: float
    depth_m: float
    turn_rad: float
    height_m: float


@dataclass(frozen=True, slots=True)
class Street:
    """Everything that stands still. ``cameras`` maps each gateway to its true camera."""

    seed: int
    origin: Origin
    turn_rad: float
    roofs: tuple[Roof, ...]
    terminals: tuple[Terminal, ...]  # of the households that were converted to gas
    lamps: tuple[Lamp, ...]
    far_lights: tuple[Lamp, ...]  # too far away to light anything here
    blocks: tuple[Block, ...]
    cameras: dict[str, Pinhole]
    alleys_m: tuple[float, ...]  # offsets of the lanes' middles from the origin, across ``turn_rad``
    half_length_m: float


def turned(along: float, across: float, turn_rad: float) -> tuple[float, float]:
    """Street coordinates to metres east and north."""
    return along * cos(turn_rad) - across * sin(turn_rad), along * sin(turn_rad) + across * cos(turn_rad)


def mouth_hidden(eye: Point, target: Roof, roofs: Sequence[Roof]) -> bool:
    """Whether another house (as a box up to its ridge) stands between the eye and the target's chimney mouth."""
    return any(crosses_box(eye, target.chimney.mouth, roof) for roof in roofs if roof is not target)


def crosses_box(start: Point, end: Point, roof: Roof) -> bool:
    """Whether the line from ``start`` to ``end`` passes through the house's bounding box."""
    turn_x, turn_y = cos(roof.turn_rad), sin(roof.turn_rad)

    def local(point: Point) -> tuple[float, float, float]:
        x, y = point[0] - roof.centre[0], point[1] - roof.centre[1]
        return x * turn_x + y * turn_y, -x * turn_y + y * turn_x, point[2] - roof.ridge_m / 2

    enter, leave = 0.0, 1.0
    half = roof.width_m / 2, roof.depth_m / 2, roof.ridge_m / 2
    for from_, to, reach in zip(local(start), local(end), half, strict=True):
        step = to - from_
        if abs(step) < 1e-9:
            if abs(from_) > reach:
                return False
            continue
        near, far = sorted(((-reach - from_) / step, (reach - from_) / step))
        enter, leave = max(enter, near), min(leave, far)
    return enter < leave
