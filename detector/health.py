"""Whether a camera can see what it should: black, white, frozen, shaking, veiled, or too dark to judge.

A dark street with a few lamps is judgeable; only a picture without any contrast is not.
"""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from detector.frames import Grey, halve

FROZEN_AFTER_S = 10.0
SHAKING_PX = 3.0
_VEILED_SHARE = 0.45  # of the sharpness that this camera had
_SHARPNESS_MEMORY_S = 600.0


class Health:
    """Running health of one camera. ``cause`` is None while it can be judged."""

    def __init__(self) -> None:
        self.cause: str | None = None
        self._last: Grey | None = None
        self._same_since: float | None = None
        self._best = 0.0
        self._recent: deque[float] = deque(maxlen=20)

    def look(self, frame: Grey, t_s: float, dt_s: float, unrest_px: float) -> str | None:
        """Takes the admitted frame before any correction; answers the cause why it cannot be judged, or None."""
        self.cause = self._light(frame) or self._frozen(frame, t_s) or self._veiled(frame, dt_s)
        if self.cause is None and unrest_px > SHAKING_PX:
            self.cause = "shaking"
        return self.cause

    @staticmethod
    def _light(frame: Grey) -> str | None:
        sample = frame[::3, ::3]
        low, high, top = (float(x) for x in np.percentile(sample, (2, 98, 99.8)))
        if top < 8:
            return "black picture"
        if low > 247:
            return "white picture"
        if high - low < 3 and top - low < 12:
            return "no light to see by"
        return None

    def _frozen(self, frame: Grey, t_s: float) -> str | None:
        same = self._last is not None and bool(np.array_equal(frame, self._last))
        self._last = frame
        if not same:
            self._same_since = None
            return None
        if self._same_since is None:
            self._same_since = t_s
        return "frozen picture" if t_s - self._same_since >= FROZEN_AFTER_S else None

    def _veiled(self, frame: Grey, dt_s: float) -> str | None:
        """Frost, fog or an obstruction: fine contrast well below what this camera had within the last minutes."""
        small = halve(frame)
        fine = small - cv2.GaussianBlur(small, (0, 0), 2.0)
        strong = np.abs(fine)
        # Relative to the picture's own brightness, so that exposure and lamps do not count.
        sharp = float(np.sqrt(np.mean(np.minimum(strong, 30.0) ** 2)) / (5.0 + float(small.mean())))
        self._recent.append(sharp)
        now = float(np.median(self._recent))
        if len(self._recent) == self._recent.maxlen:
            self._best = max(now, self._best * float(np.exp(-dt_s / _SHARPNESS_MEMORY_S)))
        return "veiled: fog, frost or an obstruction" if now < _VEILED_SHARE * self._best else None
