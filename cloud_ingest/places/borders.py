"""Whether areas and points lie where they are said to, by what is known better: roofs, and the layer in force. Pure.

A border of a grid or a zone runs along streets. Drawn on a Chinese web map (GCJ-02) and labelled WGS-84 it lies some
500 m beside them and cuts houses as a line anywhere would. Where a border keeps to no streets nothing can be told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod

from cloud_ingest.places.crs import SHIFTED
from cloud_ingest.places.shifted import wgs84_to_bd09, wgs84_to_gcj02
from cloud_ingest.places.table import PlaceError, Shapes

_GEOD = Geod(ellps="WGS84")
_FORWARD = {"GCJ-02": wgs84_to_gcj02, "BD-09": wgs84_to_bd09}
_SURE, _LIKELY = log(20.0), log(3.0)
_KEPT = 0.2  # a border along streets cuts so many of the houses that one anywhere cuts: assumed
_CORE = 0.7  # of a footprint, about its middle: a border may touch walls
_OTHERS = 24  # other places that a border is held against, so far away:
_NEAREST_M, _AWAY_M = 40.0, 260.0
_AMONG_DEG = 0.0004  # some 40 m: a piece with a house so near lies in the town
_FEWEST = 8.0  # houses that a border anywhere would cut: with fewer nothing is told
_PIECE_DEG = 0.0005  # pieces of borders, about 50 m: long ones have boxes full of roofs that they do not cut
_SAME_M, _MOVED_M = 40.0, 200.0  # an entry that moved as a shift moves it
_LEAST_MATCHED = 0.8


@dataclass(frozen=True, slots=True)
class Cuts:
    """Houses that borders cut under one reading, and how many they would cut if they lay anywhere: what lies outside of
    the town cuts none either way. ``spread``: variance by mean, at least 1, for neighbours are cut together."""

    cut: int
    anywhere: float
    spread: float

    @property
    def log_odds(self) -> float:
        """That these borders keep to streets, against lying anywhere."""
        return ((1 - _KEPT) * self.anywhere + log(_KEPT) * self.cut) / self.spread


def check_borders(shapes: Shapes, roofs: Shapes, vouched: bool = False) -> list[str]:
    """Refuses areas whose borders keep to the streets only as GCJ-02 or BD-09; answers what is in doubt.

    Raises :class:`PlaceError`. ``shapes`` (those without a border are passed over) and ``roofs`` in what is believed to
    be WGS-84. ``vouched``: a person said that it is; then everything is only told.
    """
    areas = [shape for shape in shapes if shape is not None and shape.geom_type in ("Polygon", "MultiPolygon")]
    if not areas:
        return []
    if len(roofs) == 0:
        return ["no footprints are in force around it: whether its borders are really WGS-84 could not be checked"]
    here, otherwise = cuts_of(areas, roofs)
    if here.anywhere < _FEWEST:
        return [
            "its borders pass too few houses of the footprints in force to tell whether they are really WGS-84: look at"
            " --picture"
        ]
    best = max(otherwise, key=lambda name: otherwise[name].log_odds)
    there = otherwise[best]
    gain = there.log_odds - here.log_odds
    seen = (
        f"its borders cut {here.cut} houses of the footprints in force, but {there.cut} if its coordinates are {best} "
        f"(lines anywhere: about {here.anywhere:.0f})"
    )
    if there.log_odds >= _LIKELY and gain >= _SURE and not vouched:
        raise PlaceError(
            f"{seen}: it is labelled wrongly, it seems. Say --crs {best}, and it is converted, or --crs WGS-84 if you "
            "know that it is"
        )
    if there.log_odds >= _LIKELY and gain >= _LIKELY:
        return [f"{seen}: is it really WGS-84? If not, say --crs {best}"]
    if here.log_odds >= _LIKELY:
        return []
    return [
        f"its borders cut {here.cut} houses, and lines anywhere about {here.anywhere:.0f}: they keep to no streets, so "
        "whether they are really WGS-84 cannot be told from them; look at --picture"
    ]


def cuts_of(areas: Sequence[Any], roofs: Shapes) -> tuple[Cuts, dict[str, Cuts]]:
    """As the borders are read, and under each other reading."""
    tree = shapely.STRtree(_cores(roofs))
    ends = _pieces(areas)
    lat = float(ends[..., 1].mean())
    turn = np.arange(_OTHERS) * 2.399963  # the golden angle: even in all directions
    away = _NEAREST_M + _AWAY_M * np.sqrt((np.arange(_OTHERS) + 0.5) / _OTHERS)
    steps = np.column_stack([np.sin(turn) / (111_320 * np.cos(np.radians(lat))), np.cos(turn) / 110_950])
    others = np.array([_cut(tree, ends + step) for step in away[:, None] * steps], float)
    among = others[others[:, 1] > 0]
    rate = among[:, 0].sum() / max(among[:, 1].sum(), 1.0)  # houses cut by a piece among houses
    expected = np.maximum(rate * among[:, 1], 1e-9)
    spread = max(1.0, float(((among[:, 0] - expected) ** 2 / expected).mean())) if len(among) else 1.0

    def of(moved: NDArray[np.float64]) -> Cuts:
        cut, pieces = _cut(tree, moved)
        return Cuts(cut, float(rate * pieces), spread)

    return of(ends), {name: of(_moved(ends, back)) for name, back in SHIFTED.items()}


def check_against_held(places: Mapping[str, Any], held: Mapping[str, Any], vouched: bool = False) -> list[str] | None:
    """Refuses entries that lie where those in force with the same id would lie in a shifted system; answers what was
    found, None where nothing could be compared. ``places``, ``held``: id -> shape. Raises :class:`PlaceError`."""
    both = [place for place, shape in places.items() if shape is not None and held.get(place) is not None]
    if not both:
        return None
    new, old = (np.array([_middle(found[place]) for place in both]) for found in (places, held))
    if np.median(_metres(new, old)) < _MOVED_M:
        return []
    for name, forward in _FORWARD.items():
        if _lies(new, forward, old):
            text = f"{len(both)} of its entries lie where those in force would lie in {name}"
            if vouched:
                return [f"{text}: were those in force taken for {name} wrongly?"]
            raise PlaceError(
                f"{text}: it is labelled wrongly. Say --crs {name}, and it is converted, or --crs WGS-84 if you know "
                "that it is"
            )
        if _lies(old, forward, new):
            return [f"{len(both)} entries in force lie where these would lie in {name}: those in force were wrong"]
    return [
        f"its entries lie {np.median(_metres(new, old)):.0f} m from those in force with the same ids; is that right?"
    ]


def check_points(shapes: Shapes, held: list[str] | None) -> list[str]:
    """What to say of a layer of points alone, unless entries in force could be compared with it."""
    points = sum(shape is not None and shape.geom_type == "Point" for shape in shapes)
    if held is not None or points == 0:
        return []
    return [
        f"{points} points: nothing tells whether they are really WGS-84 (GCJ-02 lies 400 to 600 m away); look at"
        " --picture, or hold one against a satellite receiver"
    ]


def _lies(there: NDArray[np.float64], forward: Any, here: NDArray[np.float64]) -> bool:
    away = _metres(np.column_stack(forward(here[:, 0], here[:, 1])), there)
    return bool((away < _SAME_M).mean() >= _LEAST_MATCHED)


def _middle(shape: Any) -> tuple[float, float]:
    middle = shape.centroid
    return middle.x, middle.y


def _metres(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(_GEOD.inv(one[:, 0], one[:, 1], other[:, 0], other[:, 1])[2], np.float64)


def _cores(roofs: Shapes) -> Shapes:
    middles = shapely.get_coordinates(shapely.centroid(roofs))
    corners, which = shapely.get_coordinates(roofs, return_index=True)
    inner = middles[which] + _CORE * (corners - middles[which])
    shrunk: Shapes = shapely.set_coordinates(np.array(roofs, dtype=object, copy=True), inner)
    return shrunk


def _pieces(areas: Sequence[Any]) -> NDArray[np.float64]:
    """The borders as pieces (N, 2, 2) of longitude and latitude, those that two areas share once."""
    lines = shapely.segmentize(shapely.boundary(np.array(areas, dtype=object)), _PIECE_DEG)
    corners, which = shapely.get_coordinates(shapely.get_parts(lines), return_index=True)
    same = which[1:] == which[:-1]
    ends = np.stack([corners[:-1][same], corners[1:][same]], axis=1)
    ordered = np.where((ends[:, :1, 0] > ends[:, 1:, 0])[..., None], ends[:, ::-1], ends)
    return np.asarray(np.unique(ordered.round(7), axis=0))


def _moved(ends: NDArray[np.float64], back: Any) -> NDArray[np.float64]:
    lon, lat = back(ends[..., 0].ravel(), ends[..., 1].ravel())
    return np.stack([lon, lat], axis=-1).reshape(ends.shape)


def _cut(tree: shapely.STRtree, ends: NDArray[np.float64]) -> tuple[int, int]:
    """How many houses the pieces cut, and how many pieces lie among houses."""
    lines = shapely.linestrings(ends)
    cut = tree.query(lines, predicate="intersects")[1]
    near = tree.query(lines, predicate="dwithin", distance=_AMONG_DEG)[0]
    return len(np.unique(cut)), len(np.unique(near))
