"""Plumes in the picture and the image chain, on plain backgrounds where the right answer can be worked out by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from simulator.camera import Exposure, Sensor, noise_fields, to_jpeg, tone
from simulator.pinhole import Pinhole
from simulator.street import Lamp
from simulator.truth import PlumeTruth, measure
from simulator.veil import DROPLETS, SMOKE, Cloud, Painter, Veil, source_radiance

CAMERA = Pinhole((0, 0, 10), 0, 0, 0, 40)  # looks north; 1758 px focal length
DARK = np.zeros((1, 3))
FIELDS = noise_fields((1280, 720), np.random.default_rng(2))


def one_puff(sigma_m: float, cross_m2: float, source: float = 0.0, away: float = 50.0) -> Cloud:
    return Cloud(np.array([[0, away, 10.0]]), np.array([sigma_m]), np.array([cross_m2]), DARK + source, np.array([0.3]))


def painted(cloud: Cloud, behind_m: float = 1000.0) -> Veil | None:
    return Painter(CAMERA, np.full((720, 1280), behind_m, np.float32), seed=1).paint(cloud)


@pytest.mark.parametrize("sigma_m", [0.03, 0.1, 0.3, 1.0])
def test_a_puff_keeps_its_optical_area_whatever_its_size(sigma_m: float) -> None:
    veil = painted(one_puff(sigma_m, cross_m2=0.02))
    assert veil is not None
    square_metres_a_pixel = (50 / CAMERA.focal_px) ** 2
    assert veil.depth.sum() * square_metres_a_pixel == pytest.approx(0.02, rel=0.06)
    rows, columns = np.nonzero(veil.depth > 0.2 * veil.depth.max())
    centre = rows.mean() + veil.box[0].start + 0.5, columns.mean() + veil.box[1].start + 0.5
    assert centre == pytest.approx((360, 640), abs=max(1.0, 0.8 * sigma_m * CAMERA.focal_px / 50))  # puffs are lumpy


def test_what_stands_nearer_hides_it() -> None:
    veil = painted(one_puff(0.3, 0.05), behind_m=49.0)
    assert veil is None or veil.depth.max() == 0


def test_out_of_sight_is_no_veil() -> None:
    aside = Cloud(np.array([[80.0, 50, 10]]), np.array([0.3]), np.array([0.05]), DARK, np.array([0.3]))
    behind = Cloud(np.array([[0.0, -50, 10]]), np.array([0.3]), np.array([0.05]), DARK, np.array([0.3]))
    assert painted(aside) is None
    assert painted(behind) is None


def test_smoke_darkens_what_is_bright_and_brightens_what_is_dark() -> None:
    veil = painted(one_puff(0.3, 0.2, source=0.1))
    assert veil is not None
    bright, dark = (np.full((720, 1280, 3), level, np.float32) for level in (0.5, 0.01))
    for picture in (bright, dark):
        veil.over(picture[veil.box])
    assert bright.min() < 0.48
    assert dark.max() > 0.02
    even = np.full((720, 1280, 3), 0.1, np.float32)  # as bright as the plume itself: it cannot be seen
    veil.over(even[veil.box])
    assert np.allclose(even, 0.1, atol=1e-5)


def test_lamps_behind_a_plume_light_it_more_than_lamps_before_it() -> None:
    """Forward scattering, and droplets more so than smoke."""
    place, eye = np.array([[0, 50.0, 10]]), np.array([0, 0, 10.0])
    behind, before = (Lamp((0, 50.0 + side, 10), 500, 1.0, (1, 1, 1)) for side in (8, -8))
    ratios = []
    for matter in (SMOKE, DROPLETS):
        lit = [source_radiance(matter, (lamp,), place, eye, 0.0).mean() for lamp in (behind, before)]
        ratios.append(lit[0] / lit[1])
    assert 10 < ratios[0] < ratios[1]


def test_noise_is_what_the_level_says() -> None:
    exposure = Exposure(white=0.3, electrons=2000)
    ramp = np.repeat(np.linspace(0.002, 1.5, 1280, dtype=np.float32)[None], 720, axis=0)[..., None].repeat(3, axis=2)
    sensor = Sensor(exposure, ramp, FIELDS, np.random.default_rng(3))
    frames = np.stack([cv2.cvtColor(sensor.expose(ramp, (0, 0), 1.0), cv2.COLOR_BGR2GRAY) for _ in range(24)])
    assert frames.mean(axis=(0, 1)) == pytest.approx(tone(ramp, exposure).mean(axis=(0, 2)), abs=0.6)
    measured = frames.std(axis=0, ddof=1).mean(axis=0)
    grainy = sensor.level[0] > 0.5  # below that, whole grey levels hide it
    rounded = np.sqrt(sensor.level[0] ** 2 + 1 / 12)
    assert measured[grainy][10::40] == pytest.approx(rounded[grainy][10::40], rel=0.12)
    assert sensor.level[0, 10] > sensor.level[0, 1200]  # highlights are quiet, as the tone curve flattens there


def test_gain_and_shake() -> None:
    picture = np.zeros((720, 1280, 3), np.float32)
    picture[:, 640:] = 0.3
    sensor = Sensor(Exposure(0.3, 1e9), picture, FIELDS, np.random.default_rng(3))
    still, moved, brighter = (sensor.expose(picture, *how) for how in (((0, 0), 1.0), ((3, 0), 1.0), ((0, 0), 2.0)))
    assert int(moved[300, 641, 1]) < int(still[300, 641, 1])
    assert int(brighter[300, 900, 1]) > int(still[300, 900, 1]) + 20
    assert cv2.imdecode(np.frombuffer(to_jpeg(still), np.uint8), cv2.IMREAD_COLOR).shape == (720, 1280, 3)


def test_truth_measures_what_it_is_shown() -> None:
    picture = np.full((720, 1280, 3), 0.2, np.float32)
    sensor = Sensor(Exposure(0.3, 2000), picture, FIELDS, np.random.default_rng(3))
    thick, thin = (measured(one_puff(0.4, cross), picture, sensor) for cross in (0.4, 0.004))
    assert thick.contrast_to_noise > 3
    assert thick.area_px > 200
    assert 40 < thick.size_px[0] < 120
    assert thin.contrast_to_noise < 0.5
    assert thin.area_px == 0


def measured(cloud: Cloud, picture: np.ndarray, sensor: Sensor) -> PlumeTruth:
    veil = painted(cloud)
    assert veil is not None
    before = picture[veil.box]
    after = before.copy()
    veil.over(after)
    return measure(veil, before[..., 1], after[..., 1], sensor, (640, 360), 0.3)
