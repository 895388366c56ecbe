"""One camera's second loop: judges the newest frame that capture has laid down. A slow detector drops frames, which are
counted; it never holds up the camera, and its failure is its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from detector.types import Verdict
from edge.frames import Frame
from edge.fusion import AirView
from edge.handover import Newest
from edge.judge import Judge, Outcome
from smokesentry.clock import Stamp

_log = logging.getLogger("edge.inference")
_PATIENCE_S = 1.0


@dataclass(slots=True)
class Inference:
    """Runs by :meth:`run`. ``excused`` says why nothing shall be judged now (maintenance); ``tick`` is called at least
    once a second."""

    judge: Judge
    look_at_air: Callable[[Stamp], AirView]
    tell: Callable[[Frame, Outcome], None]
    excused: Callable[[], str | None] = lambda: None
    tick: Callable[[], None] = lambda: None
    inbox: Newest[Frame] = field(default_factory=Newest)
    verdict: Verdict = "cannot_judge"
    cause: str | None = "no frame yet"
    judged: Stamp | None = None  # of the last frame that was judged
    problem: str | None = None
    _was_excused: bool = False
    _forget: bool = False

    def look_afresh(self) -> None:
        """The picture is another one from the next frame on (masks were drawn). May be called by any thread."""
        self._forget = True

    def run(self, stop: threading.Event) -> None:
        """Judges until ``stop`` is set."""
        self.judge.restarted()
        while not stop.is_set():
            frame = self.inbox.take(_PATIENCE_S)
            why = self.excused()
            if why is not None:
                self.verdict, self.cause, self._was_excused = "cannot_judge", why, True
            elif frame is not None:
                self._one(frame)
            self.tick()

    def _one(self, frame: Frame) -> None:
        if self._forget:
            self._forget = False
            self.judge.forget()
        if self._was_excused:
            # The lens may have been wiped or moved: a fresh look, and open events wait for their plumes.
            self.judge.restarted()
            self._was_excused = False
        try:
            outcome = self.judge.see(frame, self.look_at_air(frame.stamp))
        except Exception as error:
            self.problem = f"its detector failed ({error})"
            raise
        self.problem = None
        if self.judged is None:
            _log.info("camera %s: first frame judged", self.judge.camera)
        self.judged = frame.stamp
        self.verdict, self.cause = outcome.result.verdict, outcome.result.cause
        self.tell(frame, outcome)
