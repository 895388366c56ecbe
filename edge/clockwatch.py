"""A clock that is watched: each look at it is checked against the monotonic clock, which cannot jump.

What the true time is, the cloud's signed acknowledgements say: a batch left at one monotonic moment, its
acknowledgement came at another, and in between the cloud wrote down its own time. From then on the gateway knows of
every stretch of its wall clock how wrong it was, and sends a correction (WIRE, "Time"); what was stamped stays.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from smokesentry.clock import ClockState, Stamp, SystemClock
from smokesentry.messages.records import ClockFix

_STEP_S = 0.25  # between two looks; a disciplined clock is slewed by far less
_WORTH_S = 1.0  # smaller errors are left alone
_WIDEST_S = 3.0  # an acknowledgement that took longer says too little about the time
_MOST_SPANS = 200
_AGES_S = 600.0  # after this long a worse measurement replaces a better one


@dataclass(slots=True)
class Span:
    """A stretch in which the wall clock ran without a jump. Offsets are wall minus monotonic, in seconds."""

    first_ns: int
    last_ns: int
    offset_s: float
    fixed_ns: int  # corrected up to here

    def error_s(self, true_offset_s: float) -> float:
        """What has to be added to its times."""
        return true_offset_s - self.offset_s


@dataclass(slots=True)
class Truth:
    """What the cloud's clock showed: its time minus our monotonic one, give or take ``error_s``."""

    offset_s: float
    error_s: float
    at_ns: int


@dataclass(slots=True)
class ClockWatch:
    """Pure: told of looks and acknowledgements, it knows spans, truth and corrections. One boot."""

    spans: list[Span] = field(default_factory=list)
    truth: Truth | None = None
    jumps: int = 0

    def look(self, stamp: Stamp) -> float | None:
        """A look at the clock; gives the size of the jump in seconds when it has jumped since the last."""
        offset_s = stamp.unix_s - stamp.mono_ns / 1e9
        if not self.spans:
            self.spans.append(Span(stamp.mono_ns, stamp.mono_ns, offset_s, stamp.mono_ns - 1))
            return None
        span = self.spans[-1]
        step_s = offset_s - span.offset_s
        if abs(step_s) < _STEP_S + abs(stamp.mono_ns - span.last_ns) / 1e12:
            span.last_ns, span.offset_s = max(span.last_ns, stamp.mono_ns), offset_s
            return None
        if stamp.mono_ns <= span.last_ns:
            return None  # an older look that came late; its own span has been seen
        self.jumps += 1
        self.spans.append(Span(stamp.mono_ns, stamp.mono_ns, offset_s, stamp.mono_ns - 1))
        del self.spans[:-_MOST_SPANS]
        return step_s

    def heard(self, cloud_unix_s: float, sent_ns: int, received_ns: int) -> None:
        """The cloud's clock showed ``cloud_unix_s`` at a moment between the two."""
        error_s = (received_ns - sent_ns) / 2e9
        if not 0 <= 2 * error_s <= _WIDEST_S:
            return
        fresh = Truth(cloud_unix_s - (sent_ns + received_ns) / 2e9, error_s, received_ns)
        old = self.truth
        if old is None or error_s <= old.error_s or received_ns - old.at_ns > _AGES_S * 1e9:
            self.truth = fresh

    def offset_s(self) -> float | None:
        """How far the wall clock is ahead of the cloud's now; None while nobody has told."""
        if self.truth is None or not self.spans:
            return None
        return -self.spans[-1].error_s(self.truth.offset_s)

    def fixes(self, boot_id: str) -> list[ClockFix]:
        """Corrections that have not been given yet: spans, or the newest part of one, that were wrong by a second."""
        if self.truth is None:
            return []
        found = []
        for span in self.spans:
            error_s = span.error_s(self.truth.offset_s)
            if abs(error_s) < max(_WORTH_S, 2 * self.truth.error_s) or span.fixed_ns >= span.last_ns:
                continue
            offset_ms = round(error_s * 1000, 1)
            found.append(
                ClockFix(
                    fixed_boot_id=boot_id,
                    from_mono_ns=span.fixed_ns + 1,
                    to_mono_ns=span.last_ns,
                    offset_ms=offset_ms,
                )
            )
            span.fixed_ns = span.last_ns
        return found


class WatchedClock(SystemClock):
    """The machine's clocks, each look noted. ``jumped`` are the jumps that nobody has been told of yet, in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._watch = ClockWatch()
        self._jumped: list[float] = []

    def now(self) -> Stamp:
        """Wall clock and monotonic clock, read together."""
        with self._lock:
            stamp = super().now()
            step_s = self._watch.look(stamp)
            if step_s is not None:
                self._jumped.append(step_s)
        return stamp

    def state(self) -> ClockState:
        """The kernel's word, unless the cloud's clock has shown that it is wrong."""
        kernel = super().state()
        offset_s = self.offset_s()
        if offset_s is None or abs(offset_s) < _WORTH_S:
            return kernel
        return ClockState(kernel.source, "unsynchronised", round(abs(offset_s) * 1000, 1))

    def heard(self, cloud_unix_s: float, sent_ns: int, received_ns: int) -> None:
        """An acknowledgement carried the cloud's time."""
        with self._lock:
            self._watch.heard(cloud_unix_s, sent_ns, received_ns)

    def offset_s(self) -> float | None:
        """How far the wall clock is ahead of the cloud's; None while nobody has told."""
        with self._lock:
            return self._watch.offset_s()

    def news(self) -> tuple[list[float], list[ClockFix]]:
        """Jumps and corrections since the last time this was asked."""
        with self._lock:
            jumped, self._jumped = self._jumped, []
            return jumped, self._watch.fixes(self.boot_id)
