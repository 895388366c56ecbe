"""The judge of geotag: its lines of sight against geometry by another library, and a short run whose tables add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, box

from lab.geotag.layouts import LAYOUTS, Ground, House, draw_houses
from lab.geotag.report import pictures, report
from lab.geotag.rows import judge_scenes, load_rows, save_rows
from lab.geotag.sight import Sight


@settings(deadline=None, max_examples=60)
@given(st.floats(-30, 30), st.floats(14, 40), st.floats(0.5, 9), st.floats(3, 20))
def test_a_line_of_sight_is_hidden_where_it_passes_through_a_house(x, y, z, eye_height):
    wall = House(box(-12, 0, 8, 10), 6.0, 5.5, (0.0, 5.0), 0.5)
    other = House(box(-40, 60, 40, 70), 4.0, 3.5, (0.0, 65.0), 0.5)
    eye = np.array([0.0, -40.0, eye_height])
    seen = Sight([wall, other], Ground()).clear(eye, np.array([[x, y, z]]), np.array([1]))[0]
    line = LineString([eye[:2], (x, y)])
    crossed = line.intersection(wall.polygon)
    if crossed.is_empty:
        near = line.distance(wall.polygon) < 0.5
        assert seen or near
    elif crossed.length > 2:
        along = [line.project(crossed.interpolate(share, normalized=True)) / line.length for share in (0.2, 0.8)]
        heights = [eye_height + share * (z - eye_height) for share in along]
        if min(heights) < 5.3:
            assert not seen
        if min(eye_height, z) > 5.7:
            assert seen


@pytest.mark.parametrize("layout", LAYOUTS)
def test_houses_of_a_layout_do_not_overlap(layout):
    houses = [house.polygon for house in draw_houses(layout, np.random.default_rng(3))]
    shared = sum(a.intersection(b).area for n, a in enumerate(houses) for b in houses[n + 1 :])
    assert len(houses) > 80
    assert shared < 0.01 * sum(house.area for house in houses)


def test_a_short_run_gives_rows_tables_and_pictures(tmp_path):
    rows = list(judge_scenes(3, seed=5))
    again = next(iter(judge_scenes(1, seed=5)))
    assert again == rows[0]
    for row in rows:
        assert row.one.true <= 1 and row.two.true <= 1
        assert row.bound_one >= 0 and row.bound_two >= 0
        assert sum(row.two.said) + row.two.elsewhere <= 1.01
    save_rows(rows, tmp_path / "rows.jsonl")
    assert load_rows(tmp_path / "rows.jsonl") == rows
    text = report(rows, 5)
    assert "| all | 3 |" in text
    for name, svg in pictures(rows).items():
        assert f"pictures/{name}" in text
        assert svg.startswith("<svg")
