"""From which directions a gateway's air is worse than winds, hours and the town explain: sectors, and how sure. Pure.

The statistic is the conditional probability function (Ashbaugh 1985; Uria-Tellaetxe and Carslaw 2014): in what share of
the blocks with such a wind the excess lies among the highest tenth. "Highest" is asked among blocks of like wind
speed, since calm air is dirtier from every side. Whether a direction stands out is judged against the same nights in
shuffled order: the nights' air beside other nights' wind at the same hours, which keeps habits and gaps as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud_ingest.geotag.polar.smoother import CALM_M_S, Estimate, direction_weights, ratio_of_nights

Array = NDArray[np.float64]

#: Directions at which everything is worked out.
STEP_DEG = 5.0
DIRECTIONS = np.arange(0.0, 360.0, STEP_DEG)
PERCENTILE = 90.0
#: Fewer nights or blocks say nothing about a direction.
LEAST_NIGHTS = 5.0
LEAST_BLOCKS = 12.0
#: How often no direction at all may stand out by chance where nothing burns.
FALSE_ALARM = 0.05
SHUFFLES = 400
#: A sector reaches so much farther on either side: a vane's north and few nights move it so much (docs/polar.md).
MARGIN_DEG = 10.0
_SPEED_CLASSES = 6
_LEAST_STEPS = 6
#: Nights that stay together when histories are shuffled: weather and haze last that long.
_TOGETHER = 3


@dataclass(frozen=True, slots=True)
class Sector:
    """A direction that stands out; ``peak_deg`` is the middle of its lift. ``to_deg`` lies clockwise of ``from_deg``,
    and may have passed north.

    ``share``: of the blocks with such wind among the highest tenth; ``usual``: over all winds. ``rise``: mean excess
    there, in the level's unit. ``chance``: in what share of shuffled histories some direction stood out as much.
    """

    peak_deg: float
    from_deg: float
    to_deg: float
    share: float
    usual: float
    rise: float
    nights: float
    chance: float

    @property
    def wide_deg(self) -> float:
        """From one end to the other; 360 for a sector that goes all round."""
        return (self.to_deg - self.from_deg) % 360 or 360.0

    def holds(self, deg: float) -> bool:
        """Whether a direction lies in it."""
        return (deg - self.from_deg) % 360 <= self.wide_deg


@dataclass(frozen=True, slots=True, eq=False)
class Rose:
    """What each of :data:`DIRECTIONS` says of one gateway. ``standing``: by how many standard deviations its share
    lies above the usual one, NaN where too little blew from there; ``limit``: what one shuffled history in twenty
    reaches."""

    share: Estimate
    rise: Estimate
    usual: float
    standing: Array
    limit: float
    sectors: tuple[Sector, ...]
    nights: int
    blocks: int


def high(excess: Array, speed_m_s: Array, percentile: float = PERCENTILE) -> Array:
    """1 where the excess, in units of its night's noise, is among the highest ``100 - percentile`` % of its class of
    wind speed, 0 elsewhere; NaN in calms and where nothing was measured. ``(nights, blocks)``.

    A sensor's noise grows with what it measures: in plain figures a hazy night would hold most of the highest, and the
    winds that bring haze would stand out at every gateway.
    """
    usable = np.isfinite(excess) & np.isfinite(speed_m_s) & (speed_m_s >= CALM_M_S)
    found = np.full(excess.shape, np.nan)
    if not usable.any():
        return found
    excess = excess / noise(np.where(usable, excess, np.nan))[:, None]
    edges = np.quantile(speed_m_s[usable], np.linspace(0, 1, _SPEED_CLASSES + 1)[1:-1])
    classes = np.digitize(speed_m_s, edges)
    for number in range(_SPEED_CLASSES):
        inside = usable & (classes == number)
        if inside.any():
            found[inside] = excess[inside] > np.percentile(excess[inside], percentile)
    return found


def noise(excess: Array) -> Array:
    """How much a gateway's excess jumps from block to block in each night, ``(nights,)``: the median step as a standard
    deviation, which plumes hardly move; of all nights where one has too few steps."""
    steps = np.abs(np.diff(excess, axis=1)) / (0.6745 * np.sqrt(2))
    known = np.isfinite(steps)
    overall = float(np.median(steps[known])) if known.any() else 1.0
    found = np.array(
        [
            np.median(one[there]) if there.sum() >= _LEAST_STEPS else overall
            for one, there in zip(steps, known, strict=True)
        ]
    )
    return np.asarray(np.maximum(found, max(overall, 1e-9) / 10))


def rose(excess: Array, speed_m_s: Array, from_deg: Array, *, percentile: float = PERCENTILE, seed: int = 0) -> Rose:
    """All directions of one gateway, arrays ``(nights, blocks)``, and the sectors that stand out."""
    asked = high(excess, np.where(np.isfinite(from_deg), speed_m_s, np.nan), percentile)
    weights = direction_weights(from_deg, DIRECTIONS)
    known = np.isfinite(asked)
    value, weight = np.where(known, asked, 0.0), known.astype(float)
    usual = float(value.sum() / max(weight.sum(), 1.0))
    share = _over(value, weight, weights)
    rise = _over(np.where(known, excess, 0.0), weight, weights)
    scatter = Scatter(usual, alikeness(asked))
    standing = _standing(share.mean, *_sums(weight, weights), scatter)
    reached = _shuffled(value, weight, weights, scatter, seed)
    limit = float(np.quantile(reached, 1 - FALSE_ALARM)) if len(reached) else np.inf
    return Rose(
        share, rise, usual, standing, limit,
        _sectors(standing, limit, share, rise, usual, reached), int(known.any(axis=1).sum()), int(known.sum()),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scatter:
    """How a share scatters where the direction does not matter: its level, and how alike the blocks of a night are."""

    usual: float
    alike: float


def alikeness(asked: Array) -> float:
    """The intraclass correlation of nights (one-way analysis of variance), 0 to 1: by how much a night is one fact
    instead of many. ``asked`` as :func:`high` answers."""
    known = np.isfinite(asked)
    counts = known.sum(axis=1).astype(float)
    if (counts > 0).sum() < 2 or counts.sum() <= (counts > 0).sum():
        return 1.0
    value = np.where(known, asked, 0.0)
    mean, means = value.sum() / counts.sum(), value.sum(axis=1) / np.maximum(counts, 1)
    groups = int((counts > 0).sum())
    between = float((counts * (means - mean) ** 2).sum() / (groups - 1))
    within = float((known * (value - means[:, None]) ** 2).sum() / (counts.sum() - groups))
    size = (counts.sum() - (counts**2).sum() / counts.sum()) / (groups - 1)
    total = between + (size - 1) * within
    return float(np.clip((between - within) / total, 0.0, 1.0)) if total > 0 else 0.0


def _over(value: Array, weight: Array, weights: Array) -> Estimate:
    sums, shares = (np.matmul(part[:, None, :], weights)[:, 0, :] for part in (value * weight, weight))
    return ratio_of_nights(sums, shares)


def _sums(weight: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Of each direction: the sum of weights, of their squares, and of the squares of the nights' sums."""
    nightly = np.matmul(weight[:, None, :], weights)[:, 0, :]
    squares = np.matmul(weight[:, None, :], weights**2)[:, 0, :].sum(axis=0)
    return nightly.sum(axis=0), squares, (nightly**2).sum(axis=0)


def _standing(mean: Array, total: Array, squares: Array, of_nights: Array, scatter: Scatter) -> Array:
    """By how many standard deviations a share lies above the usual one, if its direction did not matter."""
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = scatter.usual * (1 - scatter.usual) * ((1 - scatter.alike) * squares + scatter.alike * of_nights)
        enough = (total**2 / of_nights >= LEAST_NIGHTS) & (total >= LEAST_BLOCKS)
        return np.where(enough, (mean - scatter.usual) * total / np.sqrt(np.maximum(variance, 1e-12)), np.nan)


def shuffled_nights(nights: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """The nights in another order, runs of three kept together, beginning anywhere round the calendar."""
    turned = np.roll(np.arange(nights), int(rng.integers(nights)))
    runs = [turned[at : at + _TOGETHER] for at in range(0, nights, _TOGETHER)]
    return np.concatenate([runs[at] for at in rng.permutation(len(runs))])


def _shuffled(value: Array, weight: Array, weights: Array, scatter: Scatter, seed: int) -> Array:
    """The greatest standing of each shuffled history. Fewer than three nights cannot be shuffled.

    All histories go through one night's winds together: the same as shuffling and estimating one after another
    (tested), in a tenth of the time.
    """
    nights = len(value)
    if nights < 3:
        return np.array([])
    rng = np.random.default_rng(seed)
    orders = np.array([shuffled_nights(nights, rng) for _ in range(SHUFFLES)])
    sums, total, squares, of_nights = (np.zeros((SHUFFLES, weights.shape[2])) for _ in range(4))
    for night in range(nights):
        there = weight[orders[:, night]]
        nightly = there @ weights[night]
        sums += value[orders[:, night]] @ weights[night]
        squares += there @ weights[night] ** 2
        total += nightly
        of_nights += nightly**2
    mean = sums / np.where(total > 0, total, 1.0)
    return np.asarray(np.nanmax(_standing(mean, total, squares, of_nights, scatter), axis=1, initial=0.0))


def _sectors(
    standing: Array, limit: float, share: Estimate, rise: Estimate, usual: float, reached: Array
) -> tuple[Sector, ...]:
    """Runs of directions that stand out, each as wide as its lift is above half of its peak's and a margin more; those
    that then overlap cannot be told apart and are one."""
    out = np.nan_to_num(standing, nan=-np.inf) > limit
    lift = np.where(np.isfinite(standing), share.mean - usual, -np.inf)
    taken = np.zeros(len(lift), bool)
    wides: list[list[int]] = []
    for run in _runs(out):
        wide = _above_half(lift, run[int(np.argmax(lift[run]))])
        wides.append(wide)
        taken[wide] = True
    for wide in wides:
        for step in range(1, int(MARGIN_DEG / STEP_DEG) + 1):
            taken[(wide[0] - step) % len(lift)] = taken[(wide[-1] + step) % len(lift)] = True
    found = []
    for ground in _runs(taken):
        peak = ground[int(np.argmax(lift[ground]))]
        found.append(
            Sector(
                peak_deg=_middle(lift, _above_half(lift, peak)),
                from_deg=float((DIRECTIONS[ground[0]] - STEP_DEG / 2) % 360),
                to_deg=float((DIRECTIONS[ground[-1]] + STEP_DEG / 2) % 360),
                share=float(share.mean[peak]),
                usual=usual,
                rise=float(rise.mean[peak]),
                nights=float(share.nights[peak]),
                chance=float((1 + (reached >= np.nanmax(standing[ground])).sum()) / (1 + len(reached))),
            )
        )
    return tuple(sorted(found, key=lambda one: -one.share))


def _above_half(lift: Array, peak: int) -> list[int]:
    """The directions about a peak whose lift is above half of its own, clockwise."""
    wide = [peak]
    for step, side in ((1, len), (-1, lambda _: 0)):
        at = (peak + step) % len(lift)
        while lift[at] > lift[peak] / 2 and at not in wide:
            wide.insert(side(wide), at)
            at = (at + step) % len(lift)
    return wide


def _runs(out: NDArray[np.bool_]) -> list[list[int]]:
    """Neighbouring directions that stand out, round the circle."""
    if out.all():
        return [list(range(len(out)))]
    begins = [at for at in range(len(out)) if out[at] and not out[at - 1]]
    runs = []
    for at in begins:
        run = []
        while out[at % len(out)]:
            run.append(at % len(out))
            at += 1
        runs.append(run)
    return runs


def _middle(lift: Array, wide: list[int]) -> float:
    """Where the lift of a sector has its middle: steadier than its highest step."""
    turned = np.radians(DIRECTIONS[wide])
    return float(np.degrees(np.arctan2((lift[wide] * np.sin(turned)).sum(), (lift[wide] * np.cos(turned)).sum())) % 360)
