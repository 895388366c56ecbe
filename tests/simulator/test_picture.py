"""Plumes in the picture and the image chain, on plain backgrounds where the right answer can be worked out by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from simulator.camera import Exposure, Habits, Sensor, noise_fields, to_jpeg, tone
from simulator.draughts import Mouth, Regime
from simulator.fluid import Sheet
from simulator.pinhole import Pinhole
from simulator.street import Lamp
from simulator.truth import PlumeTruth, measure
from simulator.veil import DROPLETS, SMOKE, Veil, source_radiance, veil_of
from simulator.weather import Wind
from smokesentry.weather import Weather

CAMERA = Pinhole((0, 0, 10), 0, 0, 0, 40)  # looks north; 1758 px focal length
FIELDS = noise_fields((1280, 720), np.random.default_rng(2))
MOUTH = Mouth((0.0, 50.0, 10.0), (0.0, 0.0, 1.0), 1.0, 0.1, 100.0)


def one_cloud(cross_m2: float, sigma_m: float = 0.3) -> Sheet:
    """A sheet before the camera with one round cloud of the given extinction cross-section at the mouth."""
    sheet = Sheet(MOUTH, CAMERA.place, Wind(Weather(0.0, 50.0, 0.0, 0.0), 1), Regime(), 0.05)
    rows, columns = np.mgrid[: sheet.stuff.shape[0], : sheet.stuff.shape[1]]
    shape = np.exp(-((rows - sheet._row) ** 2 + (columns - sheet._column) ** 2) / (2 * (sigma_m / sheet.cell_m) ** 2))
    sheet.stuff[..., :2] = (cross_m2 * shape / shape.sum() / sheet.cell_m**2)[..., None]
    return sheet


def painted(sheet: Sheet, behind_m: float = 1000.0, lamps: tuple[Lamp, ...] = (), ambient: float = 0.0) -> Veil | None:
    scene = np.full((720, 1280), behind_m, np.float32)
    return veil_of(sheet, sheet.stuff[..., 1], SMOKE, CAMERA, scene, lamps, ambient)


@pytest.mark.parametrize("sigma_m", [0.15, 0.3, 0.8])
def test_a_cloud_keeps_its_optical_area_and_place(sigma_m: float) -> None:
    veil = painted(one_cloud(0.2, sigma_m))
    assert veil is not None
    square_metres_a_pixel = (50 / CAMERA.focal_px) ** 2
    assert veil.depth.sum() * square_metres_a_pixel == pytest.approx(0.2, rel=0.06)
    rows, columns = np.nonzero(veil.depth > 0.5 * veil.depth.max())
    centre = rows.mean() + veil.box[0].start + 0.5, columns.mean() + veil.box[1].start + 0.5
    assert centre == pytest.approx((360, 640), abs=1.0)


def test_what_stands_nearer_hides_it() -> None:
    veil = painted(one_cloud(0.05), behind_m=49.0)
    assert veil is None or veil.depth.max() == 0


def test_smoke_darkens_what_is_bright_and_brightens_what_is_dark() -> None:
    veil = painted(one_cloud(0.2), ambient=0.125)
    assert veil is not None
    assert veil.source == pytest.approx(0.1, abs=1e-4)  # albedo 0.8
    bright, dark = (np.full((720, 1280, 3), level, np.float32) for level in (0.5, 0.01))
    for picture in (bright, dark):
        veil.over(picture[veil.box])
    assert bright.min() < 0.48
    assert dark.max() > 0.02
    even = np.full((720, 1280, 1), 0.1, np.float32)  # as bright as the plume itself: it cannot be seen
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


def test_what_moves_leaves_a_ghost_and_what_stands_is_quiet() -> None:
    habits = Habits(averages=0.08, sharpens=0.4, corners=0.2)
    picture = np.full((720, 1280, 1), 0.05, np.float32)
    sensor = Sensor(Exposure(0.3, 2000), picture, FIELDS, np.random.default_rng(3), habits)
    frames = np.stack([sensor.expose(picture, (0, 0), 1.0)[300:420, 500:780, 0] for _ in range(20)]).astype(float)
    assert frames[4:].std(axis=0, ddof=1).mean() == pytest.approx(sensor.level[360, 640], rel=0.15)
    assert habits.ghost(2.0) > 0.3
    centre, corner = (
        float(sensor.expose(picture, (0, 0), 1.0)[box].mean()) for box in (np.s_[340:380, 620:660], np.s_[:40, :40])
    )
    assert corner < centre - 1


def test_reusing_the_still_street_changes_no_frame() -> None:
    base = np.random.default_rng(4).uniform(0.01, 0.4, (720, 1280, 3)).astype(np.float32)
    picture, box = base.copy(), (slice(100, 200), slice(300, 500))
    picture[box] *= 0.7
    frames = []
    for known in ((None, ()), (base, [box])):
        sensor = Sensor(Exposure(0.3, 2000), base, FIELDS, np.random.default_rng(3), Habits(corners=0.2))
        sensor.expose(base, (0.3, 0.1), 1.0, *known)
        frames.append(sensor.expose(picture, (0.3, -0.2), 1.02, *known))
    assert (frames[0] == frames[1]).all()


def test_truth_measures_what_it_is_shown() -> None:
    picture = np.full((720, 1280, 3), 0.2, np.float32)
    sensor = Sensor(Exposure(0.3, 2000), picture, FIELDS, np.random.default_rng(3))
    thick, thin = (measured(one_cloud(cross, 0.4), picture, sensor) for cross in (0.4, 0.004))
    assert thick.contrast_to_noise > 3
    assert thick.area_px > 200
    assert 40 < thick.size_px[0] < 120
    assert thin.contrast_to_noise < 0.5
    assert thin.area_px == 0


def measured(sheet: Sheet, picture: np.ndarray, sensor: Sensor) -> PlumeTruth:
    veil = painted(sheet)
    assert veil is not None
    before = picture[veil.box]
    after = before.copy()
    veil.over(after)
    return measure(veil, before[..., 1], after[..., 1], sensor, (640, 360), 0.3)
