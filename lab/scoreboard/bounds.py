"""95 % bounds by plain formulas: shares (Clopper-Pearson), counts (Garwood), weighted counts (Fay and Feuer)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, inf, lgamma, log

import numpy as np

from lab.figures import Figure

LEVEL = 0.95
_TAIL = (1 - LEVEL) / 2
_ROUNDS = 1000
_STEPS = 70  # halvings: beyond what a float can tell apart


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value between its 95 % bounds; ``n`` is what it rests on (trials, or events counted). None: nothing to say."""

    value: float | None
    low: float | None
    high: float | None
    n: int


NOTHING = Estimate(None, None, None, 0)


def as_figure(name: str, found: Estimate, unit: str, target: float | None = None) -> Figure:
    """An estimate with its bounds as a row of the scoreboard."""
    return Figure(name, found.value, unit, target, low=found.low, high=found.high, n=found.n)


def share(successes: int, trials: int) -> Estimate:
    """A proportion with Clopper and Pearson's exact bounds (1934). Raises ``ValueError`` for impossible counts."""
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials cannot be")
    if trials == 0:
        return NOTHING
    low, high = 0.0, 1.0
    if successes > 0:
        low = _solve(lambda p: 1 - _binomial_below(successes, trials, p), _TAIL, 0.0, 1.0)
    if successes < trials:
        high = _solve(lambda p: 1 - _binomial_below(successes + 1, trials, p), 1 - _TAIL, 0.0, 1.0)
    return Estimate(successes / trials, low, high, trials)


def weighted_rate(terms: Sequence[tuple[int, float]], heaviest: float, exposure: float) -> Estimate:
    """Events a unit of exposure, from strata that were sampled at different rates.

    ``terms``: (events counted, weight) a stratum, the weight being what one counted event stands for; ``heaviest``: the
    largest weight in use, also of strata where nothing was counted; ``exposure``: what the whole sample stands for.
    The bounds are Fay and Feuer's (1997): a gamma distribution fitted to the sum. With one weight they are Garwood's
    exact ones, and with no event the upper one is 3.69 heaviest weights (the "rule of three", two-sided).
    """
    if exposure <= 0:
        return NOTHING
    counted = sum(count for count, _ in terms)
    total = sum(count * weight for count, weight in terms)
    variance = sum(count * weight * weight for count, weight in terms)
    low = 0.0 if counted == 0 else variance / total * gamma_quantile(total * total / variance, _TAIL)
    above, spread = total + heaviest, variance + heaviest * heaviest
    high = spread / above * gamma_quantile(above * above / spread, 1 - _TAIL) if heaviest > 0 else inf
    return Estimate(total / exposure, low / exposure, high / exposure, counted)


def ratio(parts: Sequence[tuple[float, float]]) -> Estimate:
    """A sum over another, (part, whole) a window; bounds are percentiles of 1000 resamples of the windows."""
    table = np.array(parts, float).reshape(-1, 2)
    if not table[:, 1].sum() > 0:
        return NOTHING
    rng = np.random.default_rng(1)
    sums = table[rng.integers(0, len(table), (_ROUNDS, len(table)))].sum(axis=1)
    sums = sums[sums[:, 1] > 0]
    low, high = np.percentile(sums[:, 0] / sums[:, 1], (100 * _TAIL, 100 * (1 - _TAIL)))
    return Estimate(float(table[:, 0].sum() / table[:, 1].sum()), float(low), float(high), len(table))


def gamma_quantile(shape: float, probability: float) -> float:
    """The value that a gamma variable of this shape and scale 1 stays below with this probability."""
    top = max(2 * shape, 1.0)
    while gamma_below(shape, top) < probability:
        top *= 2
    return _solve(lambda x: gamma_below(shape, x), probability, 0.0, top)


def gamma_below(shape: float, x: float) -> float:
    """The regularised lower incomplete gamma function P(shape, x): series below shape + 1, continued fraction above."""
    if x <= 0:
        return 0.0
    front = exp(shape * log(x) - x - lgamma(shape))
    if x < shape + 1:
        term = total = 1 / shape
        n = shape
        while term > total * 1e-15:
            n += 1
            term *= x / n
            total += term
        return min(front * total, 1.0)
    b = x + 1 - shape
    c, d = 1e300, 1 / b
    fraction = d
    for k in range(1, 10_000):  # Lentz's way through the fraction
        a = -k * (k - shape)
        b += 2
        d = 1 / (a * d + b or 1e-300)
        c = b + a / c or 1e-300
        step = c * d
        fraction *= step
        if abs(step - 1) < 1e-15:
            break
    return max(1 - front * fraction, 0.0)


def _binomial_below(count: int, trials: int, p: float) -> float:
    """The chance of fewer than ``count`` successes."""
    if p <= 0:
        return 1.0
    if p >= 1:
        return 0.0 if count <= trials else 1.0
    logs = (
        lgamma(trials + 1) - lgamma(k + 1) - lgamma(trials - k + 1) + k * log(p) + (trials - k) * log(1 - p)
        for k in range(count)
    )
    return min(sum(exp(value) for value in logs), 1.0)


def _solve(rising: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    """Where a rising function reaches a value, by halving."""
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if rising(middle) < wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2
