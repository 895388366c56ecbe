"""A camera whose pose is known, and points of a town in its picture; projected by OpenCV, not by what is tested."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import cos, radians, sin, tan

import cv2
import numpy as np
import pytest

from cloud_ingest.geotag.calibration.marks import Mark
from cloud_ingest.geotag.town import Frame

SIZE = (1280, 720)
LAT, LON = 38.05, 114.5


@dataclass
class Street:
    """The truth: a camera at the origin of a frame around (LAT, LON)."""

    heading: float = 77.0
    tilt: float = -8.0
    roll: float = 1.5
    hfov: float = 66.0
    height: float = 17.0
    distortion: tuple[float, float] = (-0.05, 0.0)
    frame: Frame = field(default_factory=lambda: Frame(LAT, LON))

    def pixels(self, points: np.ndarray) -> np.ndarray:
        h, t, r = radians(self.heading), radians(self.tilt), radians(self.roll)
        north = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
        turn = np.array([[cos(h), 0, -sin(h)], [0, 1, 0], [sin(h), 0, cos(h)]])
        lean = np.array([[1, 0, 0], [0, cos(t), sin(t)], [0, -sin(t), cos(t)]])
        roll = np.array([[cos(r), sin(r), 0], [-sin(r), cos(r), 0], [0, 0, 1]])
        rotation = roll @ lean @ turn @ north
        focal = SIZE[0] / 2 / tan(radians(self.hfov) / 2)
        matrix = np.array([[focal, 0, SIZE[0] / 2], [0, focal, SIZE[1] / 2], [0, 0, 1]])
        shift = -rotation @ np.array([0, 0, self.height])
        bend = np.array([*self.distortion, 0, 0])
        return cv2.projectPoints(points, cv2.Rodrigues(rotation)[0], shift, matrix, bend)[0].reshape(-1, 2)

    def marks(self, count: int, seed: int = 1, *, click_px: float = 1.0, map_m: float = 0.3) -> list[Mark]:
        """Roof corners and feet of walls all over the picture, with the errors of a careful person."""
        rng = np.random.default_rng(seed)
        found: list[Mark] = []
        while len(found) < count:
            off = (len(found) % 4 - 1.5) / 4 * self.hfov * 0.9 + float(rng.uniform(-4, 4))
            azimuth, away = radians(self.heading + off), float(rng.uniform(45, 220))
            up = float(rng.uniform(3, 12)) if len(found) % 3 else 0.0
            point = np.array([[away * sin(azimuth), away * cos(azimuth), up]])
            x, y = self.pixels(point)[0] + rng.normal(0, click_px, 2)
            if not (5 < x < SIZE[0] - 5 and 5 < y < SIZE[1] - 5):
                continue
            east, north, up = point[0] + rng.normal(0, map_m, 3)
            lat, lon = self.frame.to_lat_lon(east, north)
            name = f"house {len(found) + 1}"
            found.append(Mark(name, float(x), float(y), lat, lon, up, max(click_px, 0.3), map_m, map_m))
        return found


@pytest.fixture
def street() -> Street:
    return Street()
