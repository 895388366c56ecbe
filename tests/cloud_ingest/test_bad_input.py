"""Everything wrong, by kind and by whatever Hypothesis thinks of, into the store: a fact or a letter, never a stop."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from cloud_ingest.ingest.accept import Accepted, DeadLetter, accept_batch
from cloud_ingest.ingest.letters import list_letters
from cloud_ingest.ingest.writer import Writer
from cloud_ingest.store.database import reading, writing
from cloud_ingest.store.schema import detections, lane_progress, telemetry
from smokesentry.messages import records as wire
from smokesentry.messages.envelope import ACK_TYPE, BATCH_TYPE, MAX_ENVELOPE_BYTES, seal

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


def poison(gateway) -> dict[str, tuple[str, bytes]]:
    """Cause of the dead letter, with a number behind it -> message. Numbers that are taken are held as refused."""
    up, strange = gateway.address.up("telemetry"), Ed25519PrivateKey.generate()
    topic, raw = _batch(gateway, "telemetry", _telemetry(gateway, readings="ten"))
    values = {"pm25_atm_ug_m3": {"mean": 1.0, "low": 1.0, "high": 1.0, "count": 1}}
    bad: dict[str, tuple[str, bytes]] = {
        "invalid_record 1": (topic, raw),
        "oversized 1": (up, b"x" * (MAX_ENVELOPE_BYTES + 1)),
        "malformed 1": (up, raw[: len(raw) // 2]),
        "malformed 2": (up, b"[" * 200_000),
        "malformed 3": (up, b""),
        "malformed 4": (up, raw.replace(b'"payload"', b'"pay\xff\xfeload"')),
        "invalid_batch 1": (up, seal(b'{"v":1,"records":' + b"[" * 200_000, BATCH_TYPE, gateway.key)),
        "wrong_type 1": (up, seal(b"{}", ACK_TYPE, gateway.key)),
        "unknown_key 1": (up, seal(b"{}", BATCH_TYPE, strange)),
        "bad_signature 1": (up, raw.replace(b'"payload":"ey', b'"payload":"eX')),
        "wrong_name 1": (up.replace(gateway.name, "gw-south"), raw),
        "bad_topic 1": (f"smokesentry/v1/lab/{gateway.name}/up/gossip", raw),
        "invalid_batch 2": gateway.sealed("telemetry", [b'{"seq":-1}']),
        "invalid_record 2": _batch(gateway, "telemetry", _telemetry(gateway, values={"PM2.5 (ug/m3)": values})),
        "invalid_record 3": _batch(gateway, "telemetry", _telemetry(gateway, from_at="22.11.2026 18:00")),
        "invalid_record 4": _batch(gateway, "telemetry", _telemetry(gateway, readings=2**70)),
        "invalid_record 5": _batch(gateway, "telemetry", {"type": "health", "software": [], "uptime_s": {}}),
        "invalid_record 6": _batch(gateway, "telemetry", _telemetry(gateway, model="a\x00b")),
    }
    for number, token in enumerate(("NaN", "Infinity", "-Infinity", "1e999", "0x10")):
        record = wire.encode_record(gateway.record("telemetry", gateway.telemetry(0))).replace(b"40.0", token.encode())
        payload = wire.encode_batch(
            tenant="lab", gateway=gateway.name, spool=gateway.spool, lane="telemetry", records=[b"{}"]
        ).replace(b"{}", record)
        # 1e999 is written as JSON writes numbers: only its record is bad, not the whole batch.
        name = f"invalid_record {10 + number}" if token == "1e999" else f"invalid_batch {10 + number}"
        bad[name] = (up, seal(payload, BATCH_TYPE, gateway.key))
    return bad


def test_each_kind_of_poison_is_set_aside_under_its_cause(keys, east):
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


def test_whatever_a_gateway_signs_ends_as_a_fact_or_a_letter_and_its_number_is_held(engine, keys, east):
    """Any field of any record replaced by anything: one transaction each, never an exception, never a lost number."""

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)
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
            where = (
                data.draw(st.sampled_from([record, record["body"]])) if isinstance(record.get("body"), dict) else record
            )
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
