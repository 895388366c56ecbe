"""From admitted frames to what the network sees: registered, in even light, with their statistics. One scene after
another."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detector.frames import Grey
from detector.light import Tones, flatten
from detector.maps import Context, network_input
from detector.register import Pose, Reference, find_pose, lay
from detector.statistics import Statistics

TRUSTED_AGE_S = 60.0  # of a background taken over: it no longer follows each frame
_REFERENCE_S = 5.0
_NEW_SCENE_RESIDUAL = 9.0  # grey levels left after pose and light: another picture, not another exposure
_NEW_SCENE_FRAMES = 4


class Watcher:
    """Keeps one camera's statistics."""

    def __init__(self) -> None:
        self.new_scenes = 0
        self._begin()

    def _begin(self) -> None:
        self.stats = Statistics()
        self.pose = Pose()
        self.unrest_px = 0.0
        self._reference: tuple[Reference, Tones] | None = None
        self._reference_age = 0.0
        self._strange = 0
        self.watched_s = 0.0
        self.laid: Grey | None = None  # the last frame as the statistics took it
        self._remembered: Grey | None = None

    def adopt(self, background: Grey) -> None:
        """Begins with a background from before (HEIGHT, WIDTH) instead of trusting the next frame to be one. The
        caller has checked that it shows the same view."""
        self._begin()
        self._remembered = background
        self._refer(background)

    def _refer(self, background: Grey) -> tuple[Reference, Tones]:
        """What frames are laid on and evened to from now on."""
        reference = Reference(background)
        self._reference, self._reference_age = (reference, Tones(reference.small)), 0.0
        return self._reference

    @property
    def ready(self) -> bool:
        """Whether there are frames enough to ask the network."""
        return self.stats.frames >= 6

    def take(self, grey: Grey, dt_s: float) -> None:
        """One frame (HEIGHT, WIDTH), ``dt_s`` seconds after the one before it. Begins anew when the scene
        is another one."""
        reference, tones = self._reference or self._refer(grey)
        pose = find_pose(grey, reference, self.pose)
        far = pose.residual > _NEW_SCENE_RESIDUAL or not 0.4 < pose.gain < 2.5
        self._strange = self._strange + 1 if far else 0
        if self._strange >= _NEW_SCENE_FRAMES:
            self.new_scenes += 1
            self._begin()
            (reference, tones), pose = self._refer(grey), Pose()
        jump = math.hypot(pose.dx - self.pose.dx, pose.dy - self.pose.dy)
        self.unrest_px += (1 - math.exp(-dt_s / 10)) * (jump - self.unrest_px)
        self.pose = pose
        self.laid = flatten(lay(grey, pose), tones, pose)
        self.stats.update(self.laid, dt_s)
        self.watched_s += dt_s
        if self._remembered is not None:
            # The moments begin with this frame; only the background, and that it is not a new one, is taken over.
            self.stats.background[:] = self._remembered
            self.stats.age_s = max(self.stats.age_s, TRUSTED_AGE_S)
            self._remembered = None
        self._reference_age += dt_s
        if self._reference_age > _REFERENCE_S:
            self._refer(self.stats.background)

    def network_input(self, dt_s: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Maps and figures now."""
        pose = self.pose
        return network_input(
            self.stats, Context(pose.gain, pose.offset, pose.largest_px, self.unrest_px, pose.residual, dt_s)
        )
