"""A short moving picture that every browser plays: animated WebP, scaled down until it is small. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge.clips import Box
from edge.frames import Image, decode_image
from edge.previews import write_caption
from edge.ring import Kept
from smokesentry.clock import from_unix

MAX_BYTES = 500_000
_WIDTHS = (480, 320)
_QUALITIES = (60, 30)
_SHOWN_MS = 200  # five frames a second: smoke that drifts is seen to drift
_MOST_FRAMES = 60
_LEAST_SHARE = 0.35  # of the frame: enough to know the place again


def moving_preview(frames: Sequence[Kept], box: Box | None = None) -> bytes:
    """WebP bytes of at most half a megabyte; each frame bears its local time. ``box``: where the plume shows, in pixels
    of the frames; the preview shows it and what is around it, for in the whole frame it would be a few pixels."""
    step = -(-len(frames) // _MOST_FRAMES)
    chosen = frames[::step]
    for width in _WIDTHS:
        images = [_small(frame, width, box) for frame in chosen]
        for quality in _QUALITIES:
            # A frame of its own is about the largest share that one can have: no encoding of all that is in vain.
            if _still_bytes(images[0], quality) * len(images) <= MAX_BYTES:
                data = _encode(images, quality)
                if len(data) <= MAX_BYTES:
                    return data
    return _encode(images[:: -(-len(images) // 15)], _QUALITIES[-1])


def _still_bytes(image: Image, quality: int) -> int:
    return len(cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, quality])[1])


def view_of(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the part of a frame (width, height) that shows a box with as much again around it: at least
    ``_LEAST_SHARE`` of the frame, of the frame's own shape, inside it."""
    width, height = size
    share = 2.0 * max((box[2] - box[0]) / width, (box[3] - box[1]) / height)
    share = min(max(share, _LEAST_SHARE), 1.0)
    wide, high = round(share * width), round(share * height)
    x0 = min(max(round((box[0] + box[2] - wide) / 2), 0), width - wide)
    y0 = min(max(round((box[1] + box[3] - high) / 2), 0), height - high)
    return x0, y0, x0 + wide, y0 + high


def _small(frame: Kept, width: int, box: Box | None) -> Image:
    image = decode_image(frame.jpeg)
    if box is not None:
        x0, y0, x1, y1 = view_of(box, frame.size)
        image = np.ascontiguousarray(image[y0:y1, x0:x1])
    if image.shape[1] > width:
        height = round(image.shape[0] * width / image.shape[1])
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    local = from_unix(frame.stamp.unix_s).astimezone()
    write_caption(image, local.strftime("%H:%M:%S"))
    return image


def _encode(images: list[Image], quality: int) -> bytes:
    animation = cv2.Animation()
    animation.frames = images
    animation.durations = [_SHOWN_MS] * len(images)
    done, data = cv2.imencodeanimation(".webp", animation, [cv2.IMWRITE_WEBP_QUALITY, quality])
    if not done:
        raise ValueError("OpenCV cannot encode an animated WebP")
    return bytes(data)
