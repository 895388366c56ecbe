"""Spots of a night still → heading, tilt, roll and focal length, by the stars; or a reason why not. Pure.

With time and place known the sky stands still: what is sought is one turn and one focal length. Each pair of bright
spots is laid on each pair of bright stars, which gives both; turns that no camera has are dropped, the rest is judged
by how many other spots then lie on stars. The best are fitted to all their stars. One is believed only if chance would
make as good a one less than once in ten thousand skies, all tried ones counted, and no other is nearly as good.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from math import degrees, inf, lgamma, log, log10, pi, radians, tan

import numpy as np

from cloud_ingest.geotag.calibration.marks import CannotCalibrate
from cloud_ingest.geotag.calibration.model import (
    HEADING,
    K1,
    LOG_FOCAL,
    ROLL,
    TILT,
    UNKNOWNS,
    Fit,
    Prior,
    Seen,
    camera_at,
    fit,
    log_focal,
)
from cloud_ingest.geotag.calibration.sky import Sky
from cloud_ingest.geotag.calibration.solve import angles_of
from cloud_ingest.geotag.calibration.spots import Spots
from cloud_ingest.geotag.calibration.star_turns import (
    COARSE,
    HFOV_SLACK,
    MOST_ROLL_DEG,
    SCORE_STARS,
    Guess,
    likely_turns,
    scores,
    unbent,
)
from cloud_ingest.geotag.projection import Array, project

LEAST_STARS = 5
_PAIR_STARS = (60, 130)  # the brightest, from which pairs are made; a narrow view holds few of them
_BENDS = (0.0, -0.09, -0.18)  # of the picture's edge, relative: lenses tried
_FINE_PX = 2.5  # how near a spot must lie to its star at last
_TO_FIT = 12
_FAR_M = 1e7
_CHANCE = -4.0  # power of ten
_CLOSE_CALL = 4.0  # powers of ten between the solution and the next different one
_SAME_DEG = 1.0
_MOST_RMS_PX = 2.0


@dataclass(frozen=True, slots=True)
class StarSolution:
    """``fit`` holds the camera (its place is the origin: stars tell nothing of it). ``pairs``: (spot, star) numbers.
    ``log10_chance`` is how probable so good a match is by chance, all tried turns counted."""

    fit: Fit
    pairs: tuple[tuple[int, int], ...]
    rms_px: float
    log10_chance: float


def solve_stars(spots: Spots, sky: Sky, frame_size: tuple[int, int], guess: Guess | None = None) -> StarSolution:
    """Finds the camera's turn. Raises :class:`CannotCalibrate` when the stars do not tell, or not surely."""
    guess = guess or Guess()
    if len(spots.pixels) < LEAST_STARS:
        raise CannotCalibrate(
            f"{len(spots.pixels)} star-like points in the picture; at least {LEAST_STARS} stars are needed. Take a"
            " still with more sky, on a clear night, with a longer exposure, or several stills at once; or use marks"
        )
    found: list[StarSolution] = []
    tried = 1
    bends = _BENDS if guess.distortion is None else (_bend_of(guess, frame_size),)
    for stars, bend in product(_PAIR_STARS, bends):
        some, count = _search(spots, sky, frame_size, guess, bend, stars)
        found += some
        tried += count
        if found and min(one.log10_chance for one in found) + log10(tried) < 2 * _CHANCE:
            break
    found = [replace(one, log10_chance=one.log10_chance + log10(tried)) for one in found]
    found.sort(key=lambda one: one.log10_chance)
    return _believed(found, len(spots.pixels), sky)


def _believed(found: list[StarSolution], spots: int, sky: Sky) -> StarSolution:
    more = "Take a still with more sky, on a clear night, or several at once; check time, place and clock; or use marks"
    good = [one for one in found if len(one.pairs) >= LEAST_STARS and one.rms_px < _MOST_RMS_PX]
    if not good or good[0].log10_chance > _CHANCE:
        most = max((len(one.pairs) for one in found), default=0)
        raise CannotCalibrate(
            f"the stars do not tell where the camera looks: of {spots} star-like points at most {most} lie on stars"
            f" ({len(sky.names)} are up), which chance may do, too. {more}"
        )
    best = good[0]
    for other in good[1:]:
        if other.log10_chance - best.log10_chance < _CLOSE_CALL and _turn_between(best.fit, other.fit) > _SAME_DEG:
            raise CannotCalibrate(f"two ways to look fit the stars about as well. {more}")
    return best


def _bend_of(guess: Guess, frame_size: tuple[int, int]) -> float:
    """The bend at the picture's edge that a known lens has."""
    assert guess.distortion is not None
    edge = tan(radians(guess.hfov_deg or 60.0) / 2)
    return guess.distortion[0] * edge**2 + guess.distortion[1] * edge**4


def _search(
    spots: Spots, sky: Sky, frame_size: tuple[int, int], guess: Guess, bend: float, pair_stars: int
) -> tuple[list[StarSolution], int]:
    """The fitted best turns for one lens, and how many were tried."""
    half = frame_size[0] / 2
    off = (spots.pixels - np.array(frame_size) / 2) / half
    flat = unbent(off, bend) * half
    turns, focals, tried = likely_turns(flat, sky.directions[:pair_stars], frame_size[0], guess)
    if len(focals) == 0:
        return [], tried
    found: list[StarSolution] = []
    for k in np.argsort(-scores(turns, focals, flat, sky, frame_size), kind="stable")[: 4 * _TO_FIT]:
        start = np.zeros(UNKNOWNS)
        start[HEADING : ROLL + 1] = angles_of(turns[k])
        start[LOG_FOCAL] = log(focals[k])
        start[K1] = bend * (focals[k] / half) ** 2
        if any(_turn(start, one.fit.at) < _SAME_DEG for one in found):
            continue
        solution = _fitted(start, spots, sky, frame_size, guess)
        if solution is not None:
            found.append(solution)
        if len(found) == _TO_FIT:
            break
    return found, tried


def _fitted(start: Array, spots: Spots, sky: Sky, frame_size: tuple[int, int], guess: Guess) -> StarSolution | None:
    """Fits a turn to the stars that its spots lie on, nearer and nearer; None when too few remain."""
    at = start
    tolerance = 2 * COARSE * frame_size[0]
    count = SCORE_STARS
    last: Fit | None = None
    pairs: list[tuple[int, int]] = []
    while True:
        pairs = _pairs(at, spots, sky, count, frame_size, tolerance)
        if len(pairs) < 4:
            return None
        seen = _seen(pairs, spots, sky)
        last = fit(seen, _prior(at, guess, len(pairs), frame_size[0]), at, frame_size, robust=tolerance > _FINE_PX)
        at = last.at
        if tolerance <= _FINE_PX:
            break
        tolerance = max(tolerance / 2, _FINE_PX)
        count = len(sky.names) if tolerance < 3 * _FINE_PX else count
    rms = float(np.sqrt(np.mean(last.residuals**2) * 2))
    if not np.isfinite(rms):
        return None
    return StarSolution(last, tuple(pairs), rms, _log10_chance(at, pairs, spots, sky, frame_size))


def _pairs(
    at: Array, spots: Spots, sky: Sky, count: int, frame_size: tuple[int, int], tolerance: float
) -> list[tuple[int, int]]:
    """Each spot with the brightest star near it, each star once."""
    pixels, ahead = project(camera_at(at, frame_size), _FAR_M * sky.directions[:count])
    away = np.hypot(*np.moveaxis(spots.pixels[:, None] - np.where(ahead[:, None], pixels, 1e9)[None], 2, 0))
    found, used = [], set()
    for number in range(len(spots.pixels)):
        near = [int(k) for k in np.flatnonzero(away[number] < tolerance) if int(k) not in used]
        if near:
            star = min(near, key=lambda k: (sky.magnitudes[k] + away[number, k] / tolerance, k))
            used.add(star)
            found.append((number, star))
    return found


def _seen(pairs: list[tuple[int, int]], spots: Spots, sky: Sky) -> Seen:
    of, to = ([pair[k] for pair in pairs] for k in (0, 1))
    return Seen(
        _FAR_M * sky.directions[to], spots.pixels[of], np.maximum(spots.sigma_px[of], 0.3), np.zeros((len(pairs), 3, 3))
    )


def _prior(at: Array, guess: Guess, stars: int, width: int) -> Prior:
    """The place is the origin; a lens bends a little, or as it was measured; focal length as written down."""
    mean, sigma = np.zeros(UNKNOWNS), np.full(UNKNOWNS, inf)
    sigma[:3] = 1e-3
    sigma[ROLL], sigma[TILT] = radians(MOST_ROLL_DEG), radians(90)
    mean[LOG_FOCAL], sigma[LOG_FOCAL] = at[LOG_FOCAL], 0.2
    if guess.hfov_deg is not None:
        mean[LOG_FOCAL], sigma[LOG_FOCAL] = log_focal(guess.hfov_deg, width), HFOV_SLACK
    mean[K1:] = guess.distortion or (at[K1], 0.0)
    # Few stars cannot tell a bend from a focal length.
    sigma[K1:] = (0.02, 0.01) if guess.distortion else (0.1, 0.03) if stars >= 2 * LEAST_STARS else (0.05, 0.005)
    return Prior.of(mean, sigma)


def _log10_chance(
    at: Array, pairs: list[tuple[int, int]], spots: Spots, sky: Sky, frame_size: tuple[int, int]
) -> float:
    """How probable it is that so many spots lie on stars by chance: the least over how faint the stars may be. Two
    pairs made the turn and count for nothing."""
    pixels, ahead = project(camera_at(at, frame_size), _FAR_M * sky.directions)
    inside = ahead & (pixels >= 0).all(axis=1) & (pixels <= np.array(frame_size)).all(axis=1)
    shown = np.flatnonzero(inside)
    width, height = frame_size
    best = 0.0
    for faintest in sorted({star for _, star in pairs}):
        stars = int((shown <= faintest).sum())
        matched = sum(star <= faintest for _, star in pairs) - 2
        chance = min(stars * pi * _FINE_PX**2 / (width * height), 1.0)
        if matched > 0:
            best = min(best, _log10_tail(len(spots.pixels) - 2, matched, chance))
    return best


def _log10_tail(count: int, least: int, chance: float) -> float:
    """log10 of the binomial probability of at least so many."""
    if chance >= 1 or least <= 0:
        return 0.0
    logs = [
        lgamma(count + 1) - lgamma(k + 1) - lgamma(count - k + 1) + k * log(max(chance, 1e-12))
        + (count - k) * log(1 - chance)
        for k in range(least, count + 1)
    ]  # fmt: skip
    return float(np.logaddexp.reduce(logs)) / log(10) if logs else 0.0


def _turn_between(one: Fit, other: Fit) -> float:
    return _turn(one.at, other.at)


def _turn(one: Array, other: Array) -> float:
    """Degrees between two turns."""
    a, b = (camera_at(at, (16, 16)).axes for at in (one, other))
    return degrees(float(np.arccos(np.clip((np.trace(a @ b.T) - 1) / 2, -1, 1))))
