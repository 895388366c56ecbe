"""Fixed fields that a plume's sheet works with: Poisson's multipliers, fading edges, random eddies. Pure."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.filters import Picture

_EDGE_CELLS = 6
_KEPT = 32


@lru_cache(maxsize=_KEPT)
def cell_grid(shape: tuple[int, int]) -> Picture:
    """Every cell's own column and row (h, w, 2)."""
    rows, columns = shape
    return np.dstack(np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32)))


@lru_cache(maxsize=_KEPT)
def poisson(shape: tuple[int, int], cell_m: float) -> NDArray[np.float32]:
    """Fourier multipliers that turn vorticity into its stream function; the mean stays out."""
    down = 2 * np.pi * np.fft.fftfreq(shape[0], cell_m)[:, None]
    across = 2 * np.pi * np.fft.rfftfreq(shape[1], cell_m)
    squared = down**2 + across**2
    squared[0, 0] = 1.0
    multipliers = -1 / squared
    multipliers[0, 0] = 0.0
    return np.asarray(multipliers, np.float32)


@lru_cache(maxsize=_KEPT)
def fading_edges(shape: tuple[int, int]) -> Picture:
    """1 inside, falling to 0 at the edges: what leaves the sheet is gone."""
    rows, columns = (np.minimum(np.arange(size), size - 1 - np.arange(size)) for size in shape)
    nearest = np.minimum(rows[:, None], columns)
    return np.asarray(np.clip((nearest + 0.5) / _EDGE_CELLS, 0, 1) ** 0.25, np.float32)


def eddies(shape: tuple[int, int], cell_m: float, rng: np.random.Generator) -> Picture:
    """Random vorticity (1/s) of eddies 0.25-1.5 m wide whose velocity has unit spread.

    Repeated once in each direction (2h, 2w), so that any piece of it, the ends joined, is a slice.
    """
    field = np.zeros(shape)
    for size_m in (0.25, 0.5, 1.0, 1.6):
        sigma = size_m / 2.5 / cell_m
        layer = cv2.GaussianBlur(rng.standard_normal(shape), (0, 0), max(sigma, 0.4), borderType=cv2.BORDER_REFLECT)
        field += layer / layer.std() * (size_m ** (1 / 3) / size_m)
    return np.tile(np.asarray(field * 3.0 / np.sqrt(4), np.float32), (2, 2))
