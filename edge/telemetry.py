"""A sensor's readings folded into one record an interval, as the wire wants them. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from firmware_bridge.driver import NOT_QUANTITIES
from firmware_bridge.reading import Reading
from smokesentry.clock import Stamp
from smokesentry.messages.records import Aggregate, Telemetry


@dataclass(slots=True)
class _Running:
    total: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")
    count: int = 0

    def add(self, value: float) -> None:
        self.total += value
        self.low, self.high, self.count = min(self.low, value), max(self.high, value), self.count + 1


@dataclass(slots=True)
class Interval:
    """What one sensor gave since the last record."""

    sensor: str
    model: str
    since: Stamp
    _values: dict[str, _Running] = field(default_factory=dict)
    _marks: Counter[str] = field(default_factory=Counter)

    def add(self, reading: Reading) -> None:
        """Every reading is counted under its quality; only valid ones (mark N) enter mean, low and high."""
        self._marks[reading.quality] += 1
        if reading.mark != "N":
            return
        for name, value in reading.values.items():
            if name not in NOT_QUANTITIES:
                self._values.setdefault(name, _Running()).add(value)

    def close(self, until: Stamp) -> Telemetry | None:
        """The record of the interval, and a new interval begins; None if no reading came."""
        record = None
        if self._marks:
            record = Telemetry(
                sensor=self.sensor,
                model=self.model,
                from_at=self.since.captured_at,
                to_at=until.captured_at,
                values={name: _aggregate(running) for name, running in self._values.items()},
                readings=sum(self._marks.values()),
                marks=dict(self._marks),
            )
        self.since = until
        self._values, self._marks = {}, Counter()
        return record


def _aggregate(running: _Running) -> Aggregate:
    """Rounded to what a sensor can resolve: a night of telemetry travels over mobile data."""
    mean = round(running.total / running.count, 3)
    return Aggregate(mean=mean, low=round(running.low, 3), high=round(running.high, 3), count=running.count)
