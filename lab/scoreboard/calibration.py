"""Do probabilities keep their word? Reliability in bins; the expected calibration error, bounded by bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lab.scoreboard.bounds import NOTHING, Estimate, share

Pair = tuple[float, bool, float]  # probability said, whether it came true, weight
EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0001)
_ROUNDS = 1000


@dataclass(frozen=True, slots=True)
class Bin:
    """Pairs whose probability lies in one bin: mean said and share true (weighted), plain bounds, how many."""

    said: float
    true: float
    low: float
    high: float
    n: int


def reliability(pairs: Sequence[Pair]) -> list[Bin]:
    """Bins that hold anything, in order. Bounds are Clopper and Pearson's on the plain counts."""
    bins = []
    for low, high in pairwise(EDGES):
        chosen = [pair for pair in pairs if low <= pair[0] < high]
        if not chosen:
            continue
        weight = sum(pair[2] for pair in chosen)
        said = sum(pair[0] * pair[2] for pair in chosen) / weight
        true = sum(pair[1] * pair[2] for pair in chosen) / weight
        plain = share(sum(pair[1] for pair in chosen), len(chosen))
        assert plain.low is not None
        assert plain.high is not None
        bins.append(Bin(said, true, min(plain.low, true), max(plain.high, true), len(chosen)))
    return bins


def expected_error(pairs: Sequence[Pair]) -> Estimate:
    """Mean distance between said and true over the bins, each by its weight. Bounds: percentiles of 1000 resamples.

    A few pairs look badly calibrated by chance alone: read it with ``n``.
    """
    if not pairs:
        return NOTHING
    table = np.array(pairs, float)
    rng = np.random.default_rng(1)
    again = [_error(table[rng.integers(0, len(table), len(table))]) for _ in range(_ROUNDS)]
    low, high = np.percentile(again, (2.5, 97.5))
    return Estimate(_error(table), float(low), float(high), len(pairs))


def _error(table: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    which = np.digitize(table[:, 0], EDGES[1:-1])
    total = 0.0
    for index in np.unique(which):
        part = table[which == index]
        total += abs(float(((part[:, 0] - part[:, 1]) * part[:, 2]).sum()))
    return total / float(table[:, 2].sum())
