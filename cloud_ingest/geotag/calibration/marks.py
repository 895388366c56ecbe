"""Marks: points whose place is known and which somebody found in the picture; their file; sets that cannot do. Pure.

A file of marks is CSV in UTF-8 with a first line of names: ``name, x_px, y_px, lat, lon, height_m`` (WGS-84; height
above the same ground as the camera's) and, if they are to differ from the usual, ``sigma_px, sigma_m, sigma_height_m``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from cloud_ingest.geotag.calibration.model import Seen
from cloud_ingest.geotag.projection import Array

LEAST_MARKS = 4
CLICK_SIGMA_PX = 2.0
MAP_SIGMA_M = 0.6
HEIGHT_SIGMA_M = 0.5
_MOST_MARKS = 200
_NEEDED = ("name", "x_px", "y_px", "lat", "lon", "height_m")
_OPTIONAL = {"sigma_px": CLICK_SIGMA_PX, "sigma_m": MAP_SIGMA_M, "sigma_height_m": HEIGHT_SIGMA_M}
_LIMITS = {
    "x_px": (0.0, 16384.0), "y_px": (0.0, 16384.0), "lat": (-90.0, 90.0), "lon": (-180.0, 180.0),
    "height_m": (-500.0, 1000.0), "sigma_px": (0.1, 200.0), "sigma_m": (0.01, 100.0), "sigma_height_m": (0.01, 100.0),
}  # fmt: skip
_LEAST_SPREAD = 0.25  # of the frame's width, between the two marks farthest from each other
_LEAST_WIDTH = 0.008  # of the frame's width: how far marks must stray from one line
_SAME_PLACE_M = 3.0
_FARTHEST_M = 10_000.0


class CannotCalibrate(ValueError):
    """No pose can be had from what was given; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One known point in the picture; pixels as in ``smokesentry.place``, height above the camera's ground."""

    name: str
    x_px: float
    y_px: float
    lat: float
    lon: float
    height_m: float
    sigma_px: float = CLICK_SIGMA_PX
    sigma_m: float = MAP_SIGMA_M
    sigma_height_m: float = HEIGHT_SIGMA_M

    def __post_init__(self) -> None:
        for field, (low, high) in _LIMITS.items():
            value = getattr(self, field)
            if not (isfinite(value) and low <= value <= high):
                hint = " (are latitude and longitude exchanged?)" if field == "lat" and abs(value) <= 180 else ""
                raise CannotCalibrate(f"mark {self.name!r}: {field} is {value:g}; expected {low:g} to {high:g}{hint}")


def read_marks(text: str) -> list[Mark]:
    """Marks out of a CSV file's text. Raises :class:`CannotCalibrate`, naming line and column."""
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")), skipinitialspace=True)
    try:
        lines = [(rows.line_num, row) for row in rows if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise CannotCalibrate(f"line {rows.line_num}: cannot be read as CSV ({error})") from error
    if not lines:
        raise CannotCalibrate(f"the file is empty; expected a first line {','.join(_NEEDED)}")
    names = [cell.strip() for cell in lines[0][1]]
    missing = [name for name in _NEEDED if name not in names]
    strange = [name for name in names if name not in {*_NEEDED, *_OPTIONAL}]
    if missing or strange or len(set(names)) < len(names):
        what = f"misses {', '.join(missing)}" if missing else f"has {', '.join(map(repr, strange)) or 'a name twice'}"
        raise CannotCalibrate(
            f"line 1: {what[:200]}; expected {', '.join(_NEEDED)} and, if you like, {', '.join(_OPTIONAL)}"
        )
    if len(lines) - 1 > _MOST_MARKS:
        raise CannotCalibrate(f"{len(lines) - 1} marks; at most {_MOST_MARKS}")
    marks = [_mark(number, dict(zip(names, row, strict=False)), len(row), len(names)) for number, row in lines[1:]]
    twice = {mark.name for mark in marks if sum(other.name == mark.name for other in marks) > 1}
    if twice:
        raise CannotCalibrate(f"two marks are called {sorted(twice)[0]!r}; give each a name of its own")
    return marks


def _mark(line: int, row: dict[str, str], found: int, expected: int) -> Mark:
    if found != expected:
        raise CannotCalibrate(f"line {line}: has {found} columns; the first line has {expected}")
    values: dict[str, float] = {}
    for column, text in row.items():
        if column == "name":
            continue
        if column in _OPTIONAL and not text.strip():
            values[column] = _OPTIONAL[column]
            continue
        try:
            values[column] = float(text)
        except ValueError:
            raise CannotCalibrate(f"line {line}, column {column}: {text[:40]!r} is no number") from None
    try:
        return Mark(name=row["name"].strip()[:80] or f"line {line}", **values)
    except CannotCalibrate as error:
        raise CannotCalibrate(f"line {line}: {error}") from None


def seen_of(marks: Sequence[Mark], to_xy: Callable[[float, float], tuple[float, float]]) -> Seen:
    """Marks as arrays in a local frame."""
    points = np.array([[*to_xy(mark.lat, mark.lon), mark.height_m] for mark in marks])
    blur = np.array([np.diag([mark.sigma_m**2, mark.sigma_m**2, mark.sigma_height_m**2]) for mark in marks])
    pixels = np.array([[mark.x_px, mark.y_px] for mark in marks])
    return Seen(points, pixels, np.array([mark.sigma_px for mark in marks]), blur)


def check_spread(seen: Seen, width: int) -> None:
    """Raises :class:`CannotCalibrate` for sets from which no pose can follow, whatever the figures."""
    if len(seen.points) < LEAST_MARKS:
        raise CannotCalibrate(
            f"{len(seen.points)} marks; at least {LEAST_MARKS} are needed, six or more show a wrong one. Mark more"
            " building corners, chimneys or lamps whose place and height are known"
        )
    _check_pixels(seen.pixels, width)
    _check_places(seen.points)


def check_each(names: Sequence[str], seen: Seen, place: Array, frame_size: tuple[int, int]) -> None:
    """Raises :class:`CannotCalibrate` for a mark that cannot be one. ``place``: where about the camera is (x, y)."""
    width, height = frame_size
    for name, (x, y) in zip(names, seen.pixels, strict=True):
        if not (0 <= x <= width and 0 <= y <= height):
            raise CannotCalibrate(
                f"mark {name!r}: ({x:g}, {y:g}) lies outside of the picture of {width}x{height} pixels; is the still of"
                " the size that the marks were made on?"
            )
    away = np.hypot(*(seen.points[:, :2] - place).T)
    far = int(np.argmax(away))
    if away[far] > _FARTHEST_M:
        raise CannotCalibrate(
            f"mark {names[far]!r} lies {away[far] / 1000:.0f} km from the camera; is its place, or the camera's, typed"
            " wrongly (latitude and longitude exchanged)?"
        )


def _check_pixels(pixels: Array, width: int) -> None:
    apart = np.hypot(*(pixels[:, None] - pixels[None]).T)
    if apart.max() < _LEAST_SPREAD * width:
        raise CannotCalibrate(
            f"all marks lie within {apart.max():.0f} pixels of each other, in one corner of the picture; from there"
            f" nothing can be said of the rest. Spread them over at least {_LEAST_SPREAD:.0%} of its width, best on"
            " both sides"
        )
    distinct = pixels[np.unique(np.round(pixels / 3), axis=0, return_index=True)[1]]
    if len(distinct) < LEAST_MARKS:
        raise CannotCalibrate(
            f"the marks lie on {len(distinct)} different spots of the picture; {LEAST_MARKS} or more are needed"
        )
    across = np.linalg.svd(distinct - distinct.mean(axis=0), compute_uv=False)[1] / np.sqrt(len(distinct))
    if across < _LEAST_WIDTH * width:
        raise CannotCalibrate(
            f"all marks lie on one line in the picture (within {across:.0f} pixels of it); the camera could turn about"
            " that line. Add a mark well above or below it: a nearer roof, the foot of a wall, a tall chimney"
        )


def _check_places(points: Array) -> None:
    spread = np.linalg.norm(points - points.mean(axis=0), axis=1).max()
    if spread < _SAME_PLACE_M:
        raise CannotCalibrate(
            f"all marks lie within {spread:.1f} m of one place on the map; use different buildings, near and far"
        )
    distinct = points[np.unique(np.round(points), axis=0, return_index=True)[1]]
    if len(distinct) < LEAST_MARKS:
        raise CannotCalibrate(
            f"the marks name {len(distinct)} different places on the map; {LEAST_MARKS} or more are needed"
        )
    sizes = np.linalg.svd(distinct - distinct.mean(axis=0), compute_uv=False)
    if sizes[1] < 0.02 * sizes[0]:
        raise CannotCalibrate(
            "all marks lie on one straight line in the town; the camera could stand anywhere around it. Add marks to"
            " its left or right, or of another height"
        )
