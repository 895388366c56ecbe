from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lab.scenes import seeds
from lab.scenes.night import LOOK_ALIKES, Night, Recipe
from lab.scenes.plumes import Jet, Puffs
from lab.scenes.shapes import random_shape

SHORT = Recipe(20, 0.5, 1, 1, (0.3, 0.5), (), at_start=False, codec="none")


def test_seed_ranges_never_meet() -> None:
    ranges = [seeds.TRAIN, seeds.TUNE, seeds.JUDGE, seeds.MINE, seeds.TEST]
    for k, one in enumerate(ranges):
        for other in ranges[k + 1 :]:
            assert one.stop <= other.start or other.stop <= one.start


def test_a_seed_is_a_night() -> None:
    one, same, other = (
        [seen.frame for seen in Night(seed, SHORT).frames()] for seed in (4_000_100, 4_000_100, 4_000_101)
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


def test_the_truth_says_when_smoke_shows() -> None:
    night = Night(4_000_102, replace(SHORT, length_s=60, steam=0))
    (source,) = night.sources
    start = source.times[0][0]
    assert start >= 10
    for seen in night.frames():
        assert seen.frame.shape == (180, 320)
        assert 0 <= seen.frame.min() <= seen.frame.max() <= 255
        shows = float(np.abs(seen.contrasts[0]).max())
        if seen.t_s < start:
            assert shows == 0
        elif start + source.ramp_s + 5 < seen.t_s < source.times[0][1]:
            assert seen.alphas[0].max() > 0.05


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_every_look_alike_changes_the_picture_and_stays_a_picture(name: str) -> None:
    night = Night(4_000_103, Recipe(40, 1.0, 0, 0, None, (name,), codec="none"))
    plain = Night(4_000_103, Recipe(40, 1.0, 0, 0, None, (), codec="none"))
    worst = 0.0
    for with_it, without in zip(night.frames(), plain.frames(), strict=True):
        assert np.isfinite(with_it.frame).all()
        worst = max(worst, float(np.abs(with_it.frame - without.frame).mean()))
    assert worst > 0


@pytest.mark.parametrize("engine", [Puffs, Jet])
@pytest.mark.parametrize("steam", [True, False])
def test_a_plume_is_thickest_near_its_mouth_and_never_solid(engine: type[Puffs] | type[Jet], steam: bool) -> None:
    rng = np.random.default_rng(4_000_104)
    for _ in range(3):
        shape = replace(random_shape(rng, 160, 100, steam), length=12.0, unsteady=0.2)
        plume = engine(rng, shape, 30)
        mean = np.mean([plume(t) for t in np.linspace(5, 25, 12)], axis=0)
        assert 0 <= mean.min() <= mean.max() < 1
        y, x = np.unravel_index(int(np.argmax(mean)), mean.shape)
        assert np.hypot(x - 160, y - 100) < 16
        assert mean[:, :60].max() < 0.05
