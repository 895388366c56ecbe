"""What must hold of every posterior, and the cases that a plain ray to the nearest roof gets wrong."""

from __future__ import annotations

from math import atan2, degrees, hypot

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import transform
from shapely.geometry import box

from cloud_ingest.geotag.footprints import Chimney, Roof
from cloud_ingest.geotag.posterior import Observation, locate, log_same_camera
from cloud_ingest.geotag.projection import camera_of, project
from cloud_ingest.geotag.town import Frame, Town, roof_points
from cloud_ingest.geotag.view import make_view
from smokesentry.place import CameraPose, Place

relaxed = settings(deadline=None, max_examples=40)


class Ground:
    """Houses given in metres around a place on the globe, and cameras that look at them."""

    def __init__(self, houses, lat=38.05, lon=114.5, chimneys=()):
        frame = Frame(lat, lon)

        def to_wgs84(corners):
            return np.array([frame.to_lat_lon(x, y)[::-1] for x, y in corners])

        self.frame = frame
        self.names = list(houses)
        roofs = [Roof(n, n, transform(box(*bounds), to_wgs84), h, True) for n, (bounds, h) in houses.items()]
        flues = []
        for rooftop, x, y, z in chimneys:
            where = frame.to_lat_lon(x, y)
            flues.append(Chimney(f"{rooftop}-flue", rooftop, *where, z))
        self.town = Town.build(1, roofs, flues)

    def view(self, x, y, look, height=9.0, sigma=0.5):
        lat, lon = self.frame.to_lat_lon(x, y)
        pose = CameraPose(
            camera="cam",
            pose_version=1,
            place=Place(lat, lon),
            height_m=height,
            heading_deg=degrees(atan2(look[0] - x, look[1] - y)) % 360,
            tilt_deg=-degrees(atan2(height - 5, hypot(look[0] - x, look[1] - y))),
            hfov_deg=60,
            frame_size=(1280, 720),
            sigma_heading_deg=sigma,
            sigma_tilt_deg=sigma,
        )
        at = self.town.frame
        return make_view(self.town, camera_of(pose, *at.to_xy(lat, lon), at.north_deg(lat, lon)))

    def see(self, view, x, y, z, shift=(0.0, 0.0)):
        point = np.array([*self.town.frame.to_xy(*self.frame.to_lat_lon(x, y)), z])
        pixel = project(view.camera, point[None])[0][0] + shift
        return Observation(view, (float(pixel[0]), float(pixel[1])), (5.0, 5.0))

    def probabilities(self, posterior):
        return {self.names[k]: p for k, p in zip(posterior.roofs, posterior.probabilities, strict=True)}


def grid(pitch=16.0, height=4.0):
    return {
        f"r{row}{column}": ((column * pitch - 5, row * pitch - 4, column * pitch + 5, row * pitch + 4), height)
        for row in range(-2, 3)
        for column in range(-2, 3)
    }


@pytest.fixture(scope="module")
def street():
    ground = Ground(grid())
    return ground, ground.view(80, -20, (0, 0)), ground.view(-30, -75, (0, 0))


@relaxed
@given(
    st.tuples(st.floats(-200, 1500), st.floats(-200, 900)),
    st.tuples(st.floats(-200, 1500), st.floats(-200, 900)),
    st.floats(0, 80),
)
def test_probabilities_are_probabilities_whatever_was_seen(street, first, second, sigma):
    _, east, south = street
    for seen in ([(east, first)], [(east, first), (south, second)]):
        found = locate([Observation(view, pixel, (sigma, sigma)) for view, pixel in seen])
        assert sum(found.probabilities) + found.elsewhere == pytest.approx(1)
        assert all(0 <= p <= 1 for p in found.probabilities)
        assert list(found.probabilities) == sorted(found.probabilities, reverse=True)
        assert len(found.roofs) == len(set(found.roofs)) == len(found.places)
        assert np.isfinite(found.log_evidence)


@relaxed
@given(st.sampled_from(sorted(grid())), st.floats(-3, 3), st.floats(-2, 2))
def test_two_cameras_name_the_roof_and_their_order_does_not_matter(street, house, across, along):
    ground, east, south = street
    (west, low, right, high), height = grid()[house]
    x, y = (west + right) / 2 + across, (low + high) / 2 + along
    seen = [ground.see(view, x, y, height + 0.8) for view in (east, south)]
    found, turned = locate(seen), locate(seen[::-1])
    assert ground.names[found.roofs[0]] == house
    assert found.probabilities == pytest.approx(turned.probabilities)
    assert hypot(found.places[0][0] - turned.places[0][0], found.places[0][1] - turned.places[0][1]) < 1e-6


def test_a_second_camera_makes_it_surer(street):
    ground, east, south = street
    one = locate([ground.see(east, 0, 0, 4.8)])
    both = locate([ground.see(east, 0, 0, 4.8), ground.see(south, 0, 0, 4.8)])
    assert ground.probabilities(both)["r00"] > ground.probabilities(one)["r00"]


def test_worse_poses_give_flatter_answers():
    ground = Ground(grid())
    best = []
    for sigma in (0.2, 0.7, 2.5):
        view = ground.view(80, -20, (0, 0), sigma=sigma)
        best.append(locate([ground.see(view, 0, 0, 4.8)]).probabilities[0])
    assert best == sorted(best, reverse=True)
    assert best[0] > best[-1] + 0.2


def test_cameras_must_agree_on_a_place_not_merely_on_a_roof():
    """Both rays cross the long roof, at its two ends; they meet on the small one behind it."""
    ground = Ground({"long": ((-30, -4, 30, 4), 4.0), "small": ((-5, 21, 5, 29), 4.0)})
    left, right = ground.view(-45, -60, (0, 10), height=16), ground.view(45, -60, (0, 10), height=16)
    found = ground.probabilities(locate([ground.see(view, 0, 25, 4.8) for view in (left, right)]))
    assert found["small"] > 0.9


def test_rays_that_pass_each_other_are_elsewhere_and_better_explained_as_two(street):
    ground, east, south = street
    first, second = ground.see(east, 0, 0, 4.8), ground.see(south, 0, 0, 4.8)
    off = ground.see(south, 0, 0, 4.8, shift=(0.0, -160.0))
    assert locate([first, second]).elsewhere < 0.05
    assert locate([first, ground.see(south, 0, 0, 4.8, shift=(0.0, -330.0))]).elsewhere > 0.3
    assert locate([first, second]).log_evidence > locate([first]).log_evidence + locate([second]).log_evidence
    assert locate([first, off]).log_evidence < locate([first]).log_evidence + locate([off]).log_evidence


def test_a_pixel_in_the_sky_is_on_no_roof(street):
    _, east, _ = street
    assert locate([Observation(east, (640.0, 5.0), (5.0, 5.0))]).elsewhere > 0.9


def test_a_hidden_roof_is_less_likely_than_the_one_that_hides_it():
    houses = {"near": ((-6, -4, 6, 4), 4.0), "far": ((-6, 12, 6, 20), 4.0)}
    tall = houses | {"tall": ((-15, 6, 15, 9), 8.0)}
    results = []
    for some in (houses, tall):
        ground = Ground(some)
        view = ground.view(0, -70, (0, 8), height=9.0)
        results.append(ground.probabilities(locate([ground.see(view, 0, 16, 4.8)])))
    assert results[0]["far"] > 0.5
    assert results[1]["far"] < 0.5 * results[0]["far"]


def test_a_registered_chimney_draws_the_probability_to_its_roof():
    houses = {"a": ((-12, -4, -2, 4), 4.0), "b": ((2, -4, 12, 4), 4.0)}
    shares = []
    for chimneys in ((), (("a", -3.0, 0.0, 5.0),)):
        ground = Ground(houses, chimneys=chimneys)
        view = ground.view(0, -80, (0, 0), sigma=1.2)
        shares.append(ground.probabilities(locate([ground.see(view, -3, 0, 5.0)]))["a"])
    assert shares[1] > shares[0]


@pytest.mark.parametrize(("lat", "lon"), [(0.0, 0.0), (-33.0, 151.0), (52.0, -179.999), (65.0, 25.0)])
def test_the_answer_does_not_depend_on_where_on_the_globe_it_is(street, lat, lon):
    ground, east, south = street
    here = locate([ground.see(view, 16, 0, 4.8) for view in (east, south)])
    moved = Ground(grid(), lat, lon if abs(lon) < 179 else 179.0)
    views = moved.view(80, -20, (0, 0)), moved.view(-30, -75, (0, 0))
    there = locate([moved.see(view, 16, 0, 4.8) for view in views])
    assert [moved.names[k] for k in there.roofs[:1]] == [ground.names[k] for k in here.roofs[:1]] == ["r01"]
    assert there.probabilities[0] == pytest.approx(here.probabilities[0], abs=0.02)


def test_a_camera_that_sees_no_roof_says_elsewhere():
    ground = Ground(grid())
    blind = ground.view(5000, 0, (9000, 0))
    assert len(blind.roofs) == 0
    found = locate([Observation(blind, (640.0, 400.0), (5.0, 5.0))])
    assert (found.roofs, found.elsewhere) == ((), 1.0)
    view = ground.view(80, -20, (0, 0))
    assert locate([ground.see(view, 0, 0, 4.8), Observation(blind, (640.0, 400.0), (5.0, 5.0))]).roofs == ()


def test_nothing_observed_is_a_callers_error():
    with pytest.raises(ValueError, match="at least one"):
        locate([])


@given(st.floats(0, 400), st.floats(0, 400))
def test_two_sightings_of_one_camera_are_likelier_the_nearer_they_are(near, far):
    near, far = sorted((near, far))
    at = lambda x: ((600.0 + x, 300.0), (5.0, 5.0))  # noqa: E731
    assert log_same_camera(at(0.0), at(near)) >= log_same_camera(at(0.0), at(far))


@relaxed
@given(st.floats(0.5, 80), st.floats(0.5, 80), st.floats(2, 40), st.booleans(), st.integers(0, 3))
def test_points_of_any_roof_lie_on_it_and_weigh_one(width, depth, height, known, mouths):
    polygon = box(0, 0, width, depth)
    flues = [np.array([width * n / 4, depth / 2, height + 1]) for n in range(1, mouths + 1)]
    found = roof_points(polygon, height, known, flues)
    assert found.weights.sum() == pytest.approx(1)
    assert (found.weights > 0).all()
    assert (found.points[:, 0] >= 0).all()
    assert (found.points[:, 0] <= width).all()
    assert len(found.points) == len(found.blur) == len(found.weights) < 700
