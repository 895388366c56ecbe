"""Building footprints out of GeoJSON (RFC 7946): every fault of the file is said with its place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from shapely.errors import ShapelyError
from shapely.geometry import MultiPolygon, Polygon, shape
from shapely.validation import explain_validity

from simulator.geodesy import Origin

FEWEST, MOST = 4, 20_000
LEAST_M2 = 12.0
_MOST_M2 = 20_000.0
_STOREY_M, _UNKNOWN_M = 3.1, 4.0
_MISSHAPEN = (TypeError, ValueError, IndexError, KeyError, AttributeError)
_WGS84 = ("CRS84", "EPSG::4326", "EPSG:4326")


class FootprintsError(ValueError):
    """The file holds no street; the message says where and what was expected."""


@dataclass(frozen=True, slots=True)
class Building:
    """One outline in metres east and north of an origin."""

    name: str
    outline: Polygon
    height_m: float


def read_footprints(path: Path) -> dict[str, Any]:
    """The document in a file. Raises :class:`FootprintsError` when it cannot be read or is no FeatureCollection."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FootprintsError(f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise FootprintsError(f"{path} is no JSON ({error})") from error
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        raise FootprintsError(f"{path} is no GeoJSON FeatureCollection: expected an object of that type at the top")
    return document


def check(document: dict[str, Any]) -> list[Any]:
    """The document's features. Raises :class:`FootprintsError` for another reference system or too few, too many."""
    crs = str(document.get("crs") or "CRS84")
    if not any(name in crs for name in _WGS84):
        raise FootprintsError(f"footprints must be WGS-84, longitude first (RFC 7946); this file says {crs[:80]}")
    features = document.get("features")
    if not isinstance(features, list) or not FEWEST <= len(features) <= MOST:
        count = len(features) if isinstance(features, list) else "none"
        raise FootprintsError(f"expected {FEWEST} to {MOST} features, found {count}")
    return features


def buildings_of(number: int, feature: Any, origin: Origin) -> list[Building]:
    """The buildings of one feature; several of a MultiPolygon, none of a point, a line or a shed."""
    where = f"feature {number}"
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise FootprintsError(f"{where} is no GeoJSON Feature")
    geometry = feature.get("geometry")
    if not isinstance(geometry, dict) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        return []
    facts = facts_of(number, feature)
    name = str(facts.get("rooftop") or facts.get("id") or feature.get("id") or f"f-{number:04d}")
    try:
        found = shape(geometry)
    except (ShapelyError, *_MISSHAPEN) as error:
        raise FootprintsError(f"{where} ({name}): its coordinates make no polygon ({error})") from error
    parts = found.geoms if isinstance(found, MultiPolygon) else [found]
    buildings = []
    for index, part in enumerate(parts):
        if not part.is_valid:
            raise FootprintsError(f"{where} ({name}): its outline is not valid ({explain_validity(part)})")
        local = Polygon([origin.metres(*corner[:2]) for corner in part.exterior.coords])
        if local.area > _MOST_M2:
            raise FootprintsError(
                f"{where} ({name}) covers {local.area:.0f} m²; expected buildings up to {_MOST_M2:g} m²"
            )
        if local.area >= LEAST_M2:
            own = name if index == 0 else f"{name}-{index + 1}"
            buildings.append(Building(own, local, height_of(facts, where)))
    return buildings


def facts_of(number: int, feature: dict[str, Any]) -> dict[str, Any]:
    """A feature's properties. Raises :class:`FootprintsError` where they are no object."""
    facts = feature.get("properties") or {}
    if not isinstance(facts, dict):
        raise FootprintsError(f"feature {number}: its properties are {str(facts)[:40]!r}; expected an object or null")
    return facts


def chimneys_of(features: list[Any], origin: Origin) -> dict[str, tuple[float, float, float]]:
    """The file's chimneys (points of ``kind`` "chimney"): east, north and height in metres, by rooftop."""
    found = {}
    for number, feature in enumerate(features):
        facts, geometry = facts_of(number, feature), feature.get("geometry")
        if facts.get("kind") != "chimney":
            continue
        try:
            lon, lat = (float(value) for value in geometry["coordinates"][:2])
        except _MISSHAPEN as error:
            raise FootprintsError(f"feature {number}: a chimney needs a point with longitude and latitude") from error
        found[str(facts.get("rooftop"))] = (*origin.metres(lon, lat), height_of(facts, f"feature {number}"))
    return found


def height_of(facts: dict[str, Any], where: str) -> float:
    """Height in metres from a feature's properties; 4 m where they say nothing. ``where`` is for the message."""
    for key, factor in (("height_m", 1.0), ("height", 1.0), ("building:levels", _STOREY_M), ("levels", _STOREY_M)):
        if facts.get(key) is not None:
            try:
                height = float(str(facts[key]).removesuffix("m").strip()) * factor
            except ValueError as error:
                raise FootprintsError(f"{where}: {key} is {facts[key]!r}; expected a number") from error
            if not 1.5 <= height <= 400:
                raise FootprintsError(f"{where}: {key} makes it {height:g} m high; expected 1.5 to 400 m")
            return height
    return _UNKNOWN_M


def middle_of(features: list[Any]) -> Origin:
    """The median corner; refuses coordinates that are no longitude and latitude."""
    corners = [corner for number, feature in enumerate(features) for corner in _corners(number, feature)]
    if not corners:
        raise FootprintsError("expected building outlines (Polygon or MultiPolygon), found none")
    lon, lat = np.median(np.array(corners), axis=0)
    return Origin(float(lat), float(lon))


def _corners(number: int, feature: Any) -> list[tuple[float, float]]:
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    if not isinstance(geometry, dict) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        return []
    rings = geometry.get("coordinates")
    try:
        if geometry["type"] == "MultiPolygon":
            rings = [ring for polygon in rings or [] for ring in polygon]
        corners = [(float(corner[0]), float(corner[1])) for ring in rings or [] for corner in ring]
    except _MISSHAPEN as error:
        raise FootprintsError(f"feature {number}: its coordinates are no numbers ({error})") from error
    for lon, lat in corners:
        if not (-180 <= lon <= 180 and -85 <= lat <= 85):
            raise FootprintsError(f"feature {number}: ({lon:g}, {lat:g}) is no longitude and latitude in degrees")
    return corners
