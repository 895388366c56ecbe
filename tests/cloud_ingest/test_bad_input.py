"""Everything wrong, by kind and by whatever Hypothesis thinks of, into the store: a fact or a letter, never a stop."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from cloud_ingest.ingest.accept import Accepted, DeadLetter, accept_batch
from cloud_ingest.ingest.letters import list_letters
from cloud_ingest.ingest.writer import Writer
from cloud_ingest.store.database import reading, writing
from cloud_ingest.store.schema import detections, lane_progress, telemetry
from smokesentry.messages import records as wire

TOWNS = frozenset({"lab"})
NOW = "2026-11-22T19:05:00.000Z"
HOSTILE = [
    "<script>alert(1)</script>", "'; DROP TABLE telemetry; --", "{{7*7}}", "=cmd|' /C calc'!A0", "\u202e\u2066txt",
    "\x1b[2J", "../../etc/passwd", "%s%n%d", "烟" * 80, "🔥" * 20, "a\r\nSet-Cookie: x", "\u0000", "NULL", "${jndi:x}",
]  # fmt: skip


def _telemetry(gateway, **changes):
    return {**msgspec.to_builtins(gateway.telemetry(0)), **changes}


def _batch(gateway, lane, *bodies, **changes):
    """Signed, with whatever bodies and record fields."""
    records = []
    for body in bodies:
        good = json.loads(wire.encode_record(gateway.record(lane, gateway.telemetry(0))))
        records.append(json.dumps(good | {"body": body} | changes).encode())
    return gateway.sealed(lane, records)


def test_each_kind_of_poison_is_set_aside_under_its_cause(keys, east, poison):
    for name, (topic, raw) in poison(east).items():
        found = accept_batch(topic, raw, keys, TOWNS)
        letter = found if isinstance(found, DeadLetter) else found.set_aside[0]
        assert letter.cause == name.split()[0], (name, letter.reason)


@pytest.mark.parametrize("shift_days", [-40_000, -200, 200, 300_000])
def test_times_of_another_age_are_kept_marked_and_break_nothing(engine, keys, east, shift_days):
    east.night += timedelta(days=shift_days)
    with writing(engine) as connection:
        writer = Writer(connection, NOW)
        writer.add(accept_batch(*east.batch("telemetry", east.telemetry(0)), keys, TOWNS))
        writer.add(accept_batch(*east.batch("detection", east.detection(1, (5.0, 5.0))), keys, TOWNS))
        writer.finish()
    with reading(engine) as connection:
        mark = "future" if shift_days > 0 else "ancient"
        assert connection.execute(select(telemetry.c.time_mark)).scalars().all() == [mark]
        assert connection.execute(select(detections.c.time_mark)).scalars().all() == [mark]


def test_hostile_texts_are_stored_as_they_came_or_set_aside_and_listed_in_one_line(engine, keys, east):
    good = [text for text in HOSTILE if "\x00" not in text]
    with writing(engine) as connection:
        writer = Writer(connection, NOW)
        for text in HOSTILE:
            writer.add(accept_batch(*_batch(east, "telemetry", _telemetry(east, model=text[:80])), keys, TOWNS))
            writer.add(accept_batch(text, text.encode(), keys, TOWNS))
        writer.finish()
    with reading(engine) as connection:
        stored = connection.execute(select(telemetry.c.model).order_by(telemetry.c.seq)).scalars().all()
        listed = list_letters(connection, 100)
    assert stored == [text[:80] for text in good]
    assert len(listed) == len(HOSTILE) + 1
    assert all(letter["reason"].isprintable() and letter["topic"].isprintable() for letter in listed)


_leaf = st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False) | st.sampled_from(HOSTILE)
_json = st.recursive(
    _leaf,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.hypothesis  # drawn within: `make properties` cannot see it by itself
def test_whatever_a_gateway_signs_ends_as_a_fact_or_a_letter_and_its_number_is_held(engine, keys, east):
    """Any field of any record replaced by anything: one transaction each, never an exception, never a lost number."""

    @settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        deadline=None,
        max_examples=80,
    )
    @given(st.data())
    def store_it(data):
        lane, body = data.draw(
            st.sampled_from(
                [
                    ("detection", east.detection(1, (5.0, 5.0))), ("telemetry", east.telemetry(0)),
                    ("health", east.health()), ("health", east.pose_notice()),
                    ("telemetry", wire.Dropped(first_seq=1, last_seq=2, cause="full")),
                ]
            )
        )  # fmt: skip
        record = json.loads(wire.encode_record(east.record(lane, body)))
        seq = record["seq"]
        for _ in range(data.draw(st.integers(1, 2))):
            inside = record["body"]  # by now perhaps anything
            where = inside if isinstance(inside, dict) and inside and data.draw(st.booleans()) else record
            where[data.draw(st.sampled_from(sorted(where)))] = data.draw(_json)
        try:
            raw = json.dumps(record).encode()
        except UnicodeEncodeError:
            return
        found = accept_batch(*east.sealed(lane, [raw]), keys, TOWNS)
        with writing(engine) as connection:
            writer = Writer(connection, NOW)
            writer.add(found)
            outcome = writer.finish()
        if isinstance(found, Accepted):
            assert len(found.records) + len(found.set_aside) == 1
            if record.get("seq") == seq:
                ((_, progress),) = outcome.acks.items()
                assert progress.holds(seq)
        else:
            assert outcome.set_aside == 1

    store_it()
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(lane_progress)).scalar_one() >= 1
