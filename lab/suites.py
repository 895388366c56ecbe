"""The judging suites: which nights, from which seeds, with what in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lab.composites import Matte, night_pictures, real_still
from lab.scenes.night import LOOK_ALIKES, Night, Recipe
from lab.scenes.seeds import JUDGE
from lab.scenes.shapes import random_shape
from smokesentry.weather import Weather

BANDS = ((0.08, 0.15), (0.15, 0.30), (0.30, 0.50))
DRY = Weather(temp_c=2.0, rh_percent=50.0)


@dataclass(frozen=True)
class Case:
    """One night to judge."""

    name: str
    group: str  # a row of the table
    seed: int
    recipe: Recipe
    picture: Path | None = None  # a real still instead of a drawn one
    matte: Path | None = None  # the data folder, when the plume is filmed smoke
    weather: Weather | None = None

    def night(self) -> Night:
        """Draws it."""
        rng = np.random.default_rng(self.seed + 5)
        still = real_still(self.picture, rng) if self.picture is not None else None
        night = Night(self.seed, self.recipe, still)
        if self.matte is not None:
            for source in night.sources:
                shape = replace(random_shape(rng, source.x, source.y, False), opacity=source.opacity)
                source.engine = Matte(self.matte, rng, shape)
        return night


def cases(scale: float, data: Path | None, first: int = JUDGE.start) -> Iterator[Case]:
    """All cases; ``scale`` 1 is the full table, less is a sample of it. With ``data``, real stills are judged
    as well."""
    n = max(1, round(20 * scale))
    seed = first
    pictures = night_pictures(data) if data is not None else []
    for place in ["simulated", "composited"] if pictures else ["simulated"]:
        picks = np.random.default_rng(first).permutation(max(len(pictures), 1))
        for case in _one_place(place, n, seed):
            picture = pictures[int(picks[case.seed % len(pictures)])] if place == "composited" else None
            film = data if place == "composited" and case.recipe.smoke and case.seed % 2 == 0 else None
            yield replace(case, picture=picture, matte=film)
        seed += 100_000


def _one_place(place: str, n: int, seed: int) -> Iterator[Case]:
    for low, high in BANDS:
        group = f"{place}: smoke {low:.0%}-{high:.0%}"
        for k in range(n):
            seed += 1
            extra = () if k % 2 else (LOOK_ALIKES[k % len(LOOK_ALIKES)],)
            recipe = Recipe(100, 0.5, 1, 0, (low, high), extra, at_start=False)
            yield Case(f"{group} #{k}", group, seed, recipe)
    for k in range(n):
        seed += 1
        recipe = Recipe(120, 0.5, 1, 0, (0.15, 0.5), (), at_start=True)
        yield Case(f"{place}: smoke at the start #{k}", f"{place}: smoke at the start", seed, recipe)
    for k in range(n):
        seed += 1
        yield Case(
            f"{place}: steam, dry #{k}",
            f"{place}: steam, weather known",
            seed,
            Recipe(120, 0.5, 0, 1, None, ()),
            weather=DRY,
        )
    for name in LOOK_ALIKES:
        for k in range(max(1, n // 2)):
            seed += 1
            yield Case(f"{place}: {name} #{k}", f"{place}: {name}", seed, Recipe(100, 0.5, 0, 0, None, (name,)))
    for k in range(max(1, n // 2)):
        seed += 1
        names = tuple(str(x) for x in np.random.default_rng(seed).choice(LOOK_ALIKES, 3, replace=False))
        yield Case(f"{place}: three at once #{k}", f"{place}: three at once", seed, Recipe(120, 0.5, 0, 0, None, names))
    for k in range(max(1, n // 4)):
        seed += 1
        yield Case(f"{place}: long quiet #{k}", f"{place}: long quiet (10 min)", seed, Recipe(600, 0.5, 0, 0, None, ()))
