"""One calibration from what a person gave: stars, marks, or stars and then marks. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from cloud_ingest.geotag.calibration.documents import marks_report, pose_of, stars_report, with_clock
from cloud_ingest.geotag.calibration.known import Known
from cloud_ingest.geotag.calibration.marks import CannotCalibrate, Mark, seen_of
from cloud_ingest.geotag.calibration.model import HEADING, UNKNOWNS, Fit, Prior
from cloud_ingest.geotag.calibration.sky import sky_over
from cloud_ingest.geotag.calibration.solve import solve
from cloud_ingest.geotag.calibration.spots import find_spots
from cloud_ingest.geotag.calibration.star_turns import Guess
from cloud_ingest.geotag.calibration.stars import StarSolution, solve_stars
from cloud_ingest.geotag.projection import Array
from smokesentry.place import CameraPose


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A pose and how it was found; ``fit`` is in the frame around the place that was known."""

    pose: CameraPose
    report: dict[str, Any]
    fit: Fit


def by_marks(known: Known, marks: Sequence[Mark], frame_size: tuple[int, int], stars: Fit | None = None) -> Calibrated:
    """From marks; ``stars``: the fit of :func:`by_stars`, if that was done before. Raises :class:`CannotCalibrate`."""
    where = known.where(frame_size)
    prior = known.rough().prior(frame_size[0])
    if stars is not None:
        prior = _after(stars, prior)
    solution = solve([mark.name for mark in marks], seen_of(marks, where.frame.to_xy), prior, frame_size)
    pose = pose_of(solution.fit, where)
    report = marks_report(marks, solution, pose, where)
    if stars is not None:
        report["method"] = "stars and marks"
    return Calibrated(pose, report, solution.fit)


def by_stars(known: Known, grey: Array, moment: datetime) -> Calibrated:
    """From the stars of a still (grey, height x width) taken at ``moment``. Raises :class:`CannotCalibrate`."""
    size = (grey.shape[1], grey.shape[0])
    spots, sky = find_spots(grey), sky_over(moment, known.place.lat, known.place.lon)
    found = _solved(spots, sky, size, known.guess())
    where = known.where(size)
    fit = with_clock(_placed(found.fit, known), known.place.lat)
    pose = pose_of(fit, where)
    return Calibrated(pose, stars_report(spots, sky, found, pose, where), fit)


def _solved(spots: Any, sky: Any, size: tuple[int, int], guess: Guess) -> StarSolution:
    """With what was written down; if that leads to nothing, it may be what is wrong."""
    try:
        return solve_stars(spots, sky, size, guess)
    except CannotCalibrate:
        if guess == Guess():
            raise
    return solve_stars(spots, sky, size)


def _placed(fit: Fit, known: Known) -> Fit:
    """A star fit with the place that was known: stars tell nothing of it."""
    rough = known.rough()
    at, covariance = fit.at.copy(), fit.covariance.copy()
    at[:3] = rough.x, rough.y, rough.height_m
    covariance[:3], covariance[:, :3] = 0.0, 0.0
    covariance[:3, :3] = np.diag(np.square([rough.sigma_place_m, rough.sigma_place_m, rough.sigma_height_m]))
    return replace(fit, at=at, covariance=covariance)


def _after(stars: Fit, prior: Prior) -> Prior:
    """What is known once the stars have told the turn: place and height as before."""
    mean, information = prior.mean.copy(), np.zeros((UNKNOWNS, UNKNOWNS))
    mean[HEADING:] = stars.at[HEADING:]
    information[:HEADING, :HEADING] = prior.information[:HEADING, :HEADING]
    information[HEADING:, HEADING:] = np.linalg.inv(stars.covariance[HEADING:, HEADING:])
    return Prior(mean, information)
