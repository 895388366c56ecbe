"""What hides what: against lines of sight drawn point by point, with and without hills."""

from __future__ import annotations

from math import atan2, degrees, hypot

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import transform
from shapely.geometry import LineString, box

from cloud_ingest.geotag.footprints import Roof
from cloud_ingest.geotag.skyline import skyline
from cloud_ingest.geotag.terrain import Terrain
from cloud_ingest.geotag.town import Frame, Town
from cloud_ingest.geotag.view import camera_in, make_view
from smokesentry.place import CameraPose, Place

relaxed = settings(deadline=None, max_examples=60)
_FRAME = Frame(38.0, 114.5)
_EAVES_M = 0.7


def _degrees(corners):
    return np.array([_FRAME.to_lat_lon(x, y)[::-1] for x, y in corners])


def _town(houses, terrain=None):
    roofs = [Roof(f"r{n}", "", transform(box(*plan), _degrees), up, True) for n, (plan, up) in enumerate(houses)]
    return Town.build(1, roofs, (), terrain)


def _pose(x, y, look, height=9.0):
    return CameraPose(
        camera="cam", pose_version=1, place=Place(*_FRAME.to_lat_lon(x, y)), height_m=height,
        heading_deg=degrees(atan2(look[0] - x, look[1] - y)) % 360, tilt_deg=-4, hfov_deg=60, frame_size=(1280, 720),
        sigma_place_m=0.01,
    )  # fmt: skip


def _hill(height):
    """A ridge 40-60 m north of the frame's middle."""
    lat, lon = _FRAME.to_lat_lon(0, 0)
    step = 1e-4  # 11 m north
    heights = np.zeros((41, 41), np.float32)
    heights[15:17] = height
    return Terrain(heights, lon - 20 * step, lat + 20 * step, step, step)


@relaxed
@given(
    st.tuples(st.floats(-40, 40), st.floats(0, 60), st.floats(3, 20), st.floats(3, 15), st.floats(2, 12)),
    st.tuples(st.floats(-40, 40), st.floats(70, 140), st.floats(0, 12)),
    st.floats(4, 20),
)
def test_smoke_rises_to_the_line_of_sight_over_a_roof(house, point, height):
    x, y, width, depth, top = house
    town = _town([((x, y, x + width, y + depth), top), ((-300, 300, -290, 310), 4.0)])
    camera = camera_in(town, _pose(0, -60, (0, 60), height))
    here, there = camera.position, np.array([*town.frame.to_xy(*_FRAME.to_lat_lon(*point[:2])), point[2]])
    piece = LineString([here[:2], there[:2]]).intersection(town.polygons[0])
    distance = hypot(*(there - here)[:2])
    azimuth = (atan2(there[0] - here[0], there[1] - here[1]) - camera.heading + np.pi) % (2 * np.pi) - np.pi
    edges = skyline(town, camera, np.arange(2), np.radians(50))
    rise, _, hidden = (
        float(v[0]) for v in edges.rises(*(np.array([v]) for v in (azimuth, distance, (point[2] - height) / distance)))
    )
    if piece.length > 1.0:  # the ray through the middle of the bin crosses there, too
        at = [hypot(a - here[0], b - here[1]) for a, b in piece.coords]
        needed = max(height + (top - _EAVES_M - height) * distance / d - point[2] for d in at)
        assert rise >= max(needed, 0) - 0.05 * distance - 0.5
        if needed > 3:
            assert hidden > 0.9
        if needed < -6:
            assert hidden < 0.1
    elif piece.is_empty and town.polygons[0].distance(LineString([here[:2], there[:2]])) > 1.0:
        assert rise == pytest.approx(0, abs=1e-6)


def test_a_hill_hides_what_lies_behind_it_and_smoke_shows_above():
    houses = [((-5, 150, 5, 158), 4.0)]
    seen = {}
    for height in (0.0, 30.0):
        town = _town(houses, _hill(height))
        view = make_view(town, camera_in(town, _pose(0, -60, (0, 150))))
        seen[height] = view.seen.max(), view.points[:, 2].min()
    assert seen[0.0][0] > 0.95
    assert seen[30.0][0] < 0.05
    assert seen[30.0][1] > seen[0.0][1] + 10


def test_lenses_and_roofs_stand_on_the_same_ground():
    town = _town([((-5, 40, 5, 50), 4.0), ((-5, 150, 5, 158), 4.0)], _hill(30.0))
    camera = camera_in(town, _pose(0, 45, (0, 150)))
    assert camera.position[2] == pytest.approx(9.0 + town.ground[0], abs=1.5)
    assert town.tops[0] == pytest.approx(town.ground[0] + 4.0)
    assert town.ground[1] == pytest.approx(0, abs=1e-6)


def test_a_gap_in_the_terrain_takes_the_ground_of_the_nearest_known_roof():
    terrain = _hill(0.0)
    terrain.heights_m[:] = 7.0
    terrain.heights_m[:10] = np.nan
    town = _town([((-5, 40, 5, 50), 4.0), ((-5, 180, 5, 188), 4.0)], terrain)
    assert town.ground_known.tolist() == [True, False]
    assert town.ground == pytest.approx([7.0, 7.0])
    heights, known = town.ground_at(np.array([0.0]), np.array([90.0]))
    assert (heights[0], known[0]) == (pytest.approx(7.0), False)


def test_a_terrain_of_another_place_is_as_good_as_none():
    far = Terrain(np.full((3, 3), 900.0, np.float32), 10.0, 50.0, 1e-3, 1e-3)
    town = _town([((-5, 40, 5, 50), 4.0)], far)
    assert town.terrain is None
    assert town.tops.tolist() == [4.0]
