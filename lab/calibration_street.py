"""A street for trying and showing the calibration page: footprints, a drawn still of them, and the camera's truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import radians
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.geodesy import Origin
from simulator.pinhole import Pinhole

ORIGIN = Origin(38.05, 114.5)
CAMERA = Pinhole(place=(0.0, 0.0, 17.0), heading_deg=62.0, tilt_deg=-9.0, roll_deg=1.2, hfov_deg=64.0)
_WALL, _ROOF, _DARK = (74, 88, 104), (58, 66, 92), (28, 30, 36)


@dataclass(frozen=True, slots=True)
class House:
    """A box: corners (4, 2) in metres, anticlockwise from south-west, and its height."""

    name: str
    corners: NDArray[np.float64]
    height_m: float


def houses() -> list[House]:
    """Three rows of houses in front of the camera, of two heights and a tall block."""
    found = []
    turn = radians(90 - CAMERA.heading_deg)
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    for row, away in enumerate((42.0, 72.0, 110.0)):
        for number, side in enumerate(np.arange(-54.0 - 12 * row, 55.0 + 12 * row, 19.0)):
            tall = 12.0 if (row, number) == (2, 3) else 4.2 + (row * 7 + number * 3) % 4
            middle = away * along + (side + 3 * row) * across
            half = 5.5 * along, 6.5 * across
            corners = [
                middle - half[0] - half[1],
                middle + half[0] - half[1],
                middle + half[0] + half[1],
                middle - half[0] + half[1],
            ]
            found.append(House(f"{'东中西'[row]}巷{number + 1}号", np.array(corners), tall))
    return found


def still(size: tuple[int, int] = (1280, 720)) -> NDArray[np.uint8]:
    """The street at dusk, far houses first."""
    width, height = size
    sky = np.linspace(70, 120, height)[:, None, None] * np.array([1.0, 0.86, 0.72])
    picture = np.broadcast_to(sky, (height, width, 3)).astype(np.uint8).copy()
    ground = CAMERA.project(
        np.array([[400 * np.sin(radians(a)), 400 * np.cos(radians(a)), 0.0] for a in range(20, 106, 4)])
    )[0]
    cv2.fillPoly(picture, [np.vstack([ground, [[width + 400, height], [-400, height]]]).astype(np.int32)], (52, 56, 60))
    for house in sorted(houses(), key=lambda one: -float(np.hypot(*one.corners.mean(axis=0)))):
        _draw(picture, house)
    rng = np.random.default_rng(1)
    noisy = cv2.GaussianBlur(picture, (0, 0), 0.8).astype(float) + rng.normal(0, 3, picture.shape)
    return np.asarray(np.clip(noisy, 0, 255).astype(np.uint8))


def _draw(picture: NDArray[np.uint8], house: House) -> None:
    floor = np.column_stack([house.corners, np.zeros(4)])
    roof = np.column_stack([house.corners, np.full(4, house.height_m)])
    low, high = CAMERA.project(floor)[0], CAMERA.project(roof)[0]
    walls = sorted(range(4), key=lambda k: -float(np.hypot(*house.corners[[k, (k + 1) % 4]].mean(axis=0))))
    for k in walls:
        other = (k + 1) % 4
        shade = 0.7 + 0.3 * (k % 2)
        colour = tuple(int(shade * value) for value in _WALL)
        cv2.fillPoly(picture, [np.array([low[k], low[other], high[other], high[k]]).astype(np.int32)], colour)
        for share in (0.3, 0.7):
            at = low[k] * (1 - share) + low[other] * share
            top = high[k] * (1 - share) + high[other] * share
            middle = (at * 0.45 + top * 0.55).astype(int)
            cv2.rectangle(
                picture,
                (middle - 3).tolist(),
                (middle + 3).tolist(),
                (110, 190, 235) if (k + len(house.name)) % 3 else _DARK,
                -1,
            )
    cv2.fillPoly(picture, [high.astype(np.int32)], _ROOF)
    cv2.polylines(picture, [high.astype(np.int32)], True, (90, 100, 126), 1, cv2.LINE_AA)


def footprints() -> str:
    """The same street as GeoJSON."""
    features = []
    for number, house in enumerate(houses()):
        ring = [list(ORIGIN.lon_lat(float(x), float(y))) for x, y in [*house.corners, house.corners[0]]]
        properties = {"rooftop": f"r{number}", "name": house.name, "height_m": house.height_m}
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def write(folder: Path) -> None:
    """``still.png``, ``town.geojson`` and ``site.toml`` (the pose as an installer guessed it)."""
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / "still.png"), still())
    (folder / "town.geojson").write_text(footprints(), encoding="utf-8")
    lon, lat = ORIGIN.lon_lat(1.5, -2.0)
    (folder / "site.toml").write_text(
        f'camera = "cam-1"\n[pose]\nplace = {{ lat = {lat}, lon = {lon} }}\nheight_m = 16.0\nheading_deg = 55.0\n'
        "tilt_deg = -5.0\nhfov_deg = 66.0\nframe_size = [1280, 720]\npose_version = 3\n",
        encoding="utf-8",
    )
