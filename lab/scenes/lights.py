"""Look-alikes made of light: windows, lamps, televisions, headlights, signs, sky glow, fireworks."""

from __future__ import annotations

import cv2
import numpy as np

from lab.scenes.backgrounds import Still
from lab.scenes.effect import Effect
from lab.scenes.noise import Array, H, Rng, W, Wander, fractal, glow, log_uniform


def _window(rng: Rng, still: Still) -> tuple[int, int, int, int]:
    if still.windows and rng.random() < 0.8:
        return still.windows[int(rng.integers(len(still.windows)))]
    x, y = int(rng.integers(0, W - 28)), int(rng.integers(0, H - 24))
    return x, y, x + int(rng.integers(2, 28)), y + int(rng.integers(2, 24))


def _surfaces(still: Still) -> Array:
    """How strongly each place answers to more light, about 1 on the whole."""
    answer: Array = np.minimum(still.picture / (still.picture.mean() + 5), 4)
    return answer


def switching_windows(rng: Rng, still: Still, length_s: float) -> Effect:
    """Windows go on and off for good or for a while, some with curtains that fade, some lighting the wall below."""
    changes = []
    for _ in range(int(rng.integers(1, 12))):
        x0, y0, x1, y1 = _window(rng, still)
        inside = np.full((y1 - y0, x1 - x0), rng.uniform(20, 220), np.float32)
        if rng.random() < 0.5:
            inside *= 1 + 0.3 * fractal(rng, y1 - y0, x1 - x0, 4, 3)
        halo = glow((x0 + x1) / 2, y1, rng.uniform(3, 25), 2.5) * rng.uniform(0, 50) if rng.random() < 0.5 else None
        times = np.sort(rng.uniform(0, length_s, int(rng.integers(1, 4))))
        changes.append(((x0, y0, x1, y1), inside, halo, times, rng.random() < 0.5, log_uniform(rng, 0.01, 3.0)))

    def apply(picture: Array, t_s: float) -> Array:
        for (x0, y0, x1, y1), inside, halo, times, on, ramp in changes:
            level = float(on)
            for k, at in enumerate(times):
                step = float(np.clip((t_s - at) / ramp, 0, 1))
                level += step * (1 if (k % 2 == 0) != on else -1)
            level = min(max(level, 0.0), 1.0)
            part = picture[y0:y1, x0:x1]
            part += level * (inside[: part.shape[0], : part.shape[1]] - part)
            if halo is not None:
                picture += halo * np.float32(level)
        return picture

    return apply


def flickering_lights(rng: Rng, still: Still, length_s: float) -> Effect:
    """Televisions behind curtains, failing lamps, candles, screens: light that moves at a fixed place."""
    parts = []
    for _ in range(int(rng.integers(1, 5))):
        x0, y0, x1, y1 = _window(rng, still)
        wander = Wander(rng, 0.5, 0.5, log_uniform(rng, 0.3, 6), length_s)
        spill = glow((x0 + x1) / 2, (y0 + y1) / 2, rng.uniform(2, 14), rng.uniform(2, 4)) * rng.uniform(0, 40)
        parts.append(((x0, y0, x1, y1), rng.uniform(15, 150), spill, wander))

    def apply(picture: Array, t_s: float) -> Array:
        for (x0, y0, x1, y1), peak, spill, wander in parts:
            level = max(wander(t_s), 0.0)
            picture[y0:y1, x0:x1] += np.float32(level * peak)
            picture += spill * np.float32(level)
        return picture

    return apply


def lamp_changes(rng: Rng, still: Still, length_s: float) -> Effect:
    """Street lamps: a step, a slow warm-up of sodium light, a beacon or neon that blinks."""
    parts = []
    for _ in range(int(rng.integers(1, 4))):
        if still.lamps and rng.random() < 0.7:
            x, y, reach = still.lamps[int(rng.integers(len(still.lamps)))]
        else:
            x, y, reach = rng.uniform(0, W), rng.uniform(0, H), rng.uniform(2, 40)
        halo = glow(x, y, reach * rng.uniform(0.7, 1.3), rng.uniform(1.8, 3.5)) * log_uniform(rng, 5, 120)
        if rng.random() < 0.5:
            halo = halo * _surfaces(still)
        way = str(rng.choice(["step", "warm", "blink", "breathe", "motion"]))
        parts.append(
            (halo, way, rng.uniform(0, length_s), log_uniform(rng, 0.7, 8), log_uniform(rng, 5, 90), rng.random() < 0.5)
        )

    def apply(picture: Array, t_s: float) -> Array:
        for halo, way, at, beat, slow, up in parts:
            if way == "step":
                level = float((t_s > at) == up)
            elif way == "warm":
                level = float(np.clip((t_s - at) / slow, 0, 1))
            elif way == "blink":
                level = float((t_s / beat) % 1 < 0.4)
            elif way == "motion":
                level = float(at < t_s < at + slow / 3)
            else:
                level = 0.5 + 0.5 * float(np.sin(2 * np.pi * t_s / beat))
            picture += halo * np.float32(level)
        return picture

    return apply


def headlights(rng: Rng, still: Still, length_s: float) -> Effect:
    """Cars: two bright dots with halos along a line, and a beam that sweeps over walls and roofs."""
    cars = []
    for _ in range(int(rng.integers(1, 8))):
        start = np.array([rng.choice([-20.0, W + 20.0]), rng.uniform(60, H)])
        end = np.array([W - start[0], np.clip(start[1] + rng.normal(0, 50), 30, H)])
        begin, takes = rng.uniform(-5, length_s), log_uniform(rng, 2, 25)
        cars.append(
            (start, end, begin, takes, rng.uniform(60, 300), rng.uniform(1, 9), rng.uniform(0, 70), rng.uniform(10, 90))
        )
    wall = np.exp(0.6 * fractal(rng, H, W, 60, 4))
    hard, slope, thick = rng.random() < 0.4, rng.uniform(-0.5, 0.5), rng.uniform(4, 40)
    if rng.random() < 0.7:  # light on things shows the things: their own edges, their own shadows
        wall = wall * _surfaces(still)

    def apply(picture: Array, t_s: float) -> Array:
        for start, end, begin, takes, peak, size, beam, reach in cars:
            part = (t_s - begin) / takes
            if not -0.2 < part < 1.2:
                continue
            x, y = (float(v) for v in start + (end - start) * part)
            picture += peak * glow(x, y, size, 3.0) + 0.6 * peak * glow(x + 2 * size, y, size, 3.0)
            ahead = x + np.sign(end[0] - start[0]) * reach
            if hard:
                band = np.zeros((H, W), np.float32)
                tilt = slope * reach
                corners = [
                    (ahead - reach, y - thick),
                    (ahead + reach, y - thick - tilt),
                    (ahead + reach, y - tilt),
                    (ahead - reach, y),
                ]
                cv2.fillConvexPoly(band, np.array(corners, np.int32), 1.0, cv2.LINE_AA)
                picture += wall * cv2.GaussianBlur(band, (0, 0), 1.0) * np.float32(beam)
            else:
                picture += wall * glow(ahead, y - 0.5 * reach, reach, 4.0) * np.float32(beam)
        return picture

    return apply


def sky_glow(rng: Rng, still: Still, length_s: float) -> Effect:
    """Low clouds lit from below drift through the sky, behind the roofs or over everything."""
    cloud = np.exp(0.7 * fractal(rng, 512, 1024, rng.uniform(30, 180), 6, rng.uniform(0.4, 0.65)))
    vx, vy = rng.normal(0, 4), rng.normal(0, 0.8)
    level = log_uniform(rng, 2, 35)
    rows = np.arange(H, dtype=np.float32)[:, None]
    sky = 1 / (1 + np.exp((rows - still.horizon * rng.uniform(0.6, 1.6)) / rng.uniform(1, 20)))
    if rng.random() < 0.4:
        sky = sky * (still.picture < np.percentile(still.picture, 50))
    sky = np.broadcast_to(sky, (H, W)).astype(np.float32)
    ys, xs = np.mgrid[0:H, 0:W].astype(np.float32)
    boil = cloud[::-1, ::-1].copy()

    def apply(picture: Array, t_s: float) -> Array:
        a = cv2.remap(
            cloud, (xs + vx * t_s) % 1024, (ys + vy * t_s) % 512, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
        )
        b = cv2.remap(
            boil, (xs + 0.6 * vx * t_s) % 1024, (ys - vy * t_s) % 512, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
        )
        out: Array = picture + level * sky * (a * b - 0.6)
        return out

    return apply


def fireworks(rng: Rng, still: Still, length_s: float) -> Effect:
    """Bursts that expand within a second or two, light everything, and leave a thin haze."""
    bursts = [
        (rng.uniform(0, length_s), rng.uniform(0, W), rng.uniform(0, 90), rng.uniform(5, 40))
        for _ in range(int(rng.integers(1, 12)))
    ]

    def apply(picture: Array, t_s: float) -> Array:
        for at, x, y, size in bursts:
            age = t_s - at
            if 0 <= age < 3:
                ring = glow(x, y + 3 * age * age, size * (0.2 + min(age, 1.5) / 1.5), 6.0)
                picture = picture * np.float32(1 + 0.3 * np.exp(-2 * age)) + ring * np.float32(200 * np.exp(-1.8 * age))
        return picture

    return apply


def reflections(rng: Rng, still: Still, length_s: float) -> Effect:
    """Wet ground or water that mirrors lamps and shimmers."""
    top = int(rng.integers(H // 2, H - 15))
    shimmer = fractal(rng, 256, 512, 14, 4, 0.6)
    level, pace = rng.uniform(3, 30), rng.uniform(1, 9)
    ys, xs = np.mgrid[top:H, 0:W].astype(np.float32)
    columns = np.clip(still.picture[:top].max(0) / 200, 0, 1)[None, :] * np.exp(-(ys - top) / 40)

    def apply(picture: Array, t_s: float) -> Array:
        moving = cv2.remap(
            shimmer, (xs + pace * t_s) % 512, (ys * 3 + 5 * t_s) % 256, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
        )
        picture[top:] += np.float32(level) * columns * (1 + moving)
        return picture

    return apply
