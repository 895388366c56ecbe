"""A winter of one street, night by night: weather, sky, and everything that happens. Same seed, same winter.

for night in winter(7):
    burnings = between(night.happenings, 0, NIGHT_S, "stove")
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from simulator.climate import STEP_S, NightWeather, draw_winter_weather
from simulator.happenings import Happening
from simulator.hardships import camera_events, sensor_events, weather_events
from simulator.households import (
    Household,
    boiler_firings,
    burnings,
    cooking,
    defrosts,
    draw_seed,
    households_of,
)
from simulator.season import NIGHT_S, Holiday, Sky, evenings, holiday, seconds_at, sky_over, start_of
from simulator.street import Street, build_street
from simulator.surroundings import town_events

#: Sensors that a gateway has in a scheduled night: the sensors' names and models.
SENSORS = (("pm-1", "PMS5003T"), ("pm-2", "SDS011"))
_EVENING_STEP = int(3 * 3600 / STEP_S)  # 19:30: the hour whose cold decides about the evening
_FIRST_WINTER = 2026


@dataclass(frozen=True, slots=True, eq=False)
class WinterNight:
    """One night of a winter. Times in ``happenings`` count from ``starts``; they are in order of their beginning."""

    street: Street
    households: dict[str, Household]
    evening: date
    day: Holiday | None
    weather: NightWeather
    sky: Sky
    happenings: tuple[Happening, ...]

    @property
    def starts(self) -> datetime:
        """16:30 Beijing time of its evening."""
        return start_of(self.evening)

    def when(self, t_s: float) -> datetime:
        """The moment ``t_s`` seconds into the night."""
        return self.starts + timedelta(seconds=t_s)


def winter(seed: int, street: Street | None = None, first_year: int = _FIRST_WINTER) -> list[WinterNight]:
    """The nights from 15 November to 15 March over a street (that of ``seed`` unless one is given).

    Raises ``ValueError`` for a ``first_year`` whose lunar dates are not tabled.
    """
    street = street if street is not None else build_street(seed)
    dates = evenings(first_year)
    rng = np.random.default_rng([seed, 0x317])
    weathers = draw_winter_weather(dates, rng)
    hazes = _episodes(weathers, rng)
    homes = households_of(street)
    nights = []
    for number, (evening, weather) in enumerate(zip(dates, weathers, strict=True)):
        sky = sky_over(street.origin.lat, street.origin.lon, evening)
        day = holiday(evening)
        found = _one_night(street, homes, evening, day, weather, sky, np.random.default_rng([seed, 0x318, number]))
        found += hazes[number]
        found.sort(key=lambda event: (event.t0_s, event.t1_s, event.kind))
        nights.append(WinterNight(street, homes, evening, day, weather, sky, tuple(found)))
    return nights


def _one_night(
    street: Street,
    homes: dict[str, Household],
    evening: date,
    day: Holiday | None,
    weather: NightWeather,
    sky: Sky,
    rng: np.random.Generator,
) -> list[Happening]:
    temp, rh = float(weather.temp_c[_EVENING_STEP]), float(weather.rh_percent[_EVENING_STEP])
    outlets = {terminal.rooftop: terminal.mouth for terminal in street.terminals}
    found: list[Happening] = []
    for roof in street.roofs:
        home = homes[roof.rooftop]
        own = np.random.default_rng(draw_seed(rng))  # a neighbour's changed habit changes nobody else's night
        found += burnings(home, roof, temp, own) + cooking(home, roof, own) + _lights(home, street, own)
        found += defrosts(home, roof, temp, rh, own)
        if roof.rooftop in outlets:
            found += boiler_firings(home, outlets[roof.rooftop], temp, own)
    wet = bool((weather.rain_mm_h + weather.snow_mm_h)[: 2 * _EVENING_STEP].any())
    found += town_events(street, evening, day, temp, wet, rng)
    found += weather_events(weather, rng)
    found += camera_events(street.cameras, weather, sky, rng)
    return found + sensor_events([(gateway, name) for gateway in street.cameras for name, _ in SENSORS], rng)


def _lights(home: Household, street: Street, rng: np.random.Generator) -> list[Happening]:
    """A window lit from coming home to going to bed, and again at rising until daylight; the odd light in the night."""
    if not home.at_home:
        return []
    roof = next(roof for roof in street.roofs if roof.rooftop == home.rooftop)
    place = roof.at(float(rng.uniform(-0.35, 0.35)), float(rng.choice([-0.5, 0.5])), 0.55 * roof.eave_m)
    spans = [
        (home.home_hour + rng.normal(0, 0.3), home.bed_hour + rng.normal(0, 0.4)),
        (home.rise_hour + rng.normal(0, 0.2), 7.6),
    ]
    if rng.random() < 0.4:
        up = float(rng.uniform(0, 5))
        spans.append((up, up + float(rng.uniform(0.05, 0.3))))
    found = []
    for from_hour, to_hour in spans:
        start, end = (seconds_at(float(hour) % 24) for hour in (from_hour, to_hour))
        if start < end:
            strength = float(rng.uniform(10, 80))
            found.append(Happening("light_switch", start, end, strength, home.rooftop, place, seed=draw_seed(rng)))
    return found


def _episodes(weathers: list[NightWeather], rng: np.random.Generator) -> list[list[Happening]]:
    """Regional pollution: haze gathers over consecutive calm nights and a wind sweeps it away."""
    nights: list[list[Happening]] = []
    gathered = 0.0
    for weather in weathers:
        calm = 1.5 - float(weather.wind_speed_m_s.mean())
        gathered = max(0.7 * gathered + 45 * calm + 8 * float(rng.standard_t(4)), 0.0)
        nights.append([])
        if gathered > 40:
            start = float(rng.uniform(0, 0.4 * NIGHT_S))
            strength = float(min(gathered, 350.0))
            nights[-1].append(Happening("regional_episode", start, NIGHT_S, strength, seed=draw_seed(rng)))
    return nights
