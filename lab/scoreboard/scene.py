"""One street in one night as the scoreboard plays it: what happens, what each camera sees, what each sensor sends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from math import dist

import numpy as np

from simulator.atmosphere import Atmosphere
from simulator.happenings import Happening, between
from simulator.lighting import LightType
from simulator.pinhole import Pinhole
from simulator.render import Frames, render_night
from simulator.schedule import SENSORS, WinterNight, winter
from simulator.sensors import Unit, frames
from simulator.street import Street
from smokesentry.clock import Stamp, from_wire
from smokesentry.weather import Weather

FRAME_SIZE = (640, 360)  # what the gateway's code makes of a 1280x720 camera before the detector sees it
FIRST_WINTER = 2026
_MAST_M = 0.5  # the sensors hang this far below the camera


class Scene(ABC):
    """A street and its cameras for some hours, by one kind of light. Seconds count from ``began``."""

    def __init__(self, street: Street, light: LightType, began: datetime) -> None:
        self.street, self.light, self.began = street, light, began

    @property
    @abstractmethod
    def happenings(self) -> tuple[Happening, ...]:
        """Everything that goes on."""

    @abstractmethod
    def weather(self, t_s: float) -> Weather:
        """The true weather."""

    @abstractmethod
    def frames(self, gateway: str, from_s: float, seconds: float, fps: float) -> Frames:
        """A window's frames of :data:`FRAME_SIZE`, grey, with all plumes in sight."""

    @abstractmethod
    def bytes_of(self, gateway: str, from_s: float, to_s: float) -> dict[str, tuple[str, list[bytes]]]:
        """What each sensor of a gateway sends, a frame a second: name to model and frames."""

    @property
    def gateways(self) -> list[str]:
        """Names of the gateways, one camera each."""
        return list(self.street.cameras)

    def camera(self, gateway: str) -> Pinhole:
        """The true camera at the size of the frames."""
        return replace(self.street.cameras[gateway], size=FRAME_SIZE)

    def stamp(self, t_s: float) -> Stamp:
        """A gateway's time stamp; its monotonic clock ran an hour before the scene began."""
        return Stamp((self.began + timedelta(seconds=t_s)).timestamp(), round((t_s + 3600) * 1e9))

    def seconds(self, wire_time: str) -> float:
        """The inverse of :meth:`stamp` for a time on the wire."""
        return (from_wire(wire_time) - self.began).total_seconds()

    def weather_word(self, from_s: float, to_s: float) -> str:
        """Clear, fog, rain or snow."""
        here = {event.kind for event in between(self.happenings, from_s, to_s)}
        return next((kind for kind in ("fog", "snow", "rain") if kind in here), "clear")

    def distance_m(self, gateway: str, event: Happening) -> float:
        """From a camera to where something happens; 0 for what has no place."""
        return 0.0 if event.place is None else dist(self.street.cameras[gateway].place, event.place)


class WinterScene(Scene):
    """A night of a street's winter, with everything in it."""

    def __init__(self, night: WinterNight, light: LightType) -> None:
        super().__init__(night.street, light, night.starts)
        self.night = night

    @property
    def happenings(self) -> tuple[Happening, ...]:
        """The night's."""
        return self.night.happenings

    def weather(self, t_s: float) -> Weather:
        """The night's, as it changes."""
        return self.night.weather.at(t_s).weather

    def frames(self, gateway: str, from_s: float, seconds: float, fps: float) -> Frames:
        """Through H.264."""
        return render_night(self.night, gateway, from_s, seconds, fps, FRAME_SIZE, self.light)

    def bytes_of(self, gateway: str, from_s: float, to_s: float) -> dict[str, tuple[str, list[bytes]]]:
        """With the faults that befall them."""
        east, north, up = self.street.cameras[gateway].place
        place = (east, north, up - _MAST_M)
        breath = self._air.breath(place, np.arange(from_s, to_s, 1.0))
        faults = [event for event in self.happenings if event.kind == "sensor_fault" and event.gateway == gateway]
        sent = {}
        for sensor, model in SENSORS:
            unit = Unit(model, place, np.random.default_rng([self.street.seed, *gateway.encode(), *sensor.encode()]))
            sent[sensor] = model, frames(unit, breath, [event for event in faults if event.sensor == sensor])
        return sent

    @cached_property
    def _air(self) -> Atmosphere:
        return Atmosphere(self.night.weather, self.happenings, self.street.seed)


@lru_cache(maxsize=4)
def scene_of(seed: int, evening: int, light: LightType) -> WinterScene:
    """The ``evening``-th night of the winter of a street."""
    return WinterScene(_winter(seed)[evening], light)


@lru_cache(maxsize=2)
def _winter(seed: int) -> list[WinterNight]:
    return winter(seed, first_year=FIRST_WINTER)
