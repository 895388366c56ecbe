"""A camera that was knocked: its judge tells by how much, in pixels of the raw frame, and its detections carry it."""

from __future__ import annotations

import cv2
import numpy as np

from detector.pipeline import Detector
from detector.remembered import View
from edge.frames import frame_from_bytes
from edge.fusion import AirView
from edge.judge import Judge
from smokesentry.clock import ClockState, Stamp
from smokesentry.messages import records as wire
from smokesentry.messages.records import decode_record, encode_record


def test_a_knocked_camera_tells_its_way_in_pixels_of_its_frames() -> None:
    rng = np.random.default_rng(3)
    street = cv2.GaussianBlur(rng.integers(0, 255, (360, 640), np.uint8), (0, 0), 3)
    street = cv2.normalize(street, None, 0, 200, cv2.NORM_MINMAX)
    detector = Detector()
    small = cv2.resize(street, (320, 180), interpolation=cv2.INTER_AREA).astype(np.float32)
    detector.refer(View(small, (640, 360)).to_data())
    judge = Judge("gw-1", "cam-1", 1, detector.settings, lambda _: detector)
    assert judge.displaced is None
    for step in range(30):
        knocked = np.clip(np.roll(street, 40, 1) + rng.normal(0, 1.5, street.shape), 0, 255).astype(np.uint8)
        raw = bytes(cv2.imencode(".jpg", knocked, [cv2.IMWRITE_JPEG_QUALITY, 95])[1])
        frame = frame_from_bytes(raw, [], Stamp(1_795_000_000.0 + step, (step + 1000) * 10**9), float(step))
        result = judge.see(frame, AirView()).result
    assert "has moved by" in str(result.cause)
    found = judge.displaced
    assert found is not None and found.moved_px is not None and found.frame_width == 640
    assert abs(found.moved_px - 40) < 4
    judge.restarted()
    assert judge.displaced is None


def test_health_without_the_field_is_read_and_one_with_it_comes_back() -> None:
    assert wire.CameraHealth(camera="cam-1", verdict="cannot_judge").displaced is None
    moved = wire.Displaced(moved_px=None, frame_width=1280)
    one = wire.CameraHealth(camera="cam-1", verdict="cannot_judge", displaced=moved)
    health = wire.Health(software="1", uptime_s=1.0, spool_depth={}, cameras=[one])
    record = wire.Record(
        seq=1, captured_at="2026-11-22T19:00:00.000Z", mono_ns=1, boot_id="b",
        clock=ClockState("ntp", "synchronised", 5.0), body=health,
    )  # fmt: skip
    assert decode_record(encode_record(record)) == record
    old = encode_record(record).replace(b',"displaced":{"moved_px":null,"turned_deg":0.0,"frame_width":1280}', b"")
    assert len(old) < len(encode_record(record))
    assert decode_record(old).body.cameras[0].displaced is None  # type: ignore[union-attr]
