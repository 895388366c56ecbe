from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from smokesentry.clock import ClockState
from smokesentry.messages.control import ack_of
from smokesentry.messages.records import (
    Aggregate,
    Batch,
    Coverage,
    Detection,
    Dropped,
    GasCue,
    Health,
    Maintenance,
    Model,
    ParticulateCue,
    Record,
    Telemetry,
    UnknownVersion,
    decode_batch,
    decode_record,
    encode_batch,
    encode_record,
    message_id,
)

AT = "2026-11-22T18:04:05.678Z"
DETECTION = Detection(
    detection_id="gw-east/cam-1/0123456789abcdef",
    revision=1,
    phase="start",
    camera="cam-1",
    pose_version=1,
    frame_size=(1280, 720),
    origin_px=(640.5, 300.0),
    origin_sigma_px=(4.0, 6.0),
    bbox_px=(600, 200, 700, 310),
    plume_class="smoke",
    class_scores={"smoke": 0.9, "steam": 0.1},
    confidence=0.9,
    started_at=AT,
    alarmed_at=AT,
    last_seen_at=AT,
    visible_s=12.0,
    model=Model("plume", "sha256:" + "0" * 64),
    evidence_id="a" * 32,
)
HEALTH = Health(software="0.1", uptime_s=5.0, spool_depth={})


def record(seq: int = 1, body: Any = DETECTION) -> bytes:
    return encode_record(
        Record(seq=seq, captured_at=AT, mono_ns=5, boot_id="b", clock=ClockState("ntp", "synchronised", 3.0), body=body)
    )


def batch(*records: bytes, lane: str = "detection") -> bytes:
    return encode_batch(tenant="t", gateway="gw-east", spool="0" * 16, lane=lane, records=list(records))


def test_a_record_travels_unchanged() -> None:
    raw = record()
    read = decode_batch(batch(raw))
    assert read.records[0].body == DETECTION
    assert raw in batch(raw), "the spool's bytes are the batch's bytes"
    assert decode_record(raw).clock.error_ms == 3.0
    assert json.loads(raw)["body"]["class"] == "smoke"


def test_unknown_fields_do_not_harm() -> None:
    fields = json.loads(record())
    fields["body"]["from_the_future"] = {"a": [1]}
    assert decode_batch(batch(json.dumps(fields).encode())).records[0].body == DETECTION


def test_unknown_version_is_set_aside_before_anything_else_is_read() -> None:
    with pytest.raises(UnknownVersion, match="version 2"):
        decode_batch(b'{"v": 2, "tenant": 17}')


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["captured_at"], "2026-11-22 18:04:05", "captured_at"),
        (["captured_at"], "2026-13-22T18:04:05.678Z", "month"),
        (["body", "confidence"], 1.5, "confidence"),
        (["body", "class"], "dragon", "class"),
        (["body", "origin_px"], [1e9, 0], "origin_px"),
        (["body", "camera"], "../../etc", "camera"),
        (["body", "reasons"], ["x" * 401], "reasons"),
        (["body", "reasons"], ["x"] * 21, "reasons"),
        (["seq"], 0, "seq"),
        (["body", "frame_size"], [0, 0], "frame_size"),
    ],
)
def test_what_is_out_of_bounds_is_refused_with_its_path(path: list[str], value: Any, words: str) -> None:
    fields = json.loads(record())
    target = fields
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    with pytest.raises(msgspec.ValidationError, match=words):
        decode_batch(batch(json.dumps(fields).encode()))


@pytest.mark.parametrize("token", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_numbers_that_are_none_are_refused(token: bytes) -> None:
    raw = record().replace(b'"confidence":0.9', b'"confidence":' + token)
    with pytest.raises(msgspec.DecodeError):
        decode_batch(batch(raw))


LAST_DAY = "2026-11-30"  # of its month


@pytest.mark.parametrize(
    "body",
    [
        structs.replace(DETECTION, particulates=[ParticulateCue("pm-1", 9.0, 20.0, at=f"{LAST_DAY}T18:00:00.000Z")]),
        structs.replace(
            DETECTION,
            gases=[GasCue(sensor="co", quantity="co_ppm", rise=1.0, background=1.0, at=f"{LAST_DAY}T18:00:00.000Z")],
        ),
        structs.replace(HEALTH, maintenance=Maintenance(until=f"{LAST_DAY}T18:00:00.000Z", reason="a new roof")),
        structs.replace(HEALTH, coverage=[Coverage(camera="cam-1", night=LAST_DAY, scheduled_s=1.0, judged_s=1.0)]),
    ],
)
def test_a_day_that_no_calendar_has_is_refused_wherever_it_stands(body: Any) -> None:
    raw = record(body=body)
    assert decode_record(raw).body == body
    with pytest.raises(msgspec.ValidationError, match="day is out of range"):
        decode_record(raw.replace(LAST_DAY.encode(), b"2026-11-31"))


def test_a_lane_carries_only_its_own() -> None:
    reading = Telemetry(
        sensor="pm-1", model="SDS011", from_at=AT, to_at=AT, readings=1,
        values={"pm25_ug_m3": Aggregate(mean=1, low=1, high=1, count=1)},
    )  # fmt: skip
    with pytest.raises(msgspec.ValidationError, match="does not belong in lane detection"):
        decode_batch(batch(record(body=reading)))
    assert decode_batch(batch(record(body=reading), lane="telemetry")).lane == "telemetry"
    assert decode_batch(batch(record(body=Dropped(first_seq=1, last_seq=3, cause="disk full")))).records[0].seq == 1


def test_numbers_ascend_within_a_batch() -> None:
    with pytest.raises(msgspec.ValidationError, match="ascend"):
        decode_batch(batch(record(2), record(2)))


@given(st.binary(max_size=300))
def test_arbitrary_payloads_raise_only_what_is_promised(payload: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnknownVersion, UnicodeDecodeError)):
        decode_batch(payload)


def test_deep_nesting_is_an_error_and_not_a_crash() -> None:
    deep = b'{"v":1,"records":' + b"[" * 200_000
    with pytest.raises(msgspec.DecodeError):
        decode_batch(deep)
    lying = b'{"v":1,"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    with pytest.raises(msgspec.DecodeError):
        decode_batch(lying)


def test_message_id_is_the_wires() -> None:
    read = decode_batch(batch(record(7)))
    assert isinstance(read, Batch)
    assert message_id(read.gateway, read.spool, read.lane, 7) == "gw-east/0000000000000000/detection/7"


@given(st.sets(st.integers(1, 60)), st.integers(0, 30))
def test_an_ack_says_exactly_what_is_held(seqs: set[int], before: int) -> None:
    mark, ranges = ack_of(list(seqs), before)
    said = set(range(1, mark + 1)) | {seq for first, last in ranges for seq in range(first, last + 1)}
    assert said == set(range(1, before + 1)) | seqs
    assert mark + 1 not in said, "contiguous goes as far as it can"
    assert all(a_last + 1 < b_first for (_, a_last), (b_first, _) in pairwise(ranges))
