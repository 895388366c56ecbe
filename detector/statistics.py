"""What each pixel has been doing: a background and running moments over 2.5, 5, 20 and 60 seconds, all causal and
of fixed size.

Nothing is kept but these few pictures, so memory and time do not grow. Squares and products are taken at the working
size and then halved: a running mean of them is linear, so halving before it is the same as halving after it, for a
quarter of the memory to go through. What the network sees is made of them only when it is asked
(:func:`detector.maps.network_input`).
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from detector.frames import HEIGHT, WIDTH, Grey, halve

_STEP_PX = 3  # how far a puff is expected to travel between frames, for the transport detectors
_LAG_FRAMES = 4


def _zeros(shrunk: int = 1) -> Grey:
    return np.zeros((HEIGHT // shrunk, WIDTH // shrunk), np.float32)


class Statistics:
    """Running statistics of registered, light-corrected frames; one instance a camera.

    (HEIGHT, WIDTH) float32 in grey levels: ``background``, ``last``, ``m2``, ``m5``, ``m20``, ``sigma``.
    (HEIGHT/2, WIDTH/2) float32, means over 2×2 pixels: grey levels (``a20``, ``m60``), squared levels (``v*``,
    ``transport_*``, ``kept*``, ``flicker``), shares 0-1 (``away``).
    """

    def __init__(self) -> None:
        self.frames = 0
        self.age_s = 0.0
        self.background = _zeros()
        self.m2, self.m5, self.m20 = _zeros(), _zeros(), _zeros()
        self.v20, self.a20 = _zeros(2), _zeros(2)  # variance and mean absolute deviation over 20 s
        self.m60 = _zeros(2)  # mean distance of the 5 s mean from the background over 60 s
        self.v60 = _zeros(2)  # mean square distance of the 5 s mean from the background over 60 s
        self.flicker = _zeros(2)  # half the mean square frame difference over 10 s: variance of what has no memory
        self.vs5, self.vs20 = _zeros(2), _zeros(2)  # variance of the spatially smoothed picture over 5 and 20 s
        self.kept1, self.kept4 = _zeros(2), _zeros(2)  # its products one and four frames apart: how long a change lives
        self.transport_up, self.transport_right = _zeros(2), _zeros(2)
        self.away = _zeros(2)  # share of the last 20 s spent clearly off the background
        self.sigma: Grey = np.full(
            (HEIGHT, WIDTH), 2.0, np.float32
        )  # expected deviation of a quiet pixel, set from outside
        self.slow: Grey = _zeros()  # 0-1: how little the background follows (1: not at all), set from outside
        self.last = _zeros()
        self._ring = [_zeros() for _ in range(_LAG_FRAMES + 1)]  # smoothed deviations, oldest first; a place to write
        # Places for what is worked out at each frame: fresh pictures would cost as much as the sums.
        self._off, self._product = _zeros(), _zeros()

    def update(self, frame: Grey, dt_s: float) -> None:
        """Takes one frame (HEIGHT, WIDTH), ``dt_s`` seconds after the one before it, and keeps it till the next: it
        must not change."""
        if self.frames == 0:
            for mean in (self.background, self.m2, self.m5, self.m20):
                mean[:] = frame
            self.last = frame
            self.frames = 1
            return
        self.frames += 1
        self.age_s += dt_s
        w2, w5, w10, w20, w60 = (self._weight(tau_s, dt_s) for tau_s in (2.5, 5, 10, 20, 60))
        off, work = self._off, self._product
        cv2.subtract(frame, self.m20, dst=off)
        _learn(cv2.multiply(off, off, dst=work), (self.v20, w20))
        _learn(cv2.absdiff(frame, self.m20, dst=work), (self.a20, w20))
        self._coherent(off, w5, w20)
        cv2.subtract(frame, self.last, dst=off)
        _learn(cv2.multiply(off, off, dst=work, scale=0.5), (self.flicker, w10))
        for mean, weight in ((self.m2, w2), (self.m5, w5), (self.m20, w20)):
            cv2.accumulateWeighted(frame, mean, weight)
        cv2.subtract(self.m5, self.background, dst=off)
        _learn(off, (self.m60, w60))
        _learn(cv2.multiply(off, off, dst=work), (self.v60, w60))
        cv2.absdiff(self.m2, self.background, dst=off)
        cv2.addWeighted(off, 1.0, self.sigma, -2.0, 0.0, dst=off)
        _learn(cv2.threshold(off, 0.0, 1.0, cv2.THRESH_BINARY, dst=work)[1], (self.away, w20))
        self._follow(frame, dt_s)
        self.last = frame

    def _coherent(self, off: Grey, w5: float, w20: float) -> None:
        """What depends on the smoothed deviation; ``off`` is written over."""
        older, before, work = self._ring[0], self._ring[-2], self._product
        smooth = cv2.GaussianBlur(off, (5, 5), 1.2, dst=self._ring[-1])
        _learn(cv2.multiply(smooth, smooth, dst=work), (self.vs5, w5), (self.vs20, w20))
        _learn(cv2.multiply(smooth, before, dst=work), (self.kept1, w20))
        _learn(cv2.multiply(smooth, older, dst=work), (self.kept4, w20))
        # Correlation detectors: what was here a frame ago and is there now, less the opposite.
        k = _STEP_PX
        up, other = work[:-k], off[:-k]
        cv2.multiply(smooth[:-k], before[k:], dst=up)
        cv2.subtract(up, cv2.multiply(smooth[k:], before[:-k], dst=other), dst=up)
        work[-k:] = 0.0  # edges have no neighbour
        _learn(work, (self.transport_up, w20))
        right, other = work[:, k:], off[:, k:]
        cv2.multiply(smooth[:, k:], before[:, :-k], dst=right)
        cv2.subtract(right, cv2.multiply(smooth[:, :-k], before[:, k:], dst=other), dst=right)
        work[:, :k] = 0.0
        _learn(work, (self.transport_right, w20))
        self._ring = [*self._ring[1:], older]

    def _follow(self, frame: Grey, dt_s: float) -> None:
        # The first seconds are averaged as they come; later a change must last to be believed, and an
        # open plume longer still.
        if self.age_s <= 8.0:
            cv2.accumulateWeighted(frame, self.background, 1.0 / self.frames)
            return
        step, limit = self._off, self._product
        cv2.subtract(frame, self.background, dst=step)
        np.multiply(self.sigma, np.float32(3.0), out=limit)
        cv2.min(step, limit, dst=step)
        cv2.max(step, np.negative(limit, out=limit), dst=step)
        cv2.subtract(step, cv2.multiply(step, self.slow, dst=limit), dst=step)
        cv2.scaleAdd(step, 1 - math.exp(-dt_s / 120.0), self.background, dst=self.background)

    def _weight(self, tau_s: float, dt_s: float) -> float:
        """A plain mean while young, an exponential one of ``tau_s`` later."""
        return max(1 - math.exp(-dt_s / tau_s), 1.0 / self.frames)


def _learn(picture: Grey, *means: tuple[Grey, float]) -> None:
    """Takes a picture of the working size into running means of half of it, each with its weight."""
    small = halve(picture)
    for mean, weight in means:
        cv2.accumulateWeighted(small, mean, weight)
