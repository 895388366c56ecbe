"""Readings, counts and intervals as the commands print them in JSON."""

from __future__ import annotations

from dataclasses import asdict

from firmware_bridge.aggregates import Interval
from firmware_bridge.reading import Reading
from firmware_bridge.stream import StreamCounts
from smokesentry.clock import from_unix, to_wire


def reading_as_json(reading: Reading) -> dict[str, object]:
    """Model, quality, mark, reason and time where known, raw values under names with units, corrected ones apart."""
    head: dict[str, object] = {"model": reading.model, "quality": reading.quality, "mark": reading.mark}
    if reading.reason is not None:
        head["reason"] = reading.reason
    if reading.arrived_unix_s is not None:
        head["arrived_at"] = to_wire(from_unix(reading.arrived_unix_s))
    tail = {"corrected": dict(reading.corrected)} if reading.corrected else {}
    return head | dict(reading.values) | tail


def counts_as_json(counts: StreamCounts) -> dict[str, object]:
    """The last line of ``decode --json``."""
    return {
        "frames": counts.frames,
        "rejected": counts.rejected,
        "skipped_bytes": counts.skipped_bytes,
        "causes": dict(sorted(counts.causes.items())),
    }


def interval_as_json(interval: Interval) -> dict[str, object]:
    """From, to, completeness and the means."""
    return {
        "from_at": to_wire(from_unix(interval.from_unix_s)),
        "to_at": to_wire(from_unix(interval.to_unix_s)),
        "completeness": round(interval.completeness, 3),
        "readings": interval.readings,
        "qualities": interval.qualities,
        "values": {name: asdict(summary) for name, summary in interval.values.items()},
    }
