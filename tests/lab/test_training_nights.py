"""The kinds of nights that are trained on beside the common one."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import pytest

from lab.make_data import moments
from lab.scenes.kinds import nights_of
from lab.scenes.night import Night, Recipe, start_up_recipe
from lab.scenes.seeds import TEST
from lab.scenes.seething import Seething
from lab.scenes.shapes import random_shape
from lab.scenes.street_nights import SIZE, Mouth, StreetWindow, windows_of
from lab.targets import Truth
from simulator.happenings import Happening
from simulator.render import render_changes, render_night
from simulator.schedule import WinterNight, winter

SEED = TEST.start + 700
STREET = TEST.start + 703  # one with stoves


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
    restless = [recipe for recipe in recipes if not recipe.smoke and not recipe.steam]
    assert any(recipe.look_alikes for recipe in restless)
    (night,) = nights_of("start-up", SEED)
    assert isinstance(night, Night)


@pytest.fixture(scope="module")
def burning() -> tuple[WinterNight, Happening]:
    """A night with a stove that is lit in the dark."""
    for night in winter(STREET):
        for event in night.happenings:
            if event.kind == "stove" and event.strength > 0.25 and event.t0_s > night.sky.dark_from_s:
                return night, event
    raise AssertionError("this winter has no strong stove")


def test_a_simulated_plume_is_told_as_the_grey_levels_it_adds(burning: tuple[WinterNight, Happening]) -> None:
    night, event = burning
    for camera in night.street.cameras:
        window = (night, camera, event.t0_s + 60.0, 6.0, 2.0, SIZE, "lamps")
        marks, frames = render_changes(*window)
        ours = [n for n, mark in enumerate(marks) if mark.kind == "stove"]
        plain = [(frame, seen) for _, frame, seen in render_night(*window)]
        for (_, frame, changes), (same, seen) in zip(frames, plain, strict=True):
            assert frame.shape == same.shape == SIZE[::-1]
            shown = [plume for plume in seen if plume.source.kind == "stove"]
            # The truth's own measure and the change told must agree on which plumes can be seen at all.
            told = sorted(int((np.abs(changes[n]) > 0).any()) for n in ours)
            assert sum(told) >= sum(plume.area_px > 0 for plume in shown)
            for n in ours:
                x, y = marks[n].origin_px
                change = np.abs(changes[n])
                if change.max() > 4:
                    at_y, at_x = np.unravel_index(int(change.argmax()), change.shape)
                    assert np.hypot(at_x - x, at_y - y) < 0.35 * SIZE[0]


def test_windows_of_a_street_come_from_its_seed_and_can_be_watched() -> None:
    window, same = (next(windows_of(SEED + 1, 1)) for _ in range(2))
    assert isinstance(window, StreetWindow)
    assert {source.kind for source in window.sources} <= {"smoke", "steam", "other"}
    pairs = zip(islice(window.frames(), 4), same.frames(), strict=False)
    for one, other in pairs:
        assert one.frame.shape == (180, 320)
        assert len(one.contrasts) == len(window.sources)
        assert np.array_equal(one.frame, other.frame)


def test_every_kind_of_smoke_has_its_answer() -> None:
    noise, full = 1.0, np.full((180, 320), 30.0, np.float32)
    answers = Counter[str]()
    for kind in ("smoke", "steam", "other"):
        truth = Truth([Mouth(kind, 160.0, 90.0)])
        for _ in range(60):
            truth.step([full], 0.5)
        target, weight = truth.picture(noise)
        answers[kind] = int(target[..., 0].max() > 0.5) + 2 * int(target[..., 2].max() > 0.5)
        if kind == "other":
            assert not weight.any()  # whatever is said of it is right
            assert not target.any()
    assert answers == {"smoke": 1, "steam": 2, "other": 0}


def test_moments_are_kept_of_a_street_too(burning: tuple[WinterNight, Happening]) -> None:
    night, event = burning
    recipe = Recipe(length_s=20.0, period_s=0.5)
    window = StreetWindow(night, "gw-east", event.t0_s, recipe, "lamps")
    kept = moments(window, np.random.default_rng(1), every_s=4.0)
    assert kept
    maps, figures, target, weight = kept[0]
    assert maps.shape[:2] == (90, 160) and target.shape == weight.shape == (45, 80, 3)
    assert figures.dtype == np.uint8
