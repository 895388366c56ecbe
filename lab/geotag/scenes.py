"""Draws a scene: houses, true cameras, fires and the pixels at which their plumes first show. The truth alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, cos, degrees, exp, hypot, log, pi, sin

import numpy as np

from lab.geotag.layouts import LAYOUTS, Array, Ground, House, draw_hills, draw_houses
from lab.geotag.sight import Sight
from simulator.pinhole import Pinhole

PIXEL_SIGMA = 6.0  # what the detector says of its origins here; the errors are Student t with four degrees of freedom
FLAT, MAPPED, UNMAPPED = "flat", "hills, imported", "hills, none imported"
_GROUNDS = (FLAT, MAPPED, UNMAPPED)
_GROUND_SHARES = (0.7, 0.2, 0.1)
_REGISTERED = (0.0, 0.5, 1.0)
_HEIGHTS_MISSING = 0.2
_NEAR_MIDDLE_M = 45.0
_EDGE_PX = 20.0


@dataclass(frozen=True)
class Axes:
    """What a scene is like, and all that a table may be broken down by."""

    layout: str
    distance_m: float  # of the first camera from the first fire's neighbourhood
    camera_m: float  # the first camera's height above its ground
    error_deg: float  # the sigma that both poses state
    registered: float  # share of the roofs whose chimney is in the register
    heights_known: bool
    ground: str


@dataclass(frozen=True)
class Fire:
    """A burning house, and the pixel at which each camera's detector puts the origin."""

    house: int
    mouth: Array  # (3,)
    pixels: tuple[tuple[float, float], ...]
    hidden: bool  # the mouth itself, from the first camera: what shows is smoke above a nearer roof


@dataclass(frozen=True)
class Scene:
    """One town with two cameras and two fires."""

    axes: Axes
    houses: tuple[House, ...]
    ground: Ground
    sight: Sight
    cameras: tuple[Pinhole, ...]
    wind: tuple[float, float]  # a plume's drift, metres a metre of rise
    fires: tuple[Fire, ...]


def draw_scene(rng: np.random.Generator) -> Scene:
    """A scene in which both cameras see both fires' plumes; others are thrown away."""
    while True:
        scene = _try(rng)
        if scene is not None:
            return scene


def _try(rng: np.random.Generator) -> Scene | None:
    axes = Axes(
        layout=str(rng.choice(LAYOUTS)),
        distance_m=float(rng.uniform(50, 150) if rng.random() < 0.5 else rng.uniform(150, 300)),
        camera_m=exp(float(rng.uniform(log(6), log(35)))),
        error_deg=exp(float(rng.uniform(log(0.3), log(2.0)))),
        registered=float(rng.choice(_REGISTERED)),
        heights_known=bool(rng.random() >= _HEIGHTS_MISSING),
        ground=str(rng.choice(_GROUNDS, p=_GROUND_SHARES)),
    )
    ground = Ground() if axes.ground == FLAT else draw_hills(rng)
    houses = draw_houses(axes.layout, rng)
    sight = Sight(houses, ground)
    near = [k for k, house in enumerate(houses) if hypot(*house.polygon.centroid.coords[0]) < _NEAR_MIDDLE_M]
    burning = [int(k) for k in rng.choice(near, size=2, replace=False)]
    look = mouth_of(houses[burning[0]], float(sight.base[burning[0]]))
    cameras = _draw_cameras(axes, look, sight, ground, rng)
    strength, towards = float(rng.uniform(0, 1.5)), float(rng.uniform(0, 2 * pi))
    wind = (strength * sin(towards), strength * cos(towards))
    fires = []
    for number in burning:
        fire = _burn(number, houses, sight, cameras, wind, rng)
        if fire is None:
            return None
        fires.append(fire)
    return Scene(axes, tuple(houses), ground, sight, tuple(cameras), wind, tuple(fires))


def mouth_of(house: House, base: float) -> Array:
    """A flue's mouth in the scene's metres; ``base`` is the ground under the house."""
    return np.array([*house.flue, base + house.mouth_m])


def _draw_cameras(axes: Axes, look: Array, sight: Sight, ground: Ground, rng: np.random.Generator) -> list[Pinhole]:
    """Two, between 40 and 126 degrees apart, on masts or on whatever roof is there."""
    bearing = float(rng.uniform(0, 2 * pi))
    cameras = []
    for number, turn in enumerate((0.0, float(rng.choice([-1, 1]) * rng.uniform(0.7, 2.2)))):
        away = axes.distance_m * (1.0 if number == 0 else float(rng.uniform(0.8, 1.2)))
        x, y = look[0] + away * sin(bearing + turn), look[1] + away * cos(bearing + turn)
        under = sight.top_of(sight.house_under(x, y))
        high = axes.camera_m * (1.0 if number == 0 else float(rng.uniform(0.8, 1.25)))
        place = (x, y, max(float(ground.at(np.array(x), np.array(y))) + high, under + 2.5))
        dx, dy, dz = (float(look[axis]) - place[axis] for axis in range(3))
        cameras.append(
            Pinhole(
                place,
                (degrees(atan2(dx, dy)) + float(rng.uniform(-8, 8))) % 360,
                max(-85.0, degrees(atan2(dz, hypot(dx, dy))) + float(rng.uniform(-3, 3))),
                float(rng.normal(0, 1)),
                float(rng.uniform(45, 75)),
            )
        )
    return cameras


def _burn(
    number: int,
    houses: Sequence[House],
    sight: Sight,
    cameras: Sequence[Pinhole],
    wind: tuple[float, float],
    rng: np.random.Generator,
) -> Fire | None:
    mouth = mouth_of(houses[number], float(sight.base[number]))
    own = np.array([number])
    pixels = []
    hidden = False
    for which, camera in enumerate(cameras):
        first = sight.first_seen(np.array(camera.place), mouth[None], np.array([wind]), own)[0]
        if np.isnan(first[0]):
            return None
        if which == 0:
            hidden = bool(first[2] > mouth[2])
        # Smoke shows a little above where it could: it must be thick enough.
        seen = first + abs(float(rng.normal(0, 0.3))) * np.array([*wind, 1.0])
        true, depth = camera.project(seen[None])
        width, height = camera.size
        x, y = true[0]
        if depth[0] < 5 or not (_EDGE_PX < x < width - _EDGE_PX and _EDGE_PX < y < height - _EDGE_PX):
            return None
        x, y = true[0] + PIXEL_SIGMA * rng.standard_t(4, 2)
        pixels.append((float(x), float(y)))
    return Fire(number, mouth, tuple(pixels), hidden)
