"""Small labelled clips that several tests run over: a still street, and the same with a drawn plume."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from lab.labels import ClipLabels, Label, save
from lab.scenes.backgrounds import draw
from lab.scenes.plumes import random_engine
from lab.scenes.shapes import random_shape

FRAMES, FPS, FROM = 60, 2.0, 24
MakeTown = Callable[..., dict[str, ClipLabels]]


@pytest.fixture(scope="session")
def make_town() -> MakeTown:
    return _make_town


def _make_town(folder: Path, plumes: int, quiet: int, frames: int = FRAMES) -> dict[str, ClipLabels]:
    """Folders of pictures and their labels.json."""
    labels = {}
    for k in range(plumes + quiet):
        rng = np.random.default_rng(4_000_500 + k)
        still = draw(rng)
        x, y = float(np.clip(still.mouths[0][0], 30, 290)), float(np.clip(still.mouths[0][1], 40, 160))
        shape = random_shape(rng, x, y, False)
        engine = random_engine(rng, shape, 60.0)
        name = f"{'plume' if k < plumes else 'quiet'}-{k:02d}"
        (folder / name).mkdir(parents=True)
        for n in range(frames):
            picture = still.picture + rng.normal(0, 1.5, still.picture.shape)
            if k < plumes and n >= FROM:
                picture += np.minimum(engine(n / FPS) * 2, 0.9) * (150 - still.picture)
            cv2.imwrite(str(folder / name / f"{n:04d}.png"), np.clip(picture, 0, 255).astype(np.uint8))
        seen = Label("plume", FROM / FPS, frames / FPS, (x / 320, y / 180)) if k < plumes else Label("nothing", 0, 30)
        labels[name] = ClipLabels((seen,), FPS)
    save(folder, labels)
    return labels
