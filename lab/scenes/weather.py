"""Look-alikes made of weather and of what sits on the glass: fog, rain, snow, drops, frost, dirt."""

from __future__ import annotations

import cv2
import numpy as np

from lab.scenes.backgrounds import Still
from lab.scenes.effect import Effect
from lab.scenes.noise import Array, H, Rng, W, Wander, fractal, log_uniform


def fog(rng: Rng, still: Still, length_s: float) -> Effect:
    """Contrast goes and comes back; banks of it drift through, thicker low down or far off."""
    bank = fractal(rng, 512, 1024, rng.uniform(60, 260), 5, rng.uniform(0.35, 0.6))
    vx, vy = rng.normal(0, 5), rng.normal(0, 0.6)
    density = Wander(rng, rng.uniform(0.02, 0.6), rng.uniform(0.02, 0.3), rng.uniform(15, 120), length_s)
    uneven = rng.uniform(0, 0.8)
    ys, xs = np.mgrid[0:H, 0:W].astype(np.float32)
    low = 1 / (1 + np.exp(-(ys - rng.uniform(-50, 150)) / rng.uniform(10, 60)))
    veil = still.ambient * rng.uniform(0.8, 2.5) + rng.uniform(0, 15)
    lit = cv2.GaussianBlur(still.picture, (0, 0), 14) * np.float32(rng.uniform(0.2, 1.0))

    def apply(picture: Array, t_s: float) -> Array:
        shape = cv2.remap(
            bank, (xs + vx * t_s) % 1024, (ys + vy * t_s) % 512, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
        )
        alpha = np.clip(density(t_s) * low * (1 + uneven * shape), 0, 0.95).astype(np.float32)
        veiled: Array = picture + alpha * (np.float32(veil) + lit - picture)
        return veiled

    return apply


def beams(rng: Rng, still: Still, length_s: float) -> Effect:
    """Headlamps and torches that light thin fog or dust: cones in the air that sweep, wait and go out."""
    parts = []
    for _ in range(int(rng.integers(1, 4))):
        begin, takes = rng.uniform(-5, length_s), log_uniform(rng, 3, 60)
        start = np.array([rng.uniform(-20, W + 20), rng.uniform(50, H)])
        go = rng.normal(0, 1, 2) * [60, 15] * float(rng.random() < 0.7)
        aim, turn = rng.uniform(-0.4, 0.4) + np.pi * float(rng.random() < 0.5), rng.normal(0, 0.4)
        parts.append((begin, takes, start, go, aim, turn, log_uniform(rng, 0.05, 0.4), log_uniform(rng, 15, 150),
                      log_uniform(rng, 3, 60), log_uniform(rng, 0.3, 4)))  # fmt: skip
    bank = np.exp(rng.uniform(0.1, 0.8) * fractal(rng, 256, 512, rng.uniform(20, 120), 4))
    vx, vy = rng.normal(0, 5), rng.normal(0, 1)
    ys, xs = np.mgrid[0:H, 0:W].astype(np.float32)

    def apply(picture: Array, t_s: float) -> Array:
        for begin, takes, start, go, aim, turn, wide, reach, level, ramp in parts:
            part = (t_s - begin) / takes
            shown = min(max((t_s - begin) / ramp, 0.0), 1.0) * min(max((begin + takes - t_s) / ramp, 0.0), 1.0)
            if shown <= 0:
                continue
            x, y = start + go * part
            angle = aim + turn * part
            along = (xs - np.float32(x)) * np.float32(np.cos(angle)) + (ys - np.float32(y)) * np.float32(np.sin(angle))
            across = -(xs - np.float32(x)) * np.float32(np.sin(angle)) + (ys - np.float32(y)) * np.float32(
                np.cos(angle)
            )
            far = np.maximum(along, 0)
            width = 1.5 + np.float32(wide) * far
            cone = np.exp(-0.5 * (across / width) ** 2 - far / np.float32(reach)) * (along > 0) / np.sqrt(1 + far / 8)
            air = cv2.remap(
                bank, (xs + vx * t_s) % 512, (ys + vy * t_s) % 256, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
            )
            picture = picture + np.float32(level * shown) * cone * air
        return picture

    return apply


def rain(rng: Rng, still: Still, length_s: float) -> Effect:
    """Streaks, brighter near lamps and under infrared; now and then a gust or a shower."""
    per_frame = log_uniform(rng, 5, 260)
    slant, length = rng.normal(0, 2), rng.uniform(2, 16)
    bright = log_uniform(rng, 4, 60)
    shower = Wander(rng, 1, rng.uniform(0, 0.7), rng.uniform(4, 30), length_s)
    light = (
        0.3 + cv2.GaussianBlur(still.picture, (0, 0), 12) / 60 if rng.random() < 0.7 else np.ones((H, W), np.float32)
    )
    draw = np.random.default_rng(rng.integers(2**63))
    soft = rng.uniform(0.4, 1.2)

    def apply(picture: Array, t_s: float) -> Array:
        layer = np.zeros((H, W), np.float32)
        for x, y, b in draw.uniform([0, -10, 0.2], [W, H, 1], (draw.poisson(per_frame * max(shower(t_s), 0)), 3)):
            cv2.line(
                layer,
                (int(x * 8), int(y * 8)),
                (int((x + slant) * 8), int((y + length) * 8)),
                float(b * bright),
                1,
                cv2.LINE_AA,
                3,
            )
        return picture + cv2.GaussianBlur(layer, (0, 0), soft) * light

    return apply


def snow(rng: Rng, still: Still, length_s: float) -> Effect:
    """Flakes, small and far or large and soft before the lens, drifting with the wind."""
    count = int(log_uniform(rng, 15, 400))
    place = rng.uniform([0, 0], [W, H], (count, 2))
    size = rng.exponential(0.5, count) + 0.3
    fall, drift = rng.uniform(3, 30) * (0.5 + size), Wander(rng, rng.normal(0, 10), 6, 8, length_s)
    bright = log_uniform(rng, 10, 120)
    soft = rng.uniform(0.4, 1.6)
    draw = np.random.default_rng(rng.integers(2**63))
    wobble = draw.uniform(0, 6, count)

    def apply(picture: Array, t_s: float) -> Array:
        layer = np.zeros((H, W), np.float32)
        x = (place[:, 0] + drift(t_s) * t_s * (0.5 + size) + 4 * np.sin(t_s + wobble)) % W
        y = (place[:, 1] + fall * t_s) % H
        for px, py, s in zip(x, y, size, strict=True):
            cv2.circle(layer, (int(px * 8), int(py * 8)), int(s * 8), float(bright), -1, cv2.LINE_AA, 3)
        return picture + cv2.GaussianBlur(layer, (0, 0), soft)

    return apply


def drops(rng: Rng, still: Still, length_s: float) -> Effect:
    """Drops land on the glass, stay as blurred bright or dark spots that shrink as they dry, creep, run down, and show
    the scene upside down."""
    spots = []
    for _ in range(int(rng.integers(1, 14))):
        spots.append((rng.uniform(0, W), rng.uniform(0, H), log_uniform(rng, 2, 22), rng.uniform(-20,
        length_s), rng.uniform(-0.7, 0.9),
                      rng.uniform(0, 6) if rng.random() < 0.3 else 0.0, log_uniform(rng, 5, 150),
                      rng.uniform(0, 1) * float(rng.random() < 0.6), rng.normal(0, 0.15)))  # fmt: skip
    ys, xs = np.mgrid[0:H, 0:W].astype(np.float32)
    soft = float(rng.uniform(2, 8))
    upside = rng.random() < 0.4

    def apply(picture: Array, t_s: float) -> Array:
        blurred = cv2.GaussianBlur(picture[::-1] if upside else picture, (0, 0), soft)
        for x, y, size, at, lens, run, stays, dries, creep in spots:
            age = t_s - at
            if 0 < age < stays:
                now = size * (1 - dries * age / stays)
                mask = np.exp(-((((xs - x - creep * age) ** 2 + (ys - y - run * age) ** 2) / now**2) ** 2))
                picture = picture + mask * (blurred * np.float32(1 + 0.6 * lens) + np.float32(6 * lens) - picture)
        return picture

    return apply


def frost(rng: Rng, still: Still, length_s: float) -> Effect:
    """Frost or breath on the glass grows from an edge or a corner, blurs and brightens, and may thaw."""
    ys, xs = np.mgrid[0:H, 0:W].astype(np.float32)
    corner = rng.choice(["edge", "corner", "spots"])
    if corner == "edge":
        far = np.minimum.reduce([xs, W - xs, ys * 1.5, (H - ys) * 1.5])
    elif corner == "corner":
        far = np.hypot(xs - rng.choice([0, W]), ys - rng.choice([0, H]))
    else:
        far = 60 + 60 * fractal(rng, H, W, 80, 4)
    crystal = fractal(rng, H, W, 30, 6, 0.7)
    start, speed = rng.uniform(-60, length_s), rng.choice([-1, 1]) * log_uniform(rng, 0.1, 3)
    first = rng.uniform(0, 100) if speed < 0 else 0.0
    veil, soft = rng.uniform(5, 90), rng.uniform(2, 8)
    thick = rng.uniform(0.2, 0.9)

    def apply(picture: Array, t_s: float) -> Array:
        reach = first + speed * max(t_s - start, 0)
        alpha = np.float32(thick) / (1 + np.exp(np.clip((far - reach + 12 * crystal) / 6, -30, 30)))
        blurred = cv2.GaussianBlur(picture, (0, 0), soft) * np.float32(0.8) + np.float32(veil) * (1 + 0.15 * crystal)
        iced: Array = (picture + alpha * (blurred - picture)).astype(np.float32)
        return iced

    return apply


def dirt(rng: Rng, still: Still, length_s: float) -> Effect:
    """A smear that is simply there."""
    mask = np.clip(fractal(rng, H, W, 90, 4) - rng.uniform(0.5, 2), 0, 1) * rng.uniform(0.1, 0.6)
    level = rng.uniform(0, 90)

    def apply(picture: Array, t_s: float) -> Array:
        return (
            picture + mask * (cv2.GaussianBlur(picture, (0, 0), 3) * 0.7 + np.float32(level * 0.3) - picture)
        ).astype(np.float32)

    return apply
