"""Passing cars: what they light is in front of them, faces them, and is not behind a house."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.headlights import Car, Headlights
from simulator.raster import GROUND, View, look
from simulator.scenery import Face, faces_of
from simulator.street import Street, build_street

SEED = 6


@pytest.fixture(scope="module")
def scene() -> tuple[Street, list[Face], View]:
    street = build_street(SEED)
    faces = faces_of(street)
    return street, faces, look(street.cameras["gw-west"], faces)


def lit_by(scene: tuple[Street, list[Face], View], car: Car, t: float) -> np.ndarray:
    street, faces, view = scene
    picture = np.zeros((*view.face.shape, 3), np.float32)
    Headlights(street, faces, view).add(picture, (car,), t)
    return picture[..., 1]


def test_nothing_before_it_comes_and_after_it_has_gone(scene: tuple[Street, list[Face], View]) -> None:
    car = Car(scene[0].alleys_m[0], True, 10.0, 8.0)
    assert not lit_by(scene, car, 9.0).any()
    assert not lit_by(scene, car, 120.0).any()
    assert any(lit_by(scene, car, t).any() for t in np.arange(11.0, 28.0, 1.0))


def test_ground_and_walls_are_lit_but_no_flat_roof(scene: tuple[Street, list[Face], View]) -> None:
    _, faces, view = scene
    flat = [face.surface == "roof" and face.normal[2] > 0.999 for face in faces]  # a slope may face the car
    roofs = np.array([*flat, False, False])[view.face]
    # the light grid is coarse: stay a block away from a roof's edge
    inner = roofs.copy()
    for step in (-8, 8):
        inner &= np.roll(roofs, step, axis=0) & np.roll(roofs, step, axis=1)
    total = sum(lit_by(scene, Car(alley, True, 0.0, 8.0), t) for alley in scene[0].alleys_m for t in range(2, 18, 3))
    assert inner.sum() > 1000
    assert total[inner].max() < 0.01
    assert total[view.face == GROUND].max() > 0.05
