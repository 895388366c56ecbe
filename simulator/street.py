"""A seeded street: houses in rows, chimneys, lamps, far blocks, and two gateways that look over it from two sides.

World coordinates are metres east, north and up of :attr:`Street.origin`; the ground is flat. Same seed, same street.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import atan2, cos, degrees, hypot, radians, sin

import numpy as np

from simulator.geodesy import Origin
from simulator.pinhole import Pinhole

Point = tuple[float, float, float]
Colour = tuple[float, float, float]  # red, green, blue weights

_LED: Colour = (0.95, 1.0, 0.95)
_SODIUM: Colour = (1.25, 0.95, 0.5)
_GATEWAYS = ("gw-east", "gw-west")


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


def build_street(seed: int) -> Street:
    """The street of a seed: 8 to 14 roofs, every chimney mouth in sight of both cameras as far as houses allow."""
    rng = np.random.default_rng([seed, 0x57])
    turn = radians(float(rng.uniform(-25, 25)))
    rows, columns = ((2, 4), (2, 5), (3, 4), (3, 4), (3, 5))[int(rng.integers(5))]
    pitch_along, pitch_across = float(rng.uniform(12.5, 13.5)), float(rng.uniform(16.5, 18.5))
    spots = [(row, column) for row in range(rows) for column in range(columns)]
    if len(spots) > 10:  # empty plots make the picture less of a grid
        gone = rng.choice(len(spots), size=int(rng.integers(1, 3)), replace=False)
        spots = [spot for index, spot in enumerate(spots) if index not in gone]
    middles = [(row - (rows - 1) / 2) * pitch_across for row in range(rows)]
    roofs = []
    for number, (row, column) in enumerate(spots, start=1):
        along, across = (column - (columns - 1) / 2) * pitch_along, middles[row]
        roofs.append(_house(number, along, across, turn, rng))
    alleys = tuple(middle - pitch_across / 2 for middle in middles)
    half_length = columns * pitch_along / 2
    cameras = _cameras(roofs, rng)
    return Street(
        seed=seed,
        origin=Origin(38.0 + float(rng.uniform(0.2, 0.8)), 115.0 + float(rng.uniform(0.1, 0.9))),
        turn_rad=turn,
        roofs=tuple(roofs),
        terminals=_terminals(roofs, cameras, rng),
        lamps=_lamps(alleys, half_length, turn, rng),
        far_lights=_far_lights(rng),
        blocks=_blocks(rng),
        cameras=cameras,
        alleys_m=alleys,
        half_length_m=half_length,
    )


def turned(along: float, across: float, turn_rad: float) -> tuple[float, float]:
    """Street coordinates to metres east and north."""
    return along * cos(turn_rad) - across * sin(turn_rad), along * sin(turn_rad) + across * cos(turn_rad)


def _house(number: int, along: float, across: float, turn: float, rng: np.random.Generator) -> Roof:
    two_storeys, flat = rng.random() < 0.35, rng.random() < 0.35
    eave = float(rng.uniform(5.6, 6.4) if two_storeys else rng.uniform(3.3, 4.0))
    ridge = eave if flat else eave + float(rng.uniform(1.2, 1.7))
    jitter = rng.uniform(-0.6, 0.6, size=2)
    flue = float(rng.uniform(0.14, 0.22))
    house = Roof(
        rooftop=f"r-{number:02d}",
        name=f"丽景街 {number} 号",
        centre=turned(along + float(jitter[0]), across + float(jitter[1]), turn),
        width_m=float(rng.uniform(9.0, 11.0)),
        depth_m=float(rng.uniform(7.0, 8.5)),
        turn_rad=turn + float(rng.normal(0, 0.02)),
        eave_m=eave,
        ridge_m=ridge,
        chimney=Chimney((0.0, 0.0, 0.0), flue, bool(number % 2)),
        albedo=float(rng.uniform(0.22, 0.5)),
    )
    side = float(rng.choice([-1, 1])) * float(rng.uniform(0.2, 0.38))
    mouth = house.at(side, float(rng.uniform(-0.15, 0.15)), ridge + float(rng.uniform(0.5, 1.0)))
    return replace(house, chimney=replace(house.chimney, mouth=mouth))


def _terminals(roofs: list[Roof], cameras: dict[str, Pinhole], rng: np.random.Generator) -> tuple[Terminal, ...]:
    """Two or three converted households; wall terminals are on the long wall that more of the cameras' side sees."""
    terminals = []
    for index in rng.choice(len(roofs), size=int(rng.integers(2, 4)), replace=False):
        roof = roofs[index]
        if rng.random() < 0.4:
            ends = [roof.at(side, 0.0, roof.ridge_m + 0.35) for side in (-0.4, 0.4)]
            spot = max(ends, key=lambda end: hypot(end[0] - roof.chimney.mouth[0], end[1] - roof.chimney.mouth[1]))
            terminals.append(Terminal(roof.rooftop, spot, (0.0, 0.0, 1.0)))
            continue
        out = -sin(roof.turn_rad), cos(roof.turn_rad)
        towards = sum(out[0] * camera.place[0] + out[1] * camera.place[1] for camera in cameras.values())
        side = 1.0 if towards > 0 else -1.0
        height = roof.eave_m - float(rng.uniform(0.5, 1.2))
        mouth = roof.at(float(rng.choice([-0.16, 0.16])), side * (0.5 + 0.25 / roof.depth_m), height)
        terminals.append(Terminal(roof.rooftop, mouth, (side * out[0], side * out[1], 0.0)))
    return tuple(terminals)


def _lamps(alleys: tuple[float, ...], half_length: float, turn: float, rng: np.random.Generator) -> tuple[Lamp, ...]:
    lamps = []
    for alley in alleys:
        colour = _LED if rng.random() < 0.6 else _SODIUM
        along = -half_length + float(rng.uniform(0, 8))
        while along < half_length + 6:
            if rng.random() > 0.12:  # a dead lamp here and there
                east, north = turned(along, alley + float(rng.uniform(-1, 1)), turn)
                candela = float(rng.uniform(380, 750))
                lamps.append(
                    Lamp((east, north, float(rng.uniform(5.5, 7.0))), candela, float(rng.uniform(0.03, 0.12)), colour)
                )
            along += float(rng.uniform(15, 21))
    for _ in range(int(rng.integers(2, 5))):  # lamps over yard doors
        east, north = turned(float(rng.uniform(-half_length, half_length)), float(rng.choice(alleys)) + 3.5, turn)
        lamps.append(Lamp((east, north, 2.8), float(rng.uniform(40, 120)), 0.5, _SODIUM))
    return tuple(lamps)


def _far_lights(rng: np.random.Generator) -> tuple[Lamp, ...]:
    lights = []
    for _ in range(90):
        away, angle = float(rng.uniform(130, 700)), float(rng.uniform(0, 6.28))
        place = away * sin(angle), away * cos(angle), float(rng.uniform(5, 8))
        lights.append(Lamp(place, float(rng.uniform(80, 400)), 0.3, _LED if rng.random() < 0.5 else _SODIUM))
    return tuple(lights)


def _blocks(rng: np.random.Generator) -> tuple[Block, ...]:
    blocks = []
    for _ in range(34):  # the next rows of the town, outside the cameras' task
        away, angle = float(rng.uniform(125, 260)), float(rng.uniform(0, 6.28))
        size = float(rng.uniform(9, 14)), float(rng.uniform(7, 9))
        place = away * sin(angle), away * cos(angle)
        blocks.append(Block(place, *size, float(rng.normal(0, 0.1)), float(rng.choice([3.6, 3.8, 6.2]))))
    for bearing in np.arange(0, 360, 14):
        if rng.random() < 0.75:
            away, angle = float(rng.uniform(190, 420)), radians(float(bearing + rng.uniform(-5, 5)))
            size = float(rng.uniform(28, 60)), float(rng.uniform(12, 16))
            height = float(rng.choice([9, 12, 18, 18, 33]))
            blocks.append(Block((away * sin(angle), away * cos(angle)), *size, float(rng.uniform(0, 3.14)), height))
    return tuple(blocks)


def _cameras(roofs: list[Roof], rng: np.random.Generator) -> dict[str, Pinhole]:
    """Two places 40-110 m from every house, 60-120° apart, every mouth in the frame and, if it can be, unhidden."""
    best: tuple[int, list[Pinhole]] | None = None
    while best is None or (best[0] > 0 and rng.random() > 0.004):
        first = float(rng.uniform(0, 360))
        bearings = first, first + float(rng.choice([-1, 1])) * float(rng.uniform(60, 120))
        cameras = [camera for bearing in bearings if (camera := _look(bearing, roofs, rng)) is not None]
        if len(cameras) < 2:
            continue
        hidden = sum(mouth_hidden(camera.place, roof, roofs) for camera in cameras for roof in roofs)
        if best is None or hidden < best[0]:
            best = hidden, cameras
    cameras = sorted(best[1], key=lambda camera: -camera.place[0])
    return dict(zip(_GATEWAYS, cameras, strict=True))


def _look(bearing_deg: float, roofs: list[Roof], rng: np.random.Generator) -> Pinhole | None:
    away = float(rng.uniform(60, 85))
    place = away * sin(radians(bearing_deg)), away * cos(radians(bearing_deg)), float(rng.uniform(11, 16))
    distances = [hypot(roof.centre[0] - place[0], roof.centre[1] - place[1]) for roof in roofs]
    if min(distances) < 40 or max(distances) > 110:
        return None
    heading = (bearing_deg + 180 + float(rng.uniform(-2, 2))) % 360
    sides, rises = [], []
    for roof in roofs:
        east, north, up = (roof.chimney.mouth[axis] - place[axis] for axis in range(3))
        sides.append(abs((degrees(atan2(east, north)) - heading + 180) % 360 - 180))
        rises.append(degrees(atan2(up, hypot(east, north))))
    hfov = max(42.0, 2 * max(sides) + float(rng.uniform(6, 10)))
    tilt = (min(rises) + max(rises)) / 2 - float(rng.uniform(0, 2.5))
    if hfov > 70:
        return None
    return Pinhole(place, heading, tilt, float(rng.normal(0, 0.4)), hfov)


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
