"""A file's coordinates → WGS-84 longitude and latitude, or a sentence why that cannot be done. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.exceptions import ProjError

from cloud_ingest.places.shifted import bd09_to_wgs84, gcj02_to_wgs84
from cloud_ingest.places.table import PlaceError, Shapes, Table, bounds_of

SHIFTED = {"GCJ-02": gcj02_to_wgs84, "BD-09": bd09_to_wgs84}
_WORDS = {"wgs84": "OGC:CRS84", "cgcs2000": "EPSG:4490", "gcj02": "GCJ-02", "bd09": "BD-09"}
_WGS84 = "OGC:CRS84"
_GOOD_M = 2.0  # a transformation that says less of itself is a warning
_SAY = (
    "say which with --crs: WGS-84 (satellite receivers), CGCS2000 (surveys, 天地图), GCJ-02 (picked in 高德 or 腾讯), "
    "BD-09 (picked in 百度), or EPSG:NUMBER"
)


@dataclass(frozen=True, slots=True)
class Placed:
    """Shapes in WGS-84, 2-D; what they were in, for people; and what is doubtful about the way."""

    shapes: Shapes
    crs: str
    warnings: tuple[str, ...]


def to_wgs84(table: Table, stated: str | None, swapped: bool) -> Placed:
    """Brings a table's shapes to WGS-84.

    ``stated`` is what a person says of the file; it wins. ``GCJ-02`` and ``BD-09`` say on which map it was drawn, and
    leave the file's own projection (that of a web map, for example) as it is. ``swapped``: the two coordinates stand in
    the other order than the system's. Raises :class:`PlaceError`.
    """
    shapes = _flat(table, swapped)
    wanted = None if stated is None else _WORDS.get(stated.lower().replace("-", "").replace("_", ""), stated)
    shift = SHIFTED.get(wanted or "")
    said = table.crs if wanted is None or shift is not None else wanted
    if said is None and shift is None:
        if all(shape is None for shape in shapes):
            return Placed(shapes, "", ())
        raise PlaceError(f"it does not say in which system its coordinates are; {_SAY}")
    crs = _parsed(_WGS84 if said is None else said)
    warnings = []
    if table.crs is not None and wanted is not None and shift is None and not crs.equals(_parsed(table.crs), True):
        warnings.append(f"the file says {_name(_parsed(table.crs))}; taken as {_name(crs)}, as --crs says")
    shapes, doubts = _projected(table, shapes, crs)
    name = _name(crs)
    if shift is not None:
        name = f"{wanted} ({name})" if said is not None and not crs.is_geographic else str(wanted)
        shapes = shapely.transform(shapes, partial(_each, shift))
    return Placed(shapes, name, (*warnings, *doubts))


def _flat(table: Table, swapped: bool) -> Shapes:
    shapes: Shapes = shapely.force_2d(table.shapes)
    points, owners = shapely.get_coordinates(shapes, return_index=True)
    wild = ~np.isfinite(points).all(axis=1)
    if wild.any():
        raise PlaceError(f"{table.where(int(owners[wild][0]))}: a coordinate is no number; draw it again")
    return shapely.transform(shapes, lambda points: points[:, ::-1]) if swapped else shapes


def _each(function: Any, points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack(function(points[:, 0], points[:, 1]))


def _parsed(said: str) -> pyproj.CRS:
    try:
        crs = pyproj.CRS.from_user_input(said)
    except ProjError as error:
        raise PlaceError(f"its coordinate system {said[:80]!r} is not known; {_SAY}") from error
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    if not (crs.is_geographic or crs.is_projected):
        raise PlaceError(f"its coordinate system {_name(crs)!r} is a local one that nothing ties to the earth; {_SAY}")
    return crs


def _name(crs: pyproj.CRS) -> str:
    number = crs.to_epsg(min_confidence=70)
    return (
        "WGS-84" if number == 4326 or crs.equals(_WGS84, True) else f"EPSG:{number} {crs.name}" if number else crs.name
    )


def _projected(table: Table, shapes: Shapes, crs: pyproj.CRS) -> tuple[Shapes, list[str]]:
    """To geographic WGS-84, by PROJ; a place that comes out nowhere is named."""
    if crs.is_geographic:
        _check_degrees(table, shapes, crs)
    else:
        _check_zone(table, shapes, crs)
    if crs.equals(_WGS84, True):
        return shapes, []
    transformer = pyproj.Transformer.from_crs(crs, _WGS84, always_xy=True)
    doubts = []
    geodetic = crs.geodetic_crs
    ellipsoid = "" if geodetic is None or geodetic.ellipsoid is None else geodetic.ellipsoid.name
    if transformer.accuracy < 0 and ellipsoid not in {"CGCS2000", "WGS 84"}:
        raise PlaceError(
            f"{_name(crs)} lies tens of metres from WGS-84, by an amount that differs from town to town and is not "
            "known here: convert the file with the survey office's parameters first"
        )
    if transformer.accuracy > _GOOD_M:
        doubts.append(f"{_name(crs)} is known against WGS-84 to about {transformer.accuracy:.0f} m only")
    moved: Shapes = shapely.transform(shapes, partial(_each, transformer.transform))
    _check_degrees(table, moved, None)
    _check_area(table, shapes, moved, crs, transformer)
    return moved, doubts


def _check_degrees(table: Table, shapes: Shapes, crs: pyproj.CRS | None) -> None:
    bounds = shapely.bounds(shapes)
    good = (bounds[:, 0] >= -180) & (bounds[:, 2] <= 180) & (bounds[:, 1] >= -90) & (bounds[:, 3] <= 90)
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    bad = np.flatnonzero(~good & ~empty)  # NaN compares as false
    if len(bad) == 0:
        return
    west, south = bounds[bad[0], :2]
    if crs is None:
        raise PlaceError(f"{table.where(int(bad[0]))}: its coordinates lie nowhere on earth in the file's system")
    raise PlaceError(
        f"{table.where(int(bad[0]))}: ({west:g}, {south:g}) is not longitude, latitude in degrees; "
        "swapped (then --swapped) or projected (then --crs)?"
    )


def _check_zone(table: Table, shapes: Shapes, crs: pyproj.CRS) -> None:
    """China's surveys write the zone's number before the easting, in systems of which each has a twin without."""
    west, _, east, _ = bounds_of(shapes)
    if not (isfinite(west) and isfinite(east)):
        return
    prefix = int(west // 1_000_000)
    easting = next((p.value for p in _parameters(crs) if "false easting" in p.name.lower()), 0.0)
    if easting == 500_000 and int(east // 1_000_000) == prefix and 13 <= prefix <= 45:
        raise PlaceError(
            f"its eastings begin with {prefix}, a zone's number, but {_name(crs)} has none: say --crs EPSG:"
            f"{4513 + prefix - 25 if prefix >= 25 else 4491 + prefix - 13} if it is CGCS2000"
        )


def _parameters(crs: pyproj.CRS) -> list[Any]:
    return [] if crs.coordinate_operation is None else list(crs.coordinate_operation.params)


def _check_area(table: Table, raw: Shapes, moved: Shapes, crs: pyproj.CRS, transformer: pyproj.Transformer) -> None:
    """A survey's X points north: files with the columns the other way round land far from the system's area."""
    area = crs.area_of_use
    if area is None or not isfinite(sum(bounds_of(moved))):
        return
    west, south, east, north = bounds_of(moved)
    if _within(area, (west + east) / 2, (south + north) / 2):
        return
    x0, y0, x1, y1 = bounds_of(raw)
    lon, lat = transformer.transform((y0 + y1) / 2, (x0 + x1) / 2)
    hint = "northing and easting are swapped: add --swapped" if _within(area, lon, lat) else "is it the right system?"
    raise PlaceError(
        f"its places come out around {(west + east) / 2:.3f}, {(south + north) / 2:.3f}, outside of where {_name(crs)} "
        f"is used ({area.name[:80]}); {hint}"
    )


def _within(area: Any, lon: float, lat: float) -> bool:
    return bool(area.west - 2 <= lon <= area.east + 2 and area.south - 2 <= lat <= area.north + 2)
