"""A lens that bends, and a pose with its own covariance: projection against OpenCV, rays against projection."""

from __future__ import annotations

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloud_ingest.geotag.projection import camera_of, derivatives, pixel_covariance, project, ray, straightened
from smokesentry.place import CameraPose, Place

POSE = CameraPose(
    camera="cam-1", pose_version=1, place=Place(38.0, 114.0), height_m=12.0, heading_deg=0.0, tilt_deg=0.0,
    hfov_deg=80.0, frame_size=(1280, 720), distortion=(-0.2, 0.03),
)  # fmt: skip
relaxed = settings(deadline=None, max_examples=40)


@relaxed
@given(st.floats(-35, 35), st.floats(-20, 20), st.floats(-0.3, 0.1), st.floats(0, 0.05))
@example(0.0, 0.0, 0.0, 5e-324)
@example(10.0, 10.0, -0.2, 1e-310)
def test_bent_pixels_agree_with_opencv_and_rays_go_back(across, up, k1, k2):
    camera = camera_of(msgspec.structs.replace(POSE, distortion=(k1, k2)), 0.0, 0.0)
    point = np.array([[80 * np.tan(np.radians(across)), 80.0, 12 + 80 * np.tan(np.radians(up))]])
    found, ahead = project(camera, point)
    if not ahead[0]:  # beyond the rim
        return
    matrix = np.array([[camera.focal_px, 0, 640], [0, camera.focal_px, 360], [0, 0, 1]])
    seen = np.array([[point[0, 0], -(point[0, 2] - 12), 80.0]])
    expected = cv2.projectPoints(seen, np.zeros(3), np.zeros(3), matrix, np.array([k1, k2, 0, 0]))[0].reshape(2)
    assert found[0] == pytest.approx(expected, abs=1e-6)
    direction = point[0] - camera.position
    assert ray(camera, tuple(found[0])) == pytest.approx(direction / np.linalg.norm(direction), abs=1e-5)


def test_beyond_the_rim_there_is_no_pixel():
    camera = camera_of(msgspec.structs.replace(POSE, distortion=(-0.4, 0.0)), 0.0, 0.0)
    assert not project(camera, np.array([[200.0, 80.0, 12.0]]))[1][0]  # the rim is at tan = sqrt(1 / 1.2)
    assert project(camera, np.array([[72.0, 80.0, 12.0]]))[1][0]
    assert not project(camera, np.array([[74.0, 80.0, 12.0]]))[1][0]
    assert np.isfinite(straightened((-0.4, 0.0), np.array([[3.0, 0.0]]))).all()


def test_derivatives_agree_with_differences():
    camera = camera_of(POSE, 0.0, 0.0)
    points = np.array([[20.0, 70.0, 5.0], [-40.0, 60.0, 9.0]])
    by_point, by_turns, by_focal = derivatives(camera, points)
    for k in range(3):
        step = np.zeros(3)
        step[k] = 1e-4
        change = (project(camera, points + step)[0] - project(camera, points - step)[0]) / 2e-4
        assert by_point[:, :, k] == pytest.approx(change, abs=1e-4)
    for k, name in enumerate(("heading_deg", "tilt_deg", "roll_deg")):
        ahead = camera_of(msgspec.structs.replace(POSE, **{name: getattr(POSE, name) + 0.01}), 0.0, 0.0)
        change = (project(ahead, points)[0] - project(camera, points)[0]) / np.radians(0.01)
        assert by_turns[:, :, k] == pytest.approx(change, abs=1.0)
    nearer = camera_of(msgspec.structs.replace(POSE, hfov_deg=80.01), 0.0, 0.0)
    by_logarithm = (project(nearer, points)[0] - project(camera, points)[0]) / np.log(nearer.focal_px / camera.focal_px)
    assert by_focal[:, :, 0] == pytest.approx(by_logarithm, abs=0.5)


def test_a_poses_own_covariance_is_used():
    variances = [0.25, 0.25, 0.25, 0.01, 0.01, 0.01, 0.04]
    posed = msgspec.structs.replace(POSE, covariance=np.diag(variances).tolist())
    rng = np.random.default_rng(1)
    camera = camera_of(posed, 0.0, 0.0)
    point = np.array([[20.0, 70.0, 5.0]])
    found = pixel_covariance(camera, point, np.zeros((1, 3, 3)))[0]
    drawn = []
    for _ in range(1500):
        off = rng.normal(0, np.sqrt(variances))
        moved = msgspec.structs.replace(
            POSE, height_m=12 + off[2], heading_deg=off[3] % 360, tilt_deg=off[4], roll_deg=off[5], hfov_deg=80 + off[6]
        )
        drawn.append(project(camera_of(moved, off[0], off[1]), point)[0][0])
    expected = np.cov(np.array(drawn).T)
    assert np.abs(found - expected).max() < 0.12 * expected.max()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (np.diag([1.0, 1, 1, 1, 1, 0, 1]).tolist(), "variance of roll_deg is 0"),
        (np.diag([1.0, 1, 1, float("nan"), 1, 1, 1]).tolist(), "no number"),
        ((np.eye(7) + np.eye(7, k=1) * 0.5).tolist(), "differs from its mirror"),
        ((np.eye(7) + 2 * np.eye(7, k=1) + 2 * np.eye(7, k=-1)).tolist(), "more than is possible"),
    ],
)
def test_what_is_no_covariance_is_refused(rows, says):
    with pytest.raises(ValueError, match=says):
        msgspec.structs.replace(POSE, covariance=rows)


def test_poses_of_old_releases_are_read():
    """Neither field is asked for."""
    old = msgspec.to_builtins(POSE)
    del old["distortion"], old["covariance"]
    found = msgspec.convert(old, CameraPose)
    assert found.distortion is None and found.covariance is None
    assert camera_of(found, 0.0, 0.0).covariance is None
