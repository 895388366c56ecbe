"""What a simulated frame costs in processor time, which neighbours on the machine inflate less than time on the wall.

python -m simulator.cost
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable

import cv2
import numpy as np

from simulator.camera import noise_fields
from simulator.eye import Eye
from simulator.happenings import Happening
from simulator.night import Night
from simulator.render import render_night
from simulator.scenery import faces_of
from simulator.schedule import WinterNight, winter
from simulator.sources import BOILER_FLUE_M
from simulator.weather import draw_weather

_SEED, _FRAMES = 5, 20
_GREY = (640, 360)


def main() -> int:
    """Prints milliseconds a frame: live in colour, and windows of a night in grey, quiet and with smoke and steam."""
    cv2.setNumThreads(1)
    night = winter(_SEED)[30]
    street = night.street
    roof, end = street.roofs[0], street.terminals[0]
    stove = Happening("stove", 0, 2400, 0.4, roof.rooftop, roof.chimney.mouth, None, roof.chimney.flue_m, "raw_coal")
    boiler = Happening("boiler", 500, 900, 20.0, end.rooftop, end.mouth, None, BOILER_FLUE_M, "gas")
    print("milliseconds of processor time a frame; live 2 frames a second, windows 1, as the judge plays them")
    print(f"live, 1280x720 colour, smoke and steam: {_live(night):.1f}")
    for name, events in (("quiet", ()), ("smoke", (stove,)), ("smoke and steam", (stove, boiler))):
        for codec in (False, True):
            scene = WinterNight(street, night.households, night.evening, None, night.weather, night.sky, tuple(events))
            frames = render_night(scene, "gw-east", 600, _FRAMES + 1, 1.0, _GREY, codec=codec)
            print(f"window, 640x360 grey, {name}{', H.264' if codec else ''}: {_cost(frames):.1f}")
    return 0


def _live(night: WinterNight) -> float:
    street = night.street
    fields = noise_fields((1280, 720), np.random.default_rng([_SEED, 0x40]))
    eye = Eye("gw-east", street, faces_of(street), fields)
    moving = Night(street, draw_weather(_SEED), "burn", street.roofs[0], street.terminals[0])
    moving.light_stove()

    def frames() -> Iterable[object]:
        for number in range(_FRAMES + 1):
            moving.advance(60 + number / 2)
            yield eye.shoot(moving)

    return _cost(frames())


def _cost(frames: Iterable[object]) -> float:
    """Median of the frames' processor time; the first pays for the still picture and the run-up."""
    taken, before = [], time.process_time()
    for _ in frames:
        now = time.process_time()
        taken.append(now - before)
        before = now
    return 1000 * float(np.median(taken[1:]))


if __name__ == "__main__":
    sys.exit(main())
