from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.frames import UnreadableFrame, decode_image, encode_jpeg, frame_from_bytes, frame_from_image, jpeg_size
from smokesentry.clock import Stamp

STAMP = Stamp(1_795_000_000.0, 0)
JpegOf = Callable[..., bytes]


def test_a_jpeg_is_kept_as_it_came_and_seen_small_and_grey(jpeg_of: JpegOf) -> None:
    raw = jpeg_of(1280, 720)
    frame = frame_from_bytes(raw, [], STAMP, 0.0)
    assert frame.jpeg() is raw
    assert frame.size == (1280, 720)
    assert frame.view.shape == (360, 640)
    assert frame.scale == (2.0, 2.0)


@settings(max_examples=30, deadline=None)
@given(width=st.integers(64, 2600), height=st.integers(64, 700), grey=st.booleans())
def test_sizes_and_scales_agree_whatever_the_frame(jpeg_of: JpegOf, width: int, height: int, grey: bool) -> None:
    raw = jpeg_of(width, height, grey=grey, quality=30)
    assert jpeg_size(raw) == (width, height)
    frame = frame_from_bytes(raw, [], STAMP, 0.0)
    masked = frame_from_bytes(raw, [[(0, 0), (5, 0), (5, 5)]], STAMP, 0.0)
    assert frame.size == masked.size == (width, height)
    assert frame.view.shape == masked.view.shape
    assert frame.view.ndim == 2
    assert frame.view.shape[1] * frame.scale[0] == pytest.approx(width)
    assert decode_image(frame.jpeg()).shape[:2] == (height, width)


def test_reduced_decoding_sees_what_averaging_sees(jpeg_of: JpegOf) -> None:
    raw = encode_jpeg(cv2.GaussianBlur(decode_image(jpeg_of(1280, 720)), (0, 0), 9), 95)
    reduced = frame_from_bytes(raw, [], STAMP, 0.0).view.astype(float)
    averaged = frame_from_image(decode_image(raw), [], STAMP, 0.0).view.astype(float)
    assert abs(reduced - averaged).max() <= 3


def test_what_lies_behind_a_mask_is_in_no_form_of_the_frame() -> None:
    image = np.full((720, 1280, 3), 80, np.uint8)
    image[200:300, 400:500] = 255  # the secret
    polygon = [(390.0, 190.0), (510.0, 190.0), (510.0, 310.0), (390.0, 310.0)]
    for raw in (encode_jpeg(image, 95), bytes(cv2.imencode(".png", image)[1])):
        frame = frame_from_bytes(raw, [polygon], STAMP, 0.0)
        assert frame.view.max() < 120
        assert decode_image(frame.jpeg()).max() < 130
        assert frame.jpeg() != raw
    frame = frame_from_image(image, [polygon], STAMP, 0.0)
    assert frame.view.max() < 120
    assert decode_image(frame.jpeg()).max() < 130


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda raw: b"", "empty"),
        (lambda raw: raw[: len(raw) // 2], "torn JPEG"),
        (lambda raw: b"<html>not found</html>", "not a picture"),
        (lambda raw: b"\xff\xd8\xff\xe0 and then nothing", "JPEG without a size"),
        (lambda raw: b"\xff\xd8\xff" + b"\0" * 5000, "JPEG without a size"),
    ],
)
def test_unreadable_bytes_say_why(jpeg_of: JpegOf, spoil: Callable[[bytes], bytes], reason: str) -> None:
    with pytest.raises(UnreadableFrame, match=reason):
        frame_from_bytes(spoil(jpeg_of()), [], STAMP, 0.0)


def test_frames_too_small_to_judge_are_refused(jpeg_of: JpegOf) -> None:
    with pytest.raises(UnreadableFrame, match="smaller than 64"):
        frame_from_bytes(jpeg_of(640, 40), [], STAMP, 0.0)


@settings(max_examples=150, deadline=None)
@given(head=st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM"]), rest=st.binary(max_size=300))
def test_no_bytes_raise_anything_else(head: bytes, rest: bytes) -> None:
    try:
        frame_from_bytes(head + rest, [], STAMP, 0.0)
    except UnreadableFrame as error:
        assert str(error)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_jpeg_is_refused_or_read_but_never_raises_anything_else(jpeg_of: JpegOf, data: st.DataObject) -> None:
    raw = bytearray(jpeg_of(160, 96))
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        frame = frame_from_bytes(bytes(raw), [], STAMP, 0.0)
    except UnreadableFrame:
        return
    assert frame.view.dtype == np.uint8
