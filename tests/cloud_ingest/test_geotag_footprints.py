"""Footprints from GeoJSON: what is taken, what is mended and said, what is refused with the feature's name."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.geotag.footprints import ASSUMED_HEIGHT_M, read_footprints
from cloud_ingest.places.table import PlaceError
from cloud_ingest.store.database import reading, writing
from cloud_ingest.store.footprints import current_version, import_footprints, load_footprints

NOW = "2026-11-22T19:05:00.000Z"
SQUARE = [[114.5, 38.0], [114.5001, 38.0], [114.5001, 38.0001], [114.5, 38.0001], [114.5, 38.0]]


def _feature(geometry, **properties):
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _polygon(ring=SQUARE, **properties):
    return _feature({"type": "Polygon", "coordinates": [ring]}, **properties)


def _flue(x=114.50005, y=38.00005, **properties):
    return _feature({"type": "Point", "coordinates": [x, y]}, **properties)


def _text(*features, **more):
    return json.dumps({"type": "FeatureCollection", "features": list(features), **more})


def test_roofs_and_chimneys_are_read():
    found = read_footprints(
        _text(_polygon(rooftop="r-1", name="丽景街 1 号", height_m=5.5), _flue(rooftop="r-1", height_m=6.4))
    )
    (roof,), (flue,) = found.roofs, found.chimneys
    assert (roof.rooftop, roof.name, roof.height_m, roof.height_known) == ("r-1", "丽景街 1 号", 5.5, True)
    assert (flue.rooftop, flue.lat, flue.lon, flue.height_m) == ("r-1", 38.00005, 114.50005, 6.4)
    assert found.warnings == ()


def test_what_is_missing_gets_a_default_that_is_marked():
    plain = _polygon()
    plain["id"] = 17
    found = read_footprints(_text(plain, _flue(rooftop="17")))
    (roof,), (flue,) = found.roofs, found.chimneys
    assert (roof.rooftop, roof.name, roof.height_m, roof.height_known) == ("17", "17", ASSUMED_HEIGHT_M, False)
    assert flue.height_m == ASSUMED_HEIGHT_M + 1


def test_a_self_intersecting_footprint_is_mended_and_said():
    bow = [[114.5, 38.0], [114.5001, 38.0001], [114.5001, 38.0], [114.5, 38.0001], [114.5, 38.0]]
    found = read_footprints(_text(_polygon(bow, rooftop="bow")))
    assert found.roofs[0].polygon.is_valid
    assert "feature 0 (bow)" in found.warnings[0]
    assert "mended" in found.warnings[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "FeatureCollection"),
        ("[]", "FeatureCollection"),
        (_text(), "no footprint"),
        (_text(_polygon(rooftop="a"), crs={"properties": {"name": "urn:x:nowhere"}}), "urn:x:nowhere.* is not known"),
        (_text(_polygon()), "feature 0 .no id.*needs `rooftop`"),
        (_text(_polygon(rooftop="a"), _polygon(rooftop="a")), "feature 1 .a.: rooftop id 'a' stands there twice"),
        (_text(_polygon([[38.0, 114.5], [38.1, 114.5], [38.1, 114.6], [38.0, 114.5]], rooftop="a")), "swapped"),
        (_text(_polygon([[400000.0, 4e6], [400010.0, 4e6], [400010.0, 4.1e6], [4e5, 4e6]], rooftop="a")), "projected"),
        (_text(_polygon([[114.5, 38.0], [114.6, 38.1]], rooftop="a")), "feature 0 .a.: its coordinates"),
        (_text(_polygon([[114.5, "x"], [114.6, 38.1], [1, 2], [114.5, 38]], rooftop="a")), "feature 0 .a.: its coord"),
        (_text(_polygon([SQUARE[0]] * 4, rooftop="a")), "encloses no area"),
        (_text(_polygon(rooftop="a", height_m=-1)), "height_m is -1"),
        (_text(_polygon(rooftop="a", height_m="tall")), "height_m is 'tall'"),
        (_text(_polygon(rooftop="a"), _flue(rooftop="b")), "feature 1 .b.: stands on rooftop 'b', which is not"),
        (_text({"type": "Feature", "geometry": None, "properties": {}}), "feature 0"),
        (_text(_polygon(rooftop="a"), _polygon([[x + 5, y] for x, y in SQUARE], rooftop="b")), "swapped"),
    ],
)
def test_what_cannot_be_read_is_refused_and_named(text, said):
    with pytest.raises(PlaceError, match=said):
        read_footprints(text)


_anything = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.sampled_from(["Polygon", "Point", "MultiPolygon", "x"]),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["type", "geometry", "coordinates", "properties", "id", "rooftop", "height_m"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@settings(deadline=None)
@given(st.lists(_anything, max_size=3))
def test_no_file_raises_anything_but_its_own_error(features):
    text = json.dumps({"type": "FeatureCollection", "features": features})
    try:
        found = read_footprints(text)
    except PlaceError:
        return
    assert found.roofs


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-200, 200), st.floats(-100, 100)), min_size=1, max_size=7))
def test_any_ring_is_a_valid_roof_or_refused(ring):
    try:
        found = read_footprints(_text(_polygon([list(point) for point in ring], rooftop="a")))
    except PlaceError:
        return
    assert found.roofs[0].polygon.is_valid
    assert found.roofs[0].polygon.area > 0


def test_an_import_is_a_version_and_the_same_file_again_is_none(engine, town_text):
    with writing(engine) as connection:
        first, _ = import_footprints(connection, "lab", "a.geojson", town_text(), NOW)
        again, _ = import_footprints(connection, "lab", "b.geojson", town_text(), NOW)
        other, _ = import_footprints(connection, "elsewhere", "a.geojson", town_text(), NOW)
        newer, found = import_footprints(connection, "lab", "c.geojson", town_text(with_chimneys=True), NOW)
    assert (first, again, other, newer) == (1, 1, 2, 3)
    with reading(engine) as connection:
        assert current_version(connection, "lab") == 3
        assert current_version(connection, "elsewhere") == 2
        assert current_version(connection, "nowhere") is None
        roofs, flues = load_footprints(connection, 3)
        assert load_footprints(connection, 1)[1] == []
    assert sorted(roof.rooftop for roof in found.roofs) == [roof.rooftop for roof in roofs]
    assert len(flues) == 9


def test_a_refused_file_leaves_the_version_before_in_force(engine, town_text):
    with writing(engine) as connection:
        import_footprints(connection, "lab", "a.geojson", town_text(), NOW)
    with pytest.raises(PlaceError), writing(engine) as connection:
        import_footprints(connection, "lab", "b.geojson", _text(), NOW)
    with reading(engine) as connection:
        assert current_version(connection, "lab") == 1
