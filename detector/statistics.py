"""What each pixel has been doing: a background and running moments over 2.5, 5, 20 and 60 seconds, all causal and
of fixed size.

Nothing is kept but these few pictures, so memory and time do not grow. The recursions run at the working size; what the
network sees is made of them at half size, only when it is asked (:func:`detector.maps.network_input`).
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.frames import HEIGHT, WIDTH, Grey

_STEP_PX = 3  # how far a puff is expected to travel between frames, for the transport detectors
_LAG_FRAMES = 4


def _zeros() -> Grey:
    return np.zeros((HEIGHT, WIDTH), np.float32)


class Statistics:
    """Running statistics of registered, light-corrected frames; one instance a camera.

    Attributes are (HEIGHT, WIDTH) float32 in grey levels (``m*``, ``background``), squared levels (``v*``,
    ``transport_*``,
    ``kept*``, ``flicker``) or shares 0-1 (``away``).
    """

    def __init__(self) -> None:
        self.frames = 0
        self.age_s = 0.0
        self.background = _zeros()
        self.m2, self.m5, self.m20 = _zeros(), _zeros(), _zeros()
        self.v20, self.a20 = _zeros(), _zeros()  # variance and mean absolute deviation over 20 s
        self.m60 = _zeros()  # mean distance of the 5 s mean from the background over 60 s
        self.v60 = _zeros()  # mean square distance of the 5 s mean from the background over 60 s
        self.flicker = _zeros()  # half the mean square frame difference over 10 s: variance of what has no memory
        self.vs5, self.vs20 = _zeros(), _zeros()  # variance of the spatially smoothed picture over 5 and 20 s
        self.kept1, self.kept4 = _zeros(), _zeros()  # its products one and four frames apart: how long a change lives
        self.transport_up, self.transport_right = _zeros(), _zeros()
        self.away = _zeros()  # share of the last 20 s spent clearly off the background
        self.sigma: Grey = np.full(
            (HEIGHT, WIDTH), 2.0, np.float32
        )  # expected deviation of a quiet pixel, set from outside
        self.slow: Grey = _zeros()  # 0-1: how little the background follows (1: not at all), set from outside
        self._last = _zeros()
        self._ring = [_zeros() for _ in range(_LAG_FRAMES)]

    def update(self, frame: Grey, dt_s: float) -> None:
        """Takes one frame (HEIGHT, WIDTH), ``dt_s`` seconds after the one before it."""
        if self.frames == 0:
            for mean in (self.background, self.m2, self.m5, self.m20, self._last):
                mean[:] = frame
            self.frames = 1
            return
        self.frames += 1
        self.age_s += dt_s
        n = self.frames
        w5, w20 = self._weight(5, dt_s, n), self._weight(20, dt_s, n)
        off = frame - self.m20
        _blend(self.v20, off * off, w20)
        _blend(self.a20, np.abs(off), w20)
        self._coherent(cv2.GaussianBlur(off, (5, 5), 1.2), w5, w20)
        jump = frame - self._last
        _blend(self.flicker, jump * jump, self._weight(10, dt_s, n), 0.5)
        _blend(self.m2, frame, self._weight(2.5, dt_s, n))
        _blend(self.m5, frame, w5)
        _blend(self.m20, frame, w20)
        far = self.m5 - self.background
        w60 = self._weight(60, dt_s, n)
        _blend(self.m60, far, w60)
        _blend(self.v60, far * far, w60)
        _blend(self.away, (np.abs(self.m2 - self.background) > 2.0 * self.sigma).astype(np.float32), w20)
        self._follow(frame, dt_s)
        self._last = frame

    def _coherent(self, smooth: Grey, w5: float, w20: float) -> None:
        before, older = self._ring[-1], self._ring[0]
        power = smooth * smooth
        _blend(self.vs5, power, w5)
        _blend(self.vs20, power, w20)
        _blend(self.kept1, smooth * before, w20)
        _blend(self.kept4, smooth * older, w20)
        k = _STEP_PX
        # Correlation detectors: what was here a frame ago and is there now, less the opposite.
        up = self.transport_up[:-k]
        _blend(up, smooth[:-k] * before[k:] - smooth[k:] * before[:-k], w20)
        right = self.transport_right[:, k:]
        _blend(right, smooth[:, k:] * before[:, :-k] - smooth[:, :-k] * before[:, k:], w20)
        self._ring = [*self._ring[1:], smooth]

    def _follow(self, frame: Grey, dt_s: float) -> None:
        # The first seconds are averaged as they come; later a change must last to be believed, and an
        # open plume longer still.
        step = frame - self.background
        if self.age_s > 8.0:
            limit = 3.0 * self.sigma
            np.clip(step, -limit, limit, out=step)
            weight: float | Grey = (1.0 - self.slow) * np.float32(1 - math.exp(-dt_s / 120.0))
        else:
            weight = 1.0 / self.frames
        self.background += step * weight

    @staticmethod
    def _weight(tau_s: float, dt_s: float, n: int) -> float:
        """A plain mean while young, an exponential one of ``tau_s`` later."""
        return max(1 - math.exp(-dt_s / tau_s), 1.0 / n)


def _blend(mean: Grey, value: NDArray[np.float32], weight: float, scale: float = 1.0) -> None:
    cv2.addWeighted(mean, 1.0 - weight, value, weight * scale, 0.0, dst=mean)
