"""What stands about a street beside its houses: lamps, far lights, the town behind."""

from __future__ import annotations

from math import cos, radians, sin

import numpy as np

from simulator.places import Block, Colour, Lamp, turned

_LED: Colour = (0.95, 1.0, 0.95)
_SODIUM: Colour = (1.25, 0.95, 0.5)


def draw_lamps(
    alleys: tuple[float, ...], half_length: float, turn: float, rng: np.random.Generator
) -> tuple[Lamp, ...]:
    """Street lamps along the lanes, some of them dead, and a few over yard doors; ``alleys`` as in :class:`Street`."""
    lamps = []
    for alley in alleys:
        colour = _LED if rng.random() < 0.6 else _SODIUM
        along = -half_length + float(rng.uniform(0, 8))
        while along < half_length + 6:
            if rng.random() > 0.12:  # a dead lamp here and there
                east, north = turned(along, alley + float(rng.uniform(-1, 1)), turn)
                candela = float(rng.uniform(380, 750))
                lamps.append(
                    Lamp((east, north, float(rng.uniform(5.5, 7.0))), candela, float(rng.uniform(0.03, 0.12)), colour)
                )
            along += float(rng.uniform(15, 21))
    for _ in range(int(rng.integers(2, 5))):  # lamps over yard doors
        east, north = turned(float(rng.uniform(-half_length, half_length)), float(rng.choice(alleys)) + 3.5, turn)
        lamps.append(Lamp((east, north, 2.8), float(rng.uniform(40, 120)), 0.5, _SODIUM))
    return tuple(lamps)


def draw_far_lights(rng: np.random.Generator) -> tuple[Lamp, ...]:
    """Lamps of the town around, 130-700 m away."""
    lights = []
    for _ in range(90):
        away, angle = float(rng.uniform(130, 700)), float(rng.uniform(0, 6.28))
        place = away * sin(angle), away * cos(angle), float(rng.uniform(5, 8))
        lights.append(Lamp(place, float(rng.uniform(80, 400)), 0.3, _LED if rng.random() < 0.5 else _SODIUM))
    return tuple(lights)


def draw_blocks(rng: np.random.Generator) -> tuple[Block, ...]:
    """The next rows of the town and, farther off, blocks of flats."""
    blocks = []
    for _ in range(34):  # the next rows of the town, outside the cameras' task
        away, angle = float(rng.uniform(125, 260)), float(rng.uniform(0, 6.28))
        size = float(rng.uniform(9, 14)), float(rng.uniform(7, 9))
        place = away * sin(angle), away * cos(angle)
        blocks.append(Block(place, *size, float(rng.normal(0, 0.1)), float(rng.choice([3.6, 3.8, 6.2]))))
    for bearing in np.arange(0, 360, 14):
        if rng.random() < 0.75:
            away, angle = float(rng.uniform(190, 420)), radians(float(bearing + rng.uniform(-5, 5)))
            size = float(rng.uniform(28, 60)), float(rng.uniform(12, 16))
            height = float(rng.choice([9, 12, 18, 18, 33]))
            blocks.append(Block((away * sin(angle), away * cos(angle)), *size, float(rng.uniform(0, 3.14)), height))
    return tuple(blocks)
