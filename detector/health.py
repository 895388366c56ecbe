"""Whether a camera can see what it should: black, white, frozen, shaking, veiled, blurred, covered, too dark.

A dark street with a few lamps is judgeable; only a picture without any contrast is not. What a reference view adds
(slow frost, a moved camera) is :mod:`detector.sight`.
"""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from detector.frames import Grey
from detector.structure import Left, Structure
from smokesentry.weather import Weather

FROZEN_AFTER_S = 10.0
SHAKING_PX = 3.0
_LOOK_EVERY_S = 1.9  # sharpness changes slowly
_VEILED_SHARE = 0.45  # of the sharpness that this camera had
_SHARPNESS_MEMORY_S = 600.0
_VEIL_LEAVES = 0.75  # of fine structure of any kind, at most
_COVERED_SHARE = 0.4  # of the textured picture without its structure, while the rest kept it
_KEPT_ELSEWHERE = 0.15
_CLEAR_KEPT_S = 60.0
_NO_FROST_ABOVE_C = 4.0
_NO_FOG_BELOW_RH = 75.0


class Health:
    """Running health of one camera. ``cause`` is None while it can be judged."""

    def __init__(self) -> None:
        self.cause: str | None = None
        self._last: Grey | None = None
        self._same_since: float | None = None
        self._looked_t = -np.inf
        self._veil: str | None = None
        self._best = 0.0
        self._mean: Grey | None = None  # over some ten seconds: noise is no sharpness
        self._clear: Structure | None = None  # of the same when it was last as sharp as ever
        self._clear_brightness = 1.0
        self._clear_age_s = 0.0
        self._recent: deque[float] = deque(maxlen=7)
        self._covered: deque[float] = deque(maxlen=7)

    def look(
        self, frame: Grey, t_s: float, dt_s: float, unrest_px: float, weather: Weather | None = None
    ) -> str | None:
        """Takes the admitted frame before any correction; answers the cause why it cannot be judged, or None."""
        if abs(t_s - self._looked_t) >= _LOOK_EVERY_S:
            self._look_closely(frame, max(dt_s, min(t_s - self._looked_t, 60.0)), weather)
            self._looked_t = t_s
        self.cause = self._light(frame) or self._frozen(frame, t_s) or self._veil
        if self.cause is None and unrest_px > SHAKING_PX:
            self.cause = "shaking"
        return self.cause

    @staticmethod
    def _light(frame: Grey) -> str | None:
        sample = cv2.convertScaleAbs(frame[::3, ::3])
        share = np.cumsum(cv2.calcHist([sample], [0], None, [256], [0, 256])) / sample.size
        low, high, top = np.searchsorted(share, (0.02, 0.98, 0.998)).tolist()
        if top < 8:
            return "black picture"
        if low > 247:
            return "white picture"
        if high - low < 3 and top - low < 12:
            return "no light to see by"
        return None

    def _frozen(self, frame: Grey, t_s: float) -> str | None:
        last = self._last
        # A few rows tell nearly always; only what agrees there is compared whole.
        same = last is not None and np.array_equal(frame[::30], last[::30]) and np.array_equal(frame, last)
        self._last = frame
        if not same:
            self._same_since = None
            return None
        if self._same_since is None:
            self._same_since = t_s
        return "frozen picture" if t_s - self._same_since >= FROZEN_AFTER_S else None

    def _look_closely(self, frame: Grey, dt_s: float, weather: Weather | None) -> None:
        """Fine structure well below what this camera had within the last minutes, and what that may be."""
        if self._mean is None:
            self._mean = frame.copy()
        cv2.accumulateWeighted(frame, self._mean, 0.2)
        clear = self._clear or self._keep_as_clear(self._mean)
        # Relative to the picture's own brightness, so that exposure and lamps do not count.
        left, light = clear.left_in(self._mean), self._clear_brightness / _brightness(self._mean)
        self._recent.append(left.fine * light)
        self._covered.append(left.covered if left.kept > _KEPT_ELSEWHERE else 0.0)
        now = float(np.median(self._recent))
        self._best = max(now, self._best * float(np.exp(-dt_s / _SHARPNESS_MEMORY_S)))
        self._clear_age_s += dt_s
        settled = len(self._recent) == self._recent.maxlen
        as_ever = now > 0.9 * self._best and self._covered[-1] < 0.2
        if as_ever and self._clear_age_s > (_CLEAR_KEPT_S if settled else 2.0):
            self._keep_as_clear(self._mean)
        covered = float(np.median(self._covered)) > _COVERED_SHARE
        self._veil = None
        if settled and (now < _VEILED_SHARE * self._best or covered):
            if left.kept > _KEPT_ELSEWHERE or left.own * max(light, 1.0) < _VEIL_LEAVES:
                self._veil = veil(left, weather)
            else:  # as much structure as ever, but another: the camera was turned, or its IR filter switched
                self._keep_as_clear(self._mean)
                self._best = 0.0
                self._recent.clear()
                self._covered.clear()

    def _keep_as_clear(self, picture: Grey) -> Structure:
        self._clear, self._clear_brightness, self._clear_age_s = Structure.of(picture), _brightness(picture), 0.0
        return self._clear


def _brightness(picture: Grey) -> float:
    return 5.0 + float(np.minimum(picture, 128).mean())


def veil(left: Left, weather: Weather | None) -> str:
    """What took the fine contrast away, as far as the picture and the weather tell."""
    if left.coarse > 0.5 and left.fine < 0.6 * left.coarse:
        return "out of focus"
    if left.covered > 0.2 and left.kept > _KEPT_ELSEWHERE:
        # In tens: a cause is a counter's name.
        return f"something covers about {10 * round(10 * left.covered)} % of the picture: an object, dirt or frost"
    if weather is not None and weather.temp_c is not None and weather.temp_c > _NO_FROST_ABOVE_C:
        return "veiled: fog or something before the lens; too warm for frost"
    if weather is not None and weather.rh_percent is not None and weather.rh_percent < _NO_FOG_BELOW_RH:
        return "veiled: frost or something before the lens; too dry for fog"
    return "veiled: fog, frost or an obstruction"
