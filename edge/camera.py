"""One camera's thread: takes frames at the configured pace, judges them, hands on what is worth telling."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from detector.types import Verdict
from edge.frames import Frame, UnreadableFrame, frame_from_bytes, frame_from_image
from edge.fusion import AirView
from edge.judge import Judge, Outcome
from edge.settings import CameraSection
from edge.sources import Source, SourceEnded, SourceError, Taken, open_source
from smokesentry.clock import Stamp, SystemClock
from smokesentry.messages.records import CameraHealth

_log = logging.getLogger("edge.camera")
_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 30.0
_BLIND_AFTER_S = 10.0  # without a frame for this long a camera cannot judge
_OUTAGE_UNREADABLE = 5  # this many unreadable frames in a row are an outage
_FROZEN_AFTER_S = 20.0  # no sensor gives the same bytes twice; a camera that does has stopped looking


@dataclass(slots=True)
class CameraWorker:
    """Runs by :meth:`run`; :meth:`health` may be asked from any thread."""

    section: CameraSection
    judge: Judge
    clock: SystemClock
    look_at_air: Callable[[Stamp], AirView]
    tell: Callable[[Frame, Outcome], None]
    frames: int = 0
    unreadable: int = 0
    outages: int = 0
    _verdict: Verdict = "cannot_judge"
    _cause: str | None = "no frame yet"
    _problem: str | None = None
    _bad_in_a_row: int = 0
    _last_frame: Stamp | None = None
    _last_bytes: bytes = b""
    _changed: Stamp | None = None
    _began: Stamp | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, stop: threading.Event) -> None:
        """Takes and judges until ``stop`` is set; a camera that is away is asked again with growing pauses."""
        self._began = self._began or self.clock.now()
        self.judge.restarted()
        retry_s = _FIRST_RETRY_S
        while not stop.is_set():
            source: Source | None = None
            before = self.frames
            try:
                source = open_source(self.section.kind, self.section.source, self.section.fps)
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

    def _watch(self, source: Source, stop: threading.Event) -> None:
        period_s = 1.0 / self.section.fps
        due_s = self._now_s()
        while not stop.is_set():
            try:
                taken = source.read()
            except SourceEnded as error:
                self._note_problem(str(error))
                stop.wait(_FIRST_RETRY_S)
                continue
            self._one(taken)
            if source.live:
                continue
            # A late frame delays the next ones instead of bunching them.
            due_s = max(due_s + period_s, self._now_s() - period_s)
            stop.wait(max(0.0, due_s - self._now_s()))

    def _one(self, taken: Taken) -> None:
        stamp = self.clock.now()
        if self._is_frozen(taken, stamp):
            self._note_unreadable("the same picture again and again: the camera is frozen")
            return
        try:
            frame = read_frame(taken, self.section.masks, stamp, stamp.mono_ns / 1e9)
        except UnreadableFrame as error:
            self._note_unreadable(str(error))
            return
        outcome = self.judge.see(frame, self.look_at_air(stamp))
        self._note_frame(stamp, outcome)
        self.tell(frame, outcome)

    def _is_frozen(self, taken: Taken, stamp: Stamp) -> bool:
        """Whether a network camera has sent the very same bytes for a while."""
        if self.section.kind != "snapshot" or not isinstance(taken.data, bytes):
            return False
        if self._changed is None or taken.data != self._last_bytes:
            self._last_bytes, self._changed = taken.data, stamp
        return stamp.mono_ns - self._changed.mono_ns > _FROZEN_AFTER_S * 1e9

    def _note_frame(self, stamp: Stamp, outcome: Outcome) -> None:
        with self._lock:
            if self._problem is not None:
                _log.info("camera %s gives frames again", self.section.name)
            self.frames += 1
            self._bad_in_a_row = 0
            self._problem = None
            self._last_frame = stamp
            self._verdict, self._cause = outcome.result.verdict, outcome.result.cause

    def _note_unreadable(self, reason: str) -> None:
        with self._lock:
            self.unreadable += 1
            self._bad_in_a_row += 1
            bad = self._bad_in_a_row
        if bad == _OUTAGE_UNREADABLE:
            self._note_problem(f"its frames cannot be read ({reason})")

    def _note_problem(self, problem: str) -> None:
        with self._lock:
            first, self._problem = self._problem is None, problem
            self.outages += first
        if first:
            _log.warning("camera %s: %s; trying again until it is back", self.section.name, problem)

    def health(self) -> CameraHealth:
        """How the camera is now. Time without frames counts as not judged."""
        now = self.clock.now()
        with self._lock:
            age_s = None if self._last_frame is None else (now.mono_ns - self._last_frame.mono_ns) / 1e9
            verdict, cause = self._verdict, self._cause
            if age_s is None or age_s > _BLIND_AFTER_S:
                verdict = "cannot_judge"
                cause = self._problem or (cause if age_s is None else f"no frame for {age_s:.0f} s")
            elapsed_s = 0.0 if self._began is None else (now.mono_ns - self._began.mono_ns) / 1e9
            return CameraHealth(
                camera=self.section.name,
                verdict=verdict,
                cause=None if cause is None else cause[:400],
                frames=self.frames,
                unreadable=self.unreadable,
                frame_age_s=None if age_s is None else round(age_s, 1),
                judged_s=round(self.judge.judged_s, 1),
                not_judged_s=round(max(0.0, elapsed_s - self.judge.judged_s), 1),
            )

    def _now_s(self) -> float:
        return self.clock.now().mono_ns / 1e9


def read_frame(taken: Taken, masks: list[list[tuple[float, float]]], stamp: Stamp, t_s: float) -> Frame:
    """A frame out of what a source gave, masks burnt in. Raises :class:`UnreadableFrame`."""
    if isinstance(taken.data, bytes):
        return frame_from_bytes(taken.data, masks, stamp, t_s)
    return frame_from_image(taken.data, masks, stamp, t_s)
