"""A device's day: what was expected, what came, under what clock; maintenance apart; hints of tampering."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from cloud_ingest.ingest import aggregates
from cloud_ingest.ingest.accept import accept_batch
from cloud_ingest.ingest.quality import Interval, clock_jumps, judge_day, missing_day
from cloud_ingest.ingest.quality_store import judge_some, keep_reports, list_days, span_of
from cloud_ingest.ingest.writer import Writer
from cloud_ingest.store.database import reading, writing
from cloud_ingest.store.telemetry_schema import maintenance
from smokesentry.clock import ClockState, from_wire, to_wire
from smokesentry.messages import records as wire

DAY = span_of(date(2026, 11, 22), "Asia/Shanghai")
LATER = DAY[1] + timedelta(days=1)
MINUTE = timedelta(minutes=1)


def interval(begins, length=MINUTE, **changes):
    fields = {
        "begins": begins, "ends": begins + length, "received": begins + length, "readings": 60, "marks": {"ok": 60},
        "has_values": True, "time_mark": None,
    } | changes  # fmt: skip
    return Interval(**fields)


def minutes(first, last, **changes):
    return [interval(DAY[0] + n * MINUTE, order=("s", n + 1), **changes) for n in range(first, last)]


def judged(intervals, off=(), now=LATER):
    return judge_day(DAY, intervals, off, (), now)


def test_a_whole_day_is_a_whole_day():
    report = judged(minutes(0, 1440))
    assert (report.expected, report.received, report.valid, report.rate) == (1440, 1440, 1440.0, 1.0)
    assert (report.flagged, report.gaps, report.late, report.clock) == (False, [], 0, {"synchronised": 1440})


def test_below_nine_tenths_a_day_is_flagged_and_the_gap_is_named():
    report = judged(minutes(0, 600) + minutes(800, 1440))
    assert report.rate == pytest.approx(1240 / 1440)
    assert report.flagged
    (gap,) = report.gaps
    assert (gap["from"], gap["seconds"]) == (to_wire(DAY[0] + 600 * MINUTE), 200 * 60)
    assert not judged(minutes(0, 600) + minutes(740, 1440)).flagged


def test_hours_of_maintenance_are_expected_of_nobody_and_shown_apart():
    off = [(DAY[0] + 600 * MINUTE, DAY[0] + 700 * MINUTE), (DAY[0] + 650 * MINUTE, DAY[0] + 800 * MINUTE)]
    report = judged(minutes(0, 600) + minutes(800, 1440), off)
    assert (report.maintenance_s, report.expected, report.rate, report.gaps) == (200 * 60, 1240, 1.0, [])
    with_readings = judged(minutes(0, 1440), off)  # what comes from under somebody's hands counts neither way
    assert (with_readings.received, with_readings.rate) == (1240, 1.0)


def test_readings_that_are_not_valid_count_by_their_share():
    report = judged(minutes(0, 1440, marks={"ok": 45, "spike": 15}))
    assert report.rate == pytest.approx(0.75)
    assert report.marks == {"ok": 45 * 1440, "spike": 15 * 1440}
    assert judged(minutes(0, 1440, marks={"ok": 30, "maintenance": 30})).rate == 1.0


def test_a_day_that_is_not_over_is_judged_by_what_has_passed_of_it():
    report = judged(minutes(0, 600), now=DAY[0] + 600 * MINUTE)
    assert (report.expected, report.rate) == (600, 1.0)


def test_the_interval_is_the_devices_own():
    report = judged([interval(DAY[0] + n * 10 * MINUTE, 10 * MINUTE) for n in range(144)])
    assert (report.interval_s, report.expected, report.rate) == (600.0, 144, 1.0)


def test_late_arrivals_doubtful_clocks_and_doubles():
    late = interval(DAY[0] + MINUTE, received=DAY[0] + 3 * 60 * MINUTE)
    doubtful = interval(DAY[0] + 2 * MINUTE, time_mark="unsynchronised")
    report = judged([*minutes(0, 1), late, doubtful, doubtful])
    assert (report.late, report.worst_late_s) == (1, 178 * 60.0)
    assert report.clock == {"synchronised": 2, "unsynchronised": 2}
    assert report.received == 3


def test_a_sensor_that_repeats_itself_is_hinted_at():
    (hint,) = judged(minutes(0, 1440, marks={"ok": 30, "stuck": 30})).hints
    assert hint["kind"] == "constant"


def test_a_clock_that_goes_back_while_the_numbers_go_on_is_seen():
    first, second = interval(DAY[0], order=("s", 1)), interval(DAY[0] - 30 * MINUTE, order=("s", 2))
    (hint,) = clock_jumps([second, first])
    assert "1860 s" in hint.text
    assert clock_jumps([first, interval(DAY[0] - 30 * MINUTE, order=("t", 2))]) == []  # another card


def test_a_day_of_silence_is_a_day_at_nought():
    report = missing_day(DAY, (), 60.0, LATER)
    assert (report.expected, report.rate, report.flagged, report.gap_s) == (1440, 0.0, True, 86400.0)


def test_a_day_has_the_length_that_its_zone_gives_it():
    begin, end = span_of(date(2026, 10, 25), "Europe/Berlin")
    assert (end.astimezone() - begin.astimezone()) == timedelta(hours=25)


@settings(deadline=None, max_examples=80)
@given(st.sets(st.integers(0, 287)), st.lists(st.tuples(st.integers(0, 287), st.integers(0, 287)), max_size=4))
def test_time_is_never_counted_twice(present, off):
    length = timedelta(minutes=5)
    spans = [(DAY[0] + a * length, DAY[0] + b * length) for a, b in off]
    report = judged([interval(DAY[0] + n * length, length) for n in sorted(present)], spans)
    free = [n for n in range(288) if not any(min(a, b) <= n < b for a, b in off if a < b)]
    assert report.received == len(present & set(free))
    if report.rate is not None:
        assert report.rate == pytest.approx(len(present & set(free)) / len(free))
        missing = len(set(free) - present) * 300
        assert report.gap_s <= missing  # single missing records at an edge are no gap yet


def test_days_in_the_store_are_judged_and_judged_again_when_due(engine, keys, east):
    """A gateway's evening: telemetry with a hole, a covered camera, an hour of maintenance that was entered."""

    def take(*messages, at):
        with writing(engine) as connection:
            writer = Writer(connection, to_wire(at))
            for message in messages:
                writer.add(accept_batch(*message, keys, frozenset({"lab"})))
            writer.finish()

    east.night = DAY[0] + timedelta(hours=10)
    covered = wire.CameraHealth(camera="cam", verdict="cannot_judge", cause="something covers 40% of the picture: dirt")
    health = wire.Health(software="1", uptime_s=1, spool_depth={}, cameras=[covered])
    now = DAY[0] + timedelta(hours=11)
    take(*(east.batch("telemetry", east.telemetry(10 * n)) for n in range(180)), at=now)
    bad_clock = east.record("telemetry", east.telemetry(1800), clock=ClockState("none", "unsynchronised", None))
    take(east.sealed("telemetry", [wire.encode_record(bad_clock)]), east.batch("health", health), at=now)
    with writing(engine) as connection:
        while aggregates.follow(connection, to_wire(now)):
            pass
        connection.execute(
            insert(maintenance).values(
                gateway="gw-east", sensor="pm-1", from_at=east.at(1810), to_at=east.at(3600), reason="fan cleaned",
                entered_at=east.at(0),
            )
        )  # fmt: skip
        keep_reports(connection, judge_some(connection, now, "Asia/Shanghai"))
        assert judge_some(connection, now, "Asia/Shanghai") == []
    with reading(engine) as connection:
        days = {day["sensor"]: day["report"] for day in list_days(connection, ["lab"], "2026-11-22", "2026-11-22")}
        assert list_days(connection, ["other"], "2026-11-22", "2026-11-22") == []
    sensor, gateway = days["pm-1"], days[""]
    assert (sensor["interval_s"], sensor["received"], sensor["maintenance_s"]) == (10.0, 181, 1790.0)
    assert sensor["gap_s"] == 36000.0  # from the day's beginning to the first record
    assert sensor["flagged"]
    assert sensor["clock"] == {"synchronised": 180, "unsynchronised": 1}
    assert [(hint["kind"], hint["text"].partition(":")[0]) for hint in gateway["hints"]] == [("covered", "cam")]
    with writing(engine) as connection:
        assert judge_some(connection, now + timedelta(minutes=5), "Asia/Shanghai") == []
        assert len(judge_some(connection, now + timedelta(minutes=11), "Asia/Shanghai")) == 2
    assert from_wire(to_wire(now)) == now
