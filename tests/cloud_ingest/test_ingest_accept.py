"""Nothing unchecked comes in: every kind of bad message is set aside with its cause, and no input raises."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_ingest.ingest.accept import (
    MAX_UNSIGNED_KEPT,
    Accepted,
    AcceptedState,
    DeadLetter,
    accept_batch,
    accept_state,
    time_mark,
)
from smokesentry.clock import ClockState
from smokesentry.messages import records as wire
from smokesentry.messages.envelope import ACK_TYPE, BATCH_TYPE, MAX_ENVELOPE_BYTES, seal

TOWNS = frozenset({"lab"})
JPEG = b"\xff\xd8\xff\xe0 pretend"
# Fixtures are only read by these tests, so that one for all examples is as good as one each.
relaxed = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=150
)


def _letter(found: object) -> DeadLetter:
    assert isinstance(found, DeadLetter), found
    return found


def _record_json(gateway, lane: str, body: wire.Body) -> dict:
    return json.loads(wire.encode_record(gateway.record(lane, body)))


def test_a_good_batch_is_accepted_record_by_record(east, keys):
    topic, raw = east.batch("telemetry", east.telemetry(0), east.telemetry(10))
    found = accept_batch(topic, raw, keys, TOWNS)
    assert isinstance(found, Accepted)
    assert (found.address, found.spool, found.lane, found.seqs) == (east.address, east.spool, "telemetry", (1, 2))
    assert [record.body for record in found.records] == [east.telemetry(0), east.telemetry(10)]
    assert (found.set_aside, found.raw) == ((), raw)


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda east, south, topic, raw: ("smokesentry/v1/lab/gw-east/up/gossip", raw), "bad_topic"),
        (lambda east, south, topic, raw: ("", raw), "bad_topic"),
        (lambda east, south, topic, raw: (topic, b" " * (MAX_ENVELOPE_BYTES + 1)), "oversized"),
        (lambda east, south, topic, raw: (topic, b""), "malformed"),
        (lambda east, south, topic, raw: (topic, b"\xff\xfe{}"), "malformed"),
        (lambda east, south, topic, raw: (topic, b"[" * 100_000), "malformed"),
        (lambda east, south, topic, raw: (topic, seal(b"{}", ACK_TYPE, east.key)), "wrong_type"),
        (lambda east, south, topic, raw: (topic, seal(b"{}", BATCH_TYPE, Ed25519PrivateKey.generate())), "unknown_key"),
        (lambda east, south, topic, raw: (topic, raw.replace(b'"payload":"ey', b'"payload":"eX')), "bad_signature"),
        (lambda east, south, topic, raw: (topic.replace("gw-east", "gw-south"), raw), "wrong_name"),
        (lambda east, south, topic, raw: (topic.replace("/lab/", "/elsewhere/"), raw), "wrong_tenant"),
        (lambda east, south, topic, raw: (topic.replace("telemetry", "health"), raw), "wrong_name"),
        (lambda east, south, topic, raw: (topic, seal(b"[]", BATCH_TYPE, east.key)), "invalid_batch"),
        (lambda east, south, topic, raw: (topic, seal(b"\xff", BATCH_TYPE, east.key)), "invalid_batch"),
        (lambda east, south, topic, raw: (topic, seal(b"[" * 100_000, BATCH_TYPE, east.key)), "invalid_batch"),
        (lambda east, south, topic, raw: east.sealed("telemetry", []), "invalid_batch"),
        (lambda east, south, topic, raw: east.sealed("telemetry", [b'{"seq":0}']), "invalid_batch"),
        (lambda east, south, topic, raw: east.sealed("telemetry", [b'{"seq":2}', b'{"seq":2}']), "invalid_batch"),
        (lambda east, south, topic, raw: east.sealed("telemetry", [b'{"seq":1}'], gateway="gw-south"), "wrong_name"),
    ],
)  # fmt: skip
def test_a_bad_message_is_set_aside_with_its_cause(east, south, keys, spoil: Callable, cause):
    topic, raw = spoil(east, south, *east.batch("telemetry", east.telemetry(0)))
    letter = _letter(accept_batch(topic, raw, keys, TOWNS))
    assert letter.cause == cause
    assert letter.reason
    assert letter.size == len(raw)


def test_a_town_that_is_not_served_here_is_refused(east, keys):
    topic, raw = east.batch("telemetry", east.telemetry(0))
    letter = _letter(accept_batch(topic, raw, keys, frozenset({"other"})))
    assert letter.cause == "wrong_tenant"
    assert "other" in letter.reason


def test_another_version_is_set_aside_whole_for_a_newer_release(east, keys):
    document = {
        "v": 2,
        "tenant": "lab",
        "gateway": "gw-east",
        "spool": east.spool,
        "lane": "telemetry",
        "records": [{}],
    }
    sealed = seal(json.dumps(document).encode(), BATCH_TYPE, east.key)
    letter = _letter(accept_batch(east.address.up("telemetry"), sealed, keys, TOWNS))
    assert (letter.cause, letter.raw, letter.gateway) == ("unknown_version", sealed, "gw-east")


def test_junk_is_kept_bounded_and_what_a_gateway_signed_is_kept_whole(east, keys):
    junk = _letter(accept_batch(east.address.up("telemetry"), b"j" * 1_000_000, keys, TOWNS))
    assert (len(junk.raw), junk.size, junk.gateway) == (MAX_UNSIGNED_KEPT, 1_000_000, None)
    topic, raw = east.sealed("telemetry", [b'{"seq":0,"x":"' + b"y" * 100_000 + b'"}'])
    signed = _letter(accept_batch(topic, raw, keys, TOWNS))
    assert (signed.raw, signed.gateway) == (raw, "gw-east")


def _spoiled(east, lane: str, body: wire.Body, change: Callable[[dict], None]) -> tuple[str, bytes]:
    """A batch of three: good, spoiled, good."""
    first, bad, last = (_record_json(east, lane, b) for b in (east.telemetry(0) if lane == "telemetry" else body,) * 3)
    change(bad)
    return east.sealed(lane, [json.dumps(record).encode() for record in (first, bad, last)])


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda r: r["body"].update(type="nonsense"), "invalid_record"),
        (lambda r: r["body"].update(confidence=1.5), "invalid_record"),
        (lambda r: r["body"].update(origin_px=[1e9, 0]), "invalid_record"),
        (lambda r: r["body"].update(origin_px=["a", 0]), "invalid_record"),
        (lambda r: r["body"].update(started_at="2026-13-01T00:00:00.000Z"), "invalid_record"),
        (lambda r: r["body"].update(revision=2**80), "invalid_record"),
        (lambda r: r["body"].update(reasons=["nul \x00"]), "invalid_record"),
        (lambda r: r["body"].update(detection_id="gw-south/cam/" + "0" * 16), "wrong_name"),
        (lambda r: r["body"].update(camera="other"), "wrong_name"),
        (lambda r: r.update(captured_at="yesterday"), "invalid_record"),
    ],
)
def test_one_bad_record_is_set_aside_and_its_neighbours_are_taken(east, keys, change, cause):
    topic, raw = _spoiled(east, "detection", east.detection(1, (5.0, 5.0)), change)
    found = accept_batch(topic, raw, keys, TOWNS)
    assert isinstance(found, Accepted)
    assert [record.seq for record in found.records] == [1, 3]
    assert found.seqs == (1, 2, 3)
    (letter,) = found.set_aside
    assert (letter.cause, letter.seq, letter.gateway) == (cause, 2, "gw-east")


def test_a_record_of_another_lane_is_set_aside(east, keys):
    topic, raw = east.batch("telemetry", east.telemetry(0), east.health())
    found = accept_batch(topic, raw, keys, TOWNS)
    assert isinstance(found, Accepted)
    assert [letter.cause for letter in found.set_aside] == ["invalid_record"]


@pytest.mark.parametrize(
    ("data", "changes", "said"),
    [(JPEG, {"digest": "sha256:" + "0" * 64}, "bytes have"), (b"GIF89a", {}, "not a JPEG")],
)
def test_a_picture_must_be_what_it_says(east, keys, data, changes, said):
    topic, raw = east.batch("evidence", east.evidence(1, data, **changes))
    found = accept_batch(topic, raw, keys, TOWNS)
    assert isinstance(found, Accepted)
    assert said in found.set_aside[0].reason


def test_a_dropped_range_that_ends_before_it_begins_is_set_aside(east, keys):
    topic, raw = east.batch("telemetry", wire.Dropped(first_seq=9, last_seq=3, cause="disk full"))
    found = accept_batch(topic, raw, keys, TOWNS)
    assert isinstance(found, Accepted)
    assert found.set_aside[0].cause == "invalid_record"


def test_a_state_is_checked_like_everything_else(east, south, keys):
    topic, raw = east.state(True)
    found = accept_state(topic, raw, keys, TOWNS)
    assert isinstance(found, AcceptedState)
    assert found.state.online
    assert _letter(accept_state(south.address.state, raw, keys, TOWNS)).cause == "wrong_name"
    assert _letter(accept_state(topic, b"{}", keys, TOWNS)).cause == "malformed"
    assert _letter(accept_state("smokesentry/v1/lab/gw-east/up/state", raw, keys, TOWNS)).cause == "bad_topic"


@pytest.mark.parametrize(
    ("captured", "clock", "mark"),
    [
        ("2026-11-22T19:00:00.000Z", "synchronised", None),
        ("2026-11-22T19:00:00.000Z", "unsynchronised", "unsynchronised"),
        ("2026-11-22T19:30:00.000Z", "synchronised", "future"),
        ("1970-01-01T00:00:00.000Z", "unsynchronised", "ancient"),
    ],
)
def test_doubtful_times_are_marked_and_kept(east, captured, clock, mark):
    record = east.record("telemetry", east.telemetry(0), captured_at=captured, clock=ClockState("x", clock, None))
    assert time_mark(record, "2026-11-22T19:05:00.000Z") == mark


def test_hostile_text_cannot_break_a_line_of_the_log(east, keys):
    letter = _letter(accept_batch("a\nb\x1b[31m/up/x", b"{}", keys, TOWNS))
    assert letter.topic == "a\\x0ab\\x1b[31m/up/x"
    assert letter.reason.isprintable()


@relaxed
@given(raw=st.binary(max_size=400), topic=st.text(max_size=80))
def test_no_bytes_and_no_topic_raise(keys, raw, topic):
    _letter(accept_batch(topic, raw, keys, TOWNS))
    _letter(accept_state(topic, raw, keys, TOWNS))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@relaxed
@given(data=st.data())
def test_any_change_of_a_signed_record_is_accepted_or_set_aside_but_never_raises(east, keys, data):
    lane, body = data.draw(
        st.sampled_from(
            [
                ("detection", east.detection(1, (5.0, 5.0))),
                ("telemetry", east.telemetry(0)),
                ("health", east.pose_notice()),
                ("evidence", east.evidence(1, JPEG)),
            ]
        )
    )
    record = _record_json(east, lane, body)
    where = data.draw(st.sampled_from([record, record["body"]]))
    where[data.draw(st.sampled_from(sorted(where)) | st.text(max_size=8))] = data.draw(_json)
    topic, raw = east.sealed(lane, [json.dumps(record).encode()])
    found = accept_batch(topic, raw, keys, TOWNS)
    if isinstance(found, Accepted):
        assert len(found.records) + len(found.set_aside) == len(found.seqs) == 1


@relaxed
@given(position=st.integers(min_value=0), bit=st.integers(0, 7))
def test_no_flipped_bit_passes_as_something_else(east, keys, position, bit):
    topic, raw = east.batch("telemetry", east.telemetry(0))
    changed = bytearray(raw)
    changed[position % len(raw)] ^= 1 << bit
    found = accept_batch(topic, bytes(changed), keys, TOWNS)
    if isinstance(found, Accepted):  # a change outside of what is signed, such as a field that nobody reads
        assert found.records[0].body == east.telemetry(0)
