"""When cameras watch, and how a night's coverage is counted."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.coverage import CoverageBook, load_coverage
from edge.schedule import Schedule, Window
from edge.settings import load_gateway_settings
from smokesentry.place import Place
from smokesentry.settings import SettingsError

BEIJING = ZoneInfo("Asia/Shanghai")
PLACE = Place(39.9, 116.4)
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING)


@pytest.mark.parametrize(
    ("moment", "watches"),
    [
        # Beijing in late November: the sun sets at about 16:54 and rises at about 07:06
        ("2026-11-22T16:20", False),
        ("2026-11-22T16:26", True),
        ("2026-11-22T23:59", True),
        ("2026-11-23T00:01", True),
        ("2026-11-23T07:32", True),
        ("2026-11-23T07:40", False),
        ("2026-11-23T12:00", False),
    ],
)
def test_the_night_is_from_before_sunset_to_after_sunrise(moment: str, watches: bool) -> None:
    assert Schedule(BEIJING, PLACE).watches(local(moment)) is watches


def test_windows_add_to_the_night_and_may_pass_midnight() -> None:
    noon = Schedule(BEIJING, PLACE, windows=(Window(time(11), time(13)),))
    assert noon.watches(local("2026-11-22T12:00"))
    only = Schedule(BEIJING, None, windows=(Window(time(22), time(2)),))
    found = [hour for hour in range(24) if only.watches(local(f"2026-11-22T{hour:02}:30"))]
    assert found == [0, 1, 22, 23]


def test_beyond_the_polar_circle_and_with_a_clock_never_set() -> None:
    tromso = Schedule(ZoneInfo("Europe/Oslo"), Place(69.6, 18.9))
    assert tromso.watches(datetime(2026, 12, 21, 12, tzinfo=UTC)), "the sun does not rise"
    assert not tromso.watches(datetime(2026, 6, 21, 0, tzinfo=UTC)), "the sun does not set"
    assert Schedule(BEIJING, PLACE).watches(datetime(1970, 1, 1, 4, tzinfo=UTC)), "noon, says a clock never set"


@settings(max_examples=20, deadline=None)
@given(MOMENTS, st.floats(-66, 66), st.floats(-180, 180))
def test_every_day_outside_the_polar_circles_has_hours_of_both(moment: datetime, lat: float, lon: float) -> None:
    schedule = Schedule(BEIJING, Place(lat, lon))
    hours = [schedule.watches(moment + timedelta(minutes=40 * step)) for step in range(36)]
    assert any(hours)
    assert not all(hours) or abs(lat) > 60  # an hour is added to the night: near the circle little day is left


@given(MOMENTS)
def test_a_night_is_one_date_from_noon_to_noon(moment: datetime) -> None:
    schedule = Schedule(BEIJING, PLACE)
    there = moment.astimezone(BEIJING)
    expected = there.date() if there.hour >= 12 else there.date() - timedelta(days=1)
    assert schedule.night_of(moment) == expected


def test_the_next_change_is_named() -> None:
    schedule = Schedule(BEIJING, PLACE, windows=())
    change = schedule.next_change(local("2026-11-22T12:00"))
    assert change is not None and change.astimezone(BEIJING).strftime("%H:%M") in {"16:22", "16:23", "16:24"}
    assert Schedule(BEIJING).next_change(local("2026-11-22T12:00")) is None


def test_coverage_is_counted_by_night_and_cause_and_survives_a_restart(tmp_path: Path) -> None:
    night, book = date(2026, 11, 22), CoverageBook()
    for _ in range(3600):
        book.note("east", night, 1.0, None)
    for _ in range(600):
        book.note("east", night, 1.0, "veiled: fog, frost or an obstruction")
    book.note("east", night, 125.0, None)  # the process was asleep: nobody looked
    book.save(tmp_path)
    [row] = load_coverage(tmp_path).report()
    assert (row.camera, row.night, row.scheduled_s, row.judged_s) == ("east", "2026-11-22", 4325, 3605)
    assert row.causes == {"veiled: fog, frost or an obstruction": 600, "nobody looked": 120}
    (tmp_path / "coverage.json").write_text("{")
    assert load_coverage(tmp_path).report() == []


def test_old_nights_are_forgotten_and_causes_bounded(tmp_path: Path) -> None:
    book = CoverageBook()
    for day in range(40):
        book.note("east", date(2026, 1, 1) + timedelta(days=day), 1.0, None)
    for number in range(100):
        book.note("east", date(2026, 2, 9), 1.0, f"cause {number}")
    book.save(tmp_path)
    kept = load_coverage(tmp_path)
    assert [row.night for row in kept.report()] == ["2026-02-08", "2026-02-09"]
    assert len(kept._rows) == 14
    assert sum(kept.report()[-1].causes.values()) == 100
    assert len(kept.report()[-1].causes) <= 13


_BASE = """
[gateway]
name = "gw-1"
tenant = "town"
folder = "state"
[identity]
key = "k"
certificate = "c"
[uplink]
host = "h"
plaintext = true
cloud_certificate = "c"
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[schedule]\n", "site.place"),
        ('[schedule]\nnight = false\nwindows = ["17-22"]\n', 'expected "17:00-22:00"'),
        ("[schedule]\nnight = false\n", "would never watch"),
        ('[site]\nzone = "Mars/Olympus"\n', 'expected a name like "Asia/Shanghai"'),
        ("[site]\nplace = { lat = 139.9, lon = 116.4 }\n", "WGS-84"),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused_in_words(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "g.toml").write_text(_BASE + text)
    with pytest.raises(SettingsError, match=expected):
        load_gateway_settings(tmp_path / "g.toml")


def test_a_schedule_out_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "g.toml").write_text(
        _BASE + '[site]\nplace = { lat = 39.9, lon = 116.4 }\n[schedule]\nwindows = ["11:00-13:00"]\n'
    )
    schedule = load_gateway_settings(tmp_path / "g.toml").watching()
    assert schedule.watches(local("2026-11-22T12:00"))
    assert not schedule.watches(local("2026-11-22T14:00"))
    assert schedule.watches(local("2026-11-22T20:00"))
