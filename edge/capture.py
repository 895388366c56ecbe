"""One camera's first loop: takes frames at the configured pace, burns the masks in, hands the newest on. It waits for
nobody: neither the detector nor a disk can hold a camera up."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edge.frames import Frame, Mask, UnreadableFrame, frame_from_bytes, frame_from_image
from edge.settings import CameraSection
from edge.sources import open_source
from edge.taken import Source, SourceEnded, SourceError, Taken
from smokesentry.clock import Stamp, SystemClock

_log = logging.getLogger("edge.capture")
_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 30.0
_OUTAGE_UNREADABLE = 5  # this many unreadable frames in a row are an outage
_FROZEN_AFTER_S = 20.0  # no sensor gives the same bytes twice; a camera that does has stopped looking
_OFF_DUTY_LOOK_S = 5.0
_CLOSED_LOOK_S = 0.5
_OLDEST_STAMP_NS = 5_000_000_000  # a driver's time stamp further back is of another clock


@dataclass(slots=True)
class Capture:
    """Runs by :meth:`run`. ``deliver`` gets every frame, masked; ``on_duty`` says whether the schedule wants frames.
    ``closed``: why no frame may be taken at all; then the camera is not even opened."""

    section: CameraSection
    clock: SystemClock
    deliver: Callable[[Frame], None]
    on_duty: Callable[[Stamp], bool] = lambda _: True
    masks: Sequence[Mask] = ()
    closed: str | None = None
    frames: int = 0
    unreadable: int = 0
    outages: int = 0
    problem: str | None = None
    last_frame: Stamp | None = None
    _bad_in_a_row: int = 0
    _last_bytes: bytes = b""
    _changed: Stamp | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.masks = self.section.masks

    def run(self, stop: threading.Event) -> None:
        """Takes frames until ``stop`` is set; a camera that is away is asked again with growing pauses."""
        retry_s = _FIRST_RETRY_S
        while not stop.is_set():
            if self.closed is not None:
                self._note_problem(self.closed)
                stop.wait(_CLOSED_LOOK_S)
                continue
            if not self.on_duty(self.clock.now()):
                stop.wait(_OFF_DUTY_LOOK_S)
                continue
            source: Source | None = None
            before = self.frames
            try:
                source = open_source(self.section)
                self._watch(source, stop)
            except SourceError as error:
                self._note_problem(str(error))
            except Exception as error:
                self._note_problem(f"its thread failed ({error})")
                raise
            finally:
                if source is not None:
                    source.close()
            if self.frames > before:
                retry_s = _FIRST_RETRY_S
            stop.wait(retry_s)
            retry_s = min(2 * retry_s, _LONGEST_RETRY_S)

    def hide(self, masks: Sequence[Mask]) -> None:
        """When this returns, every frame that is delivered has these masks; a closed camera opens."""
        with self._lock:
            self.masks, self.closed = masks, None

    def _watch(self, source: Source, stop: threading.Event) -> None:
        period_s = 1.0 / self.section.fps
        due_s = self._now_s()
        while not stop.is_set() and self.on_duty(self.clock.now()):
            try:
                taken = source.read()
            except SourceEnded as error:
                self._note_problem(str(error))
                stop.wait(_FIRST_RETRY_S)
                continue
            if stop.is_set():
                return  # another thread took this one's place while it hung in the read
            self._one(taken)
            if source.live:
                continue
            # A late frame delays the next ones instead of bunching them.
            due_s = max(due_s + period_s, self._now_s() - period_s)
            stop.wait(max(0.0, due_s - self._now_s()))

    def _one(self, taken: Taken) -> None:
        stamp = stamp_of(taken, self.clock.now())
        if self._is_frozen(taken, stamp):
            self._note_unreadable("the same picture again and again: the camera is frozen")
            return
        masks = self.masks
        try:
            frame = read_frame(taken, masks, stamp, stamp.mono_ns / 1e9)
            frame.settle()
        except UnreadableFrame as error:
            self._note_unreadable(str(error))
            return
        with self._lock:
            if masks is not self.masks:
                return  # others were drawn meanwhile
            if self.problem is not None:
                _log.info("camera %s gives frames again", self.section.name)
            self.frames += 1
            self._bad_in_a_row = 0
            self.problem = None
            self.last_frame = stamp
            self.deliver(frame)  # waits for nobody; under the lock, so that ``hide`` has the last word

    def _is_frozen(self, taken: Taken, stamp: Stamp) -> bool:
        """Whether a network camera has sent the very same bytes for a while."""
        if self.section.kind != "snapshot" or not isinstance(taken.data, bytes):
            return False
        if self._changed is None or taken.data != self._last_bytes:
            self._last_bytes, self._changed = taken.data, stamp
        return stamp.mono_ns - self._changed.mono_ns > _FROZEN_AFTER_S * 1e9

    def _note_unreadable(self, reason: str) -> None:
        with self._lock:
            self.unreadable += 1
            self._bad_in_a_row += 1
            bad = self._bad_in_a_row
        if bad == _OUTAGE_UNREADABLE:
            self._note_problem(f"its frames cannot be read ({reason})")

    def _note_problem(self, problem: str) -> None:
        with self._lock:
            first, self.problem = self.problem is None, problem
            self.outages += first
        if first:
            _log.warning("camera %s: %s; trying again until it is back", self.section.name, problem)

    def _now_s(self) -> float:
        return self.clock.now().mono_ns / 1e9


def stamp_of(taken: Taken, now: Stamp) -> Stamp:
    """When the frame was taken: the driver's own monotonic time where it is believable, else now."""
    if taken.mono_ns is None or not 0 <= now.mono_ns - taken.mono_ns <= _OLDEST_STAMP_NS:
        return now
    return Stamp(now.unix_s - (now.mono_ns - taken.mono_ns) / 1e9, taken.mono_ns)


def read_frame(taken: Taken, masks: Sequence[Mask], stamp: Stamp, t_s: float) -> Frame:
    """A frame out of what a source gave, masks burnt in. Raises :class:`UnreadableFrame`."""
    if isinstance(taken.data, bytes):
        frame = frame_from_bytes(taken.data, masks, stamp, t_s)
    else:
        frame = frame_from_image(taken.data, masks, stamp, t_s)
    frame.light = taken.light
    return frame
