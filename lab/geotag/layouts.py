"""What stands in a scene: streets of three spacings, an old quarter of courtyards, and the ground under them.

Metres east and north of the town's middle. Heights here are above the ground at the house.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry import Polygon, box

Array = NDArray[np.float64]
SPACINGS = {"dense": (9.5, 11.0), "usual": (13.0, 17.0), "loose": (20.0, 24.0)}
OLD_QUARTER = "old quarter"
LAYOUTS = (*SPACINGS, OLD_QUARTER)
_REACH_M = 62.0  # an old quarter reaches so far from its middle


@dataclass(frozen=True)
class House:
    """One roof with one flue. ``hides_m`` is the flat height that hides as much as the pitched roof does."""

    polygon: Polygon
    ridge_m: float
    hides_m: float
    flue: tuple[float, float]
    above_ridge_m: float  # of the mouth; negative on a slope

    @property
    def mouth_m(self) -> float:
        """Height of the mouth above the ground."""
        return self.ridge_m + self.above_ridge_m


@dataclass(frozen=True)
class Ground:
    """Heights of the ground: a slope and a wave on it. All zero is flat."""

    slope: tuple[float, float] = (0.0, 0.0)
    wave_m: float = 0.0
    wave: tuple[float, float, float] = (0.0, 0.0, 0.0)  # radians a metre east and north, phase

    def at(self, x: Array, y: Array) -> Array:
        """Metres, for coordinates of any one shape."""
        east, north, phase = self.wave
        return np.asarray(self.slope[0] * x + self.slope[1] * y + self.wave_m * np.sin(east * x + north * y + phase))


def draw_hills(rng: np.random.Generator) -> Ground:
    """A slope of 3-12 % and a wave of 2-6 m every 150-400 m."""
    steep, down = float(rng.uniform(0.03, 0.12)), float(rng.uniform(0, 2 * np.pi))
    number, across = 2 * np.pi / float(rng.uniform(150, 400)), float(rng.uniform(0, 2 * np.pi))
    return Ground(
        (steep * np.sin(down), steep * np.cos(down)),
        float(rng.uniform(2, 6)),
        (number * np.sin(across), number * np.cos(across), float(rng.uniform(0, 2 * np.pi))),
    )


def draw_houses(layout: str, rng: np.random.Generator) -> list[House]:
    """The houses of one of :data:`LAYOUTS`, turned at random."""
    boxes = _old_quarter(rng) if layout == OLD_QUARTER else _streets(rng, *SPACINGS[layout])
    turn = float(rng.uniform(0, 90))
    return [_house(affinity.rotate(plan, turn, origin=(0, 0)), rng) for plan in boxes]


def draw_flue(polygon: Polygon, rng: np.random.Generator) -> tuple[float, float]:
    """Somewhere on a rectangular roof, seldom at its very edge."""
    first, second, third = (np.array(corner) for corner in polygon.exterior.coords[:3])
    at = (
        (first + third) / 2
        + (third - second) / 2 * rng.uniform(-0.85, 0.85)
        + (second - first) / 2 * rng.uniform(-0.6, 0.6)
    )
    return float(at[0]), float(at[1])


def draw_above_ridge(rng: np.random.Generator) -> float:
    """Metres from the ridge to the mouth."""
    return float(rng.uniform(-0.6, 1.4))


def _house(polygon: Polygon, rng: np.random.Generator) -> House:
    ridge = float(rng.uniform(3.4, 5.0) if rng.random() < 0.75 else rng.uniform(5.5, 7.5))
    hides = ridge - float(rng.uniform(0.3, 1.1))
    return House(polygon, ridge, hides, draw_flue(polygon, rng), draw_above_ridge(rng))


def _streets(rng: np.random.Generator, low: float, high: float) -> Iterator[Polygon]:
    pitch = (float(rng.uniform(low, high)), float(rng.uniform(low, high) * 1.05))
    for row in range(-5, 6):
        for column in range(-5, 6):
            if rng.random() < 0.1:  # yards
                continue
            x, y = (np.array([column, row]) * pitch + rng.normal(0, 0.4, 2)).tolist()
            half = pitch[0] * float(rng.uniform(0.36, 0.46)), pitch[1] * float(rng.uniform(0.3, 0.42))
            yield box(x - half[0], y - half[1], x + half[0], y + half[1])


def _old_quarter(rng: np.random.Generator) -> Iterator[Polygon]:
    """Rows of compounds, wall to wall, between alleys of 1.5-4 m; each compound has up to four wings around a yard."""
    south = -_REACH_M
    while south < _REACH_M - 15:
        depth = float(rng.uniform(15, 24))
        west = -_REACH_M + float(rng.uniform(-6, 6))
        while west < _REACH_M - 10:
            width = float(rng.uniform(11, 19))
            back = float(rng.uniform(-1.5, 1.5))  # no row keeps to a line
            yield from _compound(west, south + back, width, depth - 3.0, rng)
            west += width + (float(rng.uniform(1.5, 3)) if rng.random() < 0.2 else 0.0)
        south += depth + float(rng.uniform(1.5, 4))


def _compound(west: float, south: float, width: float, depth: float, rng: np.random.Generator) -> Iterator[Polygon]:
    hall, gate = float(rng.uniform(4.8, 6.5)), float(rng.uniform(3.2, 4.6))
    sides = float(rng.uniform(2.8, 4.0)), float(rng.uniform(2.8, 4.0))
    north, east = south + depth, west + width
    yield box(west, north - hall, east, north)
    if rng.random() < 0.75:
        yield box(west, south, east, south + gate)
    if rng.random() < 0.8:
        yield box(west, south + gate, west + sides[0], north - hall)
    if rng.random() < 0.8:
        yield box(east - sides[1], south + gate, east, north - hall)
    if rng.random() < 0.3:  # built into the yard later
        x = west + width / 2 + float(rng.uniform(-0.8, 0.8))
        y = (south + gate + north - hall) / 2
        yield box(x - 1.6, y - 1.5, x + 1.6, y + 1.5)
