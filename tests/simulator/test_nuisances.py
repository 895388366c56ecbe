"""Nuisances on order: each does what its name says to a picture, and the same thing when asked twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulator.camera import Exposure, Sensor, noise_fields
from simulator.happenings import KINDS, Happening, Kind
from simulator.lighting import Lighting
from simulator.nuisances import NUISANCES, Nuisance, trouble_of
from simulator.pinhole import Pinhole
from simulator.raster import GROUND, SKY, View
from simulator.still import Still
from simulator.street import Lamp

CAMERA = Pinhole((0, 0, 12), 0, -5, 0, 50)


@pytest.fixture(scope="module")
def still() -> Still:
    """A lit strip over dark ground, near below and far above."""
    depth = np.repeat(np.linspace(300, 30, 720, dtype=np.float32)[:, None], 1280, axis=1)
    depth[:200] = 1e6
    light = np.full((720, 1280, 3), 0.02, np.float32)
    light[300:340, 200:1000] = 0.4
    face = np.where(depth > 1e5, SKY, GROUND).astype(np.int16)
    view = View(CAMERA, face, depth, CAMERA.rays())
    lamps = (Lamp((0.0, 60.0, 6.0), 500, 0.1, (1, 1, 1)), Lamp((10.0, 80.0, 6.0), 500, 0.1, (1, 1, 1)))
    room = np.full((20, 30, 3), 1.0, np.float32)
    windows = tuple((number, ((slice(400, 420), slice(100 * number, 100 * number + 30)), room)) for number in range(8))
    return Still(view, light, windows, Lighting("lamps", lamps, 0.02), 1.0)


def changed(nuisance: Nuisance, still: Still, t: float) -> np.ndarray:
    picture = still.light.copy()
    nuisance.change(picture, t)
    assert np.isfinite(picture).all()
    assert picture.min() >= 0
    return picture


@pytest.mark.parametrize("name", NUISANCES)
def test_asked_twice_it_does_the_same(name: str, still: Still) -> None:
    first, second = NUISANCES[name](still, 3), NUISANCES[name](still, 3)
    for t in (0.0, 12.5, 45.0, 75.0):
        assert (changed(first, still, t) == changed(second, still, t)).all()
        assert first.gain(t) == second.gain(t)
        assert tuple(first.shift_px(t)) == tuple(second.shift_px(t))


@pytest.mark.parametrize("name", ["rain", "snow"])
def test_drops_are_bright_scattered_and_new_in_each_frame(name: str, still: Still) -> None:
    nuisance = NUISANCES[name](still, 3)
    one, two = (changed(nuisance, still, t)[..., 1] for t in (10.0, 10.5))
    for difference in (one - two, two - one):  # what the other frame does not have
        assert 0.001 < (difference > 0.002).mean() < 0.1


def test_insects_come_and_go(still: Still) -> None:
    nuisance = NUISANCES["insects"](still, 3)
    touched = [(changed(nuisance, still, t) - still.light).max() > 0.005 for t in np.arange(0, 60, 0.5)]
    assert 0.02 < np.mean(touched) < 0.6


def test_fog_takes_the_far_first_and_grows(still: Still) -> None:
    nuisance = NUISANCES["fog"](still, 3)
    contrast = [float(np.ptp(changed(nuisance, still, t)[300:400, 600, 1])) for t in (0.0, 40.0, 200.0)]
    assert contrast[0] > contrast[1] > contrast[2]
    assert contrast[2] < 0.1 * np.ptp(still.light)
    near = changed(nuisance, still, 20.0)[700, 1100, 1] - still.light[700, 1100, 1]
    far = changed(nuisance, still, 20.0)[50, 1100, 1] - still.light[50, 1100, 1]
    assert far > near > 0


def test_frost_blurs(still: Still) -> None:
    nuisance = NUISANCES["frost"](still, 3)
    edges = [np.abs(np.diff(changed(nuisance, still, t)[:, 20, 1])).max() for t in (0.0, 90.0)]
    edges += [np.abs(np.diff(changed(nuisance, still, t)[:, 600, 1])).max() for t in (0.0, 20.0, 90.0)]
    assert edges[2] >= edges[3] > 1.5 * edges[4]


def test_infrared_takes_colour_and_lights_the_near(still: Still) -> None:
    nuisance = NUISANCES["infrared-switch"](still, 3)
    assert (changed(nuisance, still, 29.0) == still.light).all()
    during = changed(nuisance, still, 45.0)
    assert (during[..., 0] == during[..., 2]).all()
    assert during[715, 600, 1] > during[400, 600, 1] > 0
    assert nuisance.gain(30.2) < 0.1
    assert nuisance.gain(31.0) > 2
    assert nuisance.gain(45.0) == pytest.approx(1)


def test_exposure_pumps_and_settles(still: Still) -> None:
    nuisance = NUISANCES["exposure-pumping"](still, 3)
    gains = np.array([nuisance.gain(t) for t in np.arange(0, 300, 0.5)])
    assert 0.6 <= gains.min() < 0.92
    assert 1.08 < gains.max() <= 1.6
    assert np.median(np.abs(gains - 1)) < 0.06


def test_camera_moves(still: Still) -> None:
    gusts, bump = NUISANCES["gusts"](still, 3), NUISANCES["bump"](still, 3)
    swing = np.array([gusts.shift_px(t) for t in np.arange(0, 60, 0.1)])
    assert 0.8 < np.abs(swing).max() < 4
    assert np.abs(swing.mean(axis=0)).max() < 0.4
    assert bump.shift_px(39.9) == (0, 0)
    assert bump.shift_px(41.0) == bump.shift_px(80.0)
    assert np.hypot(*bump.shift_px(80.0)) == pytest.approx(14)


@pytest.mark.parametrize("name", NUISANCES)
def test_each_does_something_in_a_few_minutes(name: str, still: Still) -> None:
    nuisance = NUISANCES[name](still, 3)
    for t in np.arange(0.25, 400, 9.5):
        moved = nuisance.gain(t) != 1 or tuple(nuisance.shift_px(t)) != (0.0, 0.0)
        if moved or np.abs(changed(nuisance, still, t) - still.light).max() > 1e-3:
            return
    pytest.fail(f"{name} never showed")


def test_a_happening_troubles_only_while_it_lasts(still: Still) -> None:
    fog = trouble_of(Happening("fog", 100, 200, 400.0), still)
    assert fog is not None
    for t, there in ((99.0, False), (101.0, True), (199.0, True), (200.0, False)):
        picture = still.light.copy()
        fog.change(picture, t)
        assert (np.abs(picture - still.light).max() > 0.01) == there
    # at twice the visibility half the optical depth
    clearer = trouble_of(Happening("fog", 100, 200, 800.0), still)
    assert clearer is not None
    kept = []
    for spell in (fog, clearer):
        picture = still.light.copy()
        spell.change(picture, 150.0)
        kept.append(np.log(np.ptp(picture[295:345, 600, 1]) / np.ptp(still.light[295:345, 600, 1])))
    assert kept[0] == pytest.approx(2 * kept[1], rel=0.3)


def test_all_kinds_that_only_trouble_cameras_are_drawn(still: Still) -> None:
    for kind in ("fog", "low_cloud", "rain", "snow", "swaying", "insects", "web", "frost", "lens_dirt", "lens_drops",
                 "exposure_pumping", "infrared_switch", "bump", "light_switch", "fireworks"):  # fmt: skip
        assert kind in KINDS
        assert trouble_of(Happening(kind, 0, 10, 0.5, place=(0.0, 50.0, 2.0)), still) is not None, kind
    assert trouble_of(Happening("stove", 0, 10, 0.5), still) is None


def fire(kind: Kind, grams_h: float, detail: str = "") -> Happening:
    return Happening(kind, 0, 1200, grams_h, place=(0.0, 60.0, 0.3), detail=detail, seed=4)


def lit(event: Happening, still: Still, t: float) -> float:
    """How much light a happening adds to the middle of the picture."""
    spell = trouble_of(event, still)
    assert spell is not None
    picture = still.light.copy()
    spell.change(picture, t)
    return float((picture - still.light).sum())


def test_open_fires_flame_and_flicker_and_stalls_glow(still: Still) -> None:
    straw = [lit(fire("open_burning", 500), still, t) for t in range(300, 330)]
    small = [lit(fire("paper_burning", 20), still, t) for t in range(300, 330)]
    embers = [lit(fire("barbecue", 20), still, t) for t in range(300, 330)]
    assert np.median(straw) > 5 * np.median(small) > 5 * np.median(embers) > 0
    assert 0.1 < np.std(straw) / np.mean(straw) < 0.6
    assert trouble_of(fire("big_fire", 500, "chimney cleaning"), still) is None
    assert lit(fire("big_fire", 500, "tyre"), still, 300) > 0


def test_a_surface_before_a_fire_hides_it(still: Still) -> None:
    open_, hidden = (np.full_like(still.view.depth_m, depth) for depth in (80.0, 20.0))
    seen = [
        lit(fire("open_burning", 500), replace(still, view=replace(still.view, depth_m=depth)), 300)
        for depth in (open_, hidden)
    ]
    assert seen[1] < 0.2 * seen[0]


def test_vibration_bends_upright_edges_through_the_rolling_shutter() -> None:
    picture = np.zeros((720, 1280, 1), np.float32)
    picture[:, 640:] = 0.3
    fields = noise_fields((1280, 720), np.random.default_rng(2))
    sensor = Sensor(Exposure(0.3, 1e9), picture, fields, np.random.default_rng(3))
    swing = np.stack([3 * np.sin(np.linspace(0, 2 * np.pi, 7)), np.zeros(7)], axis=1)
    still_, bent = (sensor.expose(picture, shifts, 1.0)[..., 0].astype(float) for shifts in (np.zeros((7, 2)), swing))
    edges = [(frame[:, 600:680] < 100).sum(axis=1) for frame in (still_, bent)]
    assert np.ptp(edges[0]) == 0
    assert edges[1][120] > edges[0][120] + 1
    assert edges[1][600] < edges[0][600] - 1
