"""China's individual air quality index (IAQI) of PM2.5 and PM10, by the standard in force on the data's date.

HJ 633-2012 until February 2026, HJ 633-2026 from 1 March 2026 (Asia/Shanghai). Low-cost optical sensors give an
indication, never an area's AQI: every result says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from typing import Literal

Pollutant = Literal["pm25", "pm10"]

_INDEX = (0, 50, 100, 150, 200, 300, 400, 500)
_CHINA_TIME = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class Standard:
    """One edition: its name, the first local day to use it on, and the concentrations of the index points."""

    name: str
    from_day: date
    points: dict[Pollutant, tuple[int, ...]]


#: Oldest first. The 2026 points are those on which three independent public implementations agree.
STANDARDS = (
    Standard(
        "HJ 633-2012",
        date(2012, 2, 29),  # published; in force in ever more cities until 2016
        {"pm25": (0, 35, 75, 115, 150, 250, 350, 500), "pm10": (0, 50, 150, 250, 350, 420, 500, 600)},
    ),
    Standard(
        "HJ 633-2026",
        date(2026, 3, 1),
        {"pm25": (0, 35, 60, 115, 150, 250, 350, 500), "pm10": (0, 50, 120, 250, 350, 420, 500, 600)},
    ),
)


@dataclass(frozen=True, slots=True)
class Level:
    """A band of the index up to ``to_index``, with its official colour."""

    to_index: int
    name_zh: str
    name_en: str
    colour: str


LEVELS = (
    Level(50, "优", "excellent", "#00e400"),
    Level(100, "良", "good", "#ffff00"),
    Level(150, "轻度污染", "lightly polluted", "#ff7e00"),
    Level(200, "中度污染", "moderately polluted", "#ff0000"),
    Level(300, "重度污染", "heavily polluted", "#99004c"),
    Level(500, "严重污染", "severely polluted", "#7e0023"),
)


@dataclass(frozen=True, slots=True)
class AirQuality:
    """An index with the standard that it was computed by. ``indicative``: from a low-cost sensor, 参考值."""

    index: int
    primary: Pollutant | None  # the pollutant that decides, above 50 only
    level: Level
    standard: str
    indicative: bool = True


def standard_at(moment: datetime) -> Standard:
    """The edition in force in China at ``moment``. Raises ``ValueError`` for a time without a zone or too old."""
    if moment.tzinfo is None:
        raise ValueError("the moment must say its zone, the standard changes at midnight in China")
    day = moment.astimezone(_CHINA_TIME).date()
    for standard in reversed(STANDARDS):
        if day >= standard.from_day:
            return standard
    raise ValueError(f"no standard for {day.isoformat()}; the oldest here is of {STANDARDS[0].from_day.isoformat()}")


def iaqi(pollutant: Pollutant, ug_m3: float, standard: Standard) -> int:
    """Index of one mean concentration: linear between the points, rounded up, 500 at most. Raises ``ValueError`` for
    concentrations that are negative or not a number."""
    if not ug_m3 >= 0 or math.isinf(ug_m3):
        raise ValueError(f"a concentration in µg/m³ is a number from 0 up, got {ug_m3}")
    points = standard.points[pollutant]
    if ug_m3 >= points[-1]:
        return _INDEX[-1]
    # Exact decimals: 47.0 must not become 47.000000000000007 before it is rounded up.
    concentration = Fraction(repr(float(ug_m3)))
    at = next(i for i, point in enumerate(points) if concentration < point)
    low, high = points[at - 1], points[at]
    span = _INDEX[at] - _INDEX[at - 1]
    return math.ceil(_INDEX[at - 1] + span * (concentration - low) / (high - low))


def air_quality(means: dict[Pollutant, float], moment: datetime) -> AirQuality:
    """The worst of the pollutants' indices, by the standard at ``moment``. Raises ``ValueError`` without any mean."""
    if not means:
        raise ValueError("no concentration was given")
    standard = standard_at(moment)
    indices = {pollutant: iaqi(pollutant, mean, standard) for pollutant, mean in means.items()}
    worst = max(indices, key=lambda pollutant: indices[pollutant])
    index = indices[worst]
    level = next(level for level in LEVELS if index <= level.to_index)
    return AirQuality(index, worst if index > 50 else None, level, standard.name)
