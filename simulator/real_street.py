"""A street out of real building footprints: simplified to houses, and watched by two cameras.

Only shapes and heights are real; chimneys that the file does not give, lamps and cameras are drawn from the seed.
"""

from __future__ import annotations

from dataclasses import replace
from math import atan2, cos, hypot, radians, sin
from typing import Any

import numpy as np
from shapely.affinity import translate

from simulator.footprints import (
    FEWEST,
    LEAST_M2,
    Building,
    FootprintsError,
    buildings_of,
    check,
    chimneys_of,
    middle_of,
)
from simulator.furniture import draw_blocks, draw_far_lights, draw_lamps
from simulator.geodesy import Origin
from simulator.places import Block, Chimney, Roof, Street
from simulator.street import draw_terminals, with_mouth
from simulator.viewpoints import find_cameras

_WATCHED_M, _WATCHED_MOST, _AROUND_M = 30.0, 16, 300.0


def street_from(document: dict[str, Any], seed: int) -> Street:
    """The street that a GeoJSON of building outlines holds: up to 16 houses around its densest place, watched by two
    cameras, and its other buildings within 300 m as background.

    Heights come from ``height_m`` or ``height`` (metres) or ``building:levels``; names from ``rooftop``, ``id`` or the
    feature's number; chimneys from points of ``kind`` "chimney" with that ``rooftop`` and ``height_m``.
    Raises :class:`FootprintsError`.
    """
    features = check(document)
    origin = middle_of(features)
    buildings = [built for number, feature in enumerate(features) for built in buildings_of(number, feature, origin)]
    if len(buildings) < FEWEST:
        raise FootprintsError(
            f"expected at least {FEWEST} buildings of {LEAST_M2:g} m² or more, found {len(buildings)}"
        )
    east, north = _densest(buildings)
    buildings = [replace(each, outline=translate(each.outline, -east, -north)) for each in buildings]
    lon, lat = origin.lon_lat(east, north)
    origin = Origin(lat, lon)
    near = sorted(buildings, key=_away)
    watched = [building for building in near if _away(building) <= _WATCHED_M][:_WATCHED_MOST]
    if len(watched) < FEWEST:
        raise FootprintsError(
            f"the densest place has {len(watched)} buildings within {_WATCHED_M:g} m; a street needs {FEWEST} or more"
        )
    return _street(seed, origin, watched, [b for b in near if b not in watched], chimneys_of(features, origin))


def _street(
    seed: int,
    origin: Origin,
    watched: list[Building],
    around: list[Building],
    chimneys: dict[str, tuple[float, float, float]],
) -> Street:
    rng = np.random.default_rng([seed, 0xF007])
    roofs = [_roof(building, chimneys.get(building.name), rng) for building in watched]
    others = [_roof(building, None, rng) for building in around if _away(building) < 125]
    try:
        cameras = find_cameras(roofs, rng, others)
    except ValueError as error:
        raise FootprintsError(str(error)) from error
    turn = _common_turn(roofs)
    along = [roof.centre[0] * cos(turn) + roof.centre[1] * sin(turn) for roof in roofs]
    across = [roof.centre[1] * cos(turn) - roof.centre[0] * sin(turn) for roof in roofs]
    rows = sorted(across)
    gaps = max(range(len(rows) - 1), key=lambda index: rows[index + 1] - rows[index])
    alleys = rows[0] - 7.0, (rows[gaps] + rows[gaps + 1]) / 2, rows[-1] + 7.0
    half_length = max(max(abs(value) for value in along) + 6, 15.0)
    blocks = [_block(building) for building in around if 60 < _away(building) < _AROUND_M]
    return Street(
        seed=seed,
        origin=origin,
        turn_rad=turn,
        roofs=tuple(roofs),
        terminals=draw_terminals(roofs, cameras, rng),
        lamps=draw_lamps(alleys, half_length, turn, rng),
        far_lights=draw_far_lights(rng),
        blocks=tuple(blocks) or draw_blocks(rng),
        cameras=cameras,
        alleys_m=alleys,
        half_length_m=half_length,
    )


def _roof(building: Building, mouth: tuple[float, float, float] | None, rng: np.random.Generator) -> Roof:
    width, depth, turn = _box(building)
    pitched = building.height_m < 8 and rng.random() < 0.6
    eave = building.height_m - (1.4 if pitched and building.height_m > 4.0 else 0.0)
    flue, albedo = float(rng.uniform(0.14, 0.22)), float(rng.uniform(0.22, 0.5))
    centre = building.outline.centroid
    roof = Roof(
        building.name, building.name, (centre.x, centre.y), width, depth, turn, eave, building.height_m,
        Chimney((0.0, 0.0, 0.0), flue, mouth is not None), albedo,
    )  # fmt: skip
    if mouth is None:
        return with_mouth(roof, rng)
    high = max(mouth[2], building.height_m + 0.3)
    return replace(roof, chimney=replace(roof.chimney, mouth=(mouth[0], mouth[1], high)))


def _block(building: Building) -> Block:
    width, depth, turn = _box(building)
    centre = building.outline.centroid
    return Block((centre.x, centre.y), width, depth, turn, building.height_m)


def _box(building: Building) -> tuple[float, float, float]:
    """Width, depth and turn of the rectangle around an outline, shrunk to the outline's area."""
    corners = list(building.outline.minimum_rotated_rectangle.exterior.coords)
    sides = [(corners[i + 1][0] - corners[i][0], corners[i + 1][1] - corners[i][1]) for i in range(2)]
    long_side, short_side = sorted(sides, key=lambda side: -hypot(*side))
    width, depth = hypot(*long_side), hypot(*short_side)
    shrink = (building.outline.area / (width * depth)) ** 0.5
    turn = atan2(long_side[1], long_side[0])
    turn = (turn + radians(90)) % radians(180) - radians(90)
    return width * shrink, depth * shrink, turn


def _common_turn(roofs: list[Roof]) -> float:
    """The direction that most walls share, from -45 to 45 degrees."""
    east = sum(cos(4 * roof.turn_rad) * roof.width_m for roof in roofs)
    north = sum(sin(4 * roof.turn_rad) * roof.width_m for roof in roofs)
    return atan2(north, east) / 4


def _densest(buildings: list[Building]) -> tuple[float, float]:
    """The building's middle around which most others stand within the watched radius."""
    places = np.array([(b.outline.centroid.x, b.outline.centroid.y) for b in buildings])
    low = [index for index, building in enumerate(buildings) if building.height_m <= 12] or list(range(len(buildings)))
    counts = [(np.hypot(*(places - places[index]).T) <= _WATCHED_M).sum() for index in low]
    best = places[low[int(np.argmax(counts))]]
    return float(best[0]), float(best[1])


def _away(building: Building) -> float:
    centre = building.outline.centroid
    return hypot(centre.x, centre.y)
