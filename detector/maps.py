"""From running moments to what the network sees: bounded maps in units of the picture's own noise, and a few whole-
frame figures.

All of it at half the working size. The order of the maps and of the figures is part of the model's contract (its
manifest
hashes this file's ``CONTRACT``).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.frames import Grey, halve
from detector.statistics import Statistics

MAPS = (
    "deviation",  # standard deviation over 20 s against the expected, log
    "coherent",  # the same of the smoothed picture
    "coherent5",  # and over 5 s: whether it is still moving
    "flicker",  # the same of what has no memory
    "shift5",  # 5 s mean against the background, signed
    "shift20",
    "shift20_local",  # less its surroundings
    "shift20_wide",  # its surroundings
    "shift60",
    "long",  # how far it was off over a minute, log
    "away",  # share of 20 s off the background
    "impulsive",  # few large jumps or many small ones
    "occlusion",  # how much of the background's texture is hidden
    "texture",  # how much texture there is to hide
    "by_shift",  # share of the change that a shift of the background explains
    "memory",  # correlation of a change with itself one frame later
    "memory2",  # and four frames later
    "up",  # transport upward, -1 to 1
    "right",
    "level",  # background brightness
    "edges",  # background slope, log
    "around",  # deviation of the surroundings
    "wide",  # how far the surroundings are off the background now, each pixel bounded: rain, fog, a lamp's reach
)
FIGURES = ("age", "noise", "gain", "offset", "moved", "unrest", "busy", "off", "residual", "cadence")
CONTRACT = "maps-3:" + ",".join(MAPS) + ";" + ",".join(FIGURES)
_WIDE = (41, 41)
_WIDE_CAP = 4.0


@dataclass(frozen=True, slots=True)
class Context:
    """What registration and light knew about the last frames."""

    gain: float
    offset: float
    moved_px: float  # displacement now
    unrest_px: float  # its running deviation
    residual: float
    dt_s: float


def expected_variance(variance: Grey, level: Grey, slope2: Grey) -> Grey:
    """The variance a quiet pixel has, from all pixels: a + b·level + c·slope² (levels²), robust against what moves.

    Camera noise, compression, rain and residual shake raise it everywhere alike and so cancel out of the maps.
    """
    v = variance[::2, ::2].ravel()
    basis = np.stack([np.ones_like(v), level[::2, ::2].ravel() / 100, slope2[::2, ::2].ravel() / 100])
    estimate: Grey = np.full_like(v, median(v) + 0.05)
    coefficients = np.array([float(estimate[0]), 0.0, 0.0])
    for _ in range(3):
        # Each pixel in units of what is expected of it; those far above (they move) are capped, not fitted.
        weight = 1.0 / (estimate * estimate)
        capped = np.minimum(v, 2.0 * estimate)
        weighted = basis * weight
        normal = (weighted @ basis.T).astype(np.float64) + np.diag([1e-6, 1e-6, 1e-6])
        coefficients = _no_negative(normal, (weighted @ capped).astype(np.float64))
        estimate = np.maximum(coefficients.astype(np.float32) @ basis, 0.05)
    a, b, c = (float(x) for x in coefficients)
    whole: Grey = np.maximum(
        np.float32(a) + level * np.float32(b / 100) + slope2 * np.float32(c / 100), np.float32(0.08)
    )
    return whole


def network_input(stats: Statistics, context: Context) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Maps (HEIGHT/2, WIDTH/2, len(MAPS)) and figures (len(FIGURES),), all within 0-1. Sets ``stats.sigma`` on
    the way."""
    level, m5, m20 = halve(stats.background), halve(stats.m5), halve(stats.m20)
    v20, vs20 = stats.v20, stats.vs20
    gx = cv2.Sobel(level, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    gy = cv2.Sobel(level, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    slope2 = gx * gx + gy * gy
    expected = expected_variance(v20, level, slope2)
    expected_smooth = expected * np.float32(max(_robust_ratio(vs20, expected), 0.02))
    sigma: Grey = np.sqrt(expected)
    size = (stats.sigma.shape[1], stats.sigma.shape[0])
    stats.sigma = cv2.resize(sigma, size, interpolation=cv2.INTER_LINEAR)
    deviation = _log_ratio(v20, expected)
    shift5, shift20 = (m5 - level) / sigma, (m20 - level) / sigma
    wide = cv2.blur(shift20, _WIDE)
    occlusion, texture = _occlusion(level, m5, expected)
    vs_safe = vs20 + expected_smooth
    layers: list[Grey] = [
        deviation,
        _log_ratio(vs20, expected_smooth),
        _log_ratio(stats.vs5, expected_smooth),
        _log_ratio(stats.flicker, expected),
        _signed(shift5),
        _signed(shift20),
        _signed(shift20 - wide),
        _signed(wide),
        _signed(stats.m60 / sigma),
        _log_ratio(stats.v60, expected * np.float32(0.3)),
        stats.away,
        stats.a20 / np.sqrt(v20 + 0.05),
        occlusion,
        texture,
        _by_shift(m5 - level, gx, gy),
        0.5 + 0.5 * stats.kept1 / vs_safe,
        0.5 + 0.5 * stats.kept4 / vs_safe,
        0.5 + 0.5 * stats.transport_up / vs_safe,
        0.5 + 0.5 * stats.transport_right / vs_safe,
        level / 255,
        np.log1p(slope2) / 8,
        cv2.blur(deviation, _WIDE),
        cv2.blur(np.minimum(np.abs(shift5), _WIDE_CAP), _WIDE) / _WIDE_CAP,
    ]
    maps: NDArray[np.float32] = np.asarray(cv2.merge(layers), np.float32)
    figures = np.array(
        [
            min(stats.age_s, 120.0) / 120.0,
            0.5 + 0.25 * np.log10(median(expected[::2, ::2]) + 1e-3),
            0.5 + 0.5 * np.log(context.gain),
            0.5 + context.offset / 80,
            min(context.moved_px / 8, 1),
            min(context.unrest_px / 2, 1),
            float((deviation > 0.6).mean()),
            float(np.clip(np.abs(shift20), 0, 8).mean()) / 8,
            min(context.residual / 10, 1),
            min(context.dt_s / 2, 1),
        ],
        np.float32,
    )
    np.clip(maps, 0, 1, out=maps)
    return maps, np.clip(figures, 0, 1)


def _no_negative(normal: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least squares without negative coefficients: the most negative one is left out and the rest solved again."""
    whole = np.asarray(np.linalg.solve(normal, right), np.float64)
    if whole.min() >= 0:
        return whole
    use = list(range(len(right)))
    out = np.zeros(len(right))
    while use:
        found = np.linalg.solve(normal[np.ix_(use, use)], right[use])
        if found.min() >= 0:
            out[use] = found
            break
        use.pop(int(np.argmin(found)))
    return out


def _robust_ratio(over: Grey, under: Grey) -> float:
    return median(over[::2, ::2] / under[::2, ::2])


def median(values: Grey) -> float:
    """NumPy's own looks for what is not a number first, which takes five times as long."""
    half = values.size // 2
    return float(np.partition(values, (half - 1, half), axis=None)[half - 1 : half + 1].mean())


def _log_ratio(variance: Grey, expected: Grey) -> Grey:
    """0.4 where the variance is as expected; a factor of ten in variance is 0.23."""
    ratio: Grey = 0.4 + 0.1 * np.log(variance / expected + np.float32(0.02))
    return ratio


def _signed(value: Grey) -> Grey:
    squashed: Grey = 0.5 + 0.125 * np.arcsinh(value)
    return squashed


def _occlusion(level: Grey, now: Grey, expected: Grey) -> tuple[Grey, Grey]:
    """How much flatter the picture is than its background around each pixel (0.5: the same, 1: all hidden, 0: twice as
    strong), and how much texture that rests on (0-1)."""
    size = (9, 9)
    mean_b, mean_n = cv2.blur(level, size), cv2.blur(now, size)
    var_b = cv2.blur(level * level, size) - mean_b * mean_b
    cov = cv2.blur(level * now, size) - mean_b * mean_n
    floor = expected * 2.0 + 1.0
    slope = (cov + floor) / (var_b + floor)
    texture: Grey = np.log1p(np.maximum(var_b, 0) / floor) / 6
    return 0.5 + 0.5 * (1 - slope), texture


def _by_shift(change: Grey, gx: Grey, gy: Grey) -> Grey:
    """The share of the change's energy around each pixel that a common shift would make."""
    size = (9, 9)
    cx, cy = cv2.blur(change * gx, size), cv2.blur(change * gy, size)
    ex, ey = cv2.blur(gx * gx, size), cv2.blur(gy * gy, size)
    energy = cv2.blur(change * change, size)
    share: Grey = (cx * cx / (ex + 1) + cy * cy / (ey + 1)) / (energy + 0.5)
    return share
