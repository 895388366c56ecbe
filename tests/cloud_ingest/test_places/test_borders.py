"""Zones, grids and stations in a shifted system: found by the houses that borders cut, by entries in force, or said."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point

from cloud_ingest.places.borders import check_against_held, check_borders, check_points
from cloud_ingest.places.shifted import gcj02_to_wgs84, wgs84_to_bd09, wgs84_to_gcj02
from cloud_ingest.places.table import PlaceError, object_array
from lab.places_borders import grid
from lab.places_datum import town

SHIFTS = {"GCJ-02": wgs84_to_gcj02, "BD-09": wgs84_to_bd09}
STATIONS = {"a": Point(106.21, 38.49), "b": Point(106.26, 38.47)}


@cache
def _roofs(seed):
    return town(seed, 1, 0.35, 110)[0]


def _moved(shapes, function):
    return shapely.transform(shapes, lambda points: np.column_stack(function(points[:, 0], points[:, 1])))


@pytest.mark.parametrize("name", SHIFTS)
def test_borders_along_lanes_are_taken_and_refused_when_shifted(name):
    for seed in (0, 1):
        cells = grid(seed, 2, along_lanes=True)
        assert check_borders(cells, _roofs(seed)) == []
        shifted = _moved(cells, SHIFTS[name])
        with pytest.raises(PlaceError, match=f"if its coordinates are {name}.*Say --crs {name}.*or --crs WGS-84"):
            check_borders(shifted, _roofs(seed))
        (doubt,) = check_borders(shifted, _roofs(seed), vouched=True)
        assert f"if its coordinates are {name}" in doubt


def test_what_cannot_be_told_is_said_and_never_refused():
    for seed in (0, 1):
        cells = grid(seed, 2, along_lanes=False)
        for shapes in (cells, _moved(cells, wgs84_to_gcj02)):
            (doubt,) = check_borders(shapes, _roofs(seed))
            assert "cannot be told" in doubt or "is it really WGS-84" in doubt
    assert "could not be checked" in check_borders(grid(0, 1, along_lanes=True), object_array([]))[0]
    outside = shapely.transform(grid(0, 1, along_lanes=True), lambda points: points + 0.2)
    assert "too few houses" in check_borders(outside, _roofs(0))[0]
    assert check_borders(object_array([Point(106.3, 38.5), None]), _roofs(0)) == []


def test_entries_that_lie_where_those_in_force_would_lie_shifted_are_refused():
    assert check_against_held(STATIONS, {}) is None
    assert check_against_held(STATIONS, STATIONS) == []
    shifted = {name: _moved(place, wgs84_to_gcj02) for name, place in STATIONS.items()}
    with pytest.raises(PlaceError, match="2 of its entries lie where those in force would lie in GCJ-02"):
        check_against_held(shifted, STATIONS)
    assert "taken for GCJ-02 wrongly" in check_against_held(shifted, STATIONS, vouched=True)[0]
    assert "those in force were wrong" in check_against_held(STATIONS, shifted)[0]
    apart = {name: shapely.transform(place, lambda points: points + 0.01) for name, place in STATIONS.items()}
    assert "is that right?" in check_against_held(apart, STATIONS)[0]


def test_points_alone_are_said_to_be_unchecked_unless_they_could_be_compared():
    points = object_array(list(STATIONS.values()))
    assert "2 points: nothing tells" in check_points(points, None)[0]
    assert check_points(points, []) == []


@settings(deadline=None, max_examples=12)
@given(st.floats(73, 135), st.floats(5, 53), st.floats(-60, 60), st.floats(-60, 60))
def test_small_moves_of_a_station_are_no_shift(lon, lat, east_m, north_m):
    old = {"s": Point(lon, lat)}
    new = {"s": Point(lon + east_m / 111_320, lat + north_m / 110_950)}
    assert check_against_held(new, old) == []
    back = gcj02_to_wgs84(*wgs84_to_gcj02(lon, lat))
    assert abs(back[0] - lon) < 1e-5 and abs(back[1] - lat) < 1e-5
