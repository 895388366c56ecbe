"""Star-like points in a night still: small, round, on a smooth dark ground. Pure.

Lamps are larger, hot pixels sharper, and town texture is everywhere rough; what still slips through is for the matching
to refuse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud_ingest.geotag.projection import Array

_BLOCK = 32  # pixels a side, for the ground's level and roughness
_ROUGH = 2.0  # times the sky's own: what is rougher is no sky
_DETECT = 6.0  # times the noise of the smoothed picture
_SMOOTHED = 0.375  # of a pixel's noise that is left after smoothing
_REACH = 3  # pixels around a peak
_HOT = 0.12  # of the peak: what a star leaves at least on the mean of its four neighbours
_WIDE = 1.9  # pixels: the standard deviation of a spot; above it, it is no star
_LARGE = 60  # bright pixels in a window of 21: a lamp and its halo
_AROUND = 10
_MOST = 40
_EDGE = 4
_ALONE_PX = 6.0  # of two spots nearer than this, the fainter is left out


@dataclass(frozen=True, slots=True)
class Spots:
    """Points that may be stars, brightest first: pixels (N, 2), flux above the ground, a place's standard deviation."""

    pixels: Array
    flux: Array
    sigma_px: Array


def stack(frames: list[NDArray[np.generic]]) -> Array:
    """Several stills of a resting camera as one with less noise; from three on, what was in one only falls out. Raises
    ``ValueError`` when their sizes differ."""
    sizes = {frame.shape[:2] for frame in frames}
    if len(sizes) != 1:
        raise ValueError("the stills differ in size; take them with one camera at one setting")
    grey = [frame.astype(np.float64) if frame.ndim == 2 else frame[..., :3].mean(axis=2) for frame in frames]
    return np.asarray(np.mean(grey, axis=0) if len(grey) < 3 else np.median(grey, axis=0))


def find_spots(grey: Array) -> Spots:
    """Spots of a grey picture (height, width), whatever its scale. At most :data:`_MOST`."""
    level, noise, calm = _ground(grey)
    above = grey - level
    smooth = _smoothed(above)
    # Roofs and lit walls are rough, the sky is not.
    peak = calm & (smooth > _DETECT * _SMOOTHED * noise)
    peak &= smooth >= _greatest_around(smooth)
    peak[:_EDGE], peak[-_EDGE:], peak[:, :_EDGE], peak[:, -_EDGE:] = False, False, False, False
    rows, columns = np.nonzero(peak)
    order = np.argsort(-smooth[rows, columns], kind="stable")[: 40 * _MOST]
    found: list[tuple[float, float, float, float]] = []
    for row, column in zip(rows[order], columns[order], strict=True):
        spot = _measure(above, noise, int(row), int(column))
        if spot is not None:
            found.append(spot)
    found.sort(reverse=True)
    kept: list[tuple[float, float, float, float]] = []
    for one in found:
        if all(abs(one[1] - k[1]) > _ALONE_PX or abs(one[2] - k[2]) > _ALONE_PX for k in kept):
            kept.append(one)
        if len(kept) == _MOST:
            break
    table = np.array(kept).reshape(-1, 4)
    return Spots(table[:, 1:3], table[:, 0], table[:, 3])


def _measure(above: Array, noise: Array, row: int, column: int) -> tuple[float, float, float, float] | None:
    """(flux, x, y, sigma) of the spot around a peak, None for what is no star."""
    around = above[max(row - _AROUND, 0) : row + _AROUND + 1, max(column - _AROUND, 0) : column + _AROUND + 1]
    own = float(noise[row, column])
    here = above[max(row - _REACH, 0) : row + _REACH + 1, max(column - _REACH, 0) : column + _REACH + 1]
    if here.shape != (2 * _REACH + 1, 2 * _REACH + 1):
        return None
    top = float(here[_REACH - 1 : _REACH + 2, _REACH - 1 : _REACH + 2].max())
    if int((around > max(0.25 * top, 4 * own)).sum()) > _LARGE:
        return None
    cross = float(np.mean([here[2, 3], here[4, 3], here[3, 2], here[3, 4]]))
    if cross < _HOT * top or cross < own:
        return None
    weight = np.where(here > max(0.08 * top, own), here, 0.0)
    flux = float(weight.sum())
    steps = np.arange(-_REACH, _REACH + 1)
    dx, dy = float((weight.sum(axis=0) @ steps) / flux), float((weight.sum(axis=1) @ steps) / flux)
    spread_x = float(weight.sum(axis=0) @ (steps - dx) ** 2 / flux)
    spread_y = float(weight.sum(axis=1) @ (steps - dy) ** 2 / flux)
    if max(spread_x, spread_y) > _WIDE**2 or abs(dx) > 1.2 or abs(dy) > 1.2:
        return None
    # Pixel (column, row) covers [column, column + 1): its centre lies half a pixel farther.
    sigma = float(np.hypot(0.15, 3.0 * own / max(flux, 1e-9)))
    return flux, column + 0.5 + dx, row + 0.5 + dy, sigma


def _ground(grey: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Level and noise of the ground and whether it is smooth (height, width each), from blocks: medians are not moved
    by stars."""
    height, width = grey.shape
    down, across = -(-height // _BLOCK), -(-width // _BLOCK)
    padded = np.pad(grey, ((0, down * _BLOCK - height), (0, across * _BLOCK - width)), mode="reflect")
    blocks = padded.reshape(down, _BLOCK, across, _BLOCK).transpose(0, 2, 1, 3)
    level = np.median(blocks, axis=(2, 3))
    # Differences of pixels two apart: a slope in the sky is no noise, an edge of a roof is.
    along = np.abs(blocks[:, :, :, 2::2] - blocks[:, :, :, :-2:2]).reshape(down, across, -1)
    steps = np.concatenate([along, np.abs(blocks[:, :, 2::2] - blocks[:, :, :-2:2]).reshape(down, across, -1)], axis=2)
    usual, rough = np.percentile(steps, (50, 97), axis=2)
    noise = np.maximum(1.05 * usual, 0.3)
    # Of pure noise the two differ by a factor of 3.2; an edge through a block adds much to the second.
    calm = _sky(rough < _ROUGH * max(float(np.percentile(rough, 25)), 1.0))
    y, x = _BLOCK * (np.arange(down) + 0.5) - 0.5, _BLOCK * (np.arange(across) + 0.5) - 0.5
    smooth = np.repeat(np.repeat(calm, _BLOCK, axis=0), _BLOCK, axis=1)[:height, :width]
    return _spread(level, y, x, grey.shape), _spread(noise, y, x, grey.shape), smooth


def _sky(calm: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of smooth blocks those of the sky: mostly among their like, with nothing but such above them."""
    padded = np.pad(calm, 1, mode="edge").astype(int)
    down, across = calm.shape
    around = sum(padded[i : i + down, j : j + across] for i in range(3) for j in range(3))
    return np.asarray(np.logical_and.accumulate((around >= 6) & calm, axis=0))


def _spread(coarse: Array, y: Array, x: Array, shape: tuple[int, ...]) -> Array:
    """A value a block to a value a pixel, linearly."""
    wide = np.stack([np.interp(np.arange(shape[1]), x, line) for line in coarse])
    at = np.clip(np.interp(np.arange(shape[0]), y, np.arange(len(y))), 0, len(y) - 1)
    low = np.minimum(at.astype(int), max(len(y) - 2, 0))
    share = (at - low)[:, None]
    return np.asarray(wide[low] * (1 - share) + wide[np.minimum(low + 1, len(y) - 1)] * share)


def _smoothed(values: Array) -> Array:
    """Mean weighted 1-2-1 both ways."""
    padded = np.pad(values, 1, mode="edge")
    rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return np.asarray((rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4)


def _greatest_around(values: Array) -> Array:
    """The greatest of each pixel's 5x5 neighbourhood."""
    found = values
    for axis in (0, 1):
        parts = [np.roll(found, shift, axis=axis) for shift in (-2, -1, 0, 1, 2)]
        found = np.maximum.reduce(parts)
    return np.asarray(found)
