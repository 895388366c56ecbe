"""One clip through whichever TFLite runtime is installed, so that two environments can be compared (`make legacy`).

Imports only what both environments have: the detector, numpy and OpenCV.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_FRAMES = 60
_SAME_INPUT = 0.01  # of the heat's 0-1, the network alone on the same input: the runtimes' delegates round differently
_WHOLE_CLIP = (
    0.10  # the whole detector: the older OpenCV and numpy beside the old runtime resize and sum differently, too
)


def clip(seed: int = 4, scale: int = 1, frames: int = _FRAMES, noise: float = 2.5) -> list[NDArray[np.uint8]]:
    """A noisy still street with a lamp at 2 frames/s; from second ten a wavering dark veil grows. Grey, 360x640 times
    ``scale``."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : 360 * scale, 0 : 640 * scale].astype(np.float32)
    ground = 200 * scale
    still = 40 + 30 * (y > ground) + 90 * np.exp(-((x - 400 * scale) ** 2 + (y - 150 * scale) ** 2) / (5000 * scale**2))
    out = []
    for n in range(frames):
        age = max(0, n - 20)
        rise = np.clip((ground - y) / (40 * scale), 0, 1) * (y > ground - 3 * scale * age)
        wave = 8 * scale * np.sin(y / (14 * scale) - n * 0.9)
        width = 6 * scale + (ground - y).clip(0) / 8
        veil = 0.4 * rise * np.exp(-((x - 380 * scale - wave) ** 2) / (2 * width**2))
        out.append(np.clip(still * (1 - veil) + rng.normal(0, noise, still.shape), 0, 255).astype(np.uint8))
    return out


def run(out: Path) -> None:
    """Judges the clip, asks the network about fixed random maps, and keeps both answers with the runtime's name."""
    from detector.maps import FIGURES, MAPS
    from detector.model import Model
    from detector.pipeline import Detector

    runtimes = [name for name in ("ai_edge_litert", "tflite_runtime") if importlib.util.find_spec(name)]
    detector = Detector()
    verdicts = [detector.push(frame, n * 0.5).verdict for n, frame in enumerate(clip())]
    assert detector.heat is not None, "sixty frames are enough for the network to have looked"
    rng = np.random.default_rng(8)
    alone = Model()(rng.random((90, 160, len(MAPS)), dtype=np.float32), rng.random(len(FIGURES), dtype=np.float32))
    np.savez(out, alone=alone, heat=detector.heat, verdicts=verdicts, runtime=runtimes[0])


def compare(first: Path, second: Path) -> str:
    """One line of what was compared. Raises ``SystemExit`` with a message when the two disagree."""
    one, other = np.load(first), np.load(second)
    names = f"{one['runtime']} and {other['runtime']}"
    if str(one["runtime"]) == str(other["runtime"]):
        raise SystemExit(f"both runs used {one['runtime']}; nothing was compared")
    alone = float(np.abs(one["alone"] - other["alone"]).max())
    whole = float(np.abs(one["heat"] - other["heat"]).max())
    if alone > _SAME_INPUT or whole > _WHOLE_CLIP:
        raise SystemExit(
            f"{names}: the network differs by {alone:.4f} on the same input, the clip's heat by {whole:.4f}"
        )
    if list(one["verdicts"]) != list(other["verdicts"]):
        raise SystemExit(f"{names}: the verdicts differ")
    greatest = float(one["heat"].max())
    return (
        f"{names}: {_FRAMES} verdicts alike; the network within {alone:.4f} on the same input, "
        f"the clip's heat within {whole:.4f} (greatest heat {greatest:.2f})"
    )


if __name__ == "__main__":
    if sys.argv[1] == "--compare":
        print(compare(Path(sys.argv[2]), Path(sys.argv[3])))
    else:
        run(Path(sys.argv[1]))
