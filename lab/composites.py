"""Nights over real pictures: stills read in place from the shared data folder, and smoke filmed on black as a third
plume engine.

Nothing here is trained on: most of these rows have no clear licence, and they judge better for being strange.
"""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np

from lab.scenes.backgrounds import Still
from lab.scenes.noise import Array, H, Rng, W
from lab.scenes.shapes import Shape

_MATTE_STEP_S = 0.4  # between the kept frames of the filmed smoke


def night_pictures(data: Path) -> list[Path]:
    """Real night and infrared pictures without smoke, in a fixed order; empty when the data folder is not there."""
    index = data / "smoke" / "index.csv"
    if not index.exists():
        return []
    with index.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    wanted = [row for row in rows if row["class"] in ("clear", "steam_or_confuser") and row["light"] in ("night", "IR")]
    return [data / "smoke" / row["file"] for row in sorted(wanted, key=lambda row: row["file"])]


def real_still(path: Path, rng: Rng) -> Still:
    """A picture as a still night: lamps at its brightest spots, mouths where something dark stands before
    something lighter
    or the other way round."""
    picture = cv2.resize(_grey(path), (W, H), interpolation=cv2.INTER_AREA).astype(np.float32)
    if picture.mean() > 60:  # most are exposed for people; a roof camera's night is darker
        picture *= np.float32(rng.uniform(30, 70) / picture.mean())
    still = Still(picture, "real:" + path.stem, horizon=60.0, ambient=float(np.percentile(picture, 30)) + 10)
    soft = cv2.GaussianBlur(picture, (0, 0), 2)
    peaks = np.argwhere((soft >= cv2.dilate(soft, np.ones((15, 15), np.uint8))) & (soft > 120))
    still.lamps = [(float(x), float(y), 10.0) for y, x in peaks[:6]]
    edges = np.abs(cv2.Sobel(soft, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(soft, cv2.CV_32F, 0, 1))
    inner = edges[20 : H - 12, 6 : W - 6]
    places = np.argwhere(inner > np.percentile(inner, 80))
    picks = places[rng.integers(0, len(places), 8)]
    still.mouths = [(float(x + 6), float(y + 20)) for y, x in picks]
    return still


def _grey(path: Path) -> Array:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise ValueError(f"{path}: cannot be read as a picture")
    return picture


class Matte:
    """Filmed smoke laid along a plume's direction and cut to a cone, for the film shows a bank of smoke that fills its
    left side; its luminance is its opacity."""

    def __init__(self, data: Path, rng: Rng, shape: Shape) -> None:
        files = sorted((data / "smoke" / "synthetic_extra" / "raw_mattes" / "smoke_matte_black").glob("*.jpg"))
        self.frames = [cv2.resize(_grey(file), (192, 108)).astype(np.float32) / 255 for file in files[8:]]
        self.shape = shape
        self.flip = bool(rng.random() < 0.5)
        self.start = float(rng.uniform(0, 10))
        ys, xs = np.mgrid[:108, :192].astype(np.float32)
        half = rng.uniform(3, 9) + rng.uniform(0.10, 0.25) * xs
        self.cone: Array = np.clip((1.25 - np.abs(ys - 54) / half) / 0.5, 0, 1) * np.exp(-xs / 80)

    def __call__(self, t_s: float) -> Array:
        """Opacity (H, W) at a time; the film runs to and fro."""
        count = len(self.frames)
        place = (t_s + self.start) / _MATTE_STEP_S
        cycle = place % (2 * count - 2)
        at = cycle if cycle < count - 1 else 2 * count - 2 - cycle
        low = int(at)
        film = self.frames[low] * np.float32(1 - (at - low)) + self.frames[min(low + 1, count - 1)] * np.float32(
            at - low
        )
        if self.flip:
            film = film[::-1]
        film = film * self.cone
        s = self.shape
        scale = max(2.2 * s.length, 8) / 192
        c, n = scale * np.cos(s.angle), scale * np.sin(s.angle)
        # The film's left middle is the mouth; its right is downstream.
        move = np.array([[c, n, s.x - n * 54], [-n, c, s.y - c * 54]], np.float32)
        laid = cv2.warpAffine(film, move, (W, H), flags=cv2.INTER_AREA)
        opacity: Array = np.clip(laid * np.float32(1.2 * s.opacity), 0, 0.95)
        return opacity
