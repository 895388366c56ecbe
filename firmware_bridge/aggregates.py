"""One-minute, five-minute and hourly means with completeness, from readings with arrival times.

Only readings marked N count. A longer interval is made of minutes, each weighing the same however many readings it had,
and its completeness counts the minutes that are missing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from firmware_bridge.driver import NOT_QUANTITIES
from firmware_bridge.reading import Quality, Reading

MINUTE_S = 60
MEANS_S = {"minute": MINUTE_S, "5min": 300, "hour": 3600}


@dataclass(frozen=True, slots=True)
class Summary:
    """One quantity over an interval. Of a direction, all three are the vector mean."""

    mean: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Interval:
    """``[from_unix_s, to_unix_s)``. ``completeness`` (0-1): how much of it valid readings cover."""

    from_unix_s: int
    to_unix_s: int
    values: dict[str, Summary]
    readings: int
    qualities: dict[Quality, int]
    completeness: float


def mean_direction(degrees: Sequence[float]) -> float | None:
    """Mean of compass directions as unit vectors, 0 <= d < 360; None where they cancel out."""
    east = fmean(math.sin(math.radians(value)) for value in degrees)
    north = fmean(math.cos(math.radians(value)) for value in degrees)
    if math.hypot(east, north) < 1e-6:
        return None
    return math.degrees(math.atan2(east, north)) % 360


def _summaries(columns: dict[str, list[Summary]]) -> dict[str, Summary]:
    result = {}
    for name, column in columns.items():
        count = sum(one.count for one in column)
        if name.endswith("_from_deg"):
            mean = mean_direction([one.mean for one in column])
            if mean is not None:
                result[name] = Summary(mean, mean, mean, count)
        else:
            mean = fmean(one.mean for one in column)
            result[name] = Summary(mean, min(one.low for one in column), max(one.high for one in column), count)
    return result


@dataclass(slots=True)
class _OpenMinute:
    number: int
    columns: dict[str, list[Summary]] = field(default_factory=dict)
    qualities: dict[Quality, int] = field(default_factory=dict)
    valid: int = 0

    def add(self, reading: Reading) -> None:
        self.qualities[reading.quality] = self.qualities.get(reading.quality, 0) + 1
        if reading.mark != "N":
            return
        self.valid += 1
        for name, value in (reading.values | reading.corrected).items():
            if name not in NOT_QUANTITIES:
                self.columns.setdefault(name, []).append(Summary(value, value, value, 1))

    def close(self, every_s: float) -> Interval:
        start = self.number * MINUTE_S
        completeness = min(1.0, self.valid * every_s / MINUTE_S)
        readings = sum(self.qualities.values())
        return Interval(start, start + MINUTE_S, _summaries(self.columns), readings, self.qualities, completeness)


class MinuteMaker:
    """Minutes of the wall clock out of one sensor's readings, which come every ``every_s`` seconds when all is well."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._open: _OpenMinute | None = None

    def add(self, reading: Reading) -> Interval | None:
        """Takes a reading; returns the minute that it ended, if any. Raises ``ValueError`` without an arrival time."""
        if reading.arrived_unix_s is None:
            raise ValueError("a reading without an arrival time belongs to no interval")
        number = int(reading.arrived_unix_s // MINUTE_S)
        ended = self.close() if self._open is not None and self._open.number != number else None
        if self._open is None:
            self._open = _OpenMinute(number)
        self._open.add(reading)
        return ended

    def close(self) -> Interval | None:
        """Ends the minute that is open, at shutdown or when a sensor has fallen silent."""
        ended = None if self._open is None else self._open.close(self._every_s)
        self._open = None
        return ended


def combine(minutes: Sequence[Interval], from_unix_s: int, length_s: int) -> Interval:
    """Minutes into one interval of ``length_s`` (300, 3600). Those outside are ignored; missing ones cost
    completeness."""
    to_unix_s = from_unix_s + length_s
    inside = [minute for minute in minutes if from_unix_s <= minute.from_unix_s < to_unix_s]
    columns: dict[str, list[Summary]] = {}
    qualities: dict[Quality, int] = {}
    for minute in inside:
        for name, summary in minute.values.items():
            columns.setdefault(name, []).append(summary)
        for quality, count in minute.qualities.items():
            qualities[quality] = qualities.get(quality, 0) + count
    covered = sum(minute.completeness for minute in inside) * MINUTE_S / length_s
    readings = sum(minute.readings for minute in inside)
    return Interval(from_unix_s, to_unix_s, _summaries(columns), readings, qualities, min(1.0, covered))
