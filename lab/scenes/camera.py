"""What a camera does to a night: pose, focus, exposure, infrared filter, mains flicker, noise, clock overlay,
compression."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

import cv2
import numpy as np

from lab.scenes.backgrounds import Still
from lab.scenes.effect import Effect
from lab.scenes.noise import Array, H, Rng, W, Wander, fractal, glow, log_uniform


def pose_change(rng: Rng, still: Still, length_s: float) -> Effect:
    """Shake in gusts, single knocks, slow drift and turn, thermal zoom of the lens."""
    way = str(rng.choice(["shake", "drift", "knock", "all"]))
    shaking = log_uniform(rng, 0.05, 2.5) if way in ("shake", "all") else 0.0
    gust = Wander(rng, 1, 0.7, rng.uniform(2, 20), length_s)
    drift = rng.normal(0, 0.06, 2) * rng.choice([0.3, 1, 2]) if way in ("drift", "all") else np.zeros(2)
    turn, zoom = rng.normal(0, 1e-4, 2) if way in ("drift", "all") else (0.0, 0.0)
    knocks = (
        [(rng.uniform(0, length_s), rng.normal(0, 2, 2)) for _ in range(int(rng.integers(1, 4)))]
        if way in ("knock", "all")
        else []
    )
    draw = np.random.default_rng(rng.integers(2**63))

    def apply(picture: Array, t_s: float) -> Array:
        x, y = draw.normal(0, shaking * max(gust(t_s), 0), 2) + drift * t_s
        for at, by in knocks:
            if t_s > at:
                x, y = x + by[0], y + by[1]
        a, s = turn * t_s, 1 + zoom * t_s
        c, n = s * np.cos(a), s * np.sin(a)
        move = np.array([[c, -n, x + W / 2 * (1 - c) + n * H / 2], [n, c, y - n * W / 2 + H / 2 * (1 - c)]])
        return cv2.warpAffine(picture, move, (W, H), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)

    return apply


def focus(rng: Rng, still: Still, length_s: float) -> Effect:
    """Focus that breathes or hunts."""
    depth = Wander(rng, rng.uniform(0, 1), rng.uniform(0.1, 1.2), log_uniform(rng, 1.5, 30), length_s)

    def apply(picture: Array, t_s: float) -> Array:
        soft = abs(depth(t_s))
        return cv2.GaussianBlur(picture, (0, 0), soft) if soft > 0.2 else picture

    return apply


def exposure(rng: Rng, still: Still, length_s: float) -> Effect:
    """Gain steps, slow ramps, and automatic exposure that reacts late and overshoots (pumping)."""
    way = str(rng.choice(["steps", "ramp", "pump", "auto"]))
    steps = [(rng.uniform(0, length_s), log_uniform(rng, 0.6, 1.7)) for _ in range(int(rng.integers(1, 5)))]
    ramp = rng.normal(0, 0.4)
    beat, depth = log_uniform(rng, 1.2, 25), log_uniform(rng, 0.01, 0.25)
    gamma = rng.choice([1.0, rng.uniform(0.6, 1.6)])
    state = [1.0, float(still.picture.mean())]
    quick = rng.uniform(0.1, 0.9)

    def apply(picture: Array, t_s: float) -> Array:
        gain = 1.0
        if way == "steps":
            for at, by in steps:
                gain *= by if t_s > at else 1.0
        elif way == "ramp":
            gain = float(np.exp(ramp * t_s / length_s))
        elif way == "pump":
            gain = 1 + depth * float(np.sin(2 * np.pi * t_s / beat))
        else:
            state[0] += quick * (state[1] / max(float(np.minimum(picture, 255).mean()), 1.0) - state[0])
            gain = float(np.clip(state[0], 0.4, 2.5))
        if gamma != 1.0 and gain != 1.0:
            return (255 * (np.clip(picture, 0, 255) / 255) ** np.float32(gamma ** np.sign(gain - 1))) * np.float32(gain)
        return picture * np.float32(gain)

    return apply


def infrared_filter(rng: Rng, still: Still, length_s: float) -> Effect:
    """The IR-cut filter moves: another picture of the same things, with own illumination, a black frame or two
    between."""
    times = np.sort(rng.uniform(3, length_s, int(rng.integers(1, 3))))
    light = rng.uniform(10, 110) * glow(W / 2, H / 2, rng.uniform(60, 200), 2.5)
    material = np.exp(rng.uniform(0.1, 0.5) * fractal(rng, H, W, 40, 5))
    mix, first = rng.uniform(0.1, 0.9), bool(rng.random() < 0.5)

    def apply(picture: Array, t_s: float) -> Array:
        at = np.searchsorted(times, t_s)
        if at > 0 and t_s - times[at - 1] < 0.6:
            return picture * np.float32(0.1)
        return mix * picture + light * material if (at % 2 == 0) == first else picture

    return apply


def mains_bands(rng: Rng, still: Still, length_s: float) -> Effect:
    """A rolling shutter under mains light: faint bands that crawl."""
    depth, wave, pace = log_uniform(rng, 0.005, 0.08), rng.uniform(20, 300), rng.normal(0, 1.5)
    rows = np.arange(H, dtype=np.float32)[:, None]

    def apply(picture: Array, t_s: float) -> Array:
        bands = 1 + np.float32(depth) * np.sin(2 * np.pi * (rows / np.float32(wave) + np.float32(pace * t_s)))
        banded: Array = picture * bands.astype(np.float32)
        return banded

    return apply


def sensor_noise(rng: Rng, still: Still, length_s: float) -> Effect:
    """Shot and read noise, often smoothed in space and time by the camera itself."""
    read, shot = log_uniform(rng, 0.15, 3.0), log_uniform(rng, 0.003, 0.2)
    pattern = rng.uniform(0, 1.2) * fractal(rng, H, W, 2, 2) if rng.random() < 0.3 else np.zeros((H, W), np.float32)
    soft = rng.uniform(0.4, 1.2) if rng.random() < 0.4 else 0.0
    keep = rng.uniform(0.3, 0.85) if rng.random() < 0.3 else 0.0
    threshold = read * rng.uniform(2, 8)
    draw = np.random.default_rng(rng.integers(2**63))
    # A few fields cut and flipped at random are as good as fresh ones, and far cheaper.
    store = draw.standard_normal((6, 2 * H, 2 * W), dtype=np.float32)
    last: list[Array] = []

    def apply(picture: Array, t_s: float) -> Array:
        y, x = draw.integers(0, H), draw.integers(0, W)
        field = store[draw.integers(6), y : y + H, x : x + W] * np.float32(draw.choice([-1, 1]))
        if soft:
            field = cv2.GaussianBlur(field, (0, 0), soft) * np.float32(1 + 2 * soft)
        out = picture + field * np.sqrt(np.float32(read**2) + np.float32(shot) * np.maximum(picture, 0)) + pattern
        if keep and last:
            still_here = np.abs(cv2.GaussianBlur(out - last[0], (0, 0), 1.5)) < threshold
            out = np.where(still_here, keep * last[0] + (1 - keep) * out, out)
        if keep:
            last[:] = [out]
        noisy: Array = out.astype(np.float32)
        return noisy

    return apply


def clock_overlay(rng: Rng, still: Still, length_s: float) -> Effect:
    """The camera's own clock, burnt into the picture."""
    place = (int(rng.integers(2, 180)), int(rng.choice([10, 14, H - 5])))
    scale, level = rng.uniform(0.25, 0.45), rng.uniform(150, 255)

    def apply(picture: Array, t_s: float) -> Array:
        text = f"2026-11-22 19:{int(t_s // 60) % 60:02d}:{int(t_s) % 60:02d}"
        return cv2.putText(picture.copy(), text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, float(level), 1, cv2.LINE_AA)

    return apply


Codec = Callable[[Iterable[Array]], Iterator[Array]]


def random_codec(rng: Rng, name: str | None = None) -> tuple[str, Codec]:
    """Nothing, JPEG a frame, blocks that are skipped and refreshed by group, or real H.264 (or the one that is
    named)."""
    name = name or str(rng.choice(["none", "jpeg", "blocks", "h264"], p=[0.2, 0.2, 0.25, 0.35]))
    if name == "none":
        return name, _eight_bits
    if name == "jpeg":
        quality = int(rng.integers(25, 95))
        return name, lambda frames: _jpeg(frames, quality)
    if name == "blocks":
        size, gop, step = int(rng.choice([2, 4, 6])), int(rng.integers(3, 50)), log_uniform(rng, 1.0, 8.0)
        return name, lambda frames: _blocks(frames, size, gop, step)
    options = {
        "crf": str(int(rng.integers(22, 40))),
        "preset": "ultrafast",
        "g": str(int(rng.integers(4, 60))),
    }
    enlarge = int(rng.choice([1, 1, 2]))
    return name, lambda frames: h264(frames, options, enlarge)


def _eight_bits(frames: Iterable[Array]) -> Iterator[Array]:
    for frame in frames:
        yield np.clip(np.rint(frame), 0, 255).astype(np.float32)


def _jpeg(frames: Iterable[Array], quality: int) -> Iterator[Array]:
    for frame in frames:
        _, data = cv2.imencode(".jpg", np.clip(frame, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
        decoded = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
        assert decoded is not None
        yield decoded.astype(np.float32)


def _blocks(frames: Iterable[Array], size: int, gop: int, step: float) -> Iterator[Array]:
    """Between refreshes a block moves only when it changed enough, and then by coarse steps."""
    shown = np.zeros((H, W), np.float32)
    for number, frame in enumerate(frames):
        picture = np.clip(frame, 0, 255)
        if number % gop == 0:
            coarse = cv2.resize(
                cv2.resize(picture, (W // size, H // size), interpolation=cv2.INTER_AREA),
                (W, H),
                interpolation=cv2.INTER_NEAREST,
            )
            detail = picture - coarse
            shown = coarse + np.sign(detail) * np.float32(step) * np.floor(np.abs(detail) / np.float32(step) + 0.35)
        else:
            change = cv2.resize(picture - shown, (W // size, H // size), interpolation=cv2.INTER_AREA)
            change = np.float32(step) * np.rint(change / np.float32(step) * 0.9)
            shown = shown + cv2.resize(change, (W, H), interpolation=cv2.INTER_NEAREST)
            far = np.abs(picture - shown) > 6 * step
            shown = np.where(far, picture, shown).astype(np.float32)
        yield np.clip(np.rint(shown), 0, 255).astype(np.float32)


def h264(frames: Iterable[Array], options: dict[str, str], enlarge: int) -> Iterator[Array]:
    """Through a real encoder and decoder in memory (PyAV with x264)."""
    import av

    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.framerate = W * enlarge, H * enlarge, "yuv420p", Fraction(2)
    encoder.options = options | {"tune": "zerolatency", "threads": "1"}
    encoder.time_base = Fraction(1, 2)
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1

    def shrink(decoded: av.VideoFrame) -> Array:
        grey = decoded.to_ndarray()[: H * enlarge, : W * enlarge]
        small: Array = cv2.resize(grey, (W, H), interpolation=cv2.INTER_AREA).astype(np.float32)
        return small

    grey_chroma = np.full((H * enlarge // 2, W * enlarge), 128, np.uint8)
    for number, frame in enumerate(frames):
        luma: Array = np.clip(frame, 0, 255).astype(np.uint8)
        if enlarge > 1:
            luma = cv2.resize(luma, (W * enlarge, H * enlarge), interpolation=cv2.INTER_CUBIC)
        video = av.VideoFrame.from_ndarray(np.vstack([luma, grey_chroma]), format="yuv420p")
        video.pts = number
        for packet in encoder.encode(video):
            for decoded in decoder.decode(packet):
                yield shrink(decoded)
    for packet in encoder.encode(None):
        for decoded in decoder.decode(packet):
            yield shrink(decoded)
    for decoded in decoder.decode(None):
        yield shrink(decoded)
