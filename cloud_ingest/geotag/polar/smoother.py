"""Averages over wind: Nadaraya-Watson kernels on direction and speed, with errors that count nights, not minutes. Pure.

After Henry, Chang and Spiegelman (2002) and Yu et al. (2004): the concentration to be expected in a wind is a weighted
mean of what was measured in winds like it. Blocks of one night hang together, so the night is the unit that varies:
the error is the linearised (sandwich) one of a ratio of sums over nights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: A plume falls to its tenth 5-20 degrees off its axis (domain: plume table), and a block's wind wanders as much.
DIRECTION_SD_DEG = 10.0
#: In the logarithm of the speed: the plume's dilution goes with it, so what is alike is alike in proportion.
SPEED_SD = 0.25
#: Below this a wind has no direction (the vane stands where it stood).
CALM_M_S = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """Of some winds: mean and its standard error in the values' unit, by how many blocks and nights it is carried."""

    mean: Array
    error: Array
    blocks: Array  # the kernel's weight in whole blocks: a block right there counts one
    nights: Array  # (sum of weights)² / sum of nightly weights²: how many nights as if each weighed the same


def direction_weights(from_deg: Array, at_deg: Array, sd_deg: float = DIRECTION_SD_DEG) -> Array:
    """Von Mises kernel, 1 at its middle: ``(..., len(at_deg))``; NaN directions weigh nothing."""
    kappa = 1 / np.radians(sd_deg) ** 2
    apart = np.radians(from_deg[..., None] - at_deg)
    return np.asarray(np.nan_to_num(np.exp(kappa * (np.cos(apart) - 1)), nan=0.0))


def speed_weights(speed_m_s: Array, at_m_s: Array, sd: float = SPEED_SD) -> Array:
    """Gaussian kernel in the logarithm of the speed, 1 at its middle: ``(..., len(at_m_s))``; calms weigh nothing."""
    moving = np.where(speed_m_s >= CALM_M_S, speed_m_s, np.nan)
    apart = (np.log(moving)[..., None] - np.log(at_m_s)) / sd
    return np.asarray(np.nan_to_num(np.exp(-(apart**2) / 2), nan=0.0))


def estimate(values: Array, weights: Array) -> Estimate:
    """``values`` ``(nights, blocks)``, NaN where nothing was measured; ``weights`` ``(nights, blocks, winds)``."""
    known = np.isfinite(values)
    sums = np.einsum("nb,nbw->nw", np.where(known, values, 0.0), weights)
    shares = np.einsum("nb,nbw->nw", known.astype(float), weights)
    return ratio_of_nights(sums, shares)


def ratio_of_nights(sums: Array, shares: Array) -> Estimate:
    """Sums of value x weight and of weight, each ``(nights, winds)``, to the mean over all nights and its error.

    One night alone has no error: it is infinite there, and the mean is NaN where nothing weighs.
    """
    total = shares.sum(axis=0)
    carried = total > 1e-9
    safe = np.where(carried, total, 1.0)
    mean = np.where(carried, sums.sum(axis=0) / safe, np.nan)
    weighing = (shares > 1e-9).sum(axis=0)
    spread = ((sums - np.where(carried, mean, 0.0) * shares) ** 2).sum(axis=0)
    correction = np.where(weighing > 1, weighing / np.maximum(weighing - 1, 1), np.inf)
    with np.errstate(invalid="ignore"):
        error = np.where(carried & (weighing > 1), np.sqrt(spread * correction) / safe, np.inf)
    nights = np.where(carried, total**2 / np.maximum((shares**2).sum(axis=0), 1e-18), 0.0)
    return Estimate(mean, error, total, nights)


def surface(values: Array, from_deg: Array, speed_m_s: Array, at_deg: Array, at_m_s: Array) -> Estimate:
    """The bivariate estimate over directions and speeds: arrays ``(len(at_deg), len(at_m_s))``."""
    known = np.isfinite(values)
    around = direction_weights(from_deg, at_deg)
    alike = speed_weights(speed_m_s, at_m_s)
    sums, shares = (
        np.matmul(np.swapaxes(around * part[..., None], 1, 2), alike).reshape(len(values), -1)
        for part in (np.where(known, values, 0.0), known.astype(float))
    )
    found = ratio_of_nights(sums, shares)
    shape = len(at_deg), len(at_m_s)
    return Estimate(*(part.reshape(shape) for part in (found.mean, found.error, found.blocks, found.nights)))
