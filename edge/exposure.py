"""Known changes of a camera's own light: after a step of exposure or gain, or a turn of the IR filter, its frames are
not judged until it has settled. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from edge.frames import Light

_STEP = 1.3  # of exposure times gain, from frame to frame
_SETTLED_S = 1.5
_LONGEST_S = 10.0  # a camera that never settles is judged as it is


@dataclass(slots=True)
class ExposureWatch:
    """One camera. One that says nothing of its exposure is never held back: the detector evens out what it sees."""

    held_back: int = 0
    _last: Light | None = None
    _changed_s: float = float("-inf")
    _unsettled_since_s: float = float("-inf")

    def settled(self, light: Light | None, t_s: float) -> bool:
        """Whether a frame with this light may be judged."""
        before, self._last = self._last, light
        if light is not None and before is not None and _stepped(before, light):
            if t_s - self._changed_s > _SETTLED_S:
                self._unsettled_since_s = t_s
            self._changed_s = t_s
        waits = t_s - self._changed_s <= _SETTLED_S and t_s - self._unsettled_since_s <= _LONGEST_S
        self.held_back += waits
        return not waits


def _stepped(before: Light, now: Light) -> bool:
    if before.ir_cut is not None and now.ir_cut is not None and before.ir_cut != now.ir_cut:
        return True
    ratio = 1.0
    for one, other in ((before.exposure_us, now.exposure_us), (before.gain, now.gain)):
        if one and other:
            ratio *= other / one
    return not 1 / _STEP < ratio < _STEP
