"""By what a camera sees at night: street lamps, a dark street under a glowing sky, the moon, its own infrared lamp."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, radians, sin
from typing import Literal

import numpy as np

from simulator.pinhole import Pinhole
from simulator.street import Lamp, Street

LightType = Literal["lamps", "dark", "moon", "infrared"]
_WHITE = (1.0, 1.0, 1.0)
_MOON_M = 3000.0  # far enough for parallel light
#: What near-infrared a lamp gives beside its visible light: white LEDs hardly any, sodium a good deal.
_LED_INFRARED, _SODIUM_INFRARED = 0.05, 0.6


@dataclass(frozen=True, slots=True)
class Lighting:
    """The lamps that count, the sky's luminance (cd/m²), and what else lights. ``own``: the camera's illuminator.

    In infrared, luminance stands for the sensor's response to 850 nm, and pictures are grey.
    """

    kind: LightType
    lamps: tuple[Lamp, ...]
    sky: float
    moon: Lamp | None = None
    own: Lamp | None = None

    @property
    def all_lamps(self) -> tuple[Lamp, ...]:
        """Everything that throws light into a plume."""
        return self.lamps + tuple(lamp for lamp in (self.moon, self.own) if lamp is not None)


def lighting_of(kind: LightType, street: Street, camera: Pinhole) -> Lighting:
    """The light of a street's night for one camera. Same street, same light."""
    rng = np.random.default_rng([street.seed, 0x116])
    sky = float(np.random.default_rng([street.seed, 0x51]).uniform(0.018, 0.05))
    if kind == "lamps":
        return Lighting(kind, street.lamps, sky)
    lit = tuple(lamp for lamp in street.lamps if rng.random() < 0.12)  # the town switches off late at night
    if kind == "dark":
        return Lighting(kind, lit, 0.6 * sky)
    if kind == "moon":
        rise, bearing = radians(float(rng.uniform(20, 60))), radians(float(rng.uniform(0, 360)))
        lux = float(rng.uniform(0.06, 0.22))  # half to full moon over haze
        place = (
            _MOON_M * cos(rise) * sin(bearing), _MOON_M * cos(rise) * cos(bearing), _MOON_M * sin(rise),
        )  # fmt: skip
        return Lighting(kind, lit, 0.6 * sky + 0.08 * lux, moon=Lamp(place, lux * _MOON_M**2, 1.0, _WHITE))
    watts = float(rng.uniform(900, 3200))  # "candela" of the illuminator as the sensor responds
    lamps = tuple(
        replace(
            lamp, candela=lamp.candela * (_LED_INFRARED if lamp.colour[2] > 0.8 else _SODIUM_INFRARED), colour=_WHITE
        )
        for lamp in street.lamps
    )
    east, north, up = camera.place
    return Lighting(kind, lamps, 0.35 * sky, own=Lamp((east, north, up - 0.06), watts, 1.0, _WHITE))
