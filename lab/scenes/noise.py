"""Textures and slow random curves that every part of a night is made of."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # float32 in practice; OpenCV promises only "numbers"
Rng = np.random.Generator
W, H = 320, 180


def fractal(rng: Rng, height: int, width: int, coarse: float = 64.0, octaves: int = 5, rough: float = 0.55) -> Array:
    """Fractal noise, zero mean, unit deviation; ``coarse`` is the largest feature in pixels."""
    out = np.zeros((height, width), np.float32)
    amplitude, size = 1.0, coarse
    for _ in range(octaves):
        gh, gw = max(int(height / size) + 2, 2), max(int(width / size) + 2, 2)
        grid = rng.standard_normal((gh, gw)).astype(np.float32)
        out += amplitude * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        amplitude *= rough
        size = max(size / 2, 1.0)
    deviation = float(out.std())
    scaled: Array = (out - out.mean()) / (deviation + 1e-6)
    return scaled


class Wander:
    """A smooth random curve with a mean, a deviation and a correlation time in seconds; cheap to read at any time."""

    def __init__(self, rng: Rng, mean: float, deviation: float, tau_s: float, length_s: float) -> None:
        count = max(int(length_s / tau_s) + 4, 4)
        self._knots = mean + deviation * rng.standard_normal(count)
        self._tau = tau_s

    def __call__(self, t_s: float) -> float:
        """Its value at a time."""
        place = max(t_s, 0.0) / self._tau
        i = min(int(place), len(self._knots) - 2)
        part = min(place - i, 1.0)
        part = part * part * (3 - 2 * part)
        return float(self._knots[i] * (1 - part) + self._knots[i + 1] * part)


def glow(x: float, y: float, radius: float, power: float = 2.0) -> Array:
    """A halo of height 1 around a point that falls to half at ``radius`` pixels."""
    ys, xs = np.ogrid[0:H, 0:W]
    r2 = ((xs - x) ** 2 + (ys - y) ** 2).astype(np.float32) / np.float32(radius * radius)
    halo: Array = 1.0 / (1.0 + cv2.pow(r2, power / 2))
    return halo


def log_uniform(rng: Rng, low: float, high: float) -> float:
    """A value whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
