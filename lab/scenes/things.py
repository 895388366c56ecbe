"""Look-alikes made of things: people, cars, their exhaust, flags, trees, insects, webs, birds."""

from __future__ import annotations

import cv2
import numpy as np

from lab.scenes.backgrounds import Still
from lab.scenes.effect import Effect
from lab.scenes.noise import Array, H, Rng, W, Wander, fractal, log_uniform


def walkers(rng: Rng, still: Still, length_s: float) -> Effect:
    """People who walk through, stop, turn and wait."""
    people = []
    for _ in range(int(rng.integers(1, 5))):
        size = rng.uniform(3, 16)
        path_x, path_y = (
            Wander(rng, rng.uniform(0, W), rng.uniform(3, 90), rng.uniform(5, 25), length_s),
            rng.uniform(70, H - 4),
        )
        people.append((size, path_x, path_y, rng.uniform(3, 150), rng.uniform(0.3, 1), rng.uniform(1, 3)))

    def apply(picture: Array, t_s: float) -> Array:
        for size, path_x, y, level, solid, pace in people:
            x = path_x(t_s)
            body = np.zeros((H, W), np.float32)
            sway = 0.3 * size * float(np.sin(pace * 3 * t_s))
            cv2.ellipse(
                body,
                (round(x * 8), round(y * 8)),
                (round(size * 2.4), round(size * 8)),
                0,
                0,
                360,
                1.0,
                -1,
                cv2.LINE_AA,
                3,
            )
            cv2.line(body, (round(x), round(y)), (round(x + sway), round(y + 1.4 * size)), 1.0, max(1, round(size / 4)))
            picture = picture + body * np.float32(solid) * (np.float32(level) - picture)
        return picture

    return apply


def traffic(rng: Rng, still: Still, length_s: float) -> Effect:
    """Cars pass with a body that hides and an exhaust cloud that moves along and trails."""
    cars = []
    for _ in range(int(rng.integers(1, 5))):
        way = rng.choice([-1.0, 1.0])
        cars.append((way, rng.uniform(90, H - 8), rng.uniform(-10, length_s), log_uniform(rng, 3, 60),
        rng.uniform(6, 30),
                     rng.uniform(5, 120), rng.uniform(0, 0.5), rng.uniform(20, 150), rng.random() < 0.3))  # fmt: skip
    ys, xs = np.mgrid[0:H, 0:W].astype(np.float32)

    def apply(picture: Array, t_s: float) -> Array:
        for way, y, begin, speed, size, level, cloud, shade, stops in cars:
            age = t_s - begin
            if age < 0:
                continue
            gone = speed * min(age, 6) + (0 if stops and age < 20 else speed * max(age - 6, 0))
            x = (-size if way > 0 else W + size) + way * gone
            if not -60 < x < W + 60:
                continue
            box = (int(x - size / 2), int(y - size / 4), int(x + size / 2), int(y + size / 4))
            cv2.rectangle(picture, box[:2], box[2:], float(level), -1)
            tail = way * (x - xs) - size / 2
            width = 2 + 0.2 * np.maximum(tail, 0)
            alpha = (
                cloud * (tail > 0) * np.exp(-tail / 12 - 0.5 * ((ys - y - size / 5) / width) ** 2) * rng.uniform(0.5, 1)
            )
            picture = (picture + alpha.astype(np.float32) * (np.float32(shade) - picture)).astype(np.float32)
        return picture

    return apply


def swaying(rng: Rng, still: Still, length_s: float) -> Effect:
    """Trees, bushes, flags, laundry, cables, tarpaulins: patches whose texture is pushed about by gusts."""
    patches = []
    for _ in range(int(rng.integers(1, 5))):
        w, h = int(rng.integers(6, 90)), int(rng.integers(6, 80))
        x0, y0 = int(rng.integers(0, W - w)), int(rng.integers(0, H - h))
        leaf = log_uniform(rng, 3, 90) * np.exp(rng.uniform(0.1, 0.7) * fractal(rng, h, w, rng.uniform(3, 14), 4, 0.8))
        yy, xx = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j].astype(np.float32)
        mask = np.clip((1.1 - np.sqrt(xx**2 + yy**2) + 0.3 * fractal(rng, h, w, 8, 4)) * 4, 0, 1)
        if rng.random() < 0.4:
            mask = np.ones_like(mask)
        field = [fractal(rng, h, w, rng.uniform(8, 40), 2) for _ in range(2)]
        gust = Wander(rng, 1, rng.uniform(0.2, 1.0), rng.uniform(2, 12), length_s)
        periods = (log_uniform(rng, 0.6, 6), log_uniform(rng, 0.6, 6))
        own = still.picture[y0 : y0 + h, x0 : x0 + w].copy() if rng.random() < 0.4 else leaf.astype(np.float32)
        patches.append((x0, y0, w, h, own, mask.astype(np.float32), field, gust, log_uniform(rng, 0.3, 5), periods))
    grid = {}

    def apply(picture: Array, t_s: float) -> Array:
        for k, (x0, y0, w, h, leaf, mask, field, gust, reach, periods) in enumerate(patches):
            if k not in grid:
                yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
                grid[k] = (yy, xx)
            yy, xx = grid[k]
            a = np.float32(reach * gust(t_s))
            s1, s2 = np.sin(2 * np.pi * t_s / periods[0] + field[0]), np.sin(2 * np.pi * t_s / periods[1] + field[1])
            moved = cv2.remap(leaf, xx + a * s1.astype(np.float32), yy + 0.5 * a *
            s2.astype(np.float32), cv2.INTER_LINEAR,
                              borderMode=cv2.BORDER_REFLECT)  # fmt: skip
            m = cv2.remap(mask, xx + a * s1.astype(np.float32), yy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            part = picture[y0 : y0 + h, x0 : x0 + w]
            part += m * (moved - part)
        return picture

    return apply


def insects(rng: Rng, still: Still, length_s: float) -> Effect:
    """Bright blurred streaks, near the lens large and soft; some circle round a lamp for minutes, some crawl."""
    home = [(rng.uniform(0, W), rng.uniform(0, H), rng.uniform(5, 200)) for _ in range(int(rng.integers(1, 4)))]
    if still.lamps and rng.random() < 0.6:
        x, y, reach = still.lamps[int(rng.integers(len(still.lamps)))]
        home.append((x, y, max(reach, 4)))
    each, crawl = rng.uniform(0.3, 6), rng.random() < 0.2
    bright, soft = log_uniform(rng, 15, 180), log_uniform(rng, 0.5, 4)
    draw = np.random.default_rng(rng.integers(2**63))
    path = (Wander(rng, W / 2, 60, 20, length_s), Wander(rng, H / 2, 40, 20, length_s))

    def apply(picture: Array, t_s: float) -> Array:
        layer = np.zeros((H, W), np.float32)
        for _ in range(int(draw.poisson(each))):
            x, y, reach = home[int(draw.integers(len(home)))]
            p = np.array([x, y]) + draw.normal(0, reach, 2)
            q = p + draw.normal(0, 3 + 2 * soft, 2)
            cv2.line(
                layer,
                tuple(int(v * 8) for v in p),
                tuple(int(v * 8) for v in q),
                float(bright * draw.uniform(0.3, 1)),
                1,
                cv2.LINE_AA,
                3,
            )
        if crawl:
            cv2.circle(layer, (round(path[0](t_s)), round(path[1](t_s))), max(1, round(soft)), float(bright), -1)
        swarm: Array = picture + cv2.GaussianBlur(layer, (0, 0), soft) * np.float32(soft**0.5)
        return swarm

    return apply


def web(rng: Rng, still: Still, length_s: float) -> Effect:
    """A spider's web or a thread before the lens: large, soft, bright strokes that sway."""
    layer: Array = np.zeros((H, W), np.float32)
    for _ in range(int(rng.integers(1, 8))):
        p, q = rng.uniform([0, 0], [W, H]), rng.uniform([0, 0], [W, H])
        cv2.line(
            layer,
            tuple(int(v) for v in p),
            tuple(int(v) for v in q),
            float(rng.uniform(20, 120)),
            int(rng.integers(1, 6)),
        )
    layer = cv2.GaussianBlur(layer, (0, 0), log_uniform(rng, 1, 10))
    sway_x, sway_y = (Wander(rng, 0, log_uniform(rng, 0.3, 10), log_uniform(rng, 0.5, 8), length_s) for _ in range(2))
    light = Wander(rng, 1, rng.uniform(0, 0.4), 3, length_s)

    def apply(picture: Array, t_s: float) -> Array:
        move = np.array([[1, 0, sway_x(t_s)], [0, 1, sway_y(t_s)]], np.float32)
        moved = cv2.warpAffine(layer, move, (W, H), borderMode=cv2.BORDER_REPLICATE)
        webbed: Array = picture + np.float32(max(light(t_s), 0)) * moved
        return webbed

    return apply


def shimmer(rng: Rng, still: Still, length_s: float) -> Effect:
    """Warm air over roofs and vents bends the light a little, without hiding any."""
    x, y = still.mouths[int(rng.integers(len(still.mouths)))]
    w, h = log_uniform(rng, 4, 40), log_uniform(rng, 6, 60)
    ys, xs = np.mgrid[0:H, 0:W].astype(np.float32)
    mask = np.exp(-0.5 * ((xs - x) / w) ** 2) / (1 + np.exp((ys - y) / 2)) * np.exp(-np.maximum(y - ys, 0) / h)
    reach = (mask * rng.uniform(0.2, 1.2)).astype(np.float32)
    field = fractal(rng, 512, 512, 10, 3)

    def apply(picture: Array, t_s: float) -> Array:
        a = cv2.remap(field, xs % 512, (ys + 9 * t_s) % 512, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        b = cv2.remap(field, (xs + 200) % 512, (ys + 11 * t_s) % 512, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        return cv2.remap(picture, xs + reach * a, ys + reach * b, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    return apply
