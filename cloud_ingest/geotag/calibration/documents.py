"""What a calibration gives: the pose as a gateway's configuration takes it, and how it was found. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import atan, degrees, exp, hypot, radians, sin, sqrt
from typing import Any

import numpy as np

from cloud_ingest.geotag.calibration.ground import ellipses
from cloud_ingest.geotag.calibration.marks import CannotCalibrate, Mark
from cloud_ingest.geotag.calibration.model import HEADING, K1, K2, LOG_FOCAL, ROLL, TILT, Fit, Z, camera_at
from cloud_ingest.geotag.calibration.sky import Sky, turn_deg_per_s
from cloud_ingest.geotag.calibration.solve import Solution
from cloud_ingest.geotag.calibration.spots import Spots
from cloud_ingest.geotag.calibration.stars import StarSolution
from cloud_ingest.geotag.projection import Array
from cloud_ingest.geotag.town import Frame
from smokesentry.place import COVARIANCE_OF, CameraPose, Place

_LEAST_SIGMA_DEG = 0.01
CLOCK_SIGMA_S = 2.0  # of a gateway's clock, kept by NTP, and of the exposure's middle
_BEND_SHOWN = 1e-4  # a smaller bend is none


@dataclass(frozen=True, slots=True)
class Where:
    """The camera and its frame: metres around the place that was known before."""

    camera: str
    pose_version: int
    frame: Frame
    frame_size: tuple[int, int]


def pose_of(fit: Fit, where: Where) -> CameraPose:
    """The pose of a fit whose local frame is ``where.frame``. Raises :class:`CannotCalibrate` when it is none, as a
    height below the ground."""
    at, width = fit.at, where.frame_size[0]
    hfov = 2 * atan(width / 2 / exp(at[LOG_FOCAL]))
    lat, lon = where.frame.to_lat_lon(float(at[0]), float(at[1]))
    north = where.frame.north_deg(lat, lon)
    change = np.zeros((7, 9))
    change[:3, :3] = np.eye(3)
    change[3:6, 3:6] = np.eye(3) * degrees(1)
    change[6, LOG_FOCAL] = -degrees(1) * sin(hfov)
    covariance = change @ fit.covariance @ change.T
    covariance[np.diag_indices(7)] += np.array([1e-6] * 3 + [_LEAST_SIGMA_DEG**2] * 3 + [1e-4])
    sigma = np.sqrt(np.diag(covariance))
    k1, k2 = float(at[K1]), float(at[K2])
    bent = abs(k1) > _BEND_SHOWN or abs(k2) > _BEND_SHOWN
    if not 0 <= at[Z] <= 1000:
        raise CannotCalibrate(
            f"the camera would stand {at[Z]:.1f} m above the ground; check its height and the marks' heights"
        )
    if not 1 < degrees(hfov) < 175:
        raise CannotCalibrate(f"the field of view would be {degrees(hfov):.0f}°; check the marks")
    return CameraPose(
        camera=where.camera,
        pose_version=where.pose_version,
        place=Place(round(lat, 7), round(lon, 7)),
        height_m=round(float(at[Z]), 3),
        heading_deg=round((degrees(at[HEADING]) - north) % 360, 4) % 360,
        tilt_deg=round(degrees(at[TILT]), 4),
        roll_deg=round(degrees(at[ROLL]), 4),
        hfov_deg=round(degrees(hfov), 4),
        frame_size=where.frame_size,
        sigma_heading_deg=round(float(sigma[3]), 4),
        sigma_tilt_deg=round(float(sigma[4]), 4),
        sigma_place_m=round(float(sqrt((sigma[0] ** 2 + sigma[1] ** 2) / 2)), 3),
        distortion=(round(k1, 5), round(k2, 5)) if bent else None,
        covariance=[[float(f"{value:.6g}") for value in row] for row in (covariance + covariance.T) / 2],
    )


def pose_toml(pose: CameraPose, table: str, notes: Sequence[str]) -> str:
    """The pose as TOML under ``[table]``: ``cameras.pose`` in a gateway's configuration, ``pose`` in a site file."""
    lines = [f"# {note}" for note in notes]
    place = pose.place
    lines += [
        f"[{table}]",
        f"place = {{ lat = {place.lat}, lon = {place.lon} }}  # WGS-84",
        f"height_m = {pose.height_m}",
        f"heading_deg = {pose.heading_deg}  # of the optical axis, true north, clockwise",
        f"tilt_deg = {pose.tilt_deg}  # below the horizon is negative",
        f"roll_deg = {pose.roll_deg}",
        f"hfov_deg = {pose.hfov_deg}",
        f"frame_size = [{pose.frame_size[0]}, {pose.frame_size[1]}]",
        f"pose_version = {pose.pose_version}  # raise it whenever the camera is moved",
        f"sigma_heading_deg = {pose.sigma_heading_deg}",
        f"sigma_tilt_deg = {pose.sigma_tilt_deg}",
        f"sigma_place_m = {pose.sigma_place_m}",
    ]
    if pose.distortion is not None:
        lines.append(f"distortion = [{pose.distortion[0]}, {pose.distortion[1]}]  # Brown's k1, k2")
    if pose.covariance is not None:
        lines.append(f"covariance = [  # of {', '.join(COVARIANCE_OF)}")
        lines += [f"  [{', '.join(repr(value) for value in row)}]," for row in pose.covariance]
        lines.append("]")
    return "\n".join(lines) + "\n"


def marks_report(marks: Sequence[Mark], solution: Solution, pose: CameraPose, where: Where) -> dict[str, Any]:
    """How marks gave a pose, for a file and for a page."""
    points = [
        {
            **asdict(mark),
            "residual_px": _pair(residual),
            "used": number != solution.wrong,
        }
        for number, (mark, residual) in enumerate(zip(marks, solution.residuals, strict=True))
    ]
    return {
        **_common("marks", pose, solution.fit, where),
        "points": points,
        "wrong": None if solution.wrong is None else marks[solution.wrong].name,
        "strangeness": round(solution.strangeness, 2),
        "rms_px": _rms([r for n, r in enumerate(solution.residuals) if n != solution.wrong]),
    }


def stars_report(spots: Spots, sky: Sky, solution: StarSolution, pose: CameraPose, where: Where) -> dict[str, Any]:
    """How stars gave a pose."""
    points = [
        {
            "name": sky.names[star],
            "magnitude": round(float(sky.magnitudes[star]), 2),
            "x_px": round(float(spots.pixels[spot, 0]), 2),
            "y_px": round(float(spots.pixels[spot, 1]), 2),
            "residual_px": _pair(residual),
        }
        for (spot, star), residual in zip(solution.pairs, solution.fit.residuals, strict=True)
    ]
    return {
        **_common("stars", pose, solution.fit, where),
        "points": points,
        "star_like_points": len(spots.pixels),
        "stars_matched": len(solution.pairs),
        "rms_px": round(solution.rms_px, 3),
        "log10_chance": round(solution.log10_chance, 1),
        "clock": f"taken to be right within {CLOCK_SIGMA_S:g} s; the sky turns by {turn_deg_per_s():.4f}° a second:"
        " a clock wrong by a minute turns the pose by a quarter of a degree",
    }


def with_clock(fit: Fit, lat_deg: float) -> Fit:
    """A star fit whose covariance also holds the clock: a wrong second turns the sky about the pole."""
    pole = np.array([0.0, np.cos(radians(lat_deg)), np.sin(radians(lat_deg))])
    axes = camera_at(fit.at, (16, 16)).axes
    # A small turn about the pole moves forward by pole x forward, and rolls by what lies along the axis.
    moved = np.cross(pole, axes[2])
    tilt = fit.at[TILT]
    by_angle = np.zeros(9)
    level = np.array([np.cos(fit.at[HEADING]), -np.sin(fit.at[HEADING]), 0.0])
    by_angle[HEADING] = moved @ level / max(float(np.cos(tilt)), 0.05)
    by_angle[TILT] = moved[2] / max(float(np.cos(tilt)), 0.05)
    by_angle[ROLL] = float(pole @ axes[2])
    sigma = radians(turn_deg_per_s()) * CLOCK_SIGMA_S
    return Fit(fit.at, fit.covariance + sigma**2 * np.outer(by_angle, by_angle), fit.residuals, fit.squared, fit.cost)


def _common(method: str, pose: CameraPose, fit: Fit, where: Where) -> dict[str, Any]:
    found = []
    for one in ellipses(fit.at, fit.covariance, where.frame_size):
        lat, lon = where.frame.to_lat_lon(one.x, one.y)
        found.append(
            {
                "range_m": one.range_m, "lat": round(lat, 7), "lon": round(lon, 7), "major_m": round(one.major_m, 2),
                "minor_m": round(one.minor_m, 2), "azimuth_deg": round(one.azimuth_deg, 1),
                "pixel": [round(one.pixel[0], 1), round(one.pixel[1], 1)],
            }
        )  # fmt: skip
    rows = enumerate(pose.covariance or [])
    sigma = {COVARIANCE_OF[k]: float(f"{sqrt(row[k]):.3g}") for k, row in rows}
    return {
        "method": method,
        "camera": pose.camera,
        "pose_version": pose.pose_version,
        "pose": _plain(pose),
        "sigma": sigma,
        "covariance_of": list(COVARIANCE_OF),
        "ground_ellipses_95": found,
        "ground": "taken to be flat, at the height 0 of the marks",
    }


def _plain(pose: CameraPose) -> dict[str, Any]:
    return {
        name: {"lat": pose.place.lat, "lon": pose.place.lon, "crs": pose.place.crs}
        if name == "place"
        else getattr(pose, name)
        for name in pose.__struct_fields__
    }


def _pair(residual: Array) -> list[float] | None:
    return [round(float(value), 2) for value in residual] if np.isfinite(residual).all() else None


def _rms(residuals: Sequence[Array]) -> float:
    return round(float(np.sqrt(np.mean([hypot(*residual) ** 2 for residual in residuals]))), 2)
