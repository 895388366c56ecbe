"""From seeds to training data: each night is watched by the detector's own stages, and a few moments of it are kept."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from multiprocessing import Pool
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.watcher import Watcher
from lab.scenes.night import Night, Recipe
from lab.targets import Truth

ARRAYS = ("maps", "figures", "target", "weight")  # the files of a part, in the order of a Moment
Moment = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


def moments(night: Night, rng: np.random.Generator, every_s: float = 7.0) -> list[Moment]:
    """Maps, figures, targets (×255) and weights (×32) at a few moments of one night, from 8 s on."""
    watcher, truth, kept = Watcher(), Truth(night.sources), []
    due = rng.uniform(8, 8 + every_s)
    for seen in night.frames():
        truth.step(seen.contrasts, night.recipe.period_s)
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
