from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import cv2
import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.facts import Fact
from edge.frames import decode_image, frame_from_bytes
from edge.previews import MAX_PICTURE_BYTES, PreviewRing, drawn, evidence_of, fit, mark
from smokesentry.clock import ClockState, Stamp
from smokesentry.messages.envelope import BATCH_TYPE, seal
from smokesentry.messages.records import Detection, encode_batch

JpegOf = Callable[..., bytes]


def frame_at(jpeg: bytes, t_s: float) -> Any:
    return frame_from_bytes(jpeg, [], Stamp(1_795_000_000.0 + t_s, round(t_s * 1e9)), t_s)


def ring_with(jpeg_of: JpegOf, seconds: int, **size: int) -> PreviewRing:
    ring = PreviewRing()
    for t in range(seconds * 2):
        ring.offer(frame_at(jpeg_of(seed=t, **size), t / 2))
    return ring


def test_before_is_from_before_the_onset(jpeg_of: JpegOf) -> None:
    ring = ring_with(jpeg_of, 60, width=160, height=96)
    found = ring.before(33.0)
    assert found is not None
    assert found[0].unix_s == 1_795_000_000.0 + 30.0
    assert ring.before(0.0) is None


def test_the_ring_is_bounded_in_time_and_bytes(jpeg_of: JpegOf) -> None:
    ring = PreviewRing()
    jpeg = jpeg_of(1280, 720, quality=97)
    for t in range(0, 400, 6):
        ring.offer(frame_at(jpeg, float(t)))
    ages = [t_s for t_s, _, _ in ring._frames]
    assert ages[-1] - ages[0] <= 240.0
    assert sum(len(data) for _, _, data in ring._frames) <= 12_000_000


def test_a_clock_that_jumps_back_does_not_stop_the_ring(jpeg_of: JpegOf) -> None:
    ring = ring_with(jpeg_of, 30, width=160, height=96)
    ring.offer(frame_at(jpeg_of(160, 96), 3.0))
    assert ring.before(4.0) is not None


def test_three_pictures_of_a_full_hd_camera_fit_into_the_budget(
    jpeg_of: JpegOf, detection_fact: Callable[..., Fact]
) -> None:
    detection = detection_fact().body
    assert isinstance(detection, Detection)
    big = jpeg_of(1920, 1080, quality=95)
    assert len(big) > 1_000_000
    ring = PreviewRing()
    ring.offer(frame_at(big, 0.0))
    evidence = evidence_of(detection, frame_at(big, 30.0), 20.0, ring)
    assert [picture.role for picture in evidence.pictures] == ["frame", "drawn", "before"]
    for picture in evidence.pictures:
        assert len(picture.data) <= MAX_PICTURE_BYTES
        assert picture.digest == "sha256:" + hashlib.sha256(picture.data).hexdigest()
    raw = Fact("evidence", evidence, Stamp(0.0, 0), "boot", ClockState()).encode(1)
    batch = encode_batch(tenant="t", gateway="g", spool="0" * 16, lane="evidence", records=[raw])
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    assert len(seal(batch, BATCH_TYPE, Ed25519PrivateKey.generate())) < 1_000_000
    assert msgspec.json.decode(raw)["body"]["evidence_id"] == detection.evidence_id


def test_a_small_frame_travels_as_the_camera_sent_it(jpeg_of: JpegOf, detection_fact: Callable[..., Fact]) -> None:
    detection = detection_fact().body
    assert isinstance(detection, Detection)
    raw = jpeg_of(640, 360, quality=60)
    evidence = evidence_of(detection, frame_at(raw, 30.0), 20.0, PreviewRing())
    assert evidence.pictures[0].data == raw
    assert [picture.role for picture in evidence.pictures] == ["frame", "drawn"]


@settings(max_examples=15, deadline=None)
@given(width=st.integers(64, 2200), height=st.integers(64, 1400), seed=st.integers(0, 9))
def test_fit_always_fits(jpeg_of: JpegOf, width: int, height: int, seed: int) -> None:
    smaller = fit(jpeg_of(width, height, seed, quality=98))
    assert len(smaller) <= MAX_PICTURE_BYTES
    assert decode_image(smaller).ndim == 3


def test_the_drawing_marks_the_origin_and_leaves_the_original_alone(detection_fact: Callable[..., Fact]) -> None:
    detection = detection_fact().body
    assert isinstance(detection, Detection)
    image = np.full((720, 1280, 3), 40, np.uint8)
    before = image.copy()
    canvas = drawn(image, detection, Stamp(1_795_000_000.0, 0))
    assert (image == before).all()
    changed = np.argwhere((canvas != image).any(axis=2))
    near_origin = (abs(changed - np.array([360, 640])) <= 20).all(axis=1)
    assert near_origin.sum() > 50


@settings(max_examples=40, deadline=None)
@given(
    x=st.floats(-200, 1000),
    y=st.floats(-200, 1000),
    box=st.tuples(*[st.floats(-300, 1500)] * 4),
    size=st.tuples(st.integers(64, 900), st.integers(64, 900)),
)
def test_marks_outside_the_picture_are_survived(
    x: float, y: float, box: tuple[float, float, float, float], size: tuple[int, int]
) -> None:
    image = np.zeros((size[1], size[0], 3), np.uint8)
    assert mark(image, (x, y), box, "smoke 87%", "2026-11-22").shape == image.shape
    assert cv2.countNonZero(image[:, :, 0]) == 0
