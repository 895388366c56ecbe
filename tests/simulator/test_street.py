from __future__ import annotations

from math import atan2, degrees, hypot

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from simulator.geodesy import Origin
from simulator.street import build_street, crosses_box

SEEDS = range(25)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_street_as_the_town_would_have_it(seed: int) -> None:
    street = build_street(seed)
    assert 8 <= len(street.roofs) <= 14
    assert len({roof.rooftop for roof in street.roofs}) == len(street.roofs)
    assert all(3 < roof.eave_m <= roof.ridge_m < 9 for roof in street.roofs)
    assert all(roof.chimney.mouth[2] > roof.ridge_m for roof in street.roofs)
    registered = sum(roof.chimney.registered for roof in street.roofs)
    assert 0.3 <= registered / len(street.roofs) <= 0.7
    assert 2 <= len(street.terminals) <= 3


@pytest.mark.parametrize("seed", SEEDS)
def test_both_gateways_look_over_all_of_it(seed: int) -> None:
    street = build_street(seed)
    first, second = street.cameras.values()
    bearings = [degrees(atan2(camera.place[0], camera.place[1])) for camera in (first, second)]
    apart = abs((bearings[0] - bearings[1] + 180) % 360 - 180)
    assert 60 <= apart <= 120
    mouths = np.array([roof.chimney.mouth for roof in street.roofs])
    for camera in (first, second):
        assert 10 <= camera.place[2] <= 16
        assert 40 <= camera.hfov_deg <= 70
        for roof in street.roofs:
            assert 40 <= hypot(roof.centre[0] - camera.place[0], roof.centre[1] - camera.place[1]) <= 110
        pixels, depth = camera.project(mouths)
        assert (depth > 0).all()
        assert ((pixels > 0) & (pixels < camera.size)).all()


def test_same_seed_same_street() -> None:
    assert build_street(3) == build_street(3)
    assert build_street(3) != build_street(4)


def test_houses_hide_what_is_behind_them_only() -> None:
    house = build_street(1).roofs[0]
    x, y = house.centre
    assert crosses_box((x - 30, y, 1.0), (x + 30, y, 1.0), house)
    assert not crosses_box((x - 30, y, 20.0), (x + 30, y, 20.0), house)
    assert not crosses_box((x - 30, y, 1.0), (x - 20, y, 1.0), house)


@settings(max_examples=50)
@given(lat=st.floats(18, 53), lon=st.floats(74, 134), east=st.floats(-800, 800), north=st.floats(-800, 800))
def test_local_metres_agree_with_the_geodesic(lat: float, lon: float, east: float, north: float) -> None:
    origin = Origin(lat, lon)
    there = origin.lon_lat(east, north)
    azimuth, _, away = Geod(ellps="WGS84").inv(lon, lat, *there)
    assert away == pytest.approx(hypot(east, north), abs=0.15)
    assert (away * np.sin(np.radians(azimuth)), away * np.cos(np.radians(azimuth))) == pytest.approx(
        (east, north), abs=0.15
    )
    assert origin.metres(*there) == pytest.approx((east, north), abs=0.002)
