"""Nights to train on in which smoke is there from the first frame."""

from __future__ import annotations

import numpy as np

from lab.scenes.night import Night, start_up_recipe
from lab.scenes.seeds import TEST
from lab.scenes.seething import Seething
from lab.scenes.shapes import random_shape

SEED = TEST.start + 700


def test_seething_smoke_never_rests_and_goes_nowhere() -> None:
    """A quarter minute's mean hardly differs from the next one's where single frames differ much."""
    rng = np.random.default_rng(SEED)
    restless = []
    for _ in range(12):
        plume = Seething(rng, random_shape(rng, 160, 110, False), 60)
        frames = np.array([plume(t)[::2, ::2] for t in np.arange(10, 55, 0.5)])
        thick = frames.mean(0) > 0.5 * frames.mean(0).max()
        levels = frames[:, thick]
        quarters = levels[:90].reshape(3, 30, -1).mean(1)
        restless.append(float(levels.std(0).mean() / (quarters.std(0).mean() + 1e-6)))
        assert 0 <= frames.min() <= frames.max() < 1
    assert np.median(restless) > 3  # independent frames would give 5.5, a slow drift 1


def test_most_start_up_nights_smoke_from_the_first_frame() -> None:
    recipes = [start_up_recipe(np.random.default_rng(SEED + number)) for number in range(300)]
    smoky = [recipe for recipe in recipes if recipe.smoke]
    assert 0.4 < len(smoky) / len(recipes) < 0.7
    assert sum(recipe.at_start is True for recipe in smoky) > 0.7 * len(smoky)
    assert any(recipe.steam and not recipe.smoke for recipe in recipes)
    assert any(recipe.look_alikes for recipe in recipes if not recipe.smoke and not recipe.steam)
    seething = [
        any(isinstance(source.engine, Seething) for source in Night(SEED + n, recipe).sources)
        for n, recipe in enumerate(smoky[:30])
    ]
    assert 10 < sum(seething) < 30
