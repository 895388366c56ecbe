"""A whole scene from a seed: street, weather, cameras, who burns, who steams, sensors. Shells and tests start here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.camera import noise_fields
from simulator.eye import Eye
from simulator.night import Night, Scene, choose_burner, choose_steamer
from simulator.scenery import faces_of
from simulator.sensors import Air, Unit
from simulator.street import Street, build_street
from simulator.weather import draw_weather

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


def set_stage(scene: Scene, seed: int) -> Stage:
    """Builds everything; takes some seconds for the still pictures. Same scene and seed, same stage."""
    street = build_street(seed)
    faces = faces_of(street)
    fields = noise_fields(next(iter(street.cameras.values())).size, np.random.default_rng([seed, 0x40]))
    eyes = {gateway: Eye(gateway, street, faces, fields) for gateway in street.cameras}
    steamer = choose_steamer(street)
    seen = {roof.rooftop: min(eye.expected_contrast(roof) for eye in eyes.values()) for roof in street.roofs}
    burner = choose_burner(street, steamer, seen) if scene == "burn" else None
    night = Night(street, draw_weather(seed), scene, burner, None if scene == "quiet" else steamer)
    units = {}
    for gateway, camera in street.cameras.items():
        for sensor, model in SENSORS:
            rng = np.random.default_rng([seed, *gateway.encode(), *sensor.encode()])
            units[gateway, sensor] = Unit(model, (camera.place[0], camera.place[1], camera.place[2] - 0.5), rng)
    return Stage(street, night, eyes, Air(night), units)
