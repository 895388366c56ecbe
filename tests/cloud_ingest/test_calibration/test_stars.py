"""Stars: skies placed by ERFA and drawn by OpenCV are found; other points are refused."""

from __future__ import annotations

from datetime import UTC, datetime

import ephem.stars
import numpy as np
import pytest

from cloud_ingest.geotag.calibration.known import Known
from cloud_ingest.geotag.calibration.marks import CannotCalibrate
from cloud_ingest.geotag.calibration.run import by_marks, by_stars
from cloud_ingest.geotag.calibration.sky import sky_over
from cloud_ingest.geotag.calibration.spots import Spots, find_spots, stack
from cloud_ingest.geotag.calibration.stars import solve_stars
from lab.calibration_sky import Truth, draw_still, observed, read_catalogue
from smokesentry.place import Place

from .conftest import LAT, LON, SIZE

NIGHT = datetime(2026, 11, 22, 14, 3, 10, tzinfo=UTC)
TRUTH = Truth(NIGHT, LAT, LON, 60.0, 18.0, 1.5, 78.0, (-0.03, 0.0))


@pytest.fixture(scope="module")
def catalogue() -> np.ndarray:
    return read_catalogue(5.5)


def test_the_sky_agrees_with_another_library(catalogue):
    sky = sky_over(NIGHT, LAT, LON, faintest=4.0)
    azimuth, altitude = observed(catalogue, TRUTH)
    there = np.stack([np.sin(azimuth) * np.cos(altitude), np.cos(azimuth) * np.cos(altitude), np.sin(altitude)], axis=1)
    away = np.degrees(np.arccos(np.clip((sky.directions @ there.T).max(axis=1), -1, 1)))
    stars = np.array([name.startswith("HIP") for name in sky.names])
    assert stars.sum() > 100
    assert away[stars].max() < 0.08  # close pairs count as one; refraction at 4 degrees' height
    assert np.median(away[stars]) < 0.001
    assert "Saturn" in sky.names  # planets are points like stars


def test_the_sky_holds_the_named_stars():
    """PyEphem's own list of bright stars is an independent copy."""
    observer = ephem.Observer()
    observer.lat, observer.lon, observer.date, observer.temp = np.radians(LAT), np.radians(LON), NIGHT, 0.0
    sky = sky_over(NIGHT, LAT, LON)
    for name in ("Capella", "Vega", "Aldebaran"):
        star = ephem.star(name)
        star.compute(observer)
        if star.alt > 0.1:
            here = [np.sin(star.az) * np.cos(star.alt), np.cos(star.az) * np.cos(star.alt), np.sin(star.alt)]
            assert (sky.directions @ here).max() > np.cos(np.radians(0.02)), name


@pytest.mark.parametrize("written", [None, 50.0, 200.0])
def test_a_still_with_stars_gives_the_turn(catalogue, written):
    """Whether nothing, something about right or something wrong was written down."""
    still = draw_still(np.random.default_rng(4), TRUTH, catalogue, limit=4.4)
    known = Known("cam-1", Place(LAT, LON), 16.0, heading_deg=written, hfov_deg=None if written is None else 75.0)
    found = by_stars(known, still.picture.astype(float), NIGHT)
    assert found.pose.heading_deg == pytest.approx(60.0, abs=0.05)
    assert found.pose.tilt_deg == pytest.approx(18.0, abs=0.05)
    assert found.pose.roll_deg == pytest.approx(1.5, abs=0.1)
    assert found.pose.hfov_deg == pytest.approx(78.0, abs=0.5)
    assert found.report["method"] == "stars"
    assert found.report["stars_matched"] >= 8
    assert found.report["rms_px"] < 1.0
    assert "second" in found.report["clock"]


def test_a_wrong_hour_turns_the_answer_by_the_sky(catalogue):
    """What a clock's error does is what the report says: 15 degrees an hour, about the pole."""
    still = draw_still(np.random.default_rng(4), TRUTH, catalogue, limit=4.4)
    known = Known("cam-1", Place(LAT, LON), 16.0)
    found = by_stars(known, still.picture.astype(float), NIGHT.replace(minute=7))
    assert 0.3 < abs(found.pose.heading_deg - 60.0) < 1.5


def test_points_that_are_no_stars_are_refused():
    rng = np.random.default_rng(2)
    sky = sky_over(NIGHT, LAT, LON)
    for count in (12, 30):
        flux = np.sort(rng.lognormal(5, 1, count))[::-1]
        spots = Spots(rng.uniform(0, 1, (count, 2)) * SIZE, flux, np.full(count, 0.2))
        with pytest.raises(CannotCalibrate, match=r"do not tell where the camera looks.*use marks"):
            solve_stars(spots, sky, SIZE)


def test_a_picture_without_stars_says_so():
    noise = np.random.default_rng(3).normal(20, 2, (720, 1280))
    with pytest.raises(CannotCalibrate, match=r"\d star-like points in the picture; at least 5"):
        by_stars(Known("cam-1", Place(LAT, LON), 16.0), noise, NIGHT)


def test_spots_are_found_to_a_fraction_of_a_pixel_and_hot_pixels_are_not():
    rng = np.random.default_rng(5)
    picture = rng.normal(20, 2, (360, 640))
    y, x = np.mgrid[0:360, 0:640] + 0.5
    true = np.array([[100.3, 50.7], [300.9, 200.2], [500.5, 120.5]])
    for px, py in true:
        picture += 60 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 1.1**2))
    picture[300, 77] += 150  # hot
    picture[20:40, 400:420] += 200  # a lamp
    spots = find_spots(picture)
    assert len(spots.pixels) == 3
    assert np.abs(np.sort(spots.pixels, axis=0) - np.sort(true, axis=0)).max() < 0.3


def test_several_stills_lose_what_only_one_shows():
    frames = [np.full((40, 60), 20, np.uint8) for _ in range(3)]
    frames[1][10, 10] = 255
    assert stack(frames)[10, 10] == 20
    with pytest.raises(ValueError, match="differ in size"):
        stack([frames[0], np.zeros((20, 20), np.uint8)])


def test_stars_and_then_marks(street):
    """The turn from the stars, place and height from a few marks."""
    catalogue = read_catalogue(5.5)
    truth = Truth(NIGHT, LAT, LON, street.heading, 12.0, street.roll, street.hfov, street.distortion)
    street.tilt = 12.0
    still = draw_still(np.random.default_rng(6), truth, catalogue, limit=4.6)
    known = Known("cam-1", Place(LAT, LON), 16.0)
    by_sky = by_stars(known, still.picture.astype(float), NIGHT)
    both = by_marks(known, street.marks(3, seed=3), SIZE, by_sky.fit)
    assert both.report["method"] == "stars and marks"
    assert both.report["sigma"]["heading_deg"] < 0.1
    assert both.report["sigma"]["height_m"] < by_sky.report["sigma"]["height_m"]
    assert both.pose.height_m == pytest.approx(street.height, abs=1.5)
