"""Marks → a pose with its covariance, or a reason why not; one wrong mark is found and named. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import degrees, hypot, inf, log, radians, sqrt

import numpy as np

from cloud_ingest.geotag.calibration.marks import LEAST_MARKS, CannotCalibrate, check_each, check_spread
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
    X,
    Y,
    Z,
    camera_at,
    fit,
    log_focal,
)
from cloud_ingest.geotag.projection import Array, project

_FIELDS_OF_VIEW = (30.0, 45.0, 60.0, 80.0, 105.0)  # tried where nobody says it
_STRANGE = 3.1  # normal deviations beyond which marks contradict each other: one set in a thousand
_SUSPECTS = 5  # marks, the farthest off, that are tried one after the other
_SUSPECT = 8.0  # square of a mark's own residual from which on it is tried without it
_WRONG = 16.0  # by how much the cost must fall without a mark for it to be wrong: once in three thousand
_AS_WRONG = 6.0  # nearer than this in cost, two marks are equally suspect
_OTHER_PLACE_M = 3000.0
_WITH_STARS = 2  # marks that tell a place when the stars have told the turn
_MOST_TURN_DEG = 1.5  # of a pose's own uncertainty: beyond it a roof at 50 m is the next one
SIGMA_ROLL_DEG = 5.0  # cameras are hung more or less level
SIGMA_BEND = (0.12, 0.04)  # of k1 and k2 where no lens was measured


@dataclass(frozen=True, slots=True)
class Rough:
    """What is known before: the camera's place and height with their sigmas, and whatever else was written down."""

    x: float = 0.0
    y: float = 0.0
    height_m: float = 10.0
    sigma_place_m: float = 3.0
    sigma_height_m: float = 1.5
    hfov_deg: float | None = None
    sigma_hfov: float = 0.1  # relative, of the focal length
    distortion: tuple[float, float] | None = None

    def prior(self, width: int) -> Prior:
        """As a Gaussian; heading and tilt may be anything."""
        mean, sigma = np.zeros(UNKNOWNS), np.full(UNKNOWNS, inf)
        mean[[X, Y, Z]] = self.x, self.y, self.height_m
        sigma[[X, Y, Z]] = self.sigma_place_m, self.sigma_place_m, self.sigma_height_m
        sigma[ROLL] = radians(SIGMA_ROLL_DEG)
        mean[LOG_FOCAL] = log_focal(self.hfov_deg or 60.0, width)
        sigma[LOG_FOCAL] = self.sigma_hfov if self.hfov_deg else 0.6
        mean[K1:] = self.distortion or (0.0, 0.0)
        sigma[K1:] = (0.02, 0.01) if self.distortion else SIGMA_BEND
        return Prior.of(mean, sigma)


@dataclass(frozen=True, slots=True)
class Solution:
    """A pose from marks. ``wrong`` is the number of the mark that was left out, None when all fit; ``fit`` is over the
    marks kept, ``residuals`` (N, 2) in pixels over all."""

    fit: Fit
    wrong: int | None
    residuals: Array
    strangeness: float  # normal deviations of the whole fit's cost: above 3 it would be refused


def solve(names: Sequence[str], seen: Seen, prior: Prior, frame_size: tuple[int, int]) -> Solution:
    """Fits marks. Raises :class:`CannotCalibrate` for degenerate sets, contradictions, and poses that stay open."""
    if seen.points.size:
        check_each(names, seen, prior.mean[:2], frame_size)
    _check_enough(seen, prior, frame_size)
    best = _best(seen, prior, frame_size, starts(seen, prior, frame_size))
    wrong: int | None = None
    # One slip among many good marks hardly moves the whole sum: its own square tells.
    if strangeness(best.cost, 2 * len(names)) > _STRANGE or best.squared.max() > _SUSPECT:
        best, wrong = _without_the_wrong_one(names, seen, prior, frame_size, best)
    kept = names if wrong is None else [name for number, name in enumerate(names) if number != wrong]
    _check_fixed(best, kept)
    pixels, _ = project(camera_at(best.at, frame_size), seen.points)
    return Solution(best, wrong, seen.pixels - pixels, strangeness(best.cost, 2 * len(kept)))


def strangeness(cost: float, freedom: int) -> float:
    """How many normal deviations a sum of squares lies above what chance gives (Wilson and Hilferty's cube root)."""
    spread = 2 / (9 * freedom)
    return float(((cost / freedom) ** (1 / 3) - (1 - spread)) / sqrt(spread))


def starts(seen: Seen, prior: Prior, frame_size: tuple[int, int]) -> list[Array]:
    """First guesses: from the place beforehand, for some fields of view, the turn that lays the picture's rays on the
    marks' directions best; once with all marks, once without each."""
    directions = seen.points - prior.mean[:3]
    directions = directions / np.maximum(np.linalg.norm(directions, axis=1), 1e-9)[:, None]
    known = prior.information[LOG_FOCAL, LOG_FOCAL] > 1 / 0.3**2
    wanted = [prior.mean[LOG_FOCAL]] if known else [log_focal(hfov, frame_size[0]) for hfov in _FIELDS_OF_VIEW]
    found = []
    count = len(seen.points)
    for logarithm in wanted:
        off = (seen.pixels - np.array(frame_size) / 2) / np.exp(logarithm)
        rays = np.concatenate([off, np.ones((count, 1))], axis=1)
        rays /= np.linalg.norm(rays, axis=1)[:, None]
        for left_out in range(-1, count if count > LEAST_MARKS else 0):
            keep = np.arange(count) != left_out
            guess = prior.mean.copy()
            guess[LOG_FOCAL] = logarithm
            guess[HEADING:LOG_FOCAL] = angles_of(best_axes(rays[keep], directions[keep]))
            found.append(guess)
    return found


def best_axes(rays: Array, directions: Array) -> Array:
    """Right, down and forward (rows) such that ``rays @ axes`` lies nearest to the directions (Kabsch's method)."""
    u, _, vt = np.linalg.svd(rays.T @ directions)
    turn = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    return np.asarray(u @ turn @ vt)


def angles_of(axes: Array) -> Array:
    """Heading, tilt and roll of a camera's axes."""
    forward = axes[2]
    heading = np.arctan2(forward[0], forward[1])
    tilt = np.arcsin(np.clip(forward[2], -1, 1))
    level_right = np.array([np.cos(heading), -np.sin(heading), 0.0])
    level_down = np.cross(forward, level_right)
    return np.array([heading, tilt, np.arctan2(axes[0] @ level_down, axes[0] @ level_right)])


def _check_enough(seen: Seen, prior: Prior, frame_size: tuple[int, int]) -> None:
    if prior.information[HEADING, HEADING] == 0:
        check_spread(seen, frame_size[0])
    elif len(seen.points) < _WITH_STARS:
        raise CannotCalibrate(f"beside the stars at least {_WITH_STARS} marks are needed to tell the place")


def _best(seen: Seen, prior: Prior, frame_size: tuple[int, int], guesses: Sequence[Array]) -> Fit:
    """The best of some starts: each roughly and robustly, the best few to the end."""
    rough = sorted(guesses, key=lambda guess: _rough_cost(seen, prior, guess, frame_size))[:4]
    near = [fit(seen, prior, guess, frame_size, robust=True) for guess in rough]
    return min((fit(seen, prior, one.at, frame_size) for one in near), key=lambda one: one.cost)


def _rough_cost(seen: Seen, prior: Prior, guess: Array, frame_size: tuple[int, int]) -> float:
    pixels, ahead = project(camera_at(guess, frame_size), seen.points)
    off = np.where(ahead, np.hypot(*(seen.pixels - pixels).T), 1e5)
    return float(np.log1p((off / (0.03 * frame_size[0])) ** 2).sum())


def _without_the_wrong_one(
    names: Sequence[str], seen: Seen, prior: Prior, frame_size: tuple[int, int], all_in: Fit
) -> tuple[Fit, int | None]:
    """The fit without the one mark that contradicts all others, and its number; as it was when nothing is wrong."""
    strange = strangeness(all_in.cost, 2 * len(names)) > _STRANGE
    if len(names) <= LEAST_MARKS:
        if not strange:
            return all_in, None
        raise CannotCalibrate(
            _contradiction(names, all_in) + ". Of so few nobody can tell which is wrong: add two or more"
        )
    robust = fit(seen, prior, all_in.at, frame_size, robust=True)
    left: list[tuple[float, int, Fit]] = []
    for number in np.argsort(-robust.squared)[:_SUSPECTS].tolist():
        fewer = seen.without(number)
        try:
            _check_enough(fewer, prior, frame_size)
        except CannotCalibrate:
            continue
        other = min(starts(fewer, prior, frame_size), key=lambda at: _rough_cost(fewer, prior, at, frame_size))
        found = min((fit(fewer, prior, at, frame_size) for at in (robust.at, other)), key=lambda one: one.cost)
        left.append((found.cost, number, found))
    left.sort(key=lambda one: one[0])
    good = [one for one in left if strangeness(one[0], 2 * len(names) - 2) <= _STRANGE]
    if not good or all_in.cost - good[0][0] < _WRONG:
        if not strange:
            return all_in, None
        raise CannotCalibrate(_contradiction(names, all_in) + _place_hint(seen, prior, frame_size))
    rivals = [names[one[1]] for one in good if one[0] - good[0][0] < _AS_WRONG]
    if len(rivals) > 1:
        raise CannotCalibrate(
            f"one of the marks {', '.join(map(repr, rivals))} is wrong, and the others cannot tell which. Look at them"
            " again, or add marks"
        )
    return good[0][2], good[0][1]


def _contradiction(names: Sequence[str], all_in: Fit) -> str:
    worst = [int(k) for k in np.argsort(-all_in.squared)[:2]]
    told = " and ".join(f"{names[k]!r} ({_pixels(all_in.residuals[k])})" for k in worst)
    return f"the marks contradict each other; the worst are {told}"


def _pixels(residual: Array) -> str:
    return f"{hypot(*residual):.0f} pixels off" if np.isfinite(residual).all() else "behind the camera"


def _place_hint(seen: Seen, prior: Prior, frame_size: tuple[int, int]) -> str:
    """Whether the marks agree with each other and only the camera's own place is wrong."""
    information = prior.information.copy()
    information[[X, Y], [X, Y]] = 1 / _OTHER_PLACE_M**2
    information[Z, Z] = 1 / 30.0**2
    free = Prior(prior.mean, information)
    found = _best(seen, free, frame_size, _from_around(seen, free, frame_size))
    if strangeness(found.cost, 2 * len(seen.points)) > _STRANGE:
        return (
            ", and no single one explains it. Check two or more of them, their heights, and that the still is of the"
            " camera's full picture"
        )
    east, north, up = found.at[:3] - prior.mean[:3]
    return (
        f". They agree with each other if the camera stands {hypot(east, north):.0f} m away from where it is said to"
        f" ({east:+.0f} m east, {north:+.0f} m north, {up:+.1f} m up): check its place, and that place and map are both"
        " WGS-84 (GCJ-02 lies 400 to 700 m away)"
    )


def _from_around(seen: Seen, prior: Prior, frame_size: tuple[int, int]) -> list[Array]:
    """Starts from places all around the marks."""
    middle = seen.points.mean(axis=0)
    reach = max(float(np.linalg.norm(seen.points - middle, axis=1).max()), 30.0)
    found = []
    for turn in np.arange(0, 360, 30):
        for share in (0.8, 1.6):
            mean = prior.mean.copy()
            mean[:2] = middle[:2] + share * reach * np.array([np.sin(radians(turn)), np.cos(radians(turn))])
            found += starts(seen, Prior(mean, prior.information), frame_size)[:1]
    return found


def _check_fixed(best: Fit, names: Sequence[str]) -> None:
    unseen = [name for name, residual in zip(names, best.residuals, strict=True) if not np.isfinite(residual).all()]
    if unseen:
        raise CannotCalibrate(f"mark {unseen[0]!r} would lie behind the camera or beyond its lens; check its place")
    sigma = np.sqrt(np.diag(best.covariance))
    for at, what, remedy in (
        (HEADING, "heading", "mark points farther away, on both sides of the picture"),
        (TILT, "tilt", "mark points whose heights are known well, near and far"),
        (ROLL, "roll", "mark points far to the left and to the right"),
    ):
        if degrees(sigma[at]) > _MOST_TURN_DEG:
            raise CannotCalibrate(
                f"the marks leave the camera's {what} open by {degrees(sigma[at]):.1f}°; more than"
                f" {_MOST_TURN_DEG}° names the wrong roof. To fix it, {remedy}"
            )
    if sigma[LOG_FOCAL] > log(1.15):
        raise CannotCalibrate(
            f"the marks leave the field of view open by {100 * sigma[LOG_FOCAL]:.0f} %; spread them over the picture's"
            " width, or say the lens's field of view"
        )
