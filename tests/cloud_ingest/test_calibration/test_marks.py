"""Marks: what the file may hold, sets that cannot do, and poses that come out right with an honest covariance."""

from __future__ import annotations

from dataclasses import replace
from math import radians

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from cloud_ingest.geotag.calibration.known import Known
from cloud_ingest.geotag.calibration.marks import CannotCalibrate, Mark, read_marks
from cloud_ingest.geotag.calibration.run import by_marks
from smokesentry.place import Place

from .conftest import LAT, LON, SIZE, Street

KNOWN = Known("cam-1", Place(LAT, LON), 16.0, pose_version=3)
HEAD = "name,x_px,y_px,lat,lon,height_m\n"


def test_marks_give_the_pose_and_a_raised_version(street):
    found = by_marks(KNOWN, street.marks(10), SIZE)
    pose = found.pose
    assert pose.heading_deg == pytest.approx(street.heading, abs=0.4)
    assert pose.tilt_deg == pytest.approx(street.tilt, abs=0.4)
    assert pose.roll_deg == pytest.approx(street.roll, abs=0.4)
    assert pose.hfov_deg == pytest.approx(street.hfov, abs=2.0)
    assert pose.height_m == pytest.approx(street.height, abs=1.0)
    assert pose.pose_version == 4
    assert found.report["method"] == "marks"
    assert found.report["wrong"] is None
    ranges = [one["range_m"] for one in found.report["ground_ellipses_95"]]
    assert ranges and ranges == sorted(ranges)
    sizes = [one["major_m"] for one in found.report["ground_ellipses_95"]]
    assert sizes[-1] > 3 * sizes[0]  # farther is less sure


@settings(deadline=None, max_examples=12)
@given(st.floats(0, 359), st.floats(-20, -4), st.floats(-4, 4), st.floats(40, 95), st.integers(0, 10_000))
def test_errors_are_as_large_as_the_covariance_says(heading, tilt, roll, hfov, seed):
    street = Street(heading, tilt, roll, hfov, distortion=(-0.03, 0.0))
    try:
        found = by_marks(KNOWN, street.marks(9, seed), SIZE)
    except CannotCalibrate:  # marks drawn on one line, say
        reject()
    pose = found.pose
    off = np.array([(pose.heading_deg - heading + 180) % 360 - 180, pose.tilt_deg - tilt, pose.roll_deg - roll])
    covariance = np.array(pose.covariance)[3:6, 3:6]
    assert off @ np.linalg.inv(covariance) @ off < 27  # once in 200,000 by chance


@pytest.mark.parametrize("number", [0, 4, 7])
def test_one_wrong_mark_is_named_and_left_out(street, number):
    marks = street.marks(8)
    marks[number] = replace(marks[number], x_px=(marks[number].x_px + 300) % 1270, y_px=marks[number].y_px * 0.8)
    found = by_marks(KNOWN, marks, SIZE)
    assert found.report["wrong"] == marks[number].name
    assert found.pose.heading_deg == pytest.approx(street.heading, abs=0.5)
    assert [point["used"] for point in found.report["points"]].count(False) == 1


def test_of_four_marks_nobody_can_tell_the_wrong_one(street):
    marks = street.marks(4)
    marks[1] = replace(marks[1], x_px=1260 - marks[1].x_px)
    with pytest.raises(CannotCalibrate, match=r"contradict each other.*add two or more"):
        by_marks(KNOWN, marks, SIZE)


def test_a_map_in_gcj_02_is_suspected(street):
    marks = [replace(mark, lat=mark.lat + 0.0018, lon=mark.lon + 0.0055) for mark in street.marks(8)]
    with pytest.raises(CannotCalibrate, match=r"the camera stands 5\d\d m away.*GCJ-02"):
        by_marks(KNOWN, marks, SIZE)


def test_too_few_marks(street):
    with pytest.raises(CannotCalibrate, match="3 marks; at least 4"):
        by_marks(KNOWN, street.marks(3), SIZE)


def _shifted(marks: list[Mark], street: Street, points: np.ndarray) -> list[Mark]:
    pixels = street.pixels(points)
    places = [street.frame.to_lat_lon(*point[:2]) for point in points]
    return [
        replace(mark, x_px=float(x), y_px=float(y), lat=lat, lon=lon, height_m=float(point[2]))
        for mark, (x, y), (lat, lon), point in zip(marks, pixels, places, points, strict=True)
    ]


def _at(street: Street, off_deg: list[float], away: list[float], up: list[float]) -> np.ndarray:
    azimuth = np.radians(street.heading + np.array(off_deg))
    return np.stack([np.array(away) * np.sin(azimuth), np.array(away) * np.cos(azimuth), np.array(up)], axis=1)


def test_marks_on_one_line_are_refused(street):
    level = replace_street(street, roll=0.0, distortion=(0.0, 0.0))
    points = _at(level, [-25, -10, 0, 8, 24], [100, 120, 90, 140, 110], [0] * 5)
    points[:, 2] = level.height + np.hypot(points[:, 0], points[:, 1]) * np.tan(radians(-8))
    points[:, 2] = level.height - np.tan(radians(8)) * (
        points[:, :2] @ [np.sin(radians(level.heading)), np.cos(radians(level.heading))]
    )
    with pytest.raises(CannotCalibrate, match="on one line in the picture"):
        by_marks(KNOWN, _shifted(level.marks(5), level, points), SIZE)


def replace_street(street: Street, **changes: object) -> Street:
    return replace(street, **changes)  # type: ignore[arg-type]


def test_marks_in_one_corner_are_refused(street):
    points = _at(street, [20, 22, 24, 21, 23], [100, 120, 90, 140, 70], [5, 0, 7, 3, 0])
    with pytest.raises(CannotCalibrate, match=r"in one corner of the picture"):
        by_marks(KNOWN, _shifted(street.marks(5), street, points), SIZE)


def test_marks_at_one_place_are_refused(street):
    marks = [replace(mark, lat=LAT + 0.001, lon=LON + 0.001, height_m=5.0) for mark in street.marks(6)]
    with pytest.raises(CannotCalibrate, match=r"within 0.0 m of one place"):
        by_marks(KNOWN, marks, SIZE)


def test_marks_behind_the_camera_are_refused(street):
    marks = [replace(mark, lat=2 * LAT - mark.lat, lon=2 * LON - mark.lon) for mark in street.marks(8)]
    half = street.marks(8)[:4] + marks[4:]
    with pytest.raises(CannotCalibrate, match="contradict each other"):
        by_marks(KNOWN, half, SIZE)


def test_exchanged_latitude_and_longitude_are_named():
    with pytest.raises(CannotCalibrate, match=r"line 2.*lat is 114.5.*exchanged"):
        read_marks(HEAD + "a,100,100,114.5,38.05,3\n")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("name,x_px\na,1\n", r"line 1: misses y_px"),
        (HEAD.replace("lat", "latitude"), r"line 1: misses lat"),
        (HEAD + "a,100,north,38,114,3\n", r"line 2, column y_px: 'north' is no number"),
        (HEAD + "a,100,100,38,114\n", r"line 2: has 5 columns"),
        (HEAD + "a,100,100,38,114,nan\n", r"height_m is nan"),
        (HEAD + "a,1,1,38,114,3\na,2,2,38,114,3\n", r"two marks are called 'a'"),
        (HEAD + "a,1,1,38,114,3\n" * 201, r"201 marks; at most 200"),
        ('name,x_px,y_px,lat,lon,height_m\n"a\n', r"line"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(text, says):
    with pytest.raises(CannotCalibrate, match=says):
        read_marks(text)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=200) | st.text("a,.1-\n\"'", max_size=80).map(lambda text: HEAD + text))
def test_no_text_breaks_the_reader(text):
    try:
        marks = read_marks(text)
    except CannotCalibrate:
        return
    assert all(isinstance(mark, Mark) for mark in marks)


_any_mark = st.builds(
    Mark, st.uuids().map(str), st.floats(0, SIZE[0]), st.floats(0, SIZE[1]), st.floats(LAT - 0.01, LAT + 0.01),
    st.floats(LON - 0.01, LON + 0.01), st.floats(-5, 100),
)  # fmt: skip


@settings(deadline=None, max_examples=10)
@given(st.lists(_any_mark, max_size=7))
def test_marks_at_random_are_refused_in_words(marks):
    """Nothing fits nothing: only ever a reason, never another error, and hardly ever a pose."""
    try:
        found = by_marks(KNOWN, marks, SIZE)
    except CannotCalibrate as error:
        assert str(error)
        return
    assert found.report["strangeness"] < 3.2


def test_a_mark_outside_of_the_still_is_refused(street):
    marks = street.marks(6)
    with pytest.raises(CannotCalibrate, match=r"outside of the picture of 640x360"):
        by_marks(KNOWN, marks, (640, 360))
