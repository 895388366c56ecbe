"""What to send next: the bounded window of batches that wait for the cloud's acknowledgement. No clock, no socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from smokesentry.messages.records import LANES

_LONGEST_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """How a lane is cut into batches and how many of those may wait at once."""

    batches: int
    records: int
    bytes: int
    timeout_s: float  # patience before a batch goes again, the first time; enough for a slow mobile connection


#: A lane of its own each, so that waiting telemetry can never hold a detection back. Evidence goes one by one: a
#: detection that comes up meanwhile then waits behind at most one set of pictures in the socket's buffer.
LIMITS = {
    "detection": LaneLimits(batches=8, records=50, bytes=200_000, timeout_s=5.0),
    "health": LaneLimits(batches=2, records=100, bytes=200_000, timeout_s=30.0),
    "evidence": LaneLimits(batches=1, records=4, bytes=700_000, timeout_s=60.0),
    "telemetry": LaneLimits(batches=4, records=500, bytes=300_000, timeout_s=60.0),
}


@dataclass(slots=True)
class _InFlight:
    lane: str
    seqs: list[int]
    sent_s: float
    timeout_s: float
    first_sent_s: float
    old: int  # numbers up to this one may have been sent before


@dataclass(slots=True)
class Window:
    """Which numbers are on their way, and when to send them again. Times are monotonic seconds."""

    _cursor: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LANES, 0))
    _in_flight: list[_InFlight] = field(default_factory=list)
    _old: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LANES, 0))

    def restart(self, given: Mapping[str, int]) -> None:
        """A new connection: everything that the cloud has not acknowledged goes again, from the oldest.

        ``given`` is each lane's newest number: this process or one before it may have sent all up to there, and the
        broker may have kept what the cloud said to that for days.
        """
        self._cursor = dict.fromkeys(LANES, 0)
        self._in_flight.clear()
        self._old = dict(given)

    def rewind(self, lane: str, seq: int) -> None:
        """Numbers from ``seq`` on wait again (the cloud asked for kept records)."""
        self._cursor[lane] = min(self._cursor[lane], seq - 1)

    def open_lanes(self) -> list[str]:
        """Lanes that may send another batch, the most urgent first."""
        counts = dict.fromkeys(LANES, 0)
        for batch in self._in_flight:
            counts[batch.lane] += 1
        return [lane for lane in LANES if counts[lane] < LIMITS[lane].batches]

    def after(self, lane: str) -> int:
        """The number after which the lane's next batch begins."""
        return self._cursor[lane]

    def in_flight(self, lane: str) -> set[int]:
        """Numbers of a lane that are on their way: a rewound cursor must not send them twice."""
        return {seq for batch in self._in_flight if batch.lane == lane for seq in batch.seqs}

    def sent(self, lane: str, seqs: list[int], now_s: float) -> None:
        """A batch has been handed to the connection."""
        self._in_flight.append(_InFlight(lane, seqs, now_s, LIMITS[lane].timeout_s, now_s, self._old[lane]))
        self._old[lane] = max(self._old[lane], *seqs)

    def passed(self, lane: str, seq: int) -> None:
        """Everything of a lane up to ``seq`` has been looked at."""
        self._cursor[lane] = max(self._cursor[lane], seq)

    def acknowledged(self, lane: str, contiguous: int, ranges: list[tuple[int, int]]) -> float | None:
        """Numbers that need no watching any more. Gives when the newest batch left of which one was acknowledged that
        had never been sent before: the acknowledgement was signed after that. None when it says nothing of the time."""
        closed = [(1, contiguous), *ranges]
        left_s: float | None = None
        for batch in self._in_flight:
            if batch.lane == lane:
                still = [seq for seq in batch.seqs if not any(low <= seq <= high for low, high in closed)]
                if any(seq > batch.old for seq in set(batch.seqs).difference(still)):
                    left_s = max(left_s or 0.0, batch.first_sent_s)
                batch.seqs = still
        self._in_flight = [batch for batch in self._in_flight if batch.seqs]
        return left_s

    def overdue(self, now_s: float) -> list[tuple[str, list[int]]]:
        """Batches whose acknowledgement is late; their patience doubles each time. Most urgent lane first."""
        late = [batch for batch in self._in_flight if now_s - batch.sent_s >= batch.timeout_s]
        for batch in late:
            batch.sent_s = now_s
            batch.timeout_s = min(batch.timeout_s * 2, _LONGEST_TIMEOUT_S)
        return [(batch.lane, list(batch.seqs)) for batch in sorted(late, key=lambda batch: LANES.index(batch.lane))]

    def gone(self, lane: str, seqs: list[int]) -> None:
        """Numbers that no longer wait in the spool (given up for space, settled by an earlier acknowledgement)."""
        self.acknowledged(lane, 0, [(seq, seq) for seq in seqs])

    def next_overdue_s(self) -> float | None:
        """When the next batch becomes overdue; None when nothing is on its way."""
        return min((batch.sent_s + batch.timeout_s for batch in self._in_flight), default=None)


@dataclass(slots=True)
class Allowance:
    """How much of the backlog may go now: after days offline a gateway must not take all of a slow mobile connection,
    nor 500 of them all of the cloud. Detections ask nobody. ``bytes_s`` comes in steadily, up to ``most`` is saved."""

    bytes_s: float
    most: float = 400_000.0
    _left: float = 400_000.0
    _at_s: float = 0.0

    def is_open(self, now_s: float) -> bool:
        """Whether something may be sent; it may overdraw, and the next then waits the longer."""
        self._left = min(self.most, self._left + max(0.0, now_s - self._at_s) * self.bytes_s)
        self._at_s = now_s
        return self._left > 0

    def spend(self, size: int) -> None:
        """Bytes that went out."""
        self._left -= size

    def wait_s(self) -> float:
        """How long from the last look until something may be sent again."""
        return max(0.0, -self._left / self.bytes_s)


def backoff_s(failures: int, jitter: float) -> float:
    """How long to wait before connecting again: 1, 2, 4 … 120 s, of which a random share (``jitter`` in 0-1) between
    half and all, so that 500 gateways do not come back in the same second."""
    longest = min(120.0, 2.0 ** min(failures, 7))
    return longest * (0.5 + 0.5 * jitter)
