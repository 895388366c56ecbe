"""Where a town would put its gateways: two masts or tall roofs that look over a street from two sides."""

from __future__ import annotations

from collections.abc import Sequence
from math import atan2, cos, degrees, hypot, radians, sin

import numpy as np

from simulator.pinhole import Pinhole
from simulator.places import Roof, mouth_hidden

_GATEWAYS = ("gw-east", "gw-west")
_TRIES = 6000


def find_cameras(roofs: list[Roof], rng: np.random.Generator, others: Sequence[Roof] = ()) -> dict[str, Pinhole]:
    """Two places 40-110 m from every house, 60-120° apart, every mouth in the frame and, if it can be, unhidden.

    ``others`` are houses that may hide mouths and are not watched. Raises ``ValueError`` where no two places do.
    """
    standing, tries = [*roofs, *others], 0
    best: tuple[int, list[Pinhole]] | None = None
    while best is None or (best[0] > 0 and rng.random() > 0.004):
        tries += 1
        if tries > _TRIES and best is None:
            raise ValueError(
                "no two places 40-110 m away look over all of these houses at once; give fewer or closer ones"
            )
        first = float(rng.uniform(0, 360))
        bearings = first, first + float(rng.choice([-1, 1])) * float(rng.uniform(60, 120))
        cameras = [camera for bearing in bearings if (camera := _look(bearing, roofs, rng)) is not None]
        if len(cameras) < 2:
            continue
        hidden = sum(mouth_hidden(camera.place, roof, standing) for camera in cameras for roof in roofs)
        if best is None or hidden < best[0]:
            best = hidden, cameras
    cameras = sorted(best[1], key=lambda camera: -camera.place[0])
    return dict(zip(_GATEWAYS, cameras, strict=True))


def _look(bearing_deg: float, roofs: list[Roof], rng: np.random.Generator) -> Pinhole | None:
    away = float(rng.uniform(60, 85))
    place = away * sin(radians(bearing_deg)), away * cos(radians(bearing_deg)), float(rng.uniform(11, 16))
    distances = [hypot(roof.centre[0] - place[0], roof.centre[1] - place[1]) for roof in roofs]
    if min(distances) < 40 or max(distances) > 110:
        return None
    heading = (bearing_deg + 180 + float(rng.uniform(-2, 2))) % 360
    sides, rises = [], []
    for roof in roofs:
        east, north, up = (roof.chimney.mouth[axis] - place[axis] for axis in range(3))
        sides.append(abs((degrees(atan2(east, north)) - heading + 180) % 360 - 180))
        rises.append(degrees(atan2(up, hypot(east, north))))
    hfov = max(42.0, 2 * max(sides) + float(rng.uniform(6, 10)))
    tilt = (min(rises) + max(rises)) / 2 - float(rng.uniform(0, 2.5))
    if hfov > 70:
        return None
    return Pinhole(place, heading, tilt, float(rng.normal(0, 0.4)), hfov)
