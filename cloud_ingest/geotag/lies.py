"""Where a place lies for the people who go there: whose grid cell, which zones, stations, key areas, exemptions. Pure.

All of it as it was valid at one moment, by metric geometry on WGS-84. The layers' versions are named beside the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import shapely
from pyproj import Geod
from shapely.geometry import Point

from cloud_ingest.places.kinds import Place

Json = dict[str, Any]

_GEOD = Geod(ellps="WGS84")
_DEG_PER_M = 1 / 110_000  # of latitude, rounded up: for boxes that must not be too small


@dataclass(frozen=True, slots=True)
class Layer:
    """One imported layer with an index over the shapes of those entries that have one."""

    version: int
    places: tuple[Place, ...]
    shaped: tuple[int, ...]
    tree: shapely.STRtree

    @classmethod
    def of(cls, version: int, places: Sequence[Place]) -> Layer:
        """Points are found by the box around their ring."""
        shaped = tuple(number for number, place in enumerate(places) if place.shape is not None)
        return cls(version, tuple(places), shaped, shapely.STRtree([_reach(places[number]) for number in shaped]))

    def at(self, lat: float, lon: float, moment: str) -> list[tuple[Place, float]]:
        """Entries valid at the moment that hold the place: areas around it (0), points with metres to it."""
        point = Point(lon, lat)
        found = []
        for hit in sorted(self.tree.query(point, predicate="intersects").tolist()):
            place = self.places[self.shaped[hit]]
            metres = _distance_m(place.shape, lat, lon)
            if metres <= place.about.get("radius_m", 0.0) and is_valid(place, moment):
                found.append((place, metres))
        return found


def is_valid(place: Place, moment: str) -> bool:
    """Whether an entry holds at a moment; times as the wire writes them."""
    return (place.valid_from is None or place.valid_from <= moment) and (
        place.valid_until is None or moment < place.valid_until
    )


def where_it_lies(
    layers: Mapping[str, Layer],
    candidates: Sequence[Mapping[str, Any]],
    moment: str,
    place: Mapping[str, Any] | None = None,
) -> Json | None:
    """What an alert says of where its candidates lie, or its ``place`` on the ground; None where no layer was imported
    or there is neither.

    ``{"at", "layers": {kind: version}, "rooftops": {rooftop: {"grids", "zones", "stations", "areas", "exemptions"}}}``,
    and ``place`` with the same five lists where a place on the ground is known.
    ``grids``: the innermost cell first, then those around it. Kinds that were never imported are not in ``layers``; an
    empty list of a kind that is there means that nothing of it holds. ``candidates`` as ``alert_versions`` has them.
    """
    if not layers or not (candidates or place):
        return None
    ground = {} if place is None else {"place": place_lies(layers, place["lat"], place["lon"], moment)}
    return {
        "at": moment,
        "layers": {kind: layer.version for kind, layer in sorted(layers.items())},
        "rooftops": {
            one["rooftop"]: place_lies(layers, one["lat"], one["lon"], moment, one["rooftop"]) for one in candidates
        },
        **ground,
    }


def place_lies(layers: Mapping[str, Layer], lat: float, lon: float, moment: str, rooftop: str | None = None) -> Json:
    """Everything that holds at one place (WGS-84 degrees) and moment."""

    def holding(kind: str) -> list[tuple[Place, float]]:
        return layers[kind].at(lat, lon, moment) if kind in layers else []

    stations = sorted(holding("stations"), key=lambda one: one[1])
    return {
        "grids": _grids(layers, holding("grids"), moment),
        "zones": [_entry(place) for place, _ in holding("zones")],
        "stations": [{**_entry(place), "distance_m": round(metres)} for place, metres in stations],
        "areas": [_entry(place) for place, _ in holding("areas")],
        "exemptions": [_entry(place) for place in _exemptions(layers, holding("exemptions"), moment, rooftop)],
    }


def _grids(layers: Mapping[str, Layer], cells: Sequence[tuple[Place, float]], moment: str) -> list[Json]:
    people = layers["responsible"].places if "responsible" in layers else ()
    listed = []
    for place, _ in sorted(cells, key=lambda one: float(one[0].shape.area)):
        entry = _entry(place)
        newer = [one for one in people if one.about["grid"] in (place.place, place.name) and is_valid(one, moment)]
        for one in newer[:1]:
            entry |= {name: one.about.get(name) for name in ("person", "deputy", "unit", "phone")}
            entry["others"] = [two.about.get("person") for two in newer[1:]]
        listed.append({name: value for name, value in entry.items() if value not in (None, [])})
    return listed


def _exemptions(
    layers: Mapping[str, Layer], around: Sequence[tuple[Place, float]], moment: str, rooftop: str | None
) -> list[Place]:
    """Those of an area around it, of this very roof, and those that hold in the whole town."""
    own = [
        place
        for place in (layers["exemptions"].places if "exemptions" in layers else ())
        if place.shape is None
        and is_valid(place, moment)
        and (place.about.get("everywhere") or (rooftop is not None and place.about.get("rooftop") == rooftop))
    ]
    meant = [place for place, _ in around if place.about.get("rooftop") in (None, rooftop)]
    return meant + own


def _entry(place: Place) -> Json:
    hidden = {"radius_m", "everywhere", "rooftop", "grid"}
    about = {name: value for name, value in place.about.items() if name not in hidden}
    times = {name: at for name in ("valid_from", "valid_until") if (at := getattr(place, name)) is not None}
    return {"place": place.place, "name": place.name, **about, **times}


def _reach(place: Place) -> Any:
    if not isinstance(place.shape, Point):
        return place.shape
    degrees = max(place.about.get("radius_m", 0.0), 1.0) * _DEG_PER_M
    wide = degrees * 6  # of longitude, which shrink towards the pole: enough up to 80 degrees north
    x, y = place.shape.x, place.shape.y
    return shapely.box(x - wide, y - degrees, x + wide, y + degrees)


def _distance_m(shape: Any, lat: float, lon: float) -> float:
    """From a point entry along the ellipsoid; an area that the index found holds the place."""
    return float(_GEOD.inv(shape.x, shape.y, lon, lat)[2]) if isinstance(shape, Point) else 0.0
