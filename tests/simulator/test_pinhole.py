"""The simulator's projection against OpenCV's, in the pose convention of ``smokesentry.place.CameraPose``."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.pinhole import Pinhole

cameras = st.builds(
    Pinhole,
    place=st.tuples(st.floats(-100, 100), st.floats(-100, 100), st.floats(0, 30)),
    heading_deg=st.floats(0, 359.9),
    tilt_deg=st.floats(-60, 60),
    roll_deg=st.floats(-30, 30),
    hfov_deg=st.floats(20, 100),
)


def with_opencv(camera: Pinhole, points: np.ndarray) -> np.ndarray:
    """The same camera from elementary turns: level and north first, then heading, tilt, roll."""
    level_north = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])  # right = east, down = -up, forward = north
    heading, _ = cv2.Rodrigues(np.array([0, 0, np.radians(camera.heading_deg)]))  # world turns under the camera
    tilt, _ = cv2.Rodrigues(np.array([-np.radians(camera.tilt_deg), 0, 0]))  # about the picture's right
    roll, _ = cv2.Rodrigues(np.array([0, 0, -np.radians(camera.roll_deg)]))  # about the axis, clockwise from behind
    rotation = roll @ tilt @ level_north @ heading
    turn, _ = cv2.Rodrigues(rotation)
    focal = camera.size[0] / 2 / np.tan(np.radians(camera.hfov_deg) / 2)
    matrix = np.array([[focal, 0, camera.size[0] / 2], [0, focal, camera.size[1] / 2], [0, 0, 1]])
    pixels, _ = cv2.projectPoints(points, turn, -rotation @ np.array(camera.place), matrix, None)
    return pixels[:, 0]


@given(camera=cameras, seed=st.integers(0, 10_000))
def test_projection_agrees_with_opencv(camera: Pinhole, seed: int) -> None:
    local = np.random.default_rng(seed).uniform((-30, -15, 5), (30, 15, 90), (20, 3))
    points = np.array(camera.place) + local @ camera.axes
    pixels, depth = camera.project(points)
    assert depth == pytest.approx(local[:, 2], abs=1e-9)
    assert pixels == pytest.approx(with_opencv(camera, points), abs=1e-4)


def test_what_the_words_of_the_pose_mean() -> None:
    """By hand: east of north is right, up is up, a clockwise camera leans the horizon anticlockwise."""
    north = Pinhole((0, 0, 10), 0, 0, 0, 60)
    (x, y), (right, _), (_, above) = north.project(np.array([[0, 50, 10], [5, 50, 10], [0, 50, 12]]))[0]
    assert (x, y) == pytest.approx((640, 360))
    assert right > 640
    assert above < 360
    east = Pinhole((0, 0, 10), 90, -10, 0, 60)
    assert east.project(np.array([[50.0, 0, 10]]))[0][0][1] < 360  # looks down, so the level line is in the upper half
    rolled = Pinhole((0, 0, 10), 0, 0, 10, 60)
    left_end, right_end = rolled.project(np.array([[-20.0, 50, 10], [20, 50, 10]]))[0]
    assert right_end[1] < left_end[1]


@given(camera=cameras)
def test_rays_undo_the_projection(camera: Pinhole) -> None:
    small = Pinhole(camera.place, camera.heading_deg, camera.tilt_deg, camera.roll_deg, camera.hfov_deg, (32, 18))
    points = np.array(small.place) + 40 * small.rays().reshape(-1, 3).astype(float)
    pixels, depth = small.project(points)
    columns, rows = np.meshgrid(np.arange(32) + 0.5, np.arange(18) + 0.5)
    assert pixels[:, 0] == pytest.approx(columns.ravel(), abs=1e-3)
    assert pixels[:, 1] == pytest.approx(rows.ravel(), abs=1e-3)
    assert depth == pytest.approx(np.full(32 * 18, 40.0), abs=1e-3)


def test_points_behind_have_no_pixel() -> None:
    pixels, depth = Pinhole((0, 0, 0), 0, 0, 0, 60).project(np.array([[0.0, -5, 0]]))
    assert depth[0] == pytest.approx(-5)
    assert np.isnan(pixels).all()
