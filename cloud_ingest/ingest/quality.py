"""How good a device's day was: what came of what was to be expected, under what clock, what looks tampered with.

Pure. A day is one of the site's zone, given as two moments. Expected is a record an interval, the interval being that
at which the device itself reports (the median length of its records: a gateway says it with each). Of hours of
maintenance nothing is expected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from smokesentry.clock import to_wire

LEAST_VALID = 0.90  # below, a day is flagged
LATE = timedelta(minutes=10)  # from a record's end to its arrival
_MOST_GAPS = 20  # told one by one, the longest first
_GAP_INTERVALS = 1.5  # a record may begin so many intervals after the last one before a gap is counted
_CLOCK_STEP = timedelta(seconds=5)
_MAINTENANCE_MARKS = ("maintenance", "calibration")
_CONSTANT_SHARE = 0.25  # of a day's readings marked as stuck: a sensor that no longer breathes

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Interval:
    """One record of telemetry, as stored."""

    begins: datetime
    ends: datetime
    received: datetime
    readings: int
    marks: dict[str, int]
    has_values: bool
    time_mark: str | None
    order: tuple[str, int] = ("", 0)  # spool and number: the order in which the gateway made them


@dataclass(frozen=True, slots=True)
class Hint:
    """Something that may have been done to a device: ``kind`` moved | covered | constant | clock."""

    kind: str
    at: datetime
    text: str


@dataclass(slots=True)
class DayReport:
    """What is told of one sensor and day; seconds and counts."""

    interval_s: float | None = None
    expected: int = 0  # records, of the part of the day that is over, without maintenance
    received: int = 0
    valid: float = 0.0  # records, each counted by its share of valid readings
    rate: float | None = None  # valid / expected; null where nothing was expected
    flagged: bool = False
    maintenance_s: float = 0.0
    gaps: list[dict[str, object]] = field(default_factory=list)  # {"from", "to", "seconds"}, the longest first
    gap_s: float = 0.0
    late: int = 0
    worst_late_s: float = 0.0
    clock: dict[str, int] = field(default_factory=dict)  # synchronised | unsynchronised | future | ancient -> records
    marks: dict[str, int] = field(default_factory=dict)  # quality -> readings
    hints: list[dict[str, str]] = field(default_factory=list)  # {"kind", "at", "text"}


def judge_day(
    day: Span, intervals: Sequence[Interval], maintenance: Iterable[Span], hints: Iterable[Hint], now: datetime
) -> DayReport:
    """The report of one sensor's day; ``intervals`` are those that begin in it, in any order."""
    begin, end = day[0], min(day[1], now)
    report = DayReport(hints=[{"kind": h.kind, "at": to_wire(h.at), "text": h.text} for h in hints])
    off = _merged([(max(a, begin), min(b, end)) for a, b in maintenance])
    report.maintenance_s = sum((b - a).total_seconds() for a, b in off)
    ordered = sorted(intervals, key=lambda one: one.begins)
    lengths = [(one.ends - one.begins).total_seconds() for one in ordered]
    usual = [length for length in lengths if length > 0]
    report.interval_s = median(usual) if usual else None
    marks: Counter[str] = Counter()
    clock: Counter[str] = Counter()
    seen: set[datetime] = set()
    for one in ordered:
        marks.update(one.marks)
        clock[one.time_mark or "synchronised"] += 1
        late_s = (one.received - one.ends).total_seconds()
        if late_s > LATE.total_seconds():
            report.late += 1
            report.worst_late_s = max(report.worst_late_s, late_s)
        if one.begins in seen or _within(one.begins, off):
            continue
        seen.add(one.begins)
        report.received += 1
        report.valid += _valid_share(one)
    report.marks, report.clock = dict(marks), dict(clock)
    if report.interval_s:
        expected_s = max(0.0, (end - begin).total_seconds() - report.maintenance_s)
        report.expected = int(expected_s / report.interval_s)
        _find_gaps(report, ordered, begin, end, off)
    if report.expected:
        report.rate = min(1.0, report.valid / report.expected)
        report.flagged = report.rate < LEAST_VALID
    total = sum(marks.values())
    if total and marks["stuck"] / total >= _CONSTANT_SHARE:
        text = f"{marks['stuck']} of {total} readings repeat one value"
        report.hints.append({"kind": "constant", "at": to_wire(begin), "text": text})
    return report


def clock_jumps(intervals: Iterable[Interval]) -> list[Hint]:
    """Where a gateway's own numbering goes on and its clock goes back."""
    found: list[Hint] = []
    last: Interval | None = None
    for one in sorted(intervals, key=lambda one: one.order):
        if last is not None and one.order[0] == last.order[0] and last.ends - one.begins > _CLOCK_STEP:
            back_s = (last.ends - one.begins).total_seconds()
            found.append(Hint("clock", one.begins, f"the clock went back by {back_s:.0f} s"))
        last = one
    return found


def missing_day(day: Span, maintenance: Iterable[Span], interval_s: float, now: datetime) -> DayReport:
    """The report of a day on which a device that is known said nothing at all."""
    begin, end = day[0], min(day[1], now)
    off = _merged([(max(a, begin), min(b, end)) for a, b in maintenance])
    report = DayReport(interval_s=interval_s, maintenance_s=sum((b - a).total_seconds() for a, b in off))
    report.expected = int(max(0.0, (end - begin).total_seconds() - report.maintenance_s) / interval_s)
    if report.expected:
        report.rate, report.flagged = 0.0, True
        _find_gaps(report, [], begin, end, off)
    return report


def _valid_share(one: Interval) -> float:
    """Without counts, a record with values is valid: a wind vane has no qualities."""
    good, total = one.marks.get("ok", 0), sum(n for mark, n in one.marks.items() if mark not in _MAINTENANCE_MARKS)
    if total:
        return min(1.0, good / total)
    return 1.0 if one.has_values and one.readings else 0.0


def _find_gaps(report: DayReport, ordered: Sequence[Interval], begin: datetime, end: datetime, off: list[Span]) -> None:
    assert report.interval_s is not None
    least = timedelta(seconds=_GAP_INTERVALS * report.interval_s)
    edges: list[Span] = []
    reached = begin
    for first, last in sorted([*((one.begins, one.ends) for one in ordered), *off, (end, end)]):
        if first - reached > least:
            edges.append((reached, first))
        reached = max(reached, last)
    report.gap_s = sum((b - a).total_seconds() for a, b in edges)
    longest = sorted(edges, key=lambda gap: gap[0] - gap[1])[:_MOST_GAPS]
    report.gaps = [{"from": to_wire(a), "to": to_wire(b), "seconds": (b - a).total_seconds()} for a, b in longest]


def _merged(spans: list[Span]) -> list[Span]:
    found: list[Span] = []
    for begin, end in sorted(span for span in spans if span[0] < span[1]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def _within(moment: datetime, spans: list[Span]) -> bool:
    return any(begin <= moment < end for begin, end in spans)
