"""From seeds to training data: each night is watched by the detector's own stages, and a few moments of it are kept."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.watcher import Watcher
from lab.scenes.night import Night, Recipe
from lab.targets import Truth

_FOUND_AFTER_S = 20.0
_MOST_MOMENTS = 18
_MARGIN = np.ones((3, 3), np.uint8)
ARRAYS = ("maps", "figures", "target", "weight")  # the files of a part, in the order of a Moment
Moment = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


def moments(night: Night, rng: np.random.Generator, every_s: float = 7.0) -> list[Moment]:
    """Maps, figures, targets (×255) and weights (×32) at a few moments of one night, from 8 s on; of a long night not
    more than of a short one."""
    every_s = max(every_s, night.recipe.length_s / _MOST_MOMENTS)
    watcher, truth, kept = Watcher(), Truth(night.sources), []
    found = _Found(len(night.sources), rng)
    due = rng.uniform(8, 8 + every_s)
    for seen in night.frames():
        truth.step(seen.contrasts, night.recipe.period_s)
        found.protect(watcher, truth, night.recipe.period_s)
        watcher.take(seen.frame, night.recipe.period_s)
        if seen.t_s >= due and watcher.ready:
            maps, figures = watcher.network_input(night.recipe.period_s)
            target, weight = truth.picture(float(np.median(watcher.stats.sigma)))
            kept.append(
                (
                    np.rint(maps * 255).astype(np.uint8),
                    np.rint(figures * 255).astype(np.uint8),
                    np.rint(target * 255).astype(np.uint8),
                    np.rint(np.minimum(weight * 32, 255)).astype(np.uint8),
                )
            )
            due = seen.t_s + rng.uniform(0.6, 1.4) * every_s
    return kept


class _Found:
    """Plumes as the detector finds them: after a while their background is no longer learned. Some it never finds."""

    def __init__(self, sources: int, rng: np.random.Generator) -> None:
        self._plain_s = [0.0] * sources
        self._findable = rng.random(sources) < 0.8
        self._sigma: NDArray[Any] | None = None
        self._noise = 0.0

    def protect(self, watcher: Watcher, truth: Truth, dt_s: float) -> None:
        """One frame: sets what the background must not learn."""
        slow, sigma = watcher.stats.slow, watcher.stats.sigma
        slow[:] = 0
        if sigma is not self._sigma:  # replaced at each kept moment, not at each frame
            self._sigma, self._noise = sigma, float(np.median(sigma))
        for number, cells in enumerate(truth.burning(self._noise)):
            self._plain_s[number] += dt_s if cells.any() else 0.0
            if self._plain_s[number] > _FOUND_AFTER_S and self._findable[number]:
                area = cv2.dilate(cells.astype(np.uint8), _MARGIN)
                slow[cv2.resize(area, slow.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0] = 1.0


def _one(job: tuple[int, Recipe | None]) -> list[Moment]:
    cv2.setNumThreads(1)
    seed, recipe = job
    return moments(Night(seed, recipe), np.random.default_rng(seed + 17))


def make(jobs: Iterable[tuple[int, Recipe | None]], out: Path, processes: int) -> int:
    """Writes four arrays every fifty nights into a folder (:func:`lab.train.load` reads them); returns how many
    moments."""
    out.mkdir(parents=True, exist_ok=True)
    jobs, total, started = list(jobs), 0, time.monotonic()
    os.environ["OMP_NUM_THREADS"] = "1"
    with Pool(processes) as pool:
        batch: list[Moment] = []
        for number, kept in enumerate(pool.imap(_one, jobs, chunksize=4), 1):
            batch += kept
            total += len(kept)
            if number % 50 == 0 or number == len(jobs):
                part = out / f"part{jobs[0][0]:08d}_{number:06d}"
                for name, column in zip(ARRAYS, zip(*batch, strict=True), strict=True):
                    np.save(part.with_name(f"{part.name}_{name}.npy"), np.stack(column))
                batch = []
                spent = time.monotonic() - started
                print(f"nights {number}/{len(jobs)}, moments {total}, {spent:.0f} s", file=sys.stderr, flush=True)
    return total
