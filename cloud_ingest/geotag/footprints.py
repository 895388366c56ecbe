"""GeoJSON → roofs and chimneys, checked. Pure: text in, values or one error that names the feature out.

Format (docs/geotag.md): Polygon or MultiPolygon features with ``rooftop`` (their id; else the feature's own id) and,
where known, ``height_m`` (top of the roof above ground) and ``name``. Point features with ``rooftop`` are registered
chimneys on it, ``height_m`` the mouth's height above ground.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry import MultiPolygon, Point, Polygon, mapping, shape

ASSUMED_HEIGHT_M = 4.5  # ridge of a one-storey house, where the file is silent
_CHIMNEY_ABOVE_ROOF_M = 1.0
_MAX_FEATURES = 2_000_000
_MAX_EXTENT_DEG = 1.5  # a town fits; wider means swapped or mixed coordinates


class FootprintError(ValueError):
    """The file cannot be imported; the message names the feature, what was expected and what stood there."""


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
    """Parses and checks a FeatureCollection. Raises :class:`FootprintError`."""
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise FootprintError(f"not JSON: {error}") from error
    if (
        not isinstance(data, dict)
        or data.get("type") != "FeatureCollection"
        or not isinstance(data.get("features"), list)
    ):
        raise FootprintError("expected a GeoJSON FeatureCollection with a list of features")
    _check_crs(data.get("crs"))
    if len(data["features"]) > _MAX_FEATURES:
        raise FootprintError(f"{len(data['features'])} features; at most {_MAX_FEATURES} in one file")
    roofs: dict[str, Roof] = {}
    points: list[tuple[str, Any, dict[str, Any]]] = []
    warnings: list[str] = []
    for index, feature in enumerate(data["features"]):
        where, kind, properties = _outline(index, feature)
        if kind in {"Polygon", "MultiPolygon"}:
            roof = _roof(where, feature, properties, warnings)
            if roof.rooftop in roofs:
                raise FootprintError(f"{where}: rooftop id {roof.rooftop!r} stands there twice; ids must be unique")
            roofs[roof.rooftop] = roof
        elif kind == "Point" and "rooftop" in properties:
            points.append((where, feature, properties))
        else:
            warnings.append(f"{where}: a {kind} that is neither a footprint nor a chimney; left out")
    if not roofs:
        raise FootprintError("no footprint (Polygon) in the file")
    _check_extent(roofs)
    chimneys = [_chimney(where, feature, properties, roofs, warnings) for where, feature, properties in points]
    if len({chimney.chimney for chimney in chimneys}) < len(chimneys):
        raise FootprintError("two chimneys have the same id; ids must be unique")
    return Footprints(tuple(roofs.values()), tuple(chimneys), tuple(warnings))


def roof_geojson(roof: Roof) -> dict[str, Any]:
    """The polygon as GeoJSON geometry."""
    return dict(mapping(roof.polygon))


def _check_crs(crs: Any) -> None:
    if crs is None:  # RFC 7946: then it is WGS-84
        return
    name = str(crs.get("properties", {}).get("name", "") if isinstance(crs, dict) else crs)
    if not any(known in name for known in ("CRS84", "EPSG::4326", "EPSG:4326")):
        raise FootprintError(f"coordinate system {name[:80]!r}; expected WGS-84 longitude, latitude (convert it first)")


def _outline(index: int, feature: Any) -> tuple[str, str, dict[str, Any]]:
    if not isinstance(feature, dict) or not isinstance(feature.get("geometry"), dict):
        raise FootprintError(f"feature {index}: is not a GeoJSON feature with a geometry")
    properties = feature.get("properties") or {}
    if not isinstance(properties, dict):
        raise FootprintError(f"feature {index}: properties must be an object")
    name = properties.get("rooftop") or _id_of(feature, properties) or "no id"
    return f"feature {index} ({str(name)[:80]})", str(feature["geometry"].get("type")), properties


def _id_of(feature: dict[str, Any], properties: dict[str, Any]) -> str:
    found = feature.get("id", properties.get("id"))
    return "" if found is None else str(found)


def _geometry(where: str, feature: dict[str, Any]) -> Any:
    try:
        geometry = shape(feature["geometry"])
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, shapely.errors.ShapelyError) as error:
        raise FootprintError(f"{where}: its coordinates cannot be read ({error})") from error
    if geometry.is_empty:
        raise FootprintError(f"{where}: has no coordinates")
    west, south, east, north = geometry.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):  # also refuses NaN
        raise FootprintError(f"{where}: ({west}, {south}) is not longitude, latitude in degrees; swapped or projected?")
    return geometry


def _roof(where: str, feature: dict[str, Any], properties: dict[str, Any], warnings: list[str]) -> Roof:
    rooftop = str(properties.get("rooftop", _id_of(feature, properties)))
    if not 1 <= len(rooftop) <= 80:
        raise FootprintError(f"{where}: a footprint needs `rooftop` or an id, of 1 to 80 characters")
    geometry = shapely.force_2d(_geometry(where, feature))
    if not geometry.is_valid:
        warnings.append(f"{where}: {shapely.is_valid_reason(geometry)}; mended")
        geometry = shapely.make_valid(geometry)
    if not isinstance(geometry, Polygon):
        parts = [part for part in getattr(geometry, "geoms", []) if isinstance(part, Polygon | MultiPolygon)]
        polygons = [polygon for part in parts for polygon in getattr(part, "geoms", [part])]
        if not polygons:
            raise FootprintError(f"{where}: encloses no area")
        geometry = max(polygons, key=lambda polygon: polygon.area)
        if len(polygons) > 1:
            warnings.append(f"{where}: has {len(polygons)} parts; the largest is taken")
    if geometry.area == 0:
        raise FootprintError(f"{where}: encloses no area")
    height = _height(where, properties)
    name = str(properties.get("name") or rooftop)[:200]
    return Roof(rooftop, name, geometry, ASSUMED_HEIGHT_M if height is None else height, height is not None)


def _chimney(
    where: str, feature: dict[str, Any], properties: dict[str, Any], roofs: dict[str, Roof], warnings: list[str]
) -> Chimney:
    roof = roofs.get(str(properties["rooftop"]))
    if roof is None:
        raise FootprintError(f"{where}: stands on rooftop {properties['rooftop']!r}, which is not in the file")
    point: Point = _geometry(where, feature)
    if roof.polygon.distance(point) > 5e-5:  # about 5 m
        warnings.append(f"{where}: lies more than 5 m outside of rooftop {roof.rooftop!r}")
    height = _height(where, properties)
    chimney = _id_of(feature, properties) or f"{roof.rooftop}/{point.x:.7f},{point.y:.7f}"
    return Chimney(
        chimney[:80],
        roof.rooftop,
        point.y,
        point.x,
        roof.height_m + _CHIMNEY_ABOVE_ROOF_M if height is None else height,
    )


def _height(where: str, properties: dict[str, Any]) -> float | None:
    given = properties.get("height_m")
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < 1000:
        raise FootprintError(f"{where}: height_m is {given!r}; expected metres above ground between 0 and 1000")
    return float(given)


def _check_extent(roofs: dict[str, Roof]) -> None:
    bounds = [roof.polygon.bounds for roof in roofs.values()]
    for low, high, what in ((0, 2, "longitude"), (1, 3, "latitude")):
        spread = max(b[high] for b in bounds) - min(b[low] for b in bounds)
        if spread > _MAX_EXTENT_DEG:
            raise FootprintError(
                f"the footprints spread over {spread:.1f} degrees of {what}; a town does not: are coordinates swapped?"
            )
