"""A file's table → roofs and chimneys, checked. Pure: values or one error that names feature and column out.

Polygons are footprints with their id, and, where known, ``height_m`` (top of the roof above ground) or ``floors``, and
``name``. Points with ``rooftop`` are registered chimneys on it, ``height_m`` the mouth's height above ground. Names of
columns: ``places.columns``; all formats: docs/places.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Point, Polygon

from cloud_ingest.places.columns import Columns
from cloud_ingest.places.crs import to_wgs84
from cloud_ingest.places.geojson import read_geojson
from cloud_ingest.places.table import PlaceError, Shapes, Table, mended

ASSUMED_HEIGHT_M = 4.5  # ridge of a one-storey house, where the file is silent
FLOOR_M = 3.0  # each further storey adds so much
_CHIMNEY_ABOVE_ROOF_M = 1.0
_MAX_EXTENT_DEG = 1.5  # a town fits; wider means swapped or mixed coordinates
_BESIDE_DEG = 5e-5  # about 5 m
_SAID = 20  # warnings of one sort that are told one by one

FOOTPRINT_COLUMNS = ("rooftop", "name", "height_m", "floors", "place")
CHIMNEY_COLUMNS = ("on_rooftop", "height_m", "chimney")


@dataclass(frozen=True, slots=True)
class Roof:
    """One rooftop: WGS-84 polygon (x = lon, y = lat), height of its top (ridge or flat roof) above ground."""

    rooftop: str
    name: str
    polygon: Polygon
    height_m: float
    height_known: bool


@dataclass(frozen=True, slots=True)
class Chimney:
    """A registered flue mouth on a roof, height above ground."""

    chimney: str
    rooftop: str
    lat: float
    lon: float
    height_m: float


@dataclass(frozen=True, slots=True)
class Footprints:
    """What a file holds, and what was mended on the way in."""

    roofs: tuple[Roof, ...]
    chimneys: tuple[Chimney, ...]
    warnings: tuple[str, ...]


def read_footprints(text: str) -> Footprints:
    """Parses and checks a GeoJSON FeatureCollection. Raises ``PlaceError``."""
    table = read_geojson(text.encode())
    placed = to_wgs84(table, None, swapped=False)
    return footprints_of(table, placed.shapes)


def footprints_of(table: Table, shapes: Shapes) -> Footprints:
    """Checks a table's rows; ``shapes`` are the table's in WGS-84. Raises ``PlaceError``."""
    columns, flues = Columns.of(table, FOOTPRINT_COLUMNS), Columns.of(table, CHIMNEY_COLUMNS)
    warnings = _Warnings()
    kinds = shapely.get_type_id(shapes)
    is_roof = np.isin(kinds, (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    polygons = _polygons(table, shapes, is_roof, warnings)
    roofs: dict[str, Roof] = {}
    points: list[int] = []
    for index, polygon in enumerate(polygons):
        if polygon is None:
            if kinds[index] == shapely.GeometryType.POINT and flues.value("on_rooftop", index) is not None:
                points.append(index)
            elif shapes[index] is None:
                raise PlaceError(f"{table.where(index)}: has no shape; a footprint needs its outline")
            else:
                kind = shapes[index].geom_type
                warnings.add(
                    "stray", f"{table.where(index)}: a {kind} that is neither a footprint nor a chimney; left out"
                )
            continue
        roof = _roof(columns, index, polygon, warnings)
        if roof.rooftop in roofs:
            raise PlaceError(
                f"{table.where(index)}: rooftop id {roof.rooftop!r} stands there twice; ids must be unique"
            )
        roofs[roof.rooftop] = roof
    if not roofs:
        raise PlaceError("no footprint (polygon) in the file")
    _check_extent(polygons[is_roof])
    chimneys = _chimneys(table, shapes, points, roofs, warnings)
    return Footprints(tuple(roofs.values()), chimneys, warnings.told())


def chimneys_of(table: Table, shapes: Shapes, roofs: Sequence[Roof]) -> tuple[tuple[Chimney, ...], tuple[str, ...]]:
    """Chimneys out of a file of their own, on the roof it names or that under the point. Raises ``PlaceError``."""
    warnings = _Warnings()
    return _chimneys(
        table, shapes, range(len(table)), {roof.rooftop: roof for roof in roofs}, warnings
    ), warnings.told()


class _Warnings:
    """What was mended, told one by one up to a bound for each sort, then counted."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._counts: dict[str, int] = {}

    def add(self, sort: str, text: str) -> None:
        self._counts[sort] = self._counts.get(sort, 0) + 1
        if self._counts[sort] <= _SAID:
            self._texts.setdefault(sort, []).append(text)

    def told(self) -> tuple[str, ...]:
        texts = [text for some in self._texts.values() for text in some]
        more = [f"and {n - _SAID} more: {self._texts[sort][-1]}" for sort, n in self._counts.items() if n > _SAID]
        return (*texts, *more)


def _polygons(table: Table, shapes: Shapes, is_roof: Any, warnings: _Warnings) -> Shapes:
    """Valid single polygons, 2-D; None for what is no roof. Only what is not plain is looked at one by one."""
    polygons = shapes.copy()
    polygons[~is_roof] = None
    plain = shapely.is_valid(polygons) & (shapely.get_type_id(polygons) == shapely.GeometryType.POLYGON)
    plain &= shapely.area(polygons) > 0
    for index in np.flatnonzero(is_roof & ~plain).tolist():
        polygons[index] = _mended(table.where(index), polygons[index], warnings)
    return polygons


def _mended(where: str, geometry: Any, warnings: _Warnings) -> Polygon:
    if geometry.is_empty:
        raise PlaceError(f"{where}: has no coordinates")
    if not geometry.is_valid:
        warnings.add("mended", f"{where}: {shapely.is_valid_reason(geometry)}; mended")
        geometry = mended(geometry, where)
    if not isinstance(geometry, Polygon):
        parts = [part for part in getattr(geometry, "geoms", []) if isinstance(part, Polygon | MultiPolygon)]
        polygons = [polygon for part in parts for polygon in getattr(part, "geoms", [part])]
        if not polygons:
            raise PlaceError(f"{where}: encloses no area")
        geometry = max(polygons, key=lambda polygon: polygon.area)
        if len(polygons) > 1:
            warnings.add("parts", f"{where}: has {len(polygons)} parts; the largest is taken")
    if not geometry.area > 0:
        raise PlaceError(f"{where}: encloses no area")
    return geometry


def _roof(columns: Columns, index: int, polygon: Polygon, warnings: _Warnings) -> Roof:
    rooftop = columns.key("rooftop", index) or columns.key("place", index)
    if rooftop is None:
        raise PlaceError(f"{columns.table.where(index)}: a footprint needs `rooftop` or an id, of 1 to 80 characters")
    height = _height(columns, index, warnings)
    floors = columns.number("floors", index, "a number of floors", -1, 200) if height is None else None
    known = height is not None
    if height is None:
        height = ASSUMED_HEIGHT_M + FLOOR_M * max(0.0, (floors or 1) - 1)
    return Roof(rooftop, columns.text("name", index) or rooftop, polygon, height, known)


def _height(columns: Columns, index: int, warnings: _Warnings) -> float | None:
    if columns.value("height_m", index) == 0 and not isinstance(columns.value("height_m", index), bool):
        warnings.add("no height", f"{columns.table.where(index)}: height 0 is taken as not known")
        return None
    return columns.number("height_m", index, "metres above ground", 0, 1000)


def _chimneys(
    table: Table, shapes: Shapes, numbers: Sequence[int], roofs: Mapping[str, Roof], warnings: _Warnings
) -> tuple[Chimney, ...]:
    if not len(numbers):
        return ()
    columns, listed = Columns.of(table, CHIMNEY_COLUMNS), list(roofs.values())
    tree = shapely.STRtree([roof.polygon for roof in listed])
    found: dict[str, Chimney] = {}
    for index in numbers:
        where, point = table.where(index), shapes[index]
        if not isinstance(point, Point) or point.is_empty:
            raise PlaceError(f"{where}: has no place; a chimney needs a point")
        named = columns.key("on_rooftop", index)
        roof = _roof_under(tree, listed, point, where) if named is None else roofs.get(named)
        if roof is None:
            raise PlaceError(f"{where}: stands on rooftop {named!r}, which is not in the footprints")
        if roof.polygon.distance(point) > _BESIDE_DEG:
            warnings.add("outside", f"{where}: lies more than 5 m outside of rooftop {roof.rooftop!r}")
        height = columns.number("height_m", index, "metres above ground", 0, 1000)
        chimney = columns.key("chimney", index) or f"{roof.rooftop}/{point.x:.7f},{point.y:.7f}"[:80]
        if chimney in found:
            raise PlaceError(f"{where}: two chimneys have the same id {chimney!r}; ids must be unique")
        mouth_m = roof.height_m + _CHIMNEY_ABOVE_ROOF_M if height is None else height
        found[chimney] = Chimney(chimney, roof.rooftop, point.y, point.x, mouth_m)
    return tuple(found.values())


def _roof_under(tree: shapely.STRtree, roofs: Sequence[Roof], point: Point, where: str) -> Roof:
    near = tree.query_nearest(point, max_distance=_BESIDE_DEG)
    if len(near) == 0:
        raise PlaceError(
            f"{where}: no roof is under it, nor within 5 m; name its `rooftop`, or see whether --crs is right"
        )
    return roofs[int(near[0])]


def _check_extent(polygons: Shapes) -> None:
    west, south, east, north = shapely.total_bounds(polygons)
    for spread, what in ((east - west, "longitude"), (north - south, "latitude")):
        if spread > _MAX_EXTENT_DEG:
            raise PlaceError(
                f"the footprints spread over {spread:.1f} degrees of {what}; a town does not: are coordinates swapped?"
            )
