"""Windows out of a night, rendered as fast as the machine can, each frame with its truth: for judging in bulk.

The still picture of a camera is made once and kept, and so is its noise; a frame then costs what moves in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from math import atan2, cos, hypot, sin
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.air import Stability
from simulator.camera import noise_fields
from simulator.codec import H264
from simulator.draughts import Regime
from simulator.eye import Eye, Shot, Sight
from simulator.happenings import Happening, between
from simulator.headlights import Car
from simulator.lighting import LightType
from simulator.night import Night, window_share
from simulator.nuisances import trouble_of
from simulator.outlets import Outlet, outlet_of
from simulator.scenery import faces_of
from simulator.schedule import WinterNight
from simulator.stage import Stage
from simulator.street import Street
from simulator.truth import PlumeTruth
from simulator.weather import NightWind, Wind
from smokesentry.weather import Weather

Size = tuple[int, int]
Frames = Iterator[tuple[float, NDArray[np.uint8], "list[SeenPlume]"]]
_EYES_KEPT = 6
#: Cameras whose still picture is at hand, oldest first; the street is kept so that its identity stays its own.
_EYES: dict[tuple[int, str, Size, LightType, float], tuple[Street, Eye]] = {}
_LINGERS_S = 60.0  # a plume may still be seen so long after its end
_MIXING: dict[Stability, float] = {"D": 1.1, "E": 0.7, "F": 0.35}


@dataclass(frozen=True, slots=True)
class SeenPlume(PlumeTruth):
    """One plume in one frame, with what its contrast-to-noise would be without fog, frost and their like."""

    clear_contrast_to_noise: float = 0.0


@dataclass(slots=True, eq=False)
class NightSight:
    """A scheduled night as a camera meets it; see :class:`simulator.eye.Sight`. ``t`` counts from the night's start."""

    street: Street
    t: float
    wind: Wind
    weather: Weather
    regime: Regime
    outlets: tuple[Outlet, ...]
    cars: tuple[Car, ...] = field(default=())

    def window_share(self, window: int, t: float) -> float:
        """How lit a switchable window is."""
        return window_share(self.street.seed, window, t % 3600)


def render_window(
    stage: Stage, camera: str, t0_s: float, seconds: float, fps: float = 2.0, size: Size = (640, 360)
) -> Frames:
    """Frames (h, w uint8, grey) of gateway ``camera``'s view of a stage from ``t0_s`` on, with all plumes in sight.

    ``size`` is width, height and has the camera's aspect ratio. ``stage.night`` says what burns, and is not moved on.
    """
    like = stage.night
    night = Night(like.street, like.weather, like.scene, like.burner, like.steamer)
    night.lit_at, night.t = like.lit_at, t0_s
    eye = _eye(stage.street, camera, size, "lamps", fps)
    eye.nuisances = []
    yield from _frames(eye, night, t0_s, seconds, fps, None)


def render_night(
    night: WinterNight, camera: str, t0_s: float, seconds: float, fps: float = 2.0, size: Size = (640, 360),
    light: LightType = "lamps", codec: bool = True,
) -> Frames:  # fmt: skip
    """The same of a scheduled night, with everything of it that a camera can see. ``codec``: through real H.264."""
    here = between(night.happenings, t0_s - _LINGERS_S, t0_s + seconds)
    mine = [event for event in here if event.gateway in (None, camera)]
    eye = _eye(night.street, camera, size, light, fps)
    eye.nuisances = [nuisance for event in mine if (nuisance := trouble_of(event, eye.still)) is not None]
    yield from _frames(eye, sight_of(night, mine, t0_s), t0_s, seconds, fps, H264(size, fps) if codec else None)


def sight_of(night: WinterNight, happenings: Sequence[Happening], t0_s: float) -> NightSight:
    """What the happenings of some minutes from ``t0_s`` on let out into the night's wind."""
    conditions = night.weather.at(t0_s)
    rng = np.random.default_rng([night.street.seed, 0xF1, int(t0_s // 3600)])
    loops = float(rng.uniform(0.2, 0.5)) if conditions.stability == "D" and rng.random() < 0.4 else 0.0
    outlets = (outlet_of(event, night.street, conditions.temp_c) for event in happenings)
    return NightSight(
        night.street,
        t0_s,
        NightWind(night.weather, night.street.seed),
        conditions.weather,
        Regime(_MIXING[conditions.stability], loops),
        tuple(outlet for outlet in outlets if outlet is not None),
        tuple(car_of(event, night.street) for event in happenings if event.kind == "vehicle"),
    )


def car_of(event: Happening, street: Street) -> Car:
    """A passing vehicle as :mod:`simulator.headlights` drives it: along the street, at a steady speed."""
    assert event.place is not None
    end = event.to_place or event.place
    turn = street.turn_rad
    start_along, start_across = _in_street(event.place, turn)
    forward = cos(atan2(end[1] - event.place[1], end[0] - event.place[0]) - turn) >= 0
    speed = max(hypot(end[0] - event.place[0], end[1] - event.place[1]) / (event.t1_s - event.t0_s), 1.0)
    run = (start_along if forward else -start_along) + street.half_length_m + 45.0
    return Car(start_across, forward, event.t0_s - run / speed, speed)


def _in_street(place: tuple[float, float, float], turn: float) -> tuple[float, float]:
    """Along and across the street."""
    return place[0] * cos(turn) + place[1] * sin(turn), place[1] * cos(turn) - place[0] * sin(turn)


def _frames(eye: Eye, night: Sight, t0_s: float, seconds: float, fps: float, codec: H264 | None) -> Frames:
    for number in range(int(seconds * fps)):
        night.t = t0_s + number / fps
        shot = eye.shoot(night)
        frame = shot.frame if codec is None else codec.through(shot.frame)
        yield night.t, frame[..., 0], seen_plumes(shot)


def seen_plumes(shot: Shot) -> list[SeenPlume]:
    """A shot's truth, each plume as it shows beside what it would be without nuisances."""
    found = []
    for seen, clear in zip(shot.plumes, shot.clear, strict=True):
        facts: dict[str, Any] = {one.name: getattr(seen, one.name) for one in fields(PlumeTruth)}
        found.append(SeenPlume(**facts, clear_contrast_to_noise=clear.contrast_to_noise))
    return found


def _eye(street: Street, gateway: str, size: Size, light: LightType, fps: float) -> Eye:
    """The still picture takes a second: one for all windows of a camera."""
    key = id(street), gateway, size, light, fps
    if key not in _EYES:
        while len(_EYES) >= _EYES_KEPT:
            del _EYES[next(iter(_EYES))]
        grain = noise_fields(size, np.random.default_rng([street.seed, 0x40]))
        _EYES[key] = street, Eye(gateway, street, faces_of(street), grain, (), size, light, colour=False, fps=fps)
    return _EYES[key][1]
