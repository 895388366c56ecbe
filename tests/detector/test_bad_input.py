"""What broken cameras, cables and programs send: counted, never a crash, never a confident detection."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.frames import BadFrame, admit
from detector.pipeline import Detector

Make = Callable[[int, np.ndarray, np.random.Generator], "np.ndarray | None"]


def _noisy(still: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(still + rng.normal(0, 1.5, still.shape), 0, 255).astype(np.uint8)


def _torn(k: int, still: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """A JPEG cut off or overwritten somewhere, as the decoder gives it: grey areas, smears, or nothing."""
    raw = bytearray(cv2.imencode(".jpg", _noisy(still, rng))[1].tobytes())
    if k % 3 == 0:
        del raw[int(rng.integers(20, len(raw))) :]
    elif k % 3 == 1:
        at = int(rng.integers(400, len(raw)))
        raw[at : at + 20] = rng.integers(0, 256, 20, dtype=np.uint8).tobytes()
    return cv2.imdecode(np.frombuffer(bytes(raw), np.uint8), cv2.IMREAD_COLOR)


def _one_pixel(k: int, still: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    frame = np.full((180, 320), 40, np.uint8)
    frame[int(rng.integers(180)), int(rng.integers(320))] = 255
    return frame


def _shaken(k: int, still: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.roll(_noisy(still, rng), rng.integers(-6, 7, 2), (0, 1))


def _sizes(k: int, still: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    width, height = [(320, 180), (640, 480), (1280, 720), (101, 97), (3840, 2160)][k // 10 % 5]
    return cv2.resize(_noisy(still, rng), (width, height))


def _channels(k: int, still: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blue and red change places every ten seconds, in front of a warm lamp's light."""
    grey = _noisy(still, rng)
    frame = np.dstack([grey // 2, grey, np.minimum(grey.astype(np.int32) * 3 // 2, 255).astype(np.uint8)])
    return frame if k // 20 % 2 else frame[:, :, ::-1]


SCENES: dict[str, Make] = {
    "torn pictures": _torn,
    "one pixel of noise": _one_pixel,
    "endless shake": _shaken,
    "changing sizes, 4K too": _sizes,
    "channels in the wrong order": _channels,
    "black": lambda k, still, rng: np.zeros((180, 320), np.uint8),
    "white": lambda k, still, rng: np.full((180, 320), 255, np.uint8),
    "noise": lambda k, still, rng: rng.integers(0, 256, (180, 320), dtype=np.uint8),
    "black and white by turns": lambda k, still, rng: np.full((180, 320), 255 * (k % 2), np.uint8),
    "every frame twice": lambda k, still, rng: _noisy(still, np.random.default_rng(k // 2)),
    "missing": lambda k, still, rng: _noisy(still, rng) if k % 5 == 0 else None,
}


@pytest.mark.parametrize("name", SCENES)
def test_nothing_broken_becomes_a_confident_detection(name: str, still: np.ndarray, rng: np.random.Generator) -> None:
    detector = Detector()
    for k in range(90):
        frame = SCENES[name](k, still, rng)
        result = detector.push(frame, 0.5 * k)  # type: ignore[arg-type]
        for event in (*result.events, *result.open_events):
            assert event.confidence < 0.75, (k, event)
    counts = detector.counts
    assert counts["frames"] == 90
    assert counts["bad_frames"] == sum(n for cause, n in counts.items() if cause.startswith("bad: "))


def test_time_that_jumps_is_counted_and_harmless(still: np.ndarray, rng: np.random.Generator) -> None:
    detector = Detector()
    times = [*np.arange(0, 20, 0.5), *np.arange(5, 15, 0.5), *np.arange(4000, 4020, 0.5), -1e12, 1e12, 3.0, 3.0, 3.5]
    for t_s in times:
        assert not detector.push(_noisy(still, rng), float(t_s)).open_events
    assert detector.counts["time_went_back"] >= 3
    assert detector.counts["gaps"] >= 1
    assert detector.counts["skipped_frames"] >= 1


@given(
    st.sampled_from([np.uint8, np.uint16, np.float32, np.bool_]),
    st.lists(st.integers(0, 130), min_size=0, max_size=4),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_array_is_admitted_or_refused_with_a_reason(dtype: type, shape: list[int]) -> None:
    try:
        grey, scale = admit(np.zeros(shape, dtype))
    except BadFrame as reason:
        assert str(reason)
    else:
        assert grey.shape == (180, 320)
        assert dtype is np.uint8
        assert scale.x > 0 < scale.y


@pytest.mark.parametrize("size", [(3840, 2160), (1920, 1080), (1280, 720), (641, 361), (320, 240), (64, 64)])
def test_shrinking_keeps_the_mean_and_every_place(size: tuple[int, int]) -> None:
    x = np.linspace(20, 220, size[0], dtype=np.float32)
    frame = np.tile(x, (size[1], 1)).astype(np.uint8)
    colour, _ = admit(np.repeat(frame[:, :, None], 3, axis=2))
    grey, _ = admit(frame)
    assert np.abs(colour - grey).max() <= 2
    expected = np.interp((np.arange(320) + 0.5) * size[0] / 320 - 0.5, np.arange(size[0]), x)
    assert np.abs(grey[90, 8:-8] - expected[8:-8]).max() < 4
