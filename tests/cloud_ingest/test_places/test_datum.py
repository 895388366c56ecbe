"""Systems that are missing, wrong or swapped are found and said: by China's bounds and the gateways' own places."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.places.crs import to_wgs84
from cloud_ingest.places.datum import Gateway, check_bounds, check_on_roofs, check_under_gateways
from cloud_ingest.places.shifted import wgs84_to_bd09, wgs84_to_gcj02
from cloud_ingest.places.table import PlaceError, Table
from lab.places_datum import town

SHIFTS = {"GCJ-02": wgs84_to_gcj02, "BD-09": wgs84_to_bd09}


def _shifted(shapes, function):
    return shapely.transform(shapes, lambda points: np.column_stack(function(points[:, 0], points[:, 1])))


@pytest.mark.parametrize("name", SHIFTS)
@pytest.mark.parametrize(("share", "gateways", "least"), [(0.2, 2, 10), (0.35, 3, 9), (0.5, 5, 9)])
def test_a_shifted_town_labelled_wgs84_is_refused_or_doubted_but_never_taken_in_silence(name, share, gateways, least):
    refused = 0
    for seed in range(12):
        roofs, stand = town(seed, gateways, share)
        try:
            assert check_under_gateways(_shifted(roofs, SHIFTS[name]), stand), "chance put the gateways on other roofs"
        except PlaceError as error:
            refused += f"if its coordinates are {name}" in str(error) and f"--crs {name}" in str(error)
    assert refused >= least


def test_gateways_whose_own_places_were_picked_on_a_chinese_map_are_found():
    roofs, stand = town(2, 4)
    moved = [Gateway(one.gateway, *(float(n) for n in reversed(wgs84_to_gcj02(one.lon, one.lat)))) for one in stand]
    assert "Correct their poses" in check_under_gateways(roofs, moved)[0]


def test_what_a_person_vouches_for_is_held_against_strong_evidence_only():
    likely = 0
    for seed in range(12):
        roofs, stand = town(seed, 1, 0.35)
        shifted = _shifted(roofs, wgs84_to_gcj02)
        try:
            assert check_under_gateways(shifted, stand)
        except PlaceError as error:
            if "may be labelled wrongly" in str(error):
                likely += 1
                assert "--crs WGS-84 if you know" in str(error)
                assert check_under_gateways(shifted, stand, vouched=True)
    assert likely
    roofs, stand = town(0, 6, 0.3)
    with pytest.raises(PlaceError, match="is labelled wrongly"):
        check_under_gateways(_shifted(roofs, wgs84_to_gcj02), stand, vouched=True)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.floats(0.15, 0.6))
def test_a_right_town_is_never_refused(seed, gateways, share):
    roofs, stand = town(seed, gateways, share, across=40)
    check_under_gateways(roofs, stand, vouched=True)


def test_a_village_of_one_street_needs_one_gateway_only():
    roofs, stand = town(1, 1, 0.3, across=6)
    with pytest.raises(PlaceError, match="0 of 1 gateways would stand on a roof of it, but 1 of 1"):
        check_under_gateways(_shifted(roofs, wgs84_to_gcj02), stand)


def test_what_cannot_be_told_is_said():
    said = [check_under_gateways(*town(seed, 1, 0.5), vouched=True) for seed in range(6)]
    assert any("too little to be sure" in text for texts in said for text in texts)
    roofs, _ = town(1, 1)
    assert "no gateway has announced its place" in check_under_gateways(roofs, [])[0]
    elsewhere = [Gateway("gw", 38.6, 106.5), Gateway("gw-2", 38.61, 106.5)]
    assert "none of the 2 gateways stands on a roof" in check_under_gateways(roofs, elsewhere)[0]


def test_chimneys_that_stand_on_roofs_only_when_converted_are_refused():
    roofs, _ = town(3, 1)
    mouths = shapely.point_on_surface(roofs[::7])
    assert check_on_roofs(mouths, roofs, "chimneys") == []
    with pytest.raises(PlaceError, match="if its coordinates are GCJ-02"):
        check_on_roofs(_shifted(mouths, wgs84_to_gcj02), roofs, "chimneys")


def test_swapped_coordinates_are_found_by_chinas_bounds_and_by_the_gateways():
    turned = np.array([shapely.box(38.47, 106.29, 38.471, 106.291)], dtype=object)
    table = Table(turned, {}, "OGC:CRS84", lambda n: f"feature {n}")
    with pytest.raises(PlaceError, match=r"feature 0: \(38.47, 106.29\).*--swapped"):
        to_wgs84(table, None, False)
    assert check_bounds(to_wgs84(table, None, True).shapes, []) == []
    kashgar = np.array([shapely.Point(39.47, 75.99)], dtype=object)  # swapped, and still degrees
    with pytest.raises(PlaceError, match="that is in China: latitude and longitude are swapped"):
        check_bounds(kashgar, [])
    warsaw = np.array([shapely.Point(52.2, 21.0)], dtype=object)
    with pytest.raises(PlaceError, match="the gateways stand there"):
        check_bounds(warsaw, [Gateway("gw", 52.21, 21.01)])
    assert "outside of China" in check_bounds(warsaw, [])[0]
    with pytest.raises(PlaceError, match="km from the nearest gateway"):
        check_bounds(np.array([shapely.Point(116.4, 39.9)], dtype=object), [Gateway("gw", 38.47, 106.29)])


def _points(xy, crs):
    return Table(np.array([shapely.Point(*xy)], dtype=object), {}, crs, lambda n: f"row {n + 2}")


@pytest.mark.parametrize(
    ("xy", "crs", "said"),
    [
        ((4260000.0, 437500.0), "EPSG:4544", "northing and easting are swapped: add --swapped"),
        ((35612500.0, 4260000.0), "EPSG:4544", "begin with 35, a zone's number.*--crs EPSG:4523"),
        ((612500.0, 4260000.0), "EPSG:2333", "by an amount that differs from town to town"),
        ((612500.0, 4260000.0), 'LOCAL_CS["网格",UNIT["metre",1]]', "a local one|is not known"),
        ((106.29, 38.47), "EPSG:99999", "is not known"),
        ((612500.0, 4260000.0), "EPSG:4326", "is not longitude, latitude in degrees"),
        ((float("nan"), 38.0), "EPSG:4326", "row 2"),
    ],
)
def test_a_system_that_does_not_fit_the_numbers_is_refused_with_what_to_do(xy, crs, said):
    with pytest.raises(PlaceError, match=said):
        to_wgs84(_points(xy, crs), None, False)


def test_what_a_person_says_wins_and_is_said():
    placed = to_wgs84(_points((106.29, 38.47), "EPSG:4326"), "CGCS2000", False)
    assert "the file says WGS-84; taken as EPSG:4490" in placed.warnings[0]
    gcj = to_wgs84(_points(tuple(float(n) for n in wgs84_to_gcj02(106.29, 38.47)), "EPSG:4326"), "gcj02", False)
    assert gcj.crs == "GCJ-02"
    assert (gcj.shapes[0].x, gcj.shapes[0].y) == pytest.approx((106.29, 38.47), abs=1e-9)


def test_a_map_drawn_over_gcj02_tiles_in_web_mercator_is_brought_back():
    import pyproj

    shifted = wgs84_to_gcj02(106.29, 38.47)
    xy = pyproj.Transformer.from_crs("OGC:CRS84", "EPSG:3857", always_xy=True).transform(*map(float, shifted))
    placed = to_wgs84(_points(xy, "EPSG:3857"), "GCJ-02", False)
    assert (placed.shapes[0].x, placed.shapes[0].y) == pytest.approx((106.29, 38.47), abs=1e-8)
