"""One mast counts once, flat posteriors say their range, and what is on no roof is not put on one."""

from __future__ import annotations

from math import atan2, degrees, hypot

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import transform
from shapely.geometry import box

from cloud_ingest.geotag.footprints import Chimney, Roof
from cloud_ingest.geotag.mast import log_shared, masts
from cloud_ingest.geotag.observation import Observation, log_likelihood
from cloud_ingest.geotag.placing import place_factors, range_of
from cloud_ingest.geotag.posterior import locate
from cloud_ingest.geotag.projection import project
from cloud_ingest.geotag.terrain import Terrain
from cloud_ingest.geotag.town import Frame, Town
from cloud_ingest.geotag.view import camera_in, make_view
from smokesentry.place import CameraPose, Place

relaxed = settings(deadline=None, max_examples=30)
_FRAME = Frame(38.0, 114.5)


def _degrees(corners):
    return np.array([_FRAME.to_lat_lon(x, y)[::-1] for x, y in corners])


def town_of(plans, height=4.0, terrain=None, chimneys=()):
    roofs = [Roof(f"r{n}", f"r{n}", transform(box(*p), _degrees), height, True) for n, p in enumerate(plans)]
    return Town.build(1, roofs, [Chimney(n, n, *_FRAME.to_lat_lon(x, y), z) for n, x, y, z in chimneys], terrain)


def row(count=12, start=60.0, pitch=14.0):
    return [(-5, start + n * pitch, 5, start + n * pitch + 9) for n in range(count)]


def view_of(town, x=0.0, y=0.0, look=(0.0, 100.0), height=9.0, sigma=0.5):
    pose = CameraPose(
        camera="cam", pose_version=1, place=Place(*_FRAME.to_lat_lon(x, y)), height_m=height,
        heading_deg=degrees(atan2(look[0] - x, look[1] - y)) % 360,
        tilt_deg=-degrees(atan2(height - 5, hypot(look[0] - x, look[1] - y))), hfov_deg=60, frame_size=(1280, 720),
        sigma_heading_deg=sigma, sigma_tilt_deg=sigma,
    )  # fmt: skip
    return make_view(town, camera_in(town, pose))


def see(view, x, y, z, shift=(0.0, 0.0)):
    at = view.town.frame.to_xy(*_FRAME.to_lat_lon(x, y))
    pixel = project(view.camera, np.array([[*at, z]]))[0][0] + shift
    return Observation(view, (float(pixel[0]), float(pixel[1])), (5.0, 5.0))


@pytest.fixture(scope="module")
def street():
    town = town_of(row())
    return town, view_of(town), view_of(town, x=1.0), view_of(town, x=90.0, y=100.0)


@pytest.fixture(scope="module")
def leaning(street):
    """Two cameras of one mast whose poses are known much worse than pixels."""
    town = street[0]
    return view_of(town, sigma=2.0), view_of(town, x=1.0, sigma=2.0)


@relaxed
@given(st.floats(60, 200), st.floats(-40, 40), st.floats(-25, 25))
def test_a_second_camera_on_the_mast_hardly_sharpens_and_one_apart_does(street, leaning, y, off_x, off_y):
    """Both cameras of the mast err alike, as they do when it leans; what is left to gain is their pixels' own error."""
    _, first, _, apart = street
    sways, mate = leaning
    one = locate([see(sways, 0, y, 4.8, (off_x, off_y))])
    twice = locate([see(sways, 0, y, 4.8, (off_x, off_y)), see(mate, 0, y, 4.8, (off_x, off_y))])
    assert twice.probabilities[0] < one.probabilities[0] + 0.06
    assert twice.elsewhere < 0.9 or one.elsewhere > 0.5
    both = locate([see(first, 0, y, 4.8), see(apart, 0, y, 4.8)])
    assert both.probabilities[0] > locate([see(first, 0, y, 4.8)]).probabilities[0]


def test_what_cameras_share_is_a_density_of_both_pixels(street):
    """Summed over where the second pixel may be, it is the first pixel's own."""
    _, first, mate, _ = street
    one, other = see(first, 0, 100, 4.8), see(mate, 0, 100, 4.8)
    assert [len(group) for group in masts([one, other])] == [2]
    rows = np.arange(40, 41)
    step, reach = 4.0, 400.0
    total = 0.0
    for dx in np.arange(-reach, reach, step):
        for dy in np.arange(-reach, reach, 40.0):
            pixel = (other.origin_px[0] + dx, other.origin_px[1] + dy)
            total += float(np.exp(log_shared([one, Observation(mate, pixel, (5.0, 5.0))], [rows, rows])[0])) * step * 40
    assert total == pytest.approx(float(np.exp(log_likelihood(one, rows)[0])), rel=0.15)


@relaxed
@given(st.floats(0, 1280), st.floats(0, 720))
def test_no_single_camera_is_sure_of_a_pixel_at_the_horizon_or_above(x, y):
    """A long street ahead: near the horizon a pixel means hundreds of metres, above it nothing at all."""
    town = town_of(row(90, 40.0))
    view = view_of(town)
    horizon = project(view.camera, np.array([[0.0, 5000.0, 9.0]]))[0][0][1]
    found = locate([Observation(view, (x, min(y, horizon + 4.0)), (5.0, 5.0))])
    assert max(found.probabilities, default=0.0) < 0.35


def test_a_town_that_goes_on_beyond_reach_makes_far_pixels_elsewhere():
    near, far = town_of(row(40, 40.0)), town_of(row(140, 40.0))
    shares = []
    for town in (near, far):
        view = view_of(town)
        shares.append(locate([see(view, 0.0, 900.0, 5.0)]).elsewhere)
    assert shares[1] > shares[0] + 0.1


def test_along_a_flat_ray_the_range_is_said_and_with_a_second_camera_it_is_not(street):
    town, first, mate, apart = street
    seen = see(first, 0, 160, 4.8)
    found = locate([seen])
    limits = range_of(found, first)
    assert limits.flat
    assert limits.near_m < 160 < limits.far_m
    said = {factor.word: factor.text for factor in place_factors(found, found, town, [first])}
    assert f"{limits.near_m:.0f} to {limits.far_m:.0f} m" in said["range"]
    both = locate([seen, see(apart, 0, 160, 4.8)])
    assert {"range", "one_mast"}.isdisjoint(f.word for f in place_factors(both, both, town, [first, apart]))
    twin = locate([seen, see(mate, 0, 160, 4.8)])
    assert {"range", "one_mast"} <= {f.word for f in place_factors(twin, twin, town, [first, mate])}


def test_what_fits_no_roof_cannot_be_judged(street):
    town, first, _, _ = street
    found = locate([Observation(first, (640.0, 5.0), (5.0, 5.0))])
    assert found.elsewhere > 0.9
    assert "cannot_judge" in {factor.word for factor in place_factors(found, found, town, [first])}


def test_the_ground_is_said_to_be_flat_known_or_guessed():
    lat, lon = _FRAME.to_lat_lon(0, 0)
    heights = np.full((41, 41), 30.0, np.float32)
    ground = Terrain(heights, lon - 20e-4, lat + 20e-4, 1e-4, 1e-4)
    gap = Terrain(np.where(np.arange(41)[:, None] < 12, np.nan, heights), lon - 20e-4, lat + 20e-4, 1e-4, 1e-4)
    words = []
    for terrain in (None, ground, gap):
        town = town_of(row(6), terrain=terrain)
        view = view_of(town, height=25.0, sigma=0.1)
        up = 0.0 if terrain is None else 30.0
        found = locate([see(view, 0, 120, 4.8 + up)])
        assert found.roofs[0] == 4
        words.append(place_factors(found, found, town, [view])[-1].word)
    assert words == ["flat_ground", "terrain", "ground_guessed"]


def test_a_chimney_of_a_roof_that_is_gone_is_left_out():
    assert town_of(row(2), chimneys=[("r7", 0.0, 60.0, 5.0)]).chimneys == {}
