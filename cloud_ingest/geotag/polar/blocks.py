"""Many nights on one grid: nights x blocks of ten minutes, a gateway; what rises above the town's air. Pure.

Missing values are NaN. Wind directions are where it comes from, true north, clockwise.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Length of a block. A plume over a roof lasts 15-40 minutes; a gateway's wind needs some minutes to have a direction.
BLOCK_S = 600
#: Half of the time over which a gateway's own quiet level is looked for.
_AROUND_BLOCKS = 12
_QUIET = 0.25  # the share of blocks about a moment that lie below its quiet level
_TOGETHER = 3  # from so many gateways on their common signal is the town's


@dataclass(frozen=True, slots=True, eq=False)
class Nights:
    """One gateway's nights, each array ``(nights, blocks)``: a level (µg/m³, or a gas' own unit) and the wind."""

    level: Array
    wind_speed_m_s: Array
    wind_from_deg: Array

    def __post_init__(self) -> None:
        if not self.level.shape == self.wind_speed_m_s.shape == self.wind_from_deg.shape or self.level.ndim != 2:
            raise ValueError("level, speed and direction must be arrays (nights, blocks) of one shape")


def merged(sensors: list[Array]) -> Array:
    """One level out of several sensors at one place, each ``(nights, blocks)``: the others are brought to the scale of
    the one that was heard most, so that a sensor that falls out makes no step. The mean of what is there."""
    heard = [int(np.isfinite(one).sum()) for one in sensors]
    first = sensors[int(np.argmax(heard))]
    alike = [one / _scale(one, first) for one in sensors]
    return _quietly(np.nanmean, np.stack(alike), axis=0)


def town_signal(levels: list[Array]) -> tuple[Array, Array]:
    """What is common to a town's gateways, and each one's scale against it: ``(nights, blocks)``, ``(gateways,)``.

    The median of three or more, the lesser of two, nothing of one: a plume that reaches one gateway is not the town's.
    NaN where fewer than two were heard.
    """
    stacked = np.stack(levels)
    scales = np.ones(len(levels))
    common = np.full(levels[0].shape, np.nan)
    for _ in range(2):  # the scales need the common signal, and it needs them
        alike = stacked / scales[:, None, None]
        heard = np.isfinite(alike).sum(axis=0)
        many, few = _quietly(np.nanmedian, alike, axis=0), _quietly(np.nanmin, alike, axis=0)
        common = np.where(heard >= _TOGETHER, many, np.where(heard >= 2, few, np.nan))
        scales = np.array([_scale(level, common) for level in levels])
    return common, scales


def excess(level: Array, common: Array | None = None, scale: float = 1.0) -> Array:
    """What one gateway has above the town's air, ``(nights, blocks)``.

    ``common`` and ``scale`` are of :func:`town_signal`; where there is no common signal the gateway's own level stands.
    What then moves slowly (humidity, drift, a haze that only one side of the town has) is taken away as its own quiet
    level of the two hours about each block.
    """
    above = level if common is None else np.where(np.isfinite(common), level - scale * common, level)
    return above - quiet_level(above)


def quiet_level(series: Array) -> Array:
    """The lower quartile of the blocks within two hours of each, night by night; NaN where nothing was measured."""
    nights, blocks = series.shape
    padded = np.pad(series, ((0, 0), (_AROUND_BLOCKS, _AROUND_BLOCKS)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND_BLOCKS + 1, axis=1)
    found = _quietly(np.nanquantile, windows, _QUIET, axis=2)
    assert found.shape == (nights, blocks)
    return found


def _scale(level: Array, common: Array) -> float:
    """By how much a gateway shows more than the others: the median ratio, which plumes do not move."""
    both = np.isfinite(level) & np.isfinite(common) & (common > 0)
    if not both.any():
        return 1.0
    ratio = float(np.median(level[both] / common[both]))
    return ratio if ratio > 0 else 1.0


def _quietly(statistic: object, *arguments: object, **options: object) -> Array:
    """numpy's NaN statistics warn of stretches without a value; here those are NaN and that is meant."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(statistic(*arguments, **options), dtype=np.float64)  # type: ignore[operator]
