"""Headlights of a passing car: two lamps that sweep over ground and walls, on a coarse grid (their edges are soft)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.filters import Picture, grow
from simulator.light import shadowed
from simulator.raster import GROUND, View
from simulator.scenery import Face
from simulator.street import Street, turned

_EVERY = 2
_CANDELA, _BEAM, _ABOVE_CUT_OFF = 9000.0, 0.035, 0.12
_LEAST_CD_M2, _FAR_M = 0.002, 60.0
_RUN_UP_M = 45.0
_LAMP_CD_M2 = 60.0
_REACH_PX = 28
_SQUARED_PX = np.arange(-_REACH_PX, _REACH_PX + 1)[:, None] ** 2 + np.arange(-_REACH_PX, _REACH_PX + 1) ** 2
#: How one headlight spreads in the lens: a core, a glow, and nothing at the window's edge.
_GLARE = (np.exp(-_SQUARED_PX / 4) + 0.012 * np.exp(-_SQUARED_PX / 40) + 0.0015 * np.exp(-_SQUARED_PX / 150)).astype(
    np.float32
)


@dataclass(frozen=True, slots=True)
class Car:
    """A car that passes along one lane: at ``enters_s`` it is at one end of the street."""

    alley_m: float
    forward: bool
    enters_s: float
    speed_m_s: float


class Headlights:
    """Adds the cars of a night to one camera's luminance picture."""

    def __init__(self, street: Street, faces: list[Face], view: View) -> None:
        self._street, self._camera = street, view.camera
        self._depth = view.depth_m
        coarse = slice(_EVERY // 2, None, _EVERY)
        face = view.face[coarse, coarse]
        self._shape = face.shape
        self._place = view.place[coarse, coarse].reshape(-1, 3).T.copy()
        normals = np.array([*(face.normal for face in faces), (0, 0, 0), (0, 0, 1)], np.float32)  # ..., SKY, GROUND
        self._normal = normals[face].reshape(-1, 3).T.copy()
        self._albedo = np.where(face == GROUND, 0.16, 0.3).astype(np.float32).ravel()

    def add(self, picture: Picture, cars: tuple[Car, ...], t: float) -> bool:
        """Adds what the cars on the street at ``t`` light up, and their lamps where seen; says if there are any."""
        driven = False
        for car in cars:
            run = (t - car.enters_s) * car.speed_m_s
            if 0 < run < 2 * (self._street.half_length_m + _RUN_UP_M):
                self._add_car(picture, car, run - self._street.half_length_m - _RUN_UP_M)
                driven = True
        return driven

    def _add_car(self, picture: Picture, car: Car, along: float) -> None:
        way = 1.0 if car.forward else -1.0
        front = np.array([*turned(way * along, car.alley_m, self._street.turn_rad), 0.7], np.float32)
        ahead = np.array([*turned(way, 0.0, self._street.turn_rad), -0.03], np.float32)
        forward = ahead[0] * (self._place[0] - front[0]) + ahead[1] * (self._place[1] - front[1])
        near = np.nonzero((forward > 0) & (forward < _FAR_M))[0]
        to = self._place[:, near] - front[:, None]
        away = np.sqrt((to**2).sum(axis=0)).clip(1.5)
        beam = np.exp((ahead @ to / away - 1) / _BEAM)
        beam[to[2] > 0.6] *= _ABOVE_CUT_OFF
        facing = -(to * self._normal[:, near]).sum(axis=0) / away
        lit = self._albedo[near] * _CANDELA * beam * facing.clip(0) / (np.pi * away**2)
        bright = lit > _LEAST_CD_M2
        near, lit = near[bright], lit[bright]
        points = self._place[:, near] + 0.1 * self._normal[:, near]
        lit[shadowed(points, (float(front[0]), float(front[1]), 0.7), self._street.roofs)] = 0
        if lit.any():
            added = np.zeros(self._shape, np.float32)
            added.ravel()[near] = np.minimum(lit, 3.0)
            picture += grow(added, picture)[..., None]
        self._add_lamps(picture, front, ahead)

    def _add_lamps(self, picture: Picture, front: Picture, ahead: Picture) -> None:
        sideways = np.array([-ahead[1], ahead[0], 0]) * 0.65
        towards = np.array(self._camera.place) - front
        facing = float(ahead @ towards / np.linalg.norm(towards))
        if facing < 0.15:
            return
        pixels, away = self._camera.project(np.stack([front + sideways, front - sideways]))
        height, width = picture.shape[0] - _REACH_PX, picture.shape[1] - _REACH_PX
        for (x, y), far in zip(pixels, away, strict=True):
            if not (far > 3 and _REACH_PX <= x < width and _REACH_PX <= y < height):
                continue
            if self._depth[int(y), int(x)] < far - 1.5:
                continue
            rows = slice(int(y) - _REACH_PX, int(y) + _REACH_PX + 1)
            columns = slice(int(x) - _REACH_PX, int(x) + _REACH_PX + 1)
            picture[rows, columns] += (_LAMP_CD_M2 * facing**4 * _GLARE)[..., None]
