"""A heating season's dates: nights, lunar holidays, when the sun is gone and how the moon stands.

A night begins at 16:30 Beijing time (UTC+8) and lasts 16 hours; its date is the evening's. Heating runs from 15
November to 15 March, as on the plain of Hebei.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from math import cos, radians, sin
from typing import Literal

from astral import Observer, moon, sun

BEIJING = timezone(timedelta(hours=8), "UTC+08:00")
NIGHT_S = 16 * 3600.0
#: Civil darkness: a camera's picture is a night picture once the sun is this far below the horizon.
DARK_BELOW_DEG = -6.0

Holiday = Literal["cold_clothes", "little_year", "new_years_eve", "new_year", "fifth_day", "lantern"]

#: First day of the first lunar month (春节) and length of the month before it, by the Gregorian year it falls in. 2027
#: and 2028 agree with the project's standards sheet; all follow from the new moons' Beijing dates (tested).
SPRING_FESTIVAL: Mapping[int, tuple[date, int]] = {
    2026: (date(2026, 2, 17), 29),
    2027: (date(2027, 2, 6), 29),
    2028: (date(2028, 1, 26), 29),
}
#: The tenth lunar month's first day (寒衣节), by the winter's first year; only 2025's lies within the season.
COLD_CLOTHES: Mapping[int, date] = {2025: date(2025, 11, 20), 2026: date(2026, 11, 9), 2027: date(2027, 10, 29)}


def winters() -> tuple[int, ...]:
    """First years of the winters whose lunar dates are tabled."""
    return tuple(year - 1 for year in SPRING_FESTIVAL)


def evenings(first_year: int) -> list[date]:
    """The season's dates, 15 November to 15 March. Raises ``ValueError`` for a winter without lunar dates."""
    if first_year not in winters():
        known = ", ".join(str(year) for year in winters())
        raise ValueError(f"no lunar dates for the winter that begins in {first_year}; there are: {known}")
    start, end = date(first_year, 11, 15), date(first_year + 1, 3, 15)
    return [start + timedelta(days=days) for days in range((end - start).days + 1)]


def holiday(evening: date) -> Holiday | None:
    """Which lunar holiday's customs fill this evening: 寒衣节, 小年 (north), 除夕, 春节, 破五, 元宵.

    The fifth day is greeted at its dawn: its night is the one before.
    """
    if evening in COLD_CLOTHES.values():
        return "cold_clothes"
    found = SPRING_FESTIVAL.get(evening.year)
    if found is None:
        return None
    new_year, last_month_days = found
    after: dict[int, Holiday] = {
        23 - last_month_days - 1: "little_year", -1: "new_years_eve", 0: "new_year", 3: "fifth_day", 14: "lantern",
    }  # fmt: skip
    return after.get((evening - new_year).days)


def start_of(evening: date) -> datetime:
    """When the night begins."""
    return datetime(evening.year, evening.month, evening.day, 16, 30, tzinfo=BEIJING)


def hour_of(t_s: float) -> float:
    """Local hour (0-24) at ``t_s`` seconds into the night."""
    return (16.5 + t_s / 3600) % 24


def seconds_at(hour: float) -> float:
    """Seconds into the night at a local hour; hours before 16:30 belong to the next morning."""
    return ((hour - 16.5) % 24) * 3600


@dataclass(frozen=True, slots=True)
class Sky:
    """The sky's bodies over one night at one place, seconds into the night and degrees.

    ``dark_from_s`` and ``dark_to_s``: the sun more than 6° below the horizon. ``moon_lit``: the lit share of its disc.
    """

    lat: float
    lon: float
    evening: date
    sunset_s: float
    sunrise_s: float
    dark_from_s: float
    dark_to_s: float
    moon_lit: float

    def sun_deg(self, t_s: float) -> float:
        """The sun's altitude."""
        when = start_of(self.evening) + timedelta(seconds=t_s)
        return float(sun.elevation(Observer(self.lat, self.lon), when))

    def moon_deg(self, t_s: float) -> float:
        """The moon's altitude, refraction left out (astral's lunar theory; it takes UTC and looks at no time zone)."""
        return float(moon.elevation(Observer(self.lat, self.lon), _utc(self.evening, t_s)))

    def moon_azimuth_deg(self, t_s: float) -> float:
        """Where the moon stands, from true north, clockwise."""
        return float(moon.azimuth(Observer(self.lat, self.lon), _utc(self.evening, t_s)))


def moon_lit(when: datetime) -> float:
    """The lit share of the moon's disc, 0 to 1 (Meeus, Astronomical Algorithms, ch. 48, the six greatest terms)."""
    centuries = (when.astimezone(UTC) - datetime(2000, 1, 1, 12, tzinfo=UTC)).total_seconds() / (36525 * 86400)
    elongation = radians(297.8502 + 445267.1115 * centuries)
    sun_anomaly = radians(357.5291 + 35999.0503 * centuries)
    moon_anomaly = radians(134.9634 + 477198.8676 * centuries)
    angle = elongation + radians(
        6.289 * sin(moon_anomaly)
        - 2.100 * sin(sun_anomaly)
        + 1.274 * sin(2 * elongation - moon_anomaly)
        + 0.658 * sin(2 * elongation)
        + 0.214 * sin(2 * moon_anomaly)
        + 0.110 * sin(elongation)
    )
    return (1 - cos(angle)) / 2


def _utc(evening: date, t_s: float) -> datetime:
    return (start_of(evening) + timedelta(seconds=t_s)).astimezone(UTC)


def sky_over(lat: float, lon: float, evening: date) -> Sky:
    """Sun and moon over a place in one night."""
    here, begins = Observer(lat, lon), start_of(evening)
    morning = evening + timedelta(days=1)

    def since(moment: datetime) -> float:
        return (moment - begins).total_seconds()

    return Sky(
        lat=lat,
        lon=lon,
        evening=evening,
        sunset_s=since(sun.sunset(here, evening, tzinfo=BEIJING)),
        sunrise_s=since(sun.sunrise(here, morning, tzinfo=BEIJING)),
        dark_from_s=since(sun.dusk(here, evening, -DARK_BELOW_DEG, tzinfo=BEIJING)),
        dark_to_s=since(sun.dawn(here, morning, -DARK_BELOW_DEG, tzinfo=BEIJING)),
        moon_lit=moon_lit(begins + timedelta(seconds=NIGHT_S / 2)),
    )
