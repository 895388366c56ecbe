"""A short moving picture that every browser plays: animated WebP, scaled down until it is small. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge.frames import Image, decode_image
from edge.previews import write_caption
from edge.ring import Kept
from smokesentry.clock import from_unix

MAX_BYTES = 500_000
_WIDTHS = (480, 320)
_QUALITIES = (60, 30)
_SHOWN_MS = 200  # five frames a second: smoke that drifts is seen to drift
_MOST_FRAMES = 60


def moving_preview(frames: Sequence[Kept]) -> bytes:
    """WebP bytes of at most half a megabyte; each frame bears its local time."""
    step = -(-len(frames) // _MOST_FRAMES)
    chosen = frames[::step]
    for width in _WIDTHS:
        images = [_small(frame, width) for frame in chosen]
        for quality in _QUALITIES:
            # A frame of its own is about the largest share that one can have: no encoding of all that is in vain.
            if _still_bytes(images[0], quality) * len(images) <= MAX_BYTES:
                data = _encode(images, quality)
                if len(data) <= MAX_BYTES:
                    return data
    return _encode(images[:: -(-len(images) // 15)], _QUALITIES[-1])


def _still_bytes(image: Image, quality: int) -> int:
    return len(cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, quality])[1])


def _small(frame: Kept, width: int) -> Image:
    image = decode_image(frame.jpeg)
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
