"""GCJ-02 and BD-09 against places on which independent implementations agree, and against themselves."""

from __future__ import annotations

from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyproj import Geod

from cloud_ingest.console.display_crs import map_links
from cloud_ingest.places.shifted import (
    bd09_to_gcj02,
    bd09_to_wgs84,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    wgs84_to_bd09,
    wgs84_to_gcj02,
)

GEOD = Geod(ellps="WGS84")
# lon, lat of WGS-84 -> GCJ-02; the exact inverse of the same numbers taken for GCJ-02; BD-09 of them taken for GCJ-02.
# Four implementations agree on the first within 0.1 mm; the others are theirs where they iterate.
VECTORS = {
    "Yinchuan": (
        (106.293, 38.468), (106.297448764, 38.468484437), (106.288560485, 38.467521856), (106.299474298, 38.474047115),
    ),
    "Beijing": ((116.404, 39.915), (116.410244499, 39.916404282), None, (116.410369494, 39.921336994)),
    "Shanghai": ((121.5272106, 31.1774276), (121.531541859, 31.175303984), None, None),
    "Shenzhen": ((113.912316, 22.543847), (113.917176481, 22.540796132), None, None),
}  # fmt: skip


def _apart(a, b):
    return GEOD.inv(float(a[0]), float(a[1]), float(b[0]), float(b[1]))[2]


@pytest.mark.parametrize("name", VECTORS)
def test_known_places(name):
    place, gcj, back, bd = VECTORS[name]
    assert _apart(wgs84_to_gcj02(*place), gcj) < 0.012, "eviltransform's own cases use another radius: 0.011 m"
    if back is not None:
        assert _apart(gcj02_to_wgs84(*place), back) < 0.01
    if bd is not None:
        assert _apart(gcj02_to_bd09(*place), bd) < 0.01


places = st.tuples(st.floats(73.5, 135.0), st.floats(18.2, 53.5))


@given(places)
@example((127.36328125, 52.0))
def test_there_and_back_is_the_same_place_and_the_shift_is_of_the_known_size(place):
    shifted = wgs84_to_gcj02(*place)
    assert 20 < _apart(place, shifted) < 900
    assert _apart(gcj02_to_wgs84(*shifted), place) < 0.001
    assert _apart(bd09_to_gcj02(*gcj02_to_bd09(*place)), place) < 0.001
    assert _apart(bd09_to_wgs84(*wgs84_to_bd09(*place)), place) < 0.001


def test_many_at_once_are_each_as_alone():
    lon, lat = np.array([106.293, 116.404, 2.35]), np.array([38.468, 39.915, 48.85])
    together = wgs84_to_gcj02(lon, lat)
    for index in range(3):
        assert wgs84_to_gcj02(lon[index], lat[index]) == (together[0][index], together[1][index])


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_outside_of_china_nothing_moves_and_nothing_breaks(lon, lat):
    for function in (wgs84_to_gcj02, gcj02_to_wgs84, gcj02_to_bd09, bd09_to_gcj02):
        x, y = function(lon, lat)
        assert np.isfinite([x, y]).all()
        if not (72 < lon < 138 and 0.8 < lat < 56):
            assert (x, y) == (lon, lat)


def test_a_patrols_links_carry_the_place_as_each_service_wants_it_and_nobodys_name():
    lat, lon = 38.468, 106.293
    links = {link.service: link for link in map_links(lat, lon)}
    amap = parse_qs(urlparse(links["amap"].url).query)
    assert _apart(amap["position"][0].split(","), wgs84_to_gcj02(lon, lat)) < 0.1
    tencent = parse_qs(urlparse(links["tencent"].url).query)["marker"][0]
    y, x = tencent.removeprefix("coord:").split(";")[0].split(",")
    assert _apart((x, y), wgs84_to_gcj02(lon, lat)) < 0.1
    baidu = parse_qs(urlparse(links["baidu"].url).query)
    y, x = baidu["location"][0].split(",")
    assert baidu["coord_type"] == ["bd09ll"]
    assert _apart((x, y), wgs84_to_bd09(lon, lat)) < 0.1
    assert links["geo"].url == "geo:38.468000,106.293000"
    assert amap["name"] == ["目的地"]
