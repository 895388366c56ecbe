"""A sensor's readings folded into one record an interval, as the wire wants them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from firmware_bridge.aggregates import Fold, Summary
from firmware_bridge.quality import aged
from firmware_bridge.reading import Reading
from smokesentry.clock import Stamp
from smokesentry.messages.records import Aggregate, Telemetry


@dataclass(slots=True)
class Interval:
    """What one sensor gave since the last record. ``every_s``: how often it gives readings when all is well."""

    sensor: str
    model: str
    since: Stamp
    every_s: float
    _fold: Fold = field(default_factory=Fold)
    _last: Reading | None = None

    def add(self, reading: Reading) -> None:
        """Every reading is counted under its quality; only valid ones (mark N) enter mean, low and high."""
        self._fold.add(reading)
        self._last = reading

    def close(self, until: Stamp) -> Telemetry | None:
        """The record of the interval, and a new interval begins; None if there is nothing to tell.

        Once the last reading has gone stale, the mark ``stale`` stands beside the counts (it is no reading): a sensor
        that fell silent leaves a marked gap, not a missing one.
        """
        fold, self._fold = self._fold, Fold()
        since, self.since = self.since, until
        marks = {str(quality): count for quality, count in fold.qualities.items()}
        if self._last is not None and aged(self._last, until.mono_ns, self.every_s).quality == "stale":
            marks["stale"] = 1
        if not marks:
            return None
        return Telemetry(
            sensor=self.sensor,
            model=self.model,
            from_at=since.captured_at,
            to_at=until.captured_at,
            values={name: _aggregate(summary) for name, summary in fold.summaries().items()},
            readings=fold.readings,
            marks=marks,
        )


def _aggregate(summary: Summary) -> Aggregate:
    """Rounded to what a sensor can resolve: a night of telemetry travels over mobile data."""
    mean, low, high = (round(value, 3) for value in (summary.mean, summary.low, summary.high))
    return Aggregate(mean=mean, low=low, high=high, count=summary.count)
