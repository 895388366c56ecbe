"""Whether places lie where they are said to: against China's bounds and against the gateways' own positions. Pure.

A gateway stands on a roof and announces where, in WGS-84. Footprints drawn on a Chinese web map (GCJ-02: 400-600 m
away, BD-09: over 1 km) but labelled WGS-84 lie beside the gateways; the same footprints, taken for what they are,
lie under them. How much that proves depends on how much of the town is roof: that is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod

from cloud_ingest.places.crs import SHIFTED
from cloud_ingest.places.shifted import gcj02_to_wgs84, wgs84_to_bd09, wgs84_to_gcj02
from cloud_ingest.places.table import PlaceError, Shapes, bounds_of

CHINA = (73.0, 3.0, 135.2, 54.0)  # west, south, east, north, with the islands
_FAR_M = 100_000.0
_ON_ROOF_M = 2.5  # a gateway's place is good to a metre or two, and its mast may stand at the wall
_REACH_M = 60.0  # farther from every roof a place is outside of the file, not beside a roof
# Of gateways under the right reading: outside of the file, beside a roof, on one.
_RIGHT = np.array([0.03, 0.07, 0.9])
_SURE, _LIKELY = log(20.0), log(3.0)
_OTHERS = 300  # places with which the chance of standing on a roof is measured
_ON_ROOF = 2
_SHIFTS = {"GCJ-02": wgs84_to_gcj02, "BD-09": wgs84_to_bd09}
_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where a gateway says it stands, WGS-84."""

    gateway: str
    lat: float
    lon: float


def check_bounds(shapes: Shapes, gateways: Sequence[Gateway]) -> list[str]:
    """Refuses what is swapped or another town's; answers doubts. Raises :class:`PlaceError`. ``shapes`` in WGS-84."""
    bounds = bounds_of(shapes)
    if not np.isfinite(bounds).all():
        return []
    lon, lat = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    nearest = min((_metres(lon, lat, one.lon, one.lat) for one in gateways), default=None)
    other_way = min((_metres(lat, lon, one.lon, one.lat) for one in gateways), default=None) if abs(lon) <= 90 else None
    if _in_china(lon, lat) and (nearest is None or nearest <= _FAR_M):
        return []
    swapped_fits = other_way is not None and other_way <= _FAR_M if gateways else _in_china(lat, lon)
    if swapped_fits:
        whose = "the gateways stand there" if gateways else "that is in China"
        raise PlaceError(
            f"its places lie around longitude {lon:.3f}, latitude {lat:.3f}; the other way round {whose}: latitude and "
            "longitude are swapped in the file. Say --swapped to turn them"
        )
    if nearest is not None and nearest > _FAR_M:
        raise PlaceError(
            f"its places lie around longitude {lon:.3f}, latitude {lat:.3f}, {nearest / 1000:.0f} km from the nearest "
            "gateway: is it another town's file, or in another system than it says (--crs)?"
        )
    if nearest is None:
        return [f"its places lie around longitude {lon:.3f}, latitude {lat:.3f}, outside of China; is that right?"]
    return []


def check_under_gateways(roofs: Shapes, gateways: Sequence[Gateway], vouched: bool = False) -> list[str]:
    """Refuses footprints that fit the gateways better as GCJ-02 or BD-09; answers what was found and what is in doubt.

    Raises :class:`PlaceError`. ``roofs`` in what is believed to be WGS-84. ``vouched``: a person said that it is, so
    that only evidence beyond doubt (20 to 1) is held against it.
    """
    if len(roofs) == 0:
        return []
    if not gateways:
        return [
            "no gateway has announced its place yet: whether the file is really WGS-84 could not be checked "
            "(`smokesentry cloud check` does it later)"
        ]
    tree, lat0 = shapely.STRtree(roofs), float(np.mean([one.lat for one in gateways]))
    lon, lat = np.array([one.lon for one in gateways]), np.array([one.lat for one in gateways])
    odds = np.log(_RIGHT / _by_chance(tree, lon, lat, lat0))
    here = _standing(tree, lon, lat, lat0)
    there = {name: _standing(tree, *shift(lon, lat), lat0) for name, shift in _SHIFTS.items()}
    gains = {name: float(odds[found].sum() - odds[here].sum()) for name, found in there.items()}
    best = max(gains, key=lambda name: gains[name])
    gain, stand = gains[best], int((there[best] == _ON_ROOF).sum())
    count, now = len(gateways), int((here == _ON_ROOF).sum())
    if gain >= (_SURE if vouched else _LIKELY):
        surely = "is labelled wrongly" if gain >= _SURE else "may be labelled wrongly"
        sure = "" if gain >= _SURE else ", or --crs WGS-84 if you know that it is"
        raise PlaceError(
            f"{now} of {count} gateways would stand on a roof of it, but {stand} of {count} if its coordinates are "
            f"{best}: it {surely}. Say --crs {best}, and it is converted{sure}"
        )
    other = _standing(tree, *gcj02_to_wgs84(lon, lat), lat0)
    if float(odds[other].sum() - odds[here].sum()) >= _SURE:
        return [
            f"{int((other == _ON_ROOF).sum())} of {count} gateways would stand on a roof of it if *their* places were "
            f"GCJ-02 (now: {now}): were they picked on a Chinese map? Correct their poses"
        ]
    if now == 0:
        return [
            f"none of the {count} gateways stands on a roof of it, nor would it if it were GCJ-02 or BD-09: does the "
            "file hold their houses, and are the gateways' places right?"
        ]
    if gain > -_SURE:
        return [f"{now} of {count} gateways stand on a roof of it: too little to be sure that it is not {best}"]
    return []


def check_on_roofs(found: Shapes, roofs: Shapes, what: str) -> list[str]:
    """Refuses points (``what``: chimneys, ...) that lie on the roofs only as GCJ-02 or BD-09. Raises
    :class:`PlaceError`."""
    points = shapely.get_coordinates(found)
    if len(points) == 0 or len(roofs) == 0:
        return []
    tree, lat0 = shapely.STRtree(roofs), float(np.mean(points[:, 1]))
    now = (_standing(tree, points[:, 0], points[:, 1], lat0) == _ON_ROOF).mean()
    for name, back in SHIFTED.items():
        then = (_standing(tree, *back(points[:, 0], points[:, 1]), lat0) == _ON_ROOF).mean()
        if then > 0.6 and then > now + 0.3:
            raise PlaceError(
                f"{now:.0%} of its {what} stand on roofs, but {then:.0%} if its coordinates are {name}: it is "
                f"labelled wrongly. Say --crs {name}, and it is converted"
            )
    return [] if now > 0.5 else [f"only {now:.0%} of its {what} stand on or beside a roof of the footprints in force"]


def _by_chance(
    tree: shapely.STRtree, lon: NDArray[np.float64], lat: NDArray[np.float64], lat0: float
) -> NDArray[np.float64]:
    """Shares of outside, beside and on a roof of places some hundred metres from the gateways, whatever they are."""
    turn = np.arange(_OTHERS) * 2.399963  # the golden angle: even in all directions
    away = 150 + 650 * np.sqrt((np.arange(_OTHERS) + 0.5) / _OTHERS)
    at = np.arange(_OTHERS) % len(lon)
    x = lon[at] + away * np.sin(turn) / (111_320 * np.cos(np.radians(lat0)))
    y = lat[at] + away * np.cos(turn) / 110_950
    counts = np.bincount(_standing(tree, x, y, lat0), minlength=3)
    return np.asarray((counts + 5) / (counts.sum() + 15))


def _standing(
    tree: shapely.STRtree, lon: NDArray[np.float64], lat: NDArray[np.float64], lat0: float
) -> NDArray[np.int64]:
    """For each place 0: outside of the file, 1: beside its roofs, 2: on a roof."""
    ring, found = _ring(lat0), np.zeros(len(lon), np.int64)
    for level, radius_m, predicate in ((1, _REACH_M, None), (_ON_ROOF, _ON_ROOF_M, "intersects")):
        circles = [shapely.Polygon(ring * radius_m + (x, y)) for x, y in zip(lon, lat, strict=True)]
        found[np.unique(tree.query(circles, predicate=predicate)[0])] = level
    return found


def _ring(lat0: float) -> NDArray[np.float64]:
    """A circle of one metre, in degrees."""
    turn = np.arange(16) * np.pi / 8
    return np.column_stack([np.cos(turn) / (111_320 * np.cos(np.radians(lat0))), np.sin(turn) / 110_950])


def _metres(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    return float(_GEOD.inv(lon, lat, other_lon, other_lat)[2])


def _in_china(lon: float, lat: float) -> bool:
    west, south, east, north = CHINA
    return bool(west <= lon <= east and south <= lat <= north)
