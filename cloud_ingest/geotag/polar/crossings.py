"""Where the sectors of several gateways meet on the map: a faint heat, never an address. Metres east and north. Pure.

Sectors that cross need not have the same source: two sources seen by two gateways make up to four crossings, two of
them empty. That is said beside every map; only cameras and visits can tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import cos, radians, sin

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon

from cloud_ingest.geotag.polar.sectors import DIRECTIONS, Rose, Sector

Array = NDArray[np.float64]

#: How far a refuelled stove still lifts PM2.5 by 15 µg/m³ in open country at 1 m/s, stable air (domain: plume table).
#: In a town it is a third of that; beyond, a sector says nothing.
REACH_M = 300.0
#: Over this the heat of a sector falls to a third: what is nearer explains a rise with less smoke.
_FADES_M = 120.0
CELL_M = 10.0
_LEAST_M2 = 25.0


@dataclass(frozen=True, slots=True, eq=False)
class Station:
    """A gateway on the map, with what its winds say."""

    gateway: str
    east_m: float
    north_m: float
    rose: Rose


@dataclass(frozen=True, slots=True, eq=False)
class Crossing:
    """Ground that sectors of two gateways share. ``heat``: the greatest in it, of 1."""

    gateways: tuple[str, str]
    peaks_deg: tuple[float, float]
    area: Polygon
    heat: float


@dataclass(frozen=True, slots=True, eq=False)
class Heat:
    """How strongly sectors point to each cell of a square grid, 0 to 1 of the strongest: a drawing aid, no probability.

    ``values`` ``(rows, columns)``; the first cell's lower left corner is at ``west_m``, ``south_m``.
    """

    west_m: float
    south_m: float
    values: Array


def wedge(station: Station, sector: Sector, reach_m: float = REACH_M) -> Polygon:
    """A sector as ground."""
    turns = [sector.from_deg + sector.wide_deg * step / 24 for step in range(25)]
    rim = [
        (station.east_m + reach_m * sin(radians(turn)), station.north_m + reach_m * cos(radians(turn)))
        for turn in turns
    ]
    return Polygon([(station.east_m, station.north_m), *rim])


def crossings(stations: list[Station]) -> list[Crossing]:
    """The meetings of every two gateways' sectors, the hottest first."""
    wedges = [(station, sector, wedge(station, sector)) for station in stations for sector in station.rose.sectors]
    found = []
    for (one, sector, ground), (other, across, there) in combinations(wedges, 2):
        if one.gateway == other.gateway or not ground.intersects(there):
            continue
        for area in shapely.get_parts(ground.intersection(there)):
            if isinstance(area, Polygon) and area.area >= _LEAST_M2:
                found.append(((one.gateway, other.gateway), (sector.peak_deg, across.peak_deg), area))
    warmth = heat(stations)
    said = [Crossing(names, peaks, area, _hottest(warmth, area)) for names, peaks, area in found]
    return sorted(said, key=lambda one: -one.heat)


def heat(stations: list[Station]) -> Heat | None:
    """Sum over gateways of how far each one's share stands out towards a cell, fading with distance; None without any
    sector."""
    telling = [station for station in stations if station.rose.sectors]
    if not telling:
        return None
    west = min(station.east_m for station in telling) - REACH_M
    south = min(station.north_m for station in telling) - REACH_M
    columns = int(np.ceil((max(station.east_m for station in telling) + REACH_M - west) / CELL_M))
    rows = int(np.ceil((max(station.north_m for station in telling) + REACH_M - south) / CELL_M))
    east = west + CELL_M * (np.arange(columns) + 0.5)[None, :]
    north = south + CELL_M * (np.arange(rows) + 0.5)[:, None]
    total = np.zeros((rows, columns))
    for station in telling:
        x, y = east - station.east_m, north - station.north_m
        away = np.hypot(x, y)
        towards = np.degrees(np.arctan2(x, y)) % 360
        strength = np.interp(towards, np.append(DIRECTIONS, 360.0), _closed(_strength(station.rose)))
        total += np.where(away <= REACH_M, strength * np.exp(-away / _FADES_M), 0.0)
    top = float(total.max())
    return Heat(west, south, total / top) if top > 0 else None


def _strength(rose: Rose) -> Array:
    """0 to 1 at each direction: the lift of the share within sectors, of the greatest; nothing outside of them."""
    found = np.zeros(len(DIRECTIONS))
    lift = np.nan_to_num(rose.share.mean - rose.usual)
    for sector in rose.sectors:
        inside = [sector.holds(deg) for deg in DIRECTIONS]
        found[inside] = np.maximum(lift[inside], 0.0)
    top = found.max()
    return np.asarray(found / top) if top > 0 else found


def _closed(ring: Array) -> Array:
    return np.append(ring, ring[0])


def _hottest(warmth: Heat | None, area: Polygon) -> float:
    if warmth is None:
        return 0.0
    west, south, east, north = area.bounds
    columns = slice(max(int((west - warmth.west_m) // CELL_M), 0), int((east - warmth.west_m) // CELL_M) + 1)
    rows = slice(max(int((south - warmth.south_m) // CELL_M), 0), int((north - warmth.south_m) // CELL_M) + 1)
    part = warmth.values[rows, columns]
    return float(part.max()) if part.size else 0.0
