"""Projection against OpenCV, its derivatives against differences, and rays against projection."""

from __future__ import annotations

from math import cos, radians, sin, tan

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cloud_ingest.geotag.projection import Camera, camera_of, pixel_covariance, project, ray
from cloud_ingest.geotag.town import Frame
from smokesentry.place import CameraPose, Place

relaxed = settings(deadline=None)  # the machine may be busy
_angles = st.floats(0, 359.99)
_poses = st.builds(
    lambda heading, tilt, roll, hfov, height: CameraPose(
        camera="cam",
        pose_version=1,
        place=Place(38.0, 114.0),
        height_m=height,
        heading_deg=heading,
        tilt_deg=tilt,
        roll_deg=roll,
        hfov_deg=hfov,
        frame_size=(1280, 720),
    ),
    _angles,
    st.floats(-60, 40),
    st.floats(-30, 30),
    st.floats(20, 110),
    st.floats(2, 40),
)


def _opencv(pose: CameraPose, x: float, y: float, points: np.ndarray) -> np.ndarray:
    """Pixels by ``cv2.projectPoints`` with a rotation put together from elementary turns in OpenCV's convention."""
    h, t, r = radians(pose.heading_deg), radians(pose.tilt_deg), radians(pose.roll_deg)
    north = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # camera x east, y down, z north
    turn = np.array([[cos(h), 0, -sin(h)], [0, 1, 0], [sin(h), 0, cos(h)]])  # about the camera's y, to the right
    lean = np.array([[1, 0, 0], [0, cos(t), sin(t)], [0, -sin(t), cos(t)]])  # about x, upwards
    roll = np.array([[cos(r), sin(r), 0], [-sin(r), cos(r), 0], [0, 0, 1]])  # about z, clockwise from behind
    rotation = roll @ lean @ turn @ north
    focal = pose.frame_size[0] / 2 / tan(radians(pose.hfov_deg) / 2)
    matrix = np.array([[focal, 0, pose.frame_size[0] / 2], [0, focal, pose.frame_size[1] / 2], [0, 0, 1]])
    at = np.array([x, y, pose.height_m])
    pixels, _ = cv2.projectPoints(points, cv2.Rodrigues(rotation)[0], -rotation @ at, matrix, None)
    return np.asarray(pixels).reshape(-1, 2)


@relaxed
@given(_poses, st.floats(-30, 30), st.floats(-20, 20), st.floats(5, 400))
def test_pixels_agree_with_opencv(pose, across_deg, up_deg, distance):
    azimuth = radians(pose.heading_deg + across_deg)
    rise = distance * tan(radians(pose.tilt_deg + up_deg))
    assume(abs(pose.tilt_deg + up_deg) < 80)
    point = np.array([[10 + distance * sin(azimuth), -5 + distance * cos(azimuth), pose.height_m + rise]])
    camera = camera_of(pose, 10.0, -5.0)
    pixels, ahead = project(camera, point)
    assume(ahead[0])
    assert pixels == pytest.approx(_opencv(pose, 10.0, -5.0, point), abs=1e-5, rel=1e-7)


@relaxed
@given(_poses, st.floats(0, 1280), st.floats(0, 720), st.floats(3, 500))
def test_a_point_on_a_pixels_ray_falls_on_that_pixel(pose, u, v, distance):
    camera = camera_of(pose, 3.0, 4.0)
    pixels, ahead = project(camera, (camera.position + distance * ray(camera, (u, v)))[None])
    assert ahead[0]
    assert pixels[0] == pytest.approx((u, v), abs=1e-6)


def test_a_point_behind_has_no_pixel():
    pose = CameraPose(
        camera="cam",
        pose_version=1,
        place=Place(0, 0),
        height_m=5,
        heading_deg=0,
        tilt_deg=0,
        hfov_deg=60,
        frame_size=(640, 480),
    )
    pixels, ahead = project(camera_of(pose, 0, 0), np.array([[0.0, -10.0, 5.0], [0.0, 10.0, 5.0]]))
    assert ahead.tolist() == [False, True]
    assert np.isnan(pixels[0]).all()
    assert pixels[1] == pytest.approx((320, 240))


@settings(deadline=None, max_examples=25)
@given(_poses, st.floats(-25, 25), st.floats(-12, 12), st.floats(20, 300))
def test_covariance_agrees_with_drawn_poses(pose, across_deg, up_deg, distance):
    """Small errors, so that the picture of the errors is linear."""
    azimuth = radians(pose.heading_deg + across_deg)
    rise = distance * tan(radians(max(-75.0, min(75.0, pose.tilt_deg + up_deg))))
    point = np.array([distance * sin(azimuth), distance * cos(azimuth), pose.height_m + rise])
    small = {"sigma_heading": 2e-4, "sigma_tilt": 1e-4, "sigma_place_m": 0.01}
    base = camera_of(pose, 0.0, 0.0)

    def moved(**changes: object) -> Camera:
        fields = ("position", "heading", "tilt", "roll", "focal_px", "frame_size")
        return Camera(**({name: getattr(base, name) for name in fields} | small | changes))

    camera = moved()
    assume(project(camera, point[None])[1][0])
    blur = np.diag([4e-4, 1e-4, 9e-4])
    found = pixel_covariance(camera, point[None], blur[None])[0]
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(800):
        one = moved(
            position=base.position + rng.normal(0, 1, 3) * (0.01, 0.01, 0.005),
            heading=base.heading + rng.normal(0, 2e-4),
            tilt=base.tilt + rng.normal(0, 1e-4),
            roll=base.roll + rng.normal(0, 1e-4),
        )
        drawn.append(project(one, (point + rng.normal(0, 1, 3) * np.sqrt(np.diag(blur)))[None])[0][0])
    expected = np.cov(np.array(drawn).T)
    scale = np.sqrt(np.outer(np.diag(found), np.diag(found)))
    assert np.abs(found - expected).max() / scale.max() < 0.25


@relaxed
@given(st.floats(-80, 80), st.floats(-179, 179), st.floats(-3000, 3000), st.floats(-3000, 3000))
def test_the_local_frame_is_metric_and_comes_back(lat, lon, x, y):
    frame = Frame(lat, lon)
    there = frame.to_lat_lon(x, y)
    assert frame.to_xy(*there) == pytest.approx((x, y), abs=1e-3)
    assert frame.to_xy(lat, lon) == pytest.approx((0, 0), abs=1e-6)
    from pyproj import Geod

    _, _, metres = Geod(ellps="WGS84").inv(lon, lat, there[1], there[0])
    assert metres == pytest.approx(np.hypot(x, y), abs=1e-3)


@relaxed
@given(st.floats(-70, 70), st.floats(-5000, 5000), st.floats(-5000, 5000))
def test_true_north_at_a_place_is_where_the_frame_says(lat, x, y):
    frame = Frame(lat, 114.0)
    place = frame.to_lat_lon(x, y)
    north = radians(frame.north_deg(*place))
    stepped = frame.to_lat_lon(x + 100 * sin(north), y + 100 * cos(north))
    assert stepped[1] == pytest.approx(place[1], abs=1e-7)
    assert stepped[0] > place[0]
