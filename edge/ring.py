"""The last minutes of one camera as encoded frames, bounded in bytes. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from smokesentry.clock import Stamp

KEEP_S = 75.0  # at least 60 s before a detection's start, which is told some seconds after it


@dataclass(frozen=True, slots=True)
class Kept:
    """One frame as it was judged: JPEG bytes, masked."""

    t_s: float
    stamp: Stamp
    size: tuple[int, int]
    jpeg: bytes


@dataclass(slots=True)
class Ring:
    """Frames of the last ``keep_s`` seconds. Beyond ``max_bytes`` it thins out rather than forget the oldest: every gap
    grows, the reach stays."""

    max_bytes: int
    keep_s: float = KEEP_S
    thinned: int = 0
    size: int = 0
    _frames: deque[Kept] = field(default_factory=deque)

    def offer(self, frame: Kept) -> None:
        """Keeps a frame. Time that went back begins the ring anew."""
        if self._frames and frame.t_s < self._frames[-1].t_s:
            self.clear()
        self._frames.append(frame)
        self.size += len(frame.jpeg)
        while self._frames[0].t_s < frame.t_s - self.keep_s:
            self.size -= len(self._frames.popleft().jpeg)
        while self.size > self.max_bytes and len(self._frames) > 2:
            at = self._nearest_neighbours()
            self.size -= len(self._frames[at].jpeg)
            del self._frames[at]
            self.thinned += 1

    def clear(self) -> None:
        """Begins anew."""
        self._frames.clear()
        self.size = 0

    def since(self, t_s: float) -> list[Kept]:
        """Frames from ``t_s`` on, oldest first."""
        return [frame for frame in self._frames if frame.t_s >= t_s]

    def _nearest_neighbours(self) -> int:
        """The frame whose loss leaves the smallest gap; the first and the last stay."""
        frames = list(self._frames)
        return min(range(1, len(frames) - 1), key=lambda at: frames[at + 1].t_s - frames[at - 1].t_s)
