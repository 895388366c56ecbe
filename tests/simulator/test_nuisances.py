"""Nuisances on order: each does what its name says to a picture, and the same thing when asked twice."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.nuisances import NUISANCES, Nuisance
from simulator.pinhole import Pinhole
from simulator.raster import GROUND, View
from simulator.still import Still

CAMERA = Pinhole((0, 0, 12), 0, -5, 0, 50)


@pytest.fixture(scope="module")
def still() -> Still:
    """A lit strip over dark ground, near below and far above."""
    depth = np.repeat(np.linspace(300, 30, 720, dtype=np.float32)[:, None], 1280, axis=1)
    light = np.full((720, 1280, 3), 0.02, np.float32)
    light[300:340, 200:1000] = 0.4
    view = View(CAMERA, np.full((720, 1280), GROUND, np.int16), depth, CAMERA.rays())
    return Still(view, light, (), 0.02)


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
    one, two = (changed(nuisance, still, t) - still.light for t in (10.0, 10.5))
    assert 0.001 < (one[..., 1] > 0.002).mean() < 0.08
    assert one.min() >= 0
    assert np.corrcoef(one[..., 1].ravel(), two[..., 1].ravel())[0, 1] < 0.3


def test_insects_come_and_go(still: Still) -> None:
    nuisance = NUISANCES["insects"](still, 3)
    touched = [(changed(nuisance, still, t) - still.light).max() > 0.005 for t in np.arange(0, 60, 0.5)]
    assert 0.02 < np.mean(touched) < 0.6


def test_fog_takes_the_far_first_and_grows(still: Still) -> None:
    nuisance = NUISANCES["fog"](still, 3)
    contrast = [float(np.ptp(changed(nuisance, still, t)[300:400, 600, 1])) for t in (0.0, 30.0, 90.0)]
    assert contrast[0] > contrast[1] > contrast[2]
    assert contrast[2] < 0.1 * np.ptp(still.light)
    near = changed(nuisance, still, 20.0)[700, 1100, 1] - still.light[700, 1100, 1]
    far = changed(nuisance, still, 20.0)[50, 1100, 1] - still.light[50, 1100, 1]
    assert far > near > 0


def test_frost_blurs(still: Still) -> None:
    nuisance = NUISANCES["frost"](still, 3)
    edges = [np.abs(np.diff(changed(nuisance, still, t)[:, 600, 1])).max() for t in (0.0, 30.0, 60.0)]
    assert edges[0] > 1.5 * edges[1] > 2 * edges[2]


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
    assert 0.6 <= gains.min() < 0.9
    assert 1.1 < gains.max() <= 1.5
    assert np.median(np.abs(gains - 1)) < 0.05


def test_camera_moves(still: Still) -> None:
    gusts, bump = NUISANCES["gusts"](still, 3), NUISANCES["bump"](still, 3)
    swing = np.array([gusts.shift_px(t) for t in np.arange(0, 60, 0.1)])
    assert 1 < np.abs(swing).max() < 4
    assert np.abs(swing.mean(axis=0)).max() < 0.3
    assert bump.shift_px(39.9) == (0, 0)
    assert bump.shift_px(41.0) == bump.shift_px(80.0) != (0, 0)
