"""Pictures that travel with a detection: the frame, the frame with the plume drawn on it, one from before. No I/O."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import cv2
import numpy as np

from edge.frames import Frame, Image, decode_image, encode_jpeg
from smokesentry.clock import Stamp, from_unix
from smokesentry.messages.records import Detection, Evidence, Picture

MAX_PICTURE_BYTES = 150_000
_KEEP_S = 240.0
_EVERY_S = 6.0
_MAX_RING_BYTES = 12_000_000
_QUALITIES = (85, 70, 55)
_ORIGIN, _BOX, _PLATE, _TEXT = (60, 220, 255), (60, 160, 255), (20, 20, 20), (255, 255, 255)


@dataclass(slots=True)
class PreviewRing:
    """The last four minutes at one frame every six seconds, bounded in bytes: what can show how it was before."""

    _frames: deque[tuple[float, Stamp, bytes]] = field(default_factory=deque)
    _size: int = 0

    def offer(self, frame: Frame) -> None:
        """Keeps the frame if one is due."""
        if self._frames and 0 <= frame.t_s - self._frames[-1][0] < _EVERY_S:
            return
        data = frame.jpeg()
        self._frames.append((frame.t_s, frame.stamp, data))
        self._size += len(data)
        while len(self._frames) > 1 and (
            self._size > _MAX_RING_BYTES or not 0 <= frame.t_s - self._frames[0][0] <= _KEEP_S
        ):
            self._size -= len(self._frames.popleft()[2])

    def before(self, t_s: float) -> tuple[Stamp, bytes] | None:
        """The newest kept frame from before ``t_s``."""
        older = [(stamp, data) for at_s, stamp, data in self._frames if at_s < t_s]
        return older[-1] if older else None


def evidence_of(detection: Detection, frame: Frame, started_s: float, ring: PreviewRing) -> Evidence:
    """The pictures of a detection's first revision."""
    original = frame.jpeg()
    pictures = [
        _picture("frame", frame.stamp, fit(original)),
        _picture("drawn", frame.stamp, fit(encode_jpeg(drawn(decode_image(original), detection, frame.stamp), 90))),
    ]
    before = ring.before(started_s)
    if before is not None:
        pictures.append(_picture("before", before[0], fit(before[1])))
    return Evidence(
        evidence_id=detection.evidence_id,
        detection_id=detection.detection_id,
        camera=detection.camera,
        pictures=pictures,
    )


def fit(jpeg: bytes) -> bytes:
    """The same bytes if they are small enough, else the picture re-encoded, and scaled down if that is not enough."""
    if len(jpeg) <= MAX_PICTURE_BYTES:
        return jpeg
    image = decode_image(jpeg)
    while True:
        for quality in _QUALITIES:
            smaller = encode_jpeg(image, quality)
            if len(smaller) <= MAX_PICTURE_BYTES:
                return smaller
        image = np.asarray(cv2.resize(image, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA), np.uint8)


def _picture(role: Literal["frame", "drawn", "before"], stamp: Stamp, data: bytes) -> Picture:
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    return Picture(role=role, content_type="image/jpeg", taken_at=stamp.captured_at, digest=digest, data=data)


def drawn(image: Image, detection: Detection, stamp: Stamp) -> Image:
    """A copy with origin, box, class, confidence and the site's local time drawn on it."""
    local = from_unix(stamp.unix_s).astimezone()
    label = f"{detection.plume_class} {detection.confidence:.0%}"
    return mark(image, detection.origin_px, detection.bbox_px, label, _local_time(local))


def mark(
    image: Image,
    origin: tuple[float, float] | None,
    box: tuple[float, float, float, float] | None,
    label: str,
    caption: str,
) -> Image:
    """A copy (BGR) with a ringed cross at ``origin``, a box, a label at it and a caption in the corner (pixels)."""
    canvas = image.copy()
    unit = max(1, round(canvas.shape[1] / 640))
    write_caption(canvas, caption)
    if origin is None or box is None:
        return canvas
    x, y = round(origin[0]), round(origin[1])
    x0, y0, x1, y1 = (round(value) for value in box)
    cv2.rectangle(canvas, (x0, y0), (x1, y1), _BOX, unit, cv2.LINE_AA)
    arm = 9 * unit
    for colour, thick in ((_PLATE, unit + 2), (_ORIGIN, unit)):
        cv2.circle(canvas, (x, y), arm // 2, colour, thick, cv2.LINE_AA)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            cv2.line(
                canvas, (x + dx * arm // 2, y + dy * arm // 2), (x + dx * arm, y + dy * arm), colour, thick, cv2.LINE_AA
            )
    below = y0 < 24 * unit
    _write(canvas, label, (x0, y1 + 22 * unit if below else y0 - 9 * unit), unit)
    return canvas


def write_caption(canvas: Image, text: str) -> None:
    """Writes into the lower left corner, in place."""
    unit = max(1, round(canvas.shape[1] / 640))
    _write(canvas, text, (8 * unit, canvas.shape[0] - 9 * unit), unit)


def _write(canvas: Image, text: str, at: tuple[int, int], unit: int) -> None:
    """Light letters on a dark plate, kept inside the picture."""
    size = 0.55 * unit
    (across, up), down = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, unit)
    pad = 4 * unit
    x = min(max(at[0], pad), max(pad, canvas.shape[1] - across - pad))
    y = min(max(at[1], up + pad), canvas.shape[0] - down - pad)
    cv2.rectangle(canvas, (x - pad, y - up - pad), (x + across + pad, y + down + pad // 2), _PLATE, cv2.FILLED)
    cv2.putText(canvas, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, _TEXT, unit, cv2.LINE_AA)


def _local_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC%z")
