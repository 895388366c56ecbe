"""Finds every intact frame in any byte stream: sans-I/O, shared by all drivers.

The rule where frames could overlap: the *earliest* start whose frame is intact and possible wins, and the search goes
on behind it. A start that turns out to be no frame costs one byte: the search goes on at the next byte, so a frame
hidden behind a lying length, inside a damaged frame or after an echo is still found. What comes out does not depend on
how the bytes were split over calls. Memory is bounded by one frame of the driver's longest.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from firmware_bridge.driver import NEED_MORE, WRONG_LENGTH, Driver, Refused, Reply
from firmware_bridge.reading import Reading

NOISE = "noise"
TRUNCATED = Refused("truncated")


@dataclass(slots=True)
class StreamCounts:
    """Every byte fed is in an intact frame, skipped, or still waited for.

    ``rejected`` counts starts that were refused, ``causes`` why; ``noise`` there counts stretches of skipped bytes
    without any start in them, which are not ``rejected``.
    """

    frames: int = 0
    rejected: int = 0
    skipped_bytes: int = 0
    causes: dict[str, int] = field(default_factory=dict)

    def add_cause(self, cause: str) -> None:
        """Counts one more ``cause``."""
        self.causes[cause] = self.causes.get(cause, 0) + 1


class FrameHunter:
    """Feed it bytes as they come; it returns readings and replies in order."""

    def __init__(self, driver: Driver) -> None:
        self.counts = StreamCounts()
        self._driver = driver
        self._rest = b""
        self._shared = 0  # of ``_rest``, how many leading bytes were already counted with the frame before
        self._in_gap = False  # bytes were skipped since the last frame
        self._refused_here = False  # and a refused start among them explains them

    def feed(self, data: bytes) -> list[Reading | Reply]:
        """All frames that are complete now. A start that still waits for bytes stays waiting."""
        return self._hunt(data, final=False)

    def finish(self) -> list[Reading | Reply]:
        """The stream has ended (or the port has gone): gives up what waits, and returns frames hidden behind it."""
        found = self._hunt(b"", final=True)
        self._close_gap()
        return found

    def _hunt(self, data: bytes, *, final: bool) -> list[Reading | Reply]:
        driver, counts = self._driver, self.counts
        search, parse, frame_length = driver.start.search, driver.parse, driver.frame_length
        buffer = self._rest + data if self._rest else bytes(data)
        size = len(buffer)
        counted, at = self._shared, 0  # bytes before ``counted`` are accounted for; the search goes on at ``at``
        found: list[Reading | Reply] = []
        while True:
            match = search(buffer, at)
            if match is None:
                at = size if final else max(at, size - driver.start_bytes + 1)
                break
            start = match.start()
            length = frame_length(buffer, start)
            if length > 0 and start + length <= size:
                item = parse(buffer[start : start + length])
            elif length >= NEED_MORE:
                if not final:
                    at = start
                    break
                item = TRUNCATED
            else:
                item = WRONG_LENGTH
            if isinstance(item, Refused):
                counts.rejected += 1
                counts.add_cause(item.cause)
                self._refused_here = True
                at = start + 1
                continue
            if start > counted:
                self._skip(start - counted)
            if self._in_gap:
                self._close_gap()
            counts.frames += 1
            found.append(item)
            counted = start + length
            at = counted - driver.flag_bytes
        if at > counted:
            self._skip(at - counted)
            counted = at
        self._rest, self._shared = buffer[at:], counted - at
        return found

    def _skip(self, size: int) -> None:
        self.counts.skipped_bytes += size
        self._in_gap = True

    def _close_gap(self) -> None:
        if self._in_gap and not self._refused_here:
            self.counts.add_cause(NOISE)
        self._in_gap = self._refused_here = False
