"""Rows → layers → what holds at a place and a moment: cells, people, zones, rings in true metres, exemptions."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from cloud_ingest.geotag.lies import Layer, place_lies, where_it_lies
from cloud_ingest.places.kinds import KINDS, Place, read_places
from cloud_ingest.places.table import PlaceError, Table, object_array

ZONE = ZoneInfo("Asia/Shanghai")
LAT, LON = 38.47, 106.29
GEOD = Geod(ellps="WGS84")
NIGHT = "2026-11-22T19:00:00.000Z"


def _table(shapes, **columns):
    return Table(object_array(list(shapes)), columns, None, lambda n: f"row {n + 2}")


def _box(west, south, east, north):
    return shapely.box(LON + west, LAT + south, LON + east, LAT + north)


def _layers(**kinds):
    return {
        kind: Layer.of(number, read_places(kind, table, table.shapes, ZONE)[0])
        for number, (kind, table) in enumerate(kinds.items(), 1)
    }


def test_the_innermost_cell_comes_first_with_the_person_of_that_day():
    layers = _layers(
        grids=_table(
            [_box(-1, -1, 1, 1), _box(-0.01, -0.01, 0.01, 0.01), _box(0.01, -0.01, 0.02, 0.01)],
            编号=["镇", "村", "邻村"], 名称=["某镇", "某村", "邻村"], 责任人=["镇长", "旧人", "别人"],
        ),
        responsible=_table(
            [None, None, None],
            网格名称=["某村", "某村", "某镇"], 网格员=["张三", "李四", "王五"], 电话=["1", "2", "3"],
            起始日期=["2026-01-01", "2026-11-23", "2026-01-01"], 截止日期=["2026-11-22", None, None],
        ),
    )  # fmt: skip
    before, after = "2026-11-22T15:59:59.999Z", "2026-11-22T16:00:00.000Z"  # midnight in the town
    cells = place_lies(layers, LAT, LON, before)["grids"]
    assert [(cell["place"], cell["person"]) for cell in cells] == [("村", "张三"), ("镇", "王五")]
    assert place_lies(layers, LAT, LON, after)["grids"][0]["person"] == "李四"
    assert "person" in place_lies(layers, LAT, LON + 0.015, after)["grids"][0]
    assert place_lies(layers, LAT + 5, LON, after)["grids"] == []


def test_a_zone_holds_from_its_first_midnight_to_the_end_of_its_last_day():
    layers = _layers(
        zones=_table(
            [_box(-1, -1, 1, 1)],
            名称=["禁煤区"],
            文号=["〔2026〕1号"],
            生效日期=["2026-11-01"],
            失效日期=["2027-03-31"],
        )
    )
    for moment, holds in (
        ("2026-10-31T15:59:59.999Z", False),
        ("2026-10-31T16:00:00.000Z", True),
        ("2027-03-31T15:59:59.999Z", True),
        ("2027-03-31T16:00:00.000Z", False),
    ):
        assert bool(place_lies(layers, LAT, LON, moment)["zones"]) is holds, moment
    (zone,) = place_lies(layers, LAT, LON, NIGHT)["zones"]
    assert zone["document"] == "〔2026〕1号"


def test_the_same_zone_in_two_winters_needs_no_ids():
    layers = _layers(
        zones=_table(
            [_box(-1, -1, 1, 1)] * 2, 名称=["禁煤区"] * 2, 起=["2025-11-01", "2026-11-01"], 止=["2026-03-31", None]
        )
    )
    assert len(place_lies(layers, LAT, LON, NIGHT)["zones"]) == 1
    assert len(place_lies(layers, LAT, LON, "2026-01-01T00:00:00.000Z")["zones"]) == 1


@given(st.floats(0, 359), st.floats(0, 3000), st.floats(20, 70))
def test_the_ring_of_a_station_is_a_thousand_metres_in_every_direction_and_latitude(turn, metres, lat):
    lon, at, _ = GEOD.fwd(106.0, lat, turn, metres)
    layer = Layer.of(1, [Place("s", "国控点", shapely.Point(106.0, lat), None, None, {"radius_m": 1000.0})])
    found = place_lies({"stations": layer}, at, lon, NIGHT)["stations"]
    assert bool(found) == (metres <= 1000) or abs(metres - 1000) < 1e-6
    if found:
        assert found[0]["distance_m"] == pytest.approx(metres, abs=0.51)


def test_an_exemption_is_meant_for_its_roof_its_area_or_the_whole_town():
    layers = _layers(
        exemptions=_table(
            [None, _box(-0.001, -0.001, 0.001, 0.001), None, shapely.Point(LON + 0.002, LAT)],
            id=["roof", "area", "town", "point"], kind=["household", "meat_smoking", "fireworks", "household"],
            rooftop=["r-1", None, None, None], approver=["镇政府"] * 4,
        )
    )  # fmt: skip

    def at(lon, rooftop):
        return {one["place"] for one in place_lies(layers, LAT, lon, NIGHT, rooftop)["exemptions"]}

    assert at(LON, "r-2") == {"area", "town"}
    assert at(LON + 0.01, "r-1") == {"roof", "town"}
    assert at(LON + 0.002 + 1e-4, None) == {"point", "town"}, "8.7 m from it"
    assert at(LON + 0.002 + 3e-4, None) == {"town"}


def test_an_exemptions_own_number_is_no_rooftop():
    table = _table([None], id=["e-1"], 编号=["r-1"], 类型=["household"])
    (place,), warnings = read_places("exemptions", table, table.shapes, ZONE)
    assert warnings == ["row 2: has neither place nor rooftop: it holds in the whole town"]
    assert (place.place, place.about) == ("e-1", {"kind": "household", "everywhere": True})


def test_what_was_never_imported_is_not_the_same_as_nothing_there():
    layers = _layers(zones=_table([_box(1, 1, 2, 2)], name=["far"]))
    lies = where_it_lies(layers, [{"rooftop": "r", "lat": LAT, "lon": LON}], NIGHT)
    assert lies["layers"] == {"zones": 1}
    assert lies["rooftops"]["r"] == {"grids": [], "zones": [], "stations": [], "areas": [], "exemptions": []}
    assert where_it_lies({}, [{"rooftop": "r", "lat": LAT, "lon": LON}], NIGHT) is None
    assert where_it_lies(layers, [], NIGHT) is None


BOW = shapely.Polygon([(LON, LAT), (LON + 1, LAT + 1), (LON + 1, LAT), (LON, LAT + 1)])


@pytest.mark.parametrize(
    ("kind", "table", "said"),
    [
        ("zones", _table([None], name=["x"]), "row 2: has no shape; expected an area"),
        ("grids", _table([None], name=["x"]), "imported as `responsible`"),
        ("zones", _table([shapely.Point(LON, LAT)], name=["x"]), "row 2: is a Point; expected an area"),
        ("stations", _table([_box(0, 0, 1, 1)], name=["x"]), "row 2: is a Polygon; expected a point"),
        ("zones", _table([BOW] * 2, id=["a", "a"]), "row 3: the id 'a' stands there twice"),
        ("zones", _table([BOW], name=["x"], valid_to=["soon"]), "row 2: valid_to is 'soon'; expected a date like"),
        ("zones", _table([BOW], name=["x"], 起=["2026-02-30"]), "row 2: 起 is '2026-02-30'"),
        ("zones", _table([BOW], name=["x"], 起=["2026-03-01"], 止=["2026-02-01"]), "before 2026-03-01"),
        ("zones", _table([BOW], name=["x"], 止=["9999-12-31"]), "no date that a notice can have"),
        ("stations", _table([shapely.Point(LON, LAT)], 半径=["一公里"]), "row 2: 半径 is '一公里'; expected metres"),
        ("responsible", _table([None], 网格员=["x"]), "has no column for grid; its columns are: 网格员"),
        ("responsible", _table([None], 网格员=["x"], 网格=["/"]), "row 2: 网格 is empty; it must be filled"),
        ("exemptions", _table([None], kind=[None]), "row 2: kind is empty"),
        ("zones", _table([]), "has no rows"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(kind, table, said):
    with pytest.raises(PlaceError) as caught:
        read_places(kind, table, table.shapes, ZONE)
    assert said in str(caught.value)


def test_self_intersecting_areas_are_mended_and_overlapping_cells_are_said():
    table = _table([BOW, _box(0.2, 0.0, 1.2, 1.0)], 名称=["一格", "二格"])
    places, warnings = read_places("grids", table, table.shapes, ZONE)
    assert all(place.shape.is_valid for place in places)
    assert "row 2: Self-intersection" in warnings[0]
    assert "一格 and 二格 overlap by" in warnings[1]


_coordinate = st.floats(-180, 180) | st.sampled_from([float("nan"), float("inf")])


@given(
    st.sampled_from(sorted(KINDS)),
    st.lists(
        st.none() | st.lists(st.tuples(_coordinate, st.floats(-90, 90)), min_size=3, max_size=7),
        min_size=1, max_size=4,
    ),
    st.lists(st.text(max_size=12) | st.none() | st.integers() | st.floats() | st.booleans(), min_size=4, max_size=4),
)  # fmt: skip
def test_any_rows_make_valid_places_or_an_error_in_words(kind, rings, cells):
    shapes = []
    for ring in rings:
        try:
            shapes.append(None if ring is None else shapely.Polygon(ring))
        except (ValueError, shapely.errors.ShapelyError):
            shapes.append(None)
    table = _table(
        shapes,
        **{
            name: (cells * 2)[at : at + len(shapes)]
            for at, name in enumerate(["kind", "grid", "valid_from", "valid_to"])
        },
    )
    try:
        places, _ = read_places(kind, table, table.shapes, ZONE)
    except PlaceError as error:
        assert str(error)
        return
    for place in places:
        assert 1 <= len(place.place) <= 80 and place.place.isprintable()
        assert place.shape is None or (place.shape.is_valid and not place.shape.is_empty)
    layer = Layer.of(1, places)
    assert place_lies({kind: layer}, LAT, LON, NIGHT)
    assert np.all([len(place.name) <= 200 for place in places])
