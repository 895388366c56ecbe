"""Seeded streets of three kinds, watched by two gateways from two sides. Same seed and kind, same street."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import atan2, ceil, cos, hypot, radians, sin
from typing import Literal

import numpy as np

from simulator.furniture import draw_blocks, draw_far_lights, draw_lamps
from simulator.geodesy import Origin
from simulator.pinhole import Pinhole
from simulator.places import Block as Block
from simulator.places import Chimney as Chimney
from simulator.places import Colour as Colour
from simulator.places import Lamp as Lamp
from simulator.places import Point as Point
from simulator.places import Roof as Roof
from simulator.places import Street as Street
from simulator.places import Terminal as Terminal
from simulator.places import crosses_box as crosses_box
from simulator.places import mouth_hidden as mouth_hidden
from simulator.places import turned as turned
from simulator.viewpoints import find_cameras

StreetKind = Literal["village", "old-quarter", "apartment-edge"]


@dataclass(frozen=True, slots=True)
class Axes:
    """What tells kinds of streets apart. Ranges are lowest and highest, lengths in metres.

    ``pitch_*``: from house to house along a row, and from row to row. ``stray``: how far a house stands off its place,
    ``turn_sd``: and off the row's direction (radians). ``registered``: share of chimneys in the ledger.
    """

    plans: tuple[tuple[int, int], ...]  # rows, houses in a row
    pitch_along: tuple[float, float]
    pitch_across: tuple[float, float]
    width: tuple[float, float]
    depth: tuple[float, float]
    low_eave: tuple[float, float]
    high_eave: tuple[float, float]
    high_share: float
    flat_share: float
    stray: float
    turn_sd: float
    registered: float
    near_blocks: tuple[int, int] = (0, 0)


KINDS: Mapping[StreetKind, Axes] = {
    "village": Axes(
        ((2, 4), (2, 5), (3, 4), (3, 4), (3, 5)), (12.5, 13.5), (16.5, 18.5), (9.0, 11.0), (7.0, 8.5),
        (3.3, 4.0), (5.6, 6.4), 0.35, 0.35, 0.6, 0.02, 0.5,
    ),
    "old-quarter": Axes(
        ((3, 5), (4, 4), (4, 5), (4, 5)), (9.5, 11.0), (10.5, 12.5), (6.5, 9.2), (5.0, 7.0),
        (2.8, 3.6), (5.2, 6.6), 0.3, 0.2, 1.1, 0.1, 0.25,
    ),
    "apartment-edge": Axes(
        ((1, 5), (2, 4), (2, 5)), (12.0, 14.5), (17.0, 21.0), (8.5, 11.5), (7.0, 9.0),
        (3.2, 4.2), (6.0, 9.5), 0.45, 0.6, 0.8, 0.03, 0.7, (2, 4),
    ),
}  # fmt: skip


def build_street(seed: int, kind: StreetKind = "village") -> Street:
    """The street of a seed: every chimney mouth in sight of both cameras as far as houses allow.

    ``village``: 8-14 houses in rows; ``old-quarter``: up to 20, close and crooked, few chimneys in the ledger;
    ``apartment-edge``: a few houses before blocks of flats that light the sky and stand behind the plumes.
    """
    axes = KINDS[kind]
    rng = np.random.default_rng([seed, 0x57])
    turn = radians(float(rng.uniform(-25, 25)))
    rows, columns = axes.plans[int(rng.integers(len(axes.plans)))]
    pitch_along, pitch_across = float(rng.uniform(*axes.pitch_along)), float(rng.uniform(*axes.pitch_across))
    spots = [(row, column) for row in range(rows) for column in range(columns)]
    if len(spots) > 10:  # empty plots make the picture less of a grid
        gone = rng.choice(len(spots), size=int(rng.integers(1, 3)), replace=False)
        spots = [spot for index, spot in enumerate(spots) if index not in gone]
    middles = [(row - (rows - 1) / 2) * pitch_across for row in range(rows)]
    roofs = []
    for number, (row, column) in enumerate(spots, start=1):
        along, across = (column - (columns - 1) / 2) * pitch_along, middles[row]
        roofs.append(_house(number, along, across, turn, axes, rng))
    alleys = tuple(middle - pitch_across / 2 for middle in middles)
    half_length = columns * pitch_along / 2
    cameras = find_cameras(roofs, rng)
    return Street(
        seed=seed,
        origin=Origin(38.0 + float(rng.uniform(0.2, 0.8)), 115.0 + float(rng.uniform(0.1, 0.9))),
        turn_rad=turn,
        roofs=tuple(roofs),
        terminals=draw_terminals(roofs, cameras, rng),
        lamps=draw_lamps(alleys, half_length, turn, rng),
        far_lights=draw_far_lights(rng),
        blocks=draw_blocks(rng) + _flats(axes, cameras, half_length, np.random.default_rng([seed, 0xF1A])),
        cameras=cameras,
        alleys_m=alleys,
        half_length_m=half_length,
    )


def _house(number: int, along: float, across: float, turn: float, axes: Axes, rng: np.random.Generator) -> Roof:
    two_storeys, flat = rng.random() < axes.high_share, rng.random() < axes.flat_share
    eave = float(rng.uniform(*axes.high_eave) if two_storeys else rng.uniform(*axes.low_eave))
    ridge = eave if flat else eave + float(rng.uniform(1.2, 1.7))
    jitter = rng.uniform(-axes.stray, axes.stray, size=2)
    flue = float(rng.uniform(0.14, 0.22))
    listed = ceil(number * axes.registered) > ceil((number - 1) * axes.registered)
    house = Roof(
        rooftop=f"r-{number:02d}",
        name=f"丽景街 {number} 号",
        centre=turned(along + float(jitter[0]), across + float(jitter[1]), turn),
        width_m=float(rng.uniform(*axes.width)),
        depth_m=float(rng.uniform(*axes.depth)),
        turn_rad=turn + float(rng.normal(0, axes.turn_sd)),
        eave_m=eave,
        ridge_m=ridge,
        chimney=Chimney((0.0, 0.0, 0.0), flue, listed),
        albedo=float(rng.uniform(0.22, 0.5)),
    )
    return with_mouth(house, rng)


def with_mouth(house: Roof, rng: np.random.Generator) -> Roof:
    """The house with its chimney's mouth drawn: off the middle, half a metre to a metre above the ridge."""
    side = float(rng.choice([-1, 1])) * float(rng.uniform(0.2, 0.38))
    mouth = house.at(side, float(rng.uniform(-0.15, 0.15)), house.ridge_m + float(rng.uniform(0.5, 1.0)))
    return replace(house, chimney=replace(house.chimney, mouth=mouth))


def _flats(
    axes: Axes, cameras: Mapping[str, Pinhole], half_length: float, rng: np.random.Generator
) -> tuple[Block, ...]:
    """Blocks of flats close behind the houses, as the cameras look."""
    blocks = []
    east, north = (-sum(camera.place[axis] for camera in cameras.values()) for axis in range(2))
    behind = atan2(north, east)
    for _ in range(int(rng.integers(axes.near_blocks[0], axes.near_blocks[1] + 1))):
        away, angle = half_length + float(rng.uniform(30, 70)), behind + float(rng.uniform(-0.8, 0.8))
        size = float(rng.uniform(28, 55)), float(rng.uniform(11, 15))
        height = float(rng.choice([15, 18, 33]))
        blocks.append(
            Block((away * cos(angle), away * sin(angle)), *size, angle + float(rng.normal(1.57, 0.1)), height)
        )
    return tuple(blocks)


def draw_terminals(roofs: list[Roof], cameras: dict[str, Pinhole], rng: np.random.Generator) -> tuple[Terminal, ...]:
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
