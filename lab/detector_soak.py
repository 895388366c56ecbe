"""A long night in small: does the detector grow? Drawn frames by the hundred thousand, resident memory beside them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from detector.pipeline import Detector

_KEPT_FRAMES = 64
_PERIOD_S = 0.5


@dataclass(frozen=True, slots=True)
class Soaked:
    """``slope_mb`` is the growth of resident memory over the later half, projected to 100,000 frames a camera."""

    frames: int
    cameras: int
    first_mb: float
    last_mb: float
    peak_mb: float
    slope_mb: float
    ms_per_frame: float
    events: int

    def as_json(self) -> dict[str, float]:
        """Rounded, for people and files."""
        return {name: round(float(value), 3) for name, value in asdict(self).items()}


def soak(frames: int, cameras: int, say: Callable[[str], None], every: int = 1000) -> Soaked:
    """Feeds ``cameras`` detectors ``frames`` frames each, with a plume, lamps that switch, a gap and a broken frame now
    and then."""
    rng = np.random.default_rng(4_000_901)
    detectors = [Detector() for _ in range(cameras)]
    pictures = _pictures(rng)
    rows: list[tuple[int, float]] = []
    events, t_s, spent_s = 0, 0.0, 0.0
    for k in range(frames):
        t_s += 30.0 if k % 5000 == 4999 else _PERIOD_S
        burning = k // 600 % 2
        frame = pictures[burning][int(rng.integers(_KEPT_FRAMES))]
        began_s = time.process_time()
        for detector in detectors:
            events += len(detector.push(frame if k % 997 else frame[:10], t_s).events)
            if k % 500 == 0:
                detector.state()
        spent_s += time.process_time() - began_s
        if (k + 1) % every == 0 or k + 1 == frames:
            gc.collect()
            rows.append((k + 1, resident_mb()))
            say(f"{k + 1} frames, {rows[-1][1]:.1f} MB, {events} events")
    return Soaked(
        frames, cameras, rows[0][1], rows[-1][1], max(mb for _, mb in rows), slope(rows) * 100_000,
        1000 * spent_s / max(frames * cameras, 1), events,
    )  # fmt: skip


def slope(rows: Sequence[tuple[int, float]]) -> float:
    """MB a frame over the later half, by least squares; 0 for fewer than three samples."""
    later = np.array(rows[len(rows) // 2 :], np.float64)
    return float(np.polyfit(later[:, 0], later[:, 1], 1)[0]) if len(later) >= 3 else 0.0


def resident_mb() -> float:
    """This process's resident memory now."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("the kernel does not tell this process's resident memory")


def _pictures(rng: np.random.Generator) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """A quiet street, and the same with a plume that keeps changing."""
    from lab.scenes.backgrounds import draw
    from lab.scenes.plumes import random_engine
    from lab.scenes.shapes import random_shape

    still = draw(rng)
    x, y = still.mouths[0]
    engine = random_engine(rng, random_shape(rng, float(x), float(max(y, 8)), False), 60.0)
    quiet, burning = [], []
    for k in range(_KEPT_FRAMES):
        noise = rng.normal(0, 1.5, still.picture.shape)
        quiet.append(np.clip(still.picture + noise, 0, 255).astype(np.uint8))
        plume = engine(k * _PERIOD_S) * (120 - still.picture)
        burning.append(np.clip(still.picture + plume + noise, 0, 255).astype(np.uint8))
    return quiet, burning
