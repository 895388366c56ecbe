"""Do simulated stills look like real night pictures in their *spatial* statistics? The pictures lie outside the
repository (SMOKESENTRY_DATA, or ../shared/data). They are streets seen from the road, and time is not in them."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from simulator.camera import to_jpeg
from simulator.lighting import LightType
from simulator.looks import read_grey, real_nights, simulated, statistics
from simulator.night import Night
from simulator.stage import Stage

_DATA = Path(os.environ.get("SMOKESENTRY_DATA", Path(__file__).parents[3] / "shared" / "data")) / "smoke"


@pytest.fixture(scope="module")
def real() -> dict[str, np.ndarray]:
    if not _DATA.is_dir():
        pytest.skip("needs the real pictures (SMOKESENTRY_DATA)")
    files = real_nights(_DATA)
    assert len(files) > 50
    found = [statistics(read_grey(file)) for file in files]
    return {name: np.array([one[name] for one in found if name in one]) for name in found[0] | found[-1]}


def outside(ours: dict[str, float], real: dict[str, np.ndarray]) -> dict[str, tuple[float, float, float]]:
    return {
        name: (value, float(real[name].min()), float(real[name].max()))
        for name, value in ours.items()
        if not real[name].min() <= value <= real[name].max()
    }


@pytest.mark.parametrize("gateway", ["gw-east", "gw-west"])
def test_stills_lie_within_the_range_of_real_nights(burning: Stage, real: dict[str, np.ndarray], gateway: str) -> None:
    quiet = Night(burning.street, burning.night.weather, "quiet", None, None)
    quiet.advance(2)
    jpeg = to_jpeg(burning.eyes[gateway].shoot(quiet).frame)
    ours = statistics(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE))
    assert "halo" in ours
    assert not outside(ours, real)


@pytest.mark.parametrize("light", ["dark", "moon", "infrared"])
def test_so_do_other_lights(real: dict[str, np.ndarray], light: LightType) -> None:
    assert not outside(statistics(simulated(8, "gw-east", light)), real)


def test_statistics_tell_pictures_apart() -> None:
    """They are no test of anything if a grey card, noise or a lamp without a halo had the same ones."""
    rng = np.random.default_rng(1)
    card = np.full((288, 512), 60, np.uint8)
    noisy = np.clip(card + rng.normal(0, 12, card.shape), 0, 255).astype(np.uint8)
    lamp, glowing = card.copy(), card.astype(float)
    away = np.hypot(*(np.mgrid[:288, :512] - np.array([144, 256])[:, None, None]))
    lamp[away < 6] = 255
    glowing += 195 * np.exp(-np.clip(away - 6, 0, None) / 8)
    assert statistics(noisy)["grain"] > statistics(card)["grain"] + 2
    assert "halo" not in statistics(card)
    assert statistics(lamp).get("halo", 1.0) < statistics(glowing.clip(0, 255).astype(np.uint8))["halo"]
