"""Turns of a camera that lay pairs of bright spots on pairs of bright stars, and how well the rest then fits. Pure.

Each pair of spots laid on each pair of stars gives a turn and a focal length; those that no rooftop camera has are
dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log, pi, radians

import numpy as np
from numpy.typing import NDArray

from cloud_ingest.geotag.calibration.model import log_focal
from cloud_ingest.geotag.calibration.sky import Sky
from cloud_ingest.geotag.projection import Array

COARSE = 0.006  # of the picture's width: how near a spot must lie to a star at first
SCORE_STARS = 160
HFOV_SLACK = 0.12  # relative, of a field of view that was written down
MOST_ROLL_DEG = 20.0
_PAIR_SPOTS = 16  # the brightest, from which pairs are made
_HFOV = (25.0, 125.0)  # degrees, where nobody says it
_TILT = (-40.0, 75.0)
_HEADING_SLACK = 25.0  # degrees, of a heading that was written down
_MISSED = 0.5  # chance that a bright star in the picture is no spot: cloud, roofs, haze
_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class Guess:
    """What was written down of the camera; None: nothing."""

    heading_deg: float | None = None
    hfov_deg: float | None = None
    distortion: tuple[float, float] | None = None


def unbent(off: Array, bend: float) -> Array:
    """Offsets (in half widths) as a straight lens would give them."""
    radius = np.hypot(off[:, 0], off[:, 1])
    flat = radius.copy()
    for _ in range(12):
        flat = np.minimum(radius / np.maximum(1 + bend * flat**2, 0.4), 2.5)
    return np.asarray(off * (flat / np.maximum(radius, 1e-9))[:, None])


def likely_turns(flat: Array, stars: Array, width: int, guess: Guess) -> tuple[Array, Array, int]:
    """Axes (H, 3, 3) and focal lengths (H,) that lay a pair of spots on a pair of stars and that a camera may have, and
    how many were tried in all."""
    first, second = (index.ravel() for index in np.nonzero(~np.eye(len(stars), dtype=bool)))
    cosine = np.einsum("ij,ij->i", stars[first], stars[second])
    apart = cosine > np.cos(radians(min(_HFOV[1], 1.3 * (guess.hfov_deg or 100.0))))
    apart &= cosine < np.cos(radians(2.0))
    first, second, cosine = first[apart], second[apart], cosine[apart]
    world = _triads(stars[first], stars[second])
    low, high = (
        (_focal_range(guess.hfov_deg, width))
        if guess.hfov_deg is not None
        else (np.exp(log_focal(_HFOV[1], width)), np.exp(log_focal(_HFOV[0], width)))
    )
    axes, focals = [np.zeros((0, 3, 3))], [np.zeros(0)]
    tried = 0
    for one, other in _spot_pairs(flat):
        for which, focal in _focal_lengths(one, other, cosine, low, high):
            tried += len(which)
            camera = _triads(_rays(one, focal), _rays(other, focal))
            turned = np.einsum("nki,nkj->nij", camera, world[which])  # rows: right, down, forward in the world
            fits = _may_be(turned, guess)
            axes.append(turned[fits])
            focals.append(focal[fits])
    return np.concatenate(axes), np.concatenate(focals), tried


def _focal_range(hfov_deg: float, width: int) -> tuple[float, float]:
    """Focal lengths that a field of view, as written down, may mean."""
    focal = float(np.exp(log_focal(hfov_deg, width)))
    return focal * (1 - HFOV_SLACK), focal * (1 + HFOV_SLACK)


def _spot_pairs(flat: Array) -> Iterator[tuple[Array, Array]]:
    some = flat[:_PAIR_SPOTS]
    for i in range(len(some)):
        for j in range(i + 1, len(some)):
            yield some[i], some[j]


def _focal_lengths(
    one: Array, other: Array, cosine: Array, low: float, high: float
) -> Iterator[tuple[NDArray[np.int64], Array]]:
    """Which star pairs two spots can be, and the focal length for each: their rays must be as far apart as the stars.

    With F the focal length's square: (d + F)² = c² (A + F)(B + F), and d + F as positive or negative as c.
    """
    a, b, d = float(one @ one), float(other @ other), float(one @ other)
    squared = cosine**2
    lead, middle, last = 1 - squared, 2 * d - squared * (a + b), d * d - squared * a * b
    root = np.sqrt(np.maximum(middle**2 - 4 * lead * last, 0.0))
    for sign in (1, -1):
        found = (-middle + sign * root) / (2 * lead)
        which = np.flatnonzero((found > low**2) & (found < high**2) & ((d + found) * cosine > 0))
        if len(which):
            yield which, np.sqrt(found[which])


def _rays(spot: Array, focal: Array) -> Array:
    rays = np.stack([np.full(len(focal), spot[0]), np.full(len(focal), spot[1]), focal], axis=1)
    return np.asarray(rays / np.linalg.norm(rays, axis=1)[:, None])


def _triads(one: Array, other: Array) -> Array:
    """Right-handed axes (N, 3, 3; rows) fixed to pairs of directions: the pair's middle, its normal, and across."""
    middle = one + other
    middle = middle / np.linalg.norm(middle, axis=1)[:, None]
    normal = np.cross(one, other)
    normal = normal / np.linalg.norm(normal, axis=1)[:, None]
    return np.stack([middle, normal, np.cross(middle, normal)], axis=1)


def _may_be(axes: Array, guess: Guess) -> NDArray[np.bool_]:
    """Which turns a rooftop camera may have: no upside down, not much roll."""
    up = axes[:, :, 2]  # height of right, down and forward
    tilt = np.arcsin(np.clip(up[:, 2], -1, 1))
    good = (tilt > radians(_TILT[0])) & (tilt < radians(_TILT[1])) & (up[:, 1] < 0)
    good &= np.abs(up[:, 0]) < np.sin(radians(MOST_ROLL_DEG)) * np.cos(tilt)
    if guess.heading_deg is not None:
        heading = np.arctan2(axes[:, 2, 0], axes[:, 2, 1])
        off = (heading - radians(guess.heading_deg) + pi) % (2 * pi) - pi
        good &= np.abs(off) < radians(_HEADING_SLACK)
    return np.asarray(good)


def scores(axes: Array, focals: Array, flat: Array, sky: Sky, frame_size: tuple[int, int]) -> Array:
    """Log likelihood ratio (H,) of each turn: how many of the stars in its picture are spots, against chance."""
    portions = range(0, len(focals), _AT_ONCE)
    some = [_scores(axes[k : k + _AT_ONCE], focals[k : k + _AT_ONCE], flat, sky, frame_size) for k in portions]
    return np.concatenate(some) if some else np.zeros(0)


def _scores(axes: Array, focals: Array, flat: Array, sky: Sky, frame_size: tuple[int, int]) -> Array:
    width, height = frame_size
    cell = max(COARSE * width / 2, 1.0)
    lookup = _lookup(flat, frame_size, cell)
    stars = sky.directions[:SCORE_STARS]
    right, down, forward = np.moveaxis(axes @ stars.T, 1, 0)  # (H, S) each
    with np.errstate(divide="ignore", invalid="ignore"):
        x = focals[:, None] * right / forward + width / 2
        y = focals[:, None] * down / forward + height / 2
    inside = (forward > 0.1) & (x > 0) & (x < width) & (y > 0) & (y < height)
    column = np.where(inside, x / cell, 0).astype(int)
    row = np.where(inside, y / cell, 0).astype(int)
    spot = np.where(inside, lookup[row, column], -1)
    hits = np.zeros(len(axes))
    bits = np.where(spot >= 0, np.left_shift(np.uint64(1), np.maximum(spot, 0).astype(np.uint64)), np.uint64(0))
    union = np.bitwise_or.reduce(bits, axis=1)
    hits = np.bitwise_count(union).astype(float)
    shown = inside.sum(axis=1)
    chance = float((lookup >= 0).mean())
    return np.asarray(hits * log((1 - _MISSED) / chance) + (shown - hits) * log(_MISSED / (1 - chance)))


def _lookup(flat: Array, frame_size: tuple[int, int], cell: float) -> NDArray[np.int64]:
    """The spot near each cell of the picture, -1 where there is none."""
    width, height = frame_size
    rows, columns = int(height / cell) + 2, int(width / cell) + 2
    table = np.full((rows, columns), -1, np.int64)
    for number in range(len(flat) - 1, -1, -1):  # brighter ones last, on top
        x, y = (flat[number] + np.array(frame_size) / 2) / cell
        column, row = int(x), int(y)
        if 0 <= row < rows and 0 <= column < columns:
            table[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = number
    return table
