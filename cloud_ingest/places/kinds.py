"""What kinds of places there are, which columns each has, and a table's rows checked against them. Pure.

Footprints and chimneys are checked in ``geotag.footprints``; terrain in ``raster``. Everything here is WGS-84.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

import shapely
from shapely.geometry import MultiPolygon, Point, Polygon

from cloud_ingest.places.columns import Columns
from cloud_ingest.places.table import PlaceError, Shapes, Table, mended

RING_M = 1000.0  # the notices' "within 1,000 m of the national station"
_HOUSEHOLD_M = 15.0  # an exempt household that is a point is meant with its own roof
_SAID_OVERLAPS = 5


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of a layer. Times as the wire writes them; ``valid_until`` itself is no longer valid."""

    place: str
    name: str
    shape: Any  # shapely geometry, WGS-84; None for what has no place of its own
    valid_from: str | None
    valid_until: str | None
    about: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """How the rows of one kind look: which shapes they may have, what they say, and what they must say."""

    shapes: str  # "areas", "points", "any" (also none), "none"
    said: tuple[str, ...]  # texts that are kept in ``about``
    needed: tuple[str, ...] = ()
    tiles: bool = False  # its areas should not overlap unless one lies in the other


#: docs/places.md says what each is for.
KINDS = {
    "grids": Kind("areas", ("parent", "person", "deputy", "unit", "phone"), tiles=True),
    "responsible": Kind("none", ("person", "deputy", "unit", "phone"), ("grid",)),
    "zones": Kind("areas", ("kind", "document")),
    "stations": Kind("points", ("kind",)),
    "areas": Kind("areas", ("kind", "document")),
    "exemptions": Kind("any", ("kind", "document", "approver", "on_rooftop"), ("kind",)),
}
_SHAPES = {"areas": (Polygon, MultiPolygon), "points": (Point,), "any": (Polygon, MultiPolygon, Point), "none": ()}
_EXPECTED = {
    "areas": "an area (polygon)",
    "points": "a point",
    "any": "an area, a point or nothing",
    "none": "no shape",
}


def wanted(kind: str) -> tuple[str, ...]:
    """Our names of the columns that a kind uses."""
    own = KINDS[kind]
    first = ("grid",) if kind == "responsible" else ("place",)
    radius = ("radius_m",) if own.shapes in {"points", "any"} else ()
    return (*first, "name", *own.said, *radius, "valid_from", "valid_to")


def read_places(kind: str, table: Table, shapes: Shapes, zone: ZoneInfo) -> tuple[list[Place], list[str]]:
    """Checks every row; answers the places and what is doubtful.

    ``shapes``: the table's in WGS-84; ``zone``: the town's. Raises :class:`PlaceError` with row and column.
    """
    own, columns = KINDS[kind], Columns.of(table, wanted(kind))
    for name in own.needed:
        if name not in columns.found:
            raise PlaceError(f"has no column for {name}; its columns are: {', '.join(table.columns)}")
    warnings: list[str] = []
    found: dict[str, Place] = {}
    for index in range(len(table)):
        place = _place(own, columns, index, shapes[index], zone, warnings)
        if place.place in found and columns.value("place", index) is not None:
            raise PlaceError(f"{table.where(index)}: the id {place.place!r} stands there twice; ids must be unique")
        if place.place in found:  # the same zone in two winters, without ids
            place = replace(place, place=f"{place.place[:68]} #{index + 1}")
        found[place.place] = place
    if not found:
        raise PlaceError("has no rows")
    places = list(found.values())
    if own.tiles:
        warnings += _overlaps(places)
    return places, warnings


def _place(own: Kind, columns: Columns, index: int, shape: Any, zone: ZoneInfo, warnings: list[str]) -> Place:
    where = columns.table.where(index)
    texts = {said: columns.text(said, index) for said in own.said}
    about: dict[str, Any] = {said: text for said, text in texts.items() if text is not None}
    if "on_rooftop" in about:
        about["rooftop"] = about.pop("on_rooftop")
    for needed in own.needed:
        if columns.value(needed, index) is None:
            raise PlaceError(f"{where}: {columns.found[needed]} is empty; it must be filled")
    since, until = columns.valid(index, zone)
    grid = columns.key("grid", index)
    if grid is not None:
        about["grid"] = grid
    if isinstance(shape, Point) and own.shapes in {"points", "any"}:
        given = columns.number("radius_m", index, "metres", 0, 100_000)
        about["radius_m"] = given if given is not None else RING_M if own.shapes == "points" else _HOUSEHOLD_M
    name = columns.text("name", index)
    key = columns.key("place", index) or (f"{grid} {since or ''} {about.get('person', '')}"[:80] if grid else None)
    key = key or (name or str(index + 1))[:80]
    kept = _shape(own, where, shape, warnings)
    if kept is None and own.shapes == "any" and "rooftop" not in about and isinstance(shape, Point | None):
        about["everywhere"] = True
        warnings.append(f"{where}: has neither place nor rooftop: it holds in the whole town")
    return Place(key, name or key, kept, since, until, about)


def _shape(own: Kind, where: str, shape: Any, warnings: list[str]) -> Any:
    if shape is None or shape.is_empty:
        if own.shapes in {"none", "any"}:
            return None
        hint = "; people of grid cells that are there already are imported as `responsible`" if own.tiles else ""
        raise PlaceError(f"{where}: has no shape; expected {_EXPECTED[own.shapes]}{hint}")
    if own.shapes == "none":
        return None
    if not shape.is_valid:
        warnings.append(f"{where}: {shapely.is_valid_reason(shape)}; mended")
        shape = mended(shape, where)
    if "Polygon" in str(shape.geom_type) or shape.geom_type == "GeometryCollection":
        parts = [part for part in getattr(shape, "geoms", [shape]) if isinstance(part, Polygon | MultiPolygon)]
        shape = shapely.union_all(parts) if parts else shape
    if not isinstance(shape, _SHAPES[own.shapes]) or ("Polygon" in shape.geom_type and not shape.area > 0):
        raise PlaceError(f"{where}: is a {shape.geom_type}; expected {_EXPECTED[own.shapes]}")
    return shape


def _overlaps(places: Sequence[Place]) -> list[str]:
    """Cells that share ground though neither lies in the other: two persons would be responsible."""
    shapes = [place.shape for place in places]
    tree = shapely.STRtree(shapes)
    said = []
    left, right = tree.query(shapes, predicate="intersects")
    for a, b in zip(left.tolist(), right.tolist(), strict=True):
        if a < b:
            shared = shapely.intersection(shapes[a], shapes[b]).area / min(shapes[a].area, shapes[b].area)
            if 0.01 < shared < 0.99:
                said.append(f"{places[a].name} and {places[b].name} overlap by {shared:.0%} of the smaller")
    more = len(said) - _SAID_OVERLAPS
    return said[:_SAID_OVERLAPS] + ([f"and {more} more pairs overlap"] if more > 0 else [])
