"""The real gateway process with a detector that ticks: a plume every five seconds, whatever the camera shows.

What is tried here is the road from a judgement to the cloud; ten minutes of it carry the detections of many nights.
``python -m lab.faults.gateway CONFIG [quiet]``; quiet: the metronome stands still.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from detector.settings import DetectorSettings
from detector.types import FrameResult, Phase, PlumeEvent
from edge.frames import Image
from edge.logs import set_up_logging
from edge.managing import run_gateway
from smokesentry.weather import Weather

_PERIOD_S, _SHOWS_S = 5.0, 3.0
_SIDE = 320


class Metronome:
    """A detector that sees the time instead of the picture."""

    model_name = "metronome"
    model_digest = "sha256:" + "2" * 64

    def __init__(self, settings: DetectorSettings) -> None:
        self.settings = settings
        self._open: int | None = None

    def push(self, frame: Image, t_s: float, weather: Weather | None = None) -> FrameResult:
        """Opens a plume at each full period and closes it some seconds later."""
        number, phase_s = int(t_s // _PERIOD_S), t_s % _PERIOD_S
        events = []
        if self._open is not None and (number != self._open or phase_s >= _SHOWS_S):
            events.append(_event(self._open, "end", t_s))
            self._open = None
        if self._open is None and phase_s < _SHOWS_S:
            self._open = number
            events.append(_event(number, "start", t_s))
        standing = () if self._open is None else (_event(self._open, "update", t_s),)
        return FrameResult("suspected" if standing else "not_suspected", None, tuple(events), standing)

    def finish(self) -> FrameResult:
        """Nothing is closed: the process decides what becomes of an open event."""
        return FrameResult("not_suspected", None)


def _event(number: int, phase: Phase, t_s: float) -> PlumeEvent:
    x = 20.0 + number * 53 % (_SIDE - 40)
    began_s = number * _PERIOD_S
    return PlumeEvent(
        track=number, phase=phase, origin_px=(x, 90.0), origin_sigma_px=(1.0, 1.0),
        bbox_px=(x - 10, 60.0, x + 10, 90.0), outline_px=(), plume_class="smoke", class_scores={"smoke": 1.0},
        confidence=0.8, opacity=None, started_s=began_s, alarm_s=began_s, last_seen_s=t_s,
        visible_s=max(0.0, t_s - began_s), reasons=("a tick of the metronome, no smoke",),
    )  # fmt: skip


class Still(Metronome):
    """Sees nothing."""

    def push(self, frame: Image, t_s: float, weather: Weather | None = None) -> FrameResult:
        """A quiet night."""
        return FrameResult("not_suspected", None)


def _sleep(seconds: float) -> None:
    threading.Event().wait(seconds)


def main(config: Path, quiet: bool) -> int:
    """Runs until SIGTERM."""
    # Under libfaketime (0.9.10, Python 3.11) time.sleep fails with EINVAL; a lock's patience is not touched by it.
    time.sleep = _sleep  # type: ignore[assignment]
    set_up_logging()
    run_gateway(config, Still if quiet else Metronome)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), "quiet" in sys.argv[2:]))
