"""Readings folded into means, over any interval (:class:`Fold`) or minutes, five minutes and hours with completeness.

Only readings marked N count. A longer interval is made of minutes, each weighing the same however many readings it had,
and its completeness counts the minutes that are missing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

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


@dataclass(slots=True)
class _Column:
    """One quantity so far. Sums are kept, not values: an hour costs no more memory than a second."""

    low: float = math.inf
    high: float = -math.inf
    count: int = 0
    _parts: int = 0
    _total: float = 0.0
    _east: float = 0.0
    _north: float = 0.0

    def add(self, part: Summary) -> None:
        """Every part weighs the same, whatever its count."""
        self._parts += 1
        self._total += part.mean
        self._east += math.sin(math.radians(part.mean))
        self._north += math.cos(math.radians(part.mean))
        self.low, self.high = min(self.low, part.low), max(self.high, part.high)
        self.count += part.count

    def mean(self) -> float:
        return self._total / self._parts

    def direction(self) -> float | None:
        """Mean of compass directions as unit vectors, 0 <= d < 360; None where they cancel out."""
        if math.hypot(self._east, self._north) < 1e-6 * self._parts:
            return None
        # Rounded first: a hair below north modulo 360 would be 360.
        return round(math.degrees(math.atan2(self._east, self._north)), 9) % 360


def _summaries(columns: dict[str, _Column]) -> dict[str, Summary]:
    result = {}
    for name, column in columns.items():
        if not name.endswith("_from_deg"):
            result[name] = Summary(column.mean(), column.low, column.high, column.count)
        elif (mean := column.direction()) is not None:
            result[name] = Summary(mean, mean, mean, column.count)
    return result


@dataclass(slots=True)
class Fold:
    """One sensor's readings of an interval, folded as they come: the one place that says what enters a mean."""

    qualities: Counter[Quality] = field(default_factory=Counter)
    valid: int = 0
    _columns: dict[str, _Column] = field(default_factory=dict)

    def add(self, reading: Reading) -> None:
        """Counts it under its quality; if it is valid (mark N), its raw and corrected values enter, each under its own
        name."""
        self.qualities[reading.quality] += 1
        if reading.mark != "N":
            return
        self.valid += 1
        for name, value in (reading.values | reading.corrected).items():
            if name not in NOT_QUANTITIES:
                self._columns.setdefault(name, _Column()).add(Summary(value, value, value, 1))

    @property
    def readings(self) -> int:
        """How many came, valid or not."""
        return self.qualities.total()

    def summaries(self) -> dict[str, Summary]:
        """Mean, least, greatest and count of every quantity. Of opposite directions there is no mean, and nothing."""
        return _summaries(self._columns)


class MinuteMaker:
    """Minutes of the wall clock out of one sensor's readings, which come every ``every_s`` seconds when all is well."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._number = 0
        self._open: Fold | None = None

    def add(self, reading: Reading) -> Interval | None:
        """Takes a reading; returns the minute that it ended, if any. Raises ``ValueError`` without an arrival time."""
        if reading.arrived_unix_s is None:
            raise ValueError("a reading without an arrival time belongs to no interval")
        number = int(reading.arrived_unix_s // MINUTE_S)
        ended = self.close() if self._open is not None and self._number != number else None
        if self._open is None:
            self._number, self._open = number, Fold()
        self._open.add(reading)
        return ended

    def close(self) -> Interval | None:
        """Ends the minute that is open, at shutdown or when a sensor has fallen silent."""
        if self._open is None:
            return None
        fold, self._open = self._open, None
        start = self._number * MINUTE_S
        completeness = min(1.0, fold.valid * self._every_s / MINUTE_S)
        return Interval(start, start + MINUTE_S, fold.summaries(), fold.readings, dict(fold.qualities), completeness)


def combine(minutes: Sequence[Interval], from_unix_s: int, length_s: int) -> Interval:
    """Minutes into one interval of ``length_s`` (300, 3600). Those outside are ignored; missing ones cost
    completeness."""
    to_unix_s = from_unix_s + length_s
    inside = [minute for minute in minutes if from_unix_s <= minute.from_unix_s < to_unix_s]
    columns: dict[str, _Column] = {}
    qualities: Counter[Quality] = Counter()
    for minute in inside:
        for name, summary in minute.values.items():
            columns.setdefault(name, _Column()).add(summary)
        qualities.update(minute.qualities)
    covered = sum(minute.completeness for minute in inside) * MINUTE_S / length_s
    readings = sum(minute.readings for minute in inside)
    return Interval(from_unix_s, to_unix_s, _summaries(columns), readings, dict(qualities), min(1.0, covered))
