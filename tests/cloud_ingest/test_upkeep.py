"""Aggregates, retention, and who does the housekeeping, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select

from cloud_ingest.ingest import aggregates, letters
from cloud_ingest.ingest.accept import dead_letter
from cloud_ingest.ingest.aggregates import folded, follow, hour_of, minute_of
from cloud_ingest.ingest.housekeeping import Housekeeper
from cloud_ingest.ingest.retention import Keep, delete_some
from cloud_ingest.store import followers, schema
from cloud_ingest.store.database import reading, writing
from cloud_ingest.store.telemetry_schema import jobs, telemetry_aggregates, telemetry_writes
from smokesentry.clock import from_wire, to_wire

NOW = "2026-11-22T19:05:00.000Z"
KEEP = Keep(telemetry=10, minutes=20, health=10, dead_letters=10)


def _follow(engine):
    for _ in range(50):
        with writing(engine) as connection:
            if follow(connection, NOW) == 0:
                return
    raise AssertionError("never comes to an end")


def _expected(rows, step):
    """Straight from the definition, over everything that is stored."""
    groups = defaultdict(list)
    for row in rows:
        groups[row["gateway"], row["sensor"], step(row["from_at"])].append(row["quantities"]["pm25_atm_ug_m3"])
    return {
        key: (
            sum(one["mean"] * one["count"] for one in some) / sum(one["count"] for one in some),
            min(one["low"] for one in some),
            max(one["high"] for one in some),
            len(some),
        )
        for key, some in groups.items()
    }


def _found(rows, step_s):
    return {
        (row["gateway"], row["sensor"], row["begins_at"]): (
            row["quantities"]["pm25_atm_ug_m3"]["mean"],
            row["quantities"]["pm25_atm_ug_m3"]["low"],
            row["quantities"]["pm25_atm_ug_m3"]["high"],
            row["intervals"],
        )
        for row in rows
        if row["step_s"] == step_s
    }


def _same(found, expected):
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert found[key] == pytest.approx(values), key


def test_aggregates_stay_true_whenever_and_however_often_records_arrive(engine, take, rows, east, south, monkeypatch):
    monkeypatch.setattr(aggregates, "_ROWS_AT_ONCE", 3)
    late = east.batch("telemetry", east.telemetry(-7000, 900.0))
    messages = [g.batch("telemetry", g.telemetry(n * 10, 10.0 + n)) for n in range(20) for g in (east, south)]
    take(*messages[:7])
    _follow(engine)
    for message in messages[7:]:
        take(message)
    _follow(engine)
    take(late, messages[0], messages[30])  # one hours late, two duplicates
    _follow(engine)
    stored = rows(schema.telemetry)
    assert len(stored) == 41
    made = rows(telemetry_aggregates)
    _same(_found(made, 60), _expected(stored, minute_of))
    _same(_found(made, 3600), _expected(stored, hour_of))
    with writing(engine) as connection:  # everything once more from the beginning changes nothing
        followers.move(connection, aggregates.FOLLOWER, 0, NOW)
    _follow(engine)
    key = lambda row: (row["gateway"], row["sensor"], row["step_s"], row["begins_at"])  # noqa: E731
    assert sorted(rows(telemetry_aggregates), key=key) == sorted(made, key=key)
    with writing(engine) as connection:
        assert followers.behind(connection, aggregates.FOLLOWER) == 0
        followers.forget_followed(connection)
    assert rows(telemetry_writes) == []


parts = st.lists(
    st.builds(
        lambda mean, spread, count, covered: {
            "quantities": {"co_ppm": {"mean": mean, "low": mean - spread, "high": mean + spread, "count": count}},
            "readings": count, "marks": {"ok": count}, "intervals": 1, "covered_s": covered,
        },
        st.floats(-1e6, 1e6), st.floats(0, 1e3), st.integers(1, 10_000), st.floats(0, 3600),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(parts, st.integers(0, 12))
def test_folding_in_two_steps_is_folding_in_one(some, cut):
    at_once = folded(some)
    in_steps = folded([folded(part) for part in (some[:cut], some[cut:])])
    one, two = at_once["quantities"]["co_ppm"], in_steps["quantities"]["co_ppm"]
    assert two == {**one, "mean": pytest.approx(one["mean"], rel=1e-6, abs=1e-6)}
    assert in_steps["covered_s"] == pytest.approx(at_once["covered_s"])
    assert (in_steps["readings"], in_steps["intervals"]) == (at_once["readings"], at_once["intervals"])
    assert one["low"] <= one["mean"] + 1e-6 and one["mean"] <= one["high"] + 1e-6


def test_numbers_beyond_every_scale_spoil_no_aggregate():
    huge = {"mean": 1.7e308, "low": -1.7e308, "high": 1.7e308, "count": 1000}
    fine = {"mean": 5.0, "low": 4.0, "high": 6.0, "count": 2}
    part = {"readings": 1, "marks": {}, "intervals": 1, "covered_s": 60.0}
    found = folded([part | {"quantities": {"a": huge, "b": fine}}, part | {"quantities": {"a": fine}}])
    assert found["quantities"] == {"a": fine, "b": fine}


def test_only_what_passes_is_deleted_and_only_when_its_time_is_over(engine, take, rows, east, origin_of):
    old = to_wire(from_wire(NOW) - timedelta(days=11))
    take(
        east.batch("telemetry", east.telemetry(-11 * 86400)),
        east.batch("health", east.health(), east.pose_notice(), at_s=-11 * 86400),
        east.batch("detection", east.detection(1, (5.0, 6.0))),
        now=old,
    )
    take(
        east.batch("telemetry", east.telemetry(0)),
        east.batch("health", east.health()),
        east.batch("detection", east.detection(2, (5.0, 6.0))),
    )
    with writing(engine) as connection:
        for at in (old, NOW):
            letters.keep_letters(connection, [dead_letter("t", b"x", "malformed", "r", None)], at)
        row = {"gateway": "gw-east", "sensor": "pm-1", "tenant": "lab", "readings": 1, "marks": {}, "intervals": 1}
        for step_s, days in ((60, 21), (60, 19), (3600, 1000)):
            begins = to_wire(from_wire(NOW) - timedelta(days=days))
            values = {**row, "step_s": step_s, "begins_at": begins, "quantities": {}, "covered_s": 60.0}
            connection.execute(insert(telemetry_aggregates).values(**values))
    done = []
    for _ in range(5):
        with writing(engine) as connection:
            done.append(delete_some(connection, KEEP, from_wire(NOW)))
    assert done[-1] == {}
    assert [len(rows(table)) for table in (schema.telemetry, schema.health, schema.dead_letters)] == [1, 1, 1]
    assert sorted(row["lane"] for row in rows(schema.envelopes)) == ["detection", "detection", "health", "telemetry"]
    assert len(rows(schema.detections)) == 2
    assert len(rows(schema.camera_poses)) == 1
    assert sorted(row["step_s"] for row in rows(telemetry_aggregates)) == [60, 3600]
    assert {row["contiguous"] for row in rows(schema.lane_progress)} == {2, 3}  # what was held stays held


def test_each_job_is_done_by_one_process_and_comes_round(engine, take, east, rows):
    take(east.batch("telemetry", east.telemetry(0)))
    one, two = Housekeeper(engine, KEEP, "UTC"), Housekeeper(engine, KEEP, "UTC")
    now, stop = from_wire(NOW), threading.Event()
    assert one.round(now, stop) == ["partitions", "aggregates", "quality", "retention", "places"]
    assert two.round(now, stop) == []
    assert two.round(now + timedelta(minutes=2), stop) == ["aggregates"]
    assert {row["job"] for row in rows(jobs)} == {"partitions", "aggregates", "quality", "retention", "places"}
    assert len(rows(telemetry_aggregates)) == 2


def test_a_job_that_fails_stops_no_other_and_is_tried_again(engine, monkeypatch, caplog):
    keeper = Housekeeper(engine, KEEP, "UTC")
    monkeypatch.setattr(aggregates, "follow", lambda *_: 1 / 0)
    done = keeper.round(from_wire(NOW), threading.Event())
    assert done == ["partitions", "quality", "retention", "places"]
    assert "aggregates: not done" in caplog.text
    monkeypatch.undo()
    assert keeper.round(from_wire(NOW) + timedelta(minutes=2), threading.Event()) == ["aggregates"]


def test_a_follower_sees_every_commit_once_in_order(engine, take, east, south):
    seen = []
    for n in range(6):
        take((east, south)[n % 2].batch("telemetry", (east, south)[n % 2].telemetry(n * 10)))
    while True:
        with writing(engine) as connection:
            stretch = followers.next_stretch(connection, "trial", 2, NOW)
            if stretch is None:
                break
            seen += [row["from_at"] for row in followers.rows_of(connection, stretch)]
            followers.move(connection, "trial", stretch.until, NOW)
    assert sorted(seen) == [east.at(n * 10) for n in range(6)]
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(telemetry_writes)).scalar_one() == 6
