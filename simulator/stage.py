"""A whole scene from a seed: street, weather, cameras, who burns, who steams, sensors. Shells and tests start here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulator.camera import noise_fields
from simulator.eye import Eye
from simulator.night import Night, Scene, choose_burner, choose_steamer, stove_mouth
from simulator.outlets import steady_smoke
from simulator.scenery import faces_of
from simulator.sensors import Air, Unit
from simulator.street import Street, build_street, mouth_hidden
from simulator.weather import Wind, draw_weather
from smokesentry.weather import Weather

_REHEARSED_OPACITY = 0.25

CAMERA = "cam-1"
SENSORS = (("pm-1", "PMS5003T"), ("pm-2", "SDS011"))


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """``units`` are keyed by (gateway, sensor)."""

    street: Street
    night: Night
    eyes: dict[str, Eye]
    air: Air
    units: dict[tuple[str, str], Unit]


def set_stage(scene: Scene, seed: int, nuisances: Sequence[str] = (), street: Street | None = None) -> Stage:
    """Builds everything; takes some seconds for the still pictures. Same scene, seed and street, same stage.

    ``street`` is the seed's own unless one is given. ``nuisances`` are names out of ``simulator.nuisances.NUISANCES``;
    every camera suffers all of them.
    """
    street, weather = street or build_street(seed), draw_weather(seed)
    faces = faces_of(street)
    fields = noise_fields(next(iter(street.cameras.values())).size, np.random.default_rng([seed, 0x40]))
    eyes = {gateway: Eye(gateway, street, faces, fields, nuisances) for gateway in street.cameras}
    steamer = choose_steamer(street)
    burner = choose_burner(street, steamer, rehearse(street, weather, eyes)) if scene == "burn" else None
    night = Night(street, weather, scene, burner, None if scene == "quiet" else steamer)
    units = {}
    for gateway, camera in street.cameras.items():
        for sensor, model in SENSORS:
            rng = np.random.default_rng([seed, *gateway.encode(), *sensor.encode()])
            units[gateway, sensor] = Unit(model, (camera.place[0], camera.place[1], camera.place[2] - 0.5), rng)
    return Stage(street, night, eyes, Air(night), units)


def rehearse(street: Street, weather: Weather, eyes: dict[str, Eye]) -> dict[str, float]:
    """Contrast-to-noise near the mouth, in the worse camera, that each roof's smoke would have in tonight's wind.

    0 where another house hides the mouth from a camera.
    """
    wind = Wind(weather, street.seed)
    seen = {}
    for roof in street.roofs:
        if any(mouth_hidden(camera.place, roof, street.roofs) for camera in street.cameras.values()):
            seen[roof.rooftop] = 0.0
            continue
        smoke = steady_smoke(stove_mouth(roof), _REHEARSED_OPACITY)
        seen[roof.rooftop] = min(eye.rehearse(smoke, wind, _REHEARSED_OPACITY) for eye in eyes.values())
    return seen
