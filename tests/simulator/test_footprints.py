"""Streets of three kinds, and streets out of real outlines: shapes kept, faults named."""

from __future__ import annotations

import copy
import json
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.footprints import FootprintsError, read_footprints
from simulator.real_street import street_from
from simulator.street import KINDS, StreetKind, build_street


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("seed", range(4))
def test_kinds_of_streets(kind: StreetKind, seed: int) -> None:
    street, axes = build_street(seed, kind), KINDS[kind]
    assert street == build_street(seed, kind)
    assert 4 <= len(street.roofs) <= 20
    listed = sum(roof.chimney.registered for roof in street.roofs) / len(street.roofs)
    assert listed == pytest.approx(axes.registered, abs=0.5 / len(street.roofs) + 0.1)
    for camera in street.cameras.values():
        pixels, depth = camera.project(np.array([roof.chimney.mouth for roof in street.roofs]))
        assert (depth > 0).all()
        assert ((pixels > 0) & (pixels < camera.size)).all()
    centres = np.array([roof.centre for roof in street.roofs])
    nearest = [np.sort(np.hypot(*(centres - centre).T))[1] for centre in centres]
    assert np.median(nearest) == pytest.approx(min(*axes.pitch_along, *axes.pitch_across), rel=0.25)


def test_kinds_differ_where_it_matters() -> None:
    assert build_street(3, "village") == build_street(3)
    crowd = {kind: np.mean([len(build_street(seed, kind).roofs) for seed in range(8)]) for kind in KINDS}
    assert crowd["old-quarter"] > crowd["village"] > crowd["apartment-edge"]
    tall = [block for block in build_street(2, "apartment-edge").blocks if hypot(*block.centre) < 120]
    assert any(block.height_m >= 15 for block in tall)


def town(seed: int = 6) -> dict[str, Any]:
    """A generated street as a town's file would have it: outlines, some heights, some chimneys."""
    street = build_street(seed)
    features: list[dict[str, Any]] = []
    for index, roof in enumerate(street.roofs):
        ring = [list(street.origin.lon_lat(*corner)) for corner in roof.footprint]
        facts: dict[str, Any] = {"rooftop": roof.rooftop}
        facts |= [{"height_m": round(roof.ridge_m, 1)}, {"building:levels": "1"}, {}][index % 3]
        geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        features.append({"type": "Feature", "geometry": geometry, "properties": facts})
    roof = street.roofs[0]
    spot = list(street.origin.lon_lat(*roof.chimney.mouth[:2]))
    known = {"kind": "chimney", "rooftop": roof.rooftop, "height_m": round(roof.chimney.mouth[2], 1)}
    features.append({"type": "Feature", "geometry": {"type": "Point", "coordinates": spot}, "properties": known})
    return {"type": "FeatureCollection", "features": features}


@pytest.mark.parametrize("seed", range(3, 7))
def test_a_real_street_keeps_its_shapes(seed: int) -> None:
    source, street = build_street(seed), street_from(town(seed), seed)
    assert street == street_from(town(seed), seed)
    by_name = {roof.rooftop: roof for roof in source.roofs}
    assert len(street.roofs) >= 4
    for roof in street.roofs:
        was = by_name[roof.rooftop]
        lon, lat = source.origin.lon_lat(*was.centre)
        east, north = street.origin.metres(lon, lat)
        assert hypot(roof.centre[0] - east, roof.centre[1] - north) < 0.05
        assert roof.width_m * roof.depth_m == pytest.approx(was.width_m * was.depth_m, rel=0.01)
        turn = np.degrees(roof.turn_rad - was.turn_rad)
        assert min(abs((turn + 90) % 180 - 90), abs(turn % 180 - 90)) < 1 or was.depth_m > was.width_m
    assert sum(roof.chimney.registered for roof in street.roofs) <= 1
    assert len(street.cameras) == 2
    for camera in street.cameras.values():
        assert all(
            40 <= hypot(r.centre[0] - camera.place[0], r.centre[1] - camera.place[1]) <= 110 for r in street.roofs
        )


def _broken(change: str) -> dict[str, Any]:
    document = town()
    first = document["features"][0]
    if change == "crs":
        document["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}
    elif change == "few":
        document["features"] = document["features"][:2]
    elif change == "metres":
        first["geometry"]["coordinates"][0][0] = [500000.0, 4200000.0]
    elif change == "words":
        first["geometry"]["coordinates"][0][0] = ["east", "north"]
    elif change == "bow":
        ring = first["geometry"]["coordinates"][0]
        ring[1], ring[2] = ring[2], ring[1]
    elif change == "height":
        first["properties"] = {"height_m": "tall"}
    elif change == "tower":
        first["properties"] = {"height_m": 4000}
    elif change == "no feature":
        document["features"][1] = {"type": "Roof"}
    elif change == "apart":
        for number, feature in enumerate(document["features"]):
            ring = feature["geometry"]["coordinates"]
            ring = ring[0] if feature["geometry"]["type"] == "Polygon" else [ring]
            for corner in ring[:-1] if len(ring) > 1 else ring:
                corner[0] += 0.01 * number
            if len(ring) > 1:
                ring[-1] = list(ring[0])
    return document


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("crs", "WGS-84"), ("few", "expected 4"), ("metres", "feature 0.*longitude and latitude"),
        ("words", "feature 0.*no numbers"), ("bow", "feature 0.*not valid"), ("height", "expected a number"),
        ("tower", "1.5 to 400"), ("no feature", "feature 1 is no"), ("apart", "within 30 m"),
    ],
)  # fmt: skip
def test_faults_of_a_file_are_named(change: str, says: str) -> None:
    with pytest.raises(FootprintsError, match=says):
        street_from(_broken(change), 1)


@pytest.mark.parametrize(
    ("text", "says"), [("{", "no JSON"), ("[]", "FeatureCollection"), ('{"type": "x"}', "no GeoJSON")]
)
def test_files_that_are_none(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(FootprintsError, match="cannot be read"):
        read_footprints(tmp_path / "missing.geojson")
    (tmp_path / "a.geojson").write_text(text)
    with pytest.raises(FootprintsError, match=says):
        read_footprints(tmp_path / "a.geojson")


_values = st.recursive(
    st.none() | st.booleans() | st.floats(-400, 400) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["type", "coordinates"]), inner),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_damage_is_said_and_nothing_falls_over(data: st.DataObject) -> None:
    document = copy.deepcopy(town())
    feature = document["features"][data.draw(st.integers(0, len(document["features"]) - 1))]
    where = data.draw(st.sampled_from(["geometry", "properties", "coordinates", "ring", "corner"]))
    value = json.loads(json.dumps(data.draw(_values)))
    if where in ("geometry", "properties"):
        feature[where] = value
    elif where == "coordinates" or feature["geometry"]["type"] == "Point":
        feature["geometry"]["coordinates"] = value
    elif where == "ring":
        feature["geometry"]["coordinates"][0] = value
    else:
        feature["geometry"]["coordinates"][0][0] = value
    try:
        street_from(document, 1)
    except FootprintsError as error:
        assert str(error)
