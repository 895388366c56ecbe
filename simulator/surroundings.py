"""What a night holds beside households and weather: stalls, fires in the open, fireworks, traffic, vents, stacks."""

from __future__ import annotations

from datetime import date
from math import cos, hypot, pi, sin

import numpy as np

from simulator.happenings import Fuel, Happening, Kind, Point
from simulator.households import draw_seed
from simulator.season import NIGHT_S, Holiday, seconds_at
from simulator.street import Street, turned

_HOUR = 3600.0
#: Fireworks of a holiday's night: sessions in the town; from, to, likeliest local hour (beyond 24: next day).
_FIREWORKS: dict[Holiday, tuple[float, float, float, float]] = {
    "little_year": (6, 18.0, 22.0, 19.5), "new_years_eve": (60, 18.0, 26.5, 24.2), "new_year": (22, 18.0, 24.0, 20.0),
    "fifth_day": (30, 29.0, 32.0, 30.5), "lantern": (38, 18.0, 23.0, 20.0),
}  # fmt: skip
#: Evenings on which paper is burnt at crossings: mean number of fires around the street.
_PAPER: dict[Holiday, float] = {"cold_clothes": 5.0, "little_year": 1.0, "new_years_eve": 4.0, "lantern": 2.0}


def town_events(
    street: Street, evening: date, day: Holiday | None, temp_c: float, wet: bool, rng: np.random.Generator
) -> list[Happening]:
    """Everything of one night that people do out of doors or that the town does by itself.

    ``wet``: rain or snow falls, which keeps stalls and fires in. ``temp_c``: the evening's.
    """
    found = _standing(street) + _traffic(street, day, rng)
    if not wet:
        found += _stalls(street, rng) + _fires(street, evening, rng)
        if day in _PAPER:
            found += _papers(street, _PAPER[day], rng)
    if day in _FIREWORKS:
        sessions, *hours = _FIREWORKS[day]
        found += _shooting(sessions * float(np.exp(rng.normal(0, 0.3))), hours, rng)
    elif rng.random() < 0.02:  # a wedding's or an opening's
        found += _shooting(9.0, [17.5, 18.2, 17.8], rng)
    return found


def far_place(street: Street, least_m: float, most_m: float, up_m: float, rng: np.random.Generator) -> Point:
    """A place outside the watched rows, in sight of some camera: behind the street as that camera looks."""
    cameras = list(street.cameras.values())
    camera = cameras[int(rng.integers(len(cameras)))]
    away, off = float(rng.uniform(least_m, most_m)), float(rng.uniform(-0.35, 0.35))
    length = hypot(camera.place[0], camera.place[1])
    east, north = -camera.place[0] / length, -camera.place[1] / length
    return (away * (east * cos(off) - north * sin(off)), away * (east * sin(off) + north * cos(off)), up_m)


def alley_place(street: Street, up_m: float, rng: np.random.Generator) -> Point:
    """A place in one of the street's lanes."""
    along = float(rng.uniform(-street.half_length_m, street.half_length_m))
    east, north = turned(along, float(rng.choice(street.alleys_m)) + float(rng.uniform(-1.5, 1.5)), street.turn_rad)
    return (east, north, up_m)


def _standing(street: Street) -> list[Happening]:
    """What stands in every night of a street alike: a stack on the horizon, manholes, trees and laundry that sway."""
    rng = np.random.default_rng([street.seed, 0x57A])
    found = []
    if rng.random() < 0.6:
        place = far_place(street, 500, 1500, float(rng.uniform(45, 120)), rng)
        found.append(
            Happening("stack", 0, NIGHT_S, float(rng.uniform(8, 60)), place=place, width_m=2.5, seed=draw_seed(rng))
        )
    for _ in range(int(rng.poisson(0.6))):
        place = alley_place(street, 0.05, rng)
        strength = float(rng.uniform(30, 200))
        found.append(Happening("vent_steam", 0, NIGHT_S, strength, place=place, width_m=0.6, seed=draw_seed(rng)))
    if rng.random() < 0.25:
        place, strength = far_place(street, 40, 90, 5.0, rng), float(rng.uniform(300, 900))
        open_hours = seconds_at(16.5), seconds_at(23.5)
        found.append(
            Happening(
                "vent_steam", *open_hours, strength, place=place, width_m=0.5, detail="bath house", seed=draw_seed(rng)
            )
        )
    for _ in range(int(rng.poisson(2.5))):
        place = alley_place(street, float(rng.uniform(1.5, 5.0)), rng)
        what = ("tree", "laundry", "flag", "tarpaulin", "cable")[int(rng.integers(5))]
        swing = float(rng.uniform(0.05, 0.4))
        found.append(
            Happening("swaying", 0, NIGHT_S, swing, place=place, width_m=1.5, detail=what, seed=draw_seed(rng))
        )
    return found


def _traffic(street: Street, day: Holiday | None, rng: np.random.Generator) -> list[Happening]:
    """Cars along the lanes: one every two minutes before eight, every twenty after midnight; now and then a diesel."""
    found: list[Happening] = []
    t = 0.0
    while True:
        hour = 16.5 + t / _HOUR
        a_minute = 0.5 if hour < 20 else 0.25 if hour < 22.5 else 0.05 if hour < 29 else 0.3
        if day in ("new_years_eve", "new_year") and 22.5 <= hour < 26:
            a_minute = 0.3
        t += 60 * float(rng.exponential(1 / a_minute))
        if t >= NIGHT_S - 60:
            return found
        alley, speed = float(rng.choice(street.alleys_m)), float(rng.uniform(5, 11))
        forward = 1.0 if rng.random() < 0.5 else -1.0
        half = street.half_length_m + 40
        start, end = (turned(side * forward * half, alley, street.turn_rad) for side in (-1, 1))
        diesel = rng.random() < 0.06
        found.append(
            Happening(
                "vehicle", t, t + 2 * half / speed, float(rng.uniform(0.05, 0.35)) if diesel else 0.0,
                place=(*start, 0.4), to_place=(*end, 0.4), width_m=0.08, detail="diesel" if diesel else "car",
                seed=draw_seed(rng),
            )
        )  # fmt: skip


def _stalls(street: Street, rng: np.random.Generator) -> list[Happening]:
    """A restaurant's duct to two in the morning on some streets; a barbecue stall on some nights; smoked meat."""
    found = []
    standing = np.random.default_rng([street.seed, 0x57B])
    if standing.random() < 0.2:
        roof = street.roofs[int(standing.integers(len(street.roofs)))]
        place = roof.at(0.5 + 0.3 / roof.width_m, -0.2, roof.eave_m - 0.3)
        hours = seconds_at(17.0 + float(rng.uniform(0, 0.5))), seconds_at(float(rng.uniform(22.5, 26)) % 24)
        strength = float(rng.triangular(0.04, 0.1, 0.25))
        found.append(
            Happening(
                "kitchen_exhaust", *hours, strength, roof.rooftop, place, width_m=0.35, detail="restaurant",
                seed=draw_seed(rng),
            )
        )  # fmt: skip
    if rng.random() < 0.15:
        hours = seconds_at(float(rng.uniform(18, 20))), seconds_at(float(rng.uniform(22, 25)) % 24)
        found.append(_ground("barbecue", hours, (5, 40), 0.8, alley_place(street, 0.9, rng), rng, "charcoal"))
    if rng.random() < 0.05:
        start = seconds_at(float(rng.uniform(17, 19)))
        hours = start, start + _HOUR * float(rng.uniform(3, 9))
        found.append(_ground("meat_smoking", hours, (5, 50), 0.6, alley_place(street, 1.4, rng), rng, "wood"))
    return found


def _fires(street: Street, evening: date, rng: np.random.Generator) -> list[Happening]:
    found = []
    if rng.random() < 0.07:  # straw, leaves, rubbish at the village's edge, at dusk
        start = seconds_at(float(rng.triangular(17.0, 18.0, 21.0)))
        hours = start, start + 60 * float(rng.uniform(10, 60))
        place = far_place(street, street.half_length_m + 15, street.half_length_m + 120, 0.3, rng)
        found.append(_ground("open_burning", hours, (50, 1500), 2.5, place, rng, "wood"))
    first_days = evening.month == 11 and evening.day <= 18
    if rng.random() < (0.06 if first_days else 0.008):
        what = "boiler start-up" if first_days else ("chimney cleaning", "tyre")[int(rng.integers(2))]
        start = seconds_at(float(rng.uniform(17, 23)))
        hours = start, start + 60 * float(rng.uniform(8, 45))
        up = 0.5 if what == "tyre" else 9.0
        place = far_place(street, 60, 200, up, rng)
        found.append(_ground("big_fire", hours, (200, 3000), 0.6, place, rng, "raw_coal", what))
    if rng.random() < 0.01:
        roof = street.roofs[int(rng.integers(len(street.roofs)))]
        start = seconds_at(float(rng.uniform(19, 23)))
        place = roof.at(float(rng.uniform(-0.3, 0.3)), float(rng.uniform(-0.3, 0.3)), roof.ridge_m + 0.2)
        end, peak = start + 60 * float(rng.uniform(2, 8)), float(rng.uniform(0.3, 0.7))
        found.append(Happening("drill", start, end, peak, roof.rooftop, place, width_m=0.3, seed=draw_seed(rng)))
    for _ in range(int(rng.poisson(1.5))):  # chimneys beyond the watched rows
        start = seconds_at(float(rng.triangular(17.0, 19.0, 30.5)) % 24)
        end, peak = start + 60 * float(rng.uniform(15, 40)), float(rng.triangular(0.1, 0.25, 0.45))
        place = far_place(street, street.half_length_m + 40, 220, float(rng.uniform(5, 9)), rng)
        if end < NIGHT_S:
            found.append(
                Happening(
                    "far_stove", start, end, peak, place=place, width_m=0.18, fuel="raw_coal", seed=draw_seed(rng)
                )
            )
    return found


def _papers(street: Street, mean: float, rng: np.random.Generator) -> list[Happening]:
    found = []
    for _ in range(int(rng.poisson(mean))):
        start = seconds_at(float(rng.triangular(17.8, 19.2, 21.8)))
        hours = start, start + 60 * float(rng.uniform(5, 25))
        found.append(_ground("paper_burning", hours, (5, 60), 0.5, alley_place(street, 0.2, rng), rng))
    return found


def _shooting(mean: float, hours: list[float], rng: np.random.Generator) -> list[Happening]:
    """Sessions of fireworks: short salvoes whose sum follows the holiday's hours; places around the whole town."""
    start, end, height = hours
    found = []
    for _ in range(max(int(rng.poisson(mean)), 1)):
        begins = ((float(rng.triangular(start, height, end)) - 16.5) % 24) * _HOUR
        lasts = 60 * float(rng.uniform(0.5, 6))
        angle, away = float(rng.uniform(0, 2 * pi)), float(rng.uniform(30, 600))
        place = (away * sin(angle), away * cos(angle), 0.5)
        shots = float(rng.triangular(4, 15, 90))
        ends = min(begins + lasts, NIGHT_S)
        found.append(Happening("fireworks", begins, ends, shots, place=place, detail="session", seed=draw_seed(rng)))
    return found


def _ground(
    kind: Kind,
    hours: tuple[float, float],
    grams: tuple[float, float],
    width_m: float,
    place: Point,
    rng: np.random.Generator,
    fuel: Fuel = "none",
    detail: str = "",
) -> Happening:
    """A fire whose strength, PM2.5 g/h, lies anywhere between ``grams`` on a logarithmic scale."""
    strength = float(np.exp(rng.uniform(*np.log(grams))))
    end = min(hours[1], NIGHT_S)
    return Happening(
        kind, hours[0], end, strength, None, place, None, width_m, fuel, detail=detail, seed=draw_seed(rng)
    )
