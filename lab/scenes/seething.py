"""Smoke that never rests and goes nowhere: seen as a whole it is the same for hours, and no two seconds of it are
alike."""

from __future__ import annotations

import numpy as np

from lab.scenes.noise import Rng, Wander, log_uniform
from lab.scenes.plumes import Billow
from lab.scenes.shapes import Shape


class Seething(Billow):
    """A billow whose clouds come and go within seconds, under a breath that is as quick.

    Over five seconds its mean hardly changes. Where such smoke is there from the first frame the background is this
    mean, nothing shifts against it, and only the unrest tells. Fires puff at a rate of their own (Cetegen and Ahmed,
    1993: 1.5/√diameter Hz, so 1 to 4 Hz for a stove's mouth), which one or two frames a second show as any slower rate.
    """

    def __init__(self, rng: Rng, shape: Shape, length_s: float) -> None:
        super().__init__(rng, shape, length_s)
        self.turn_s = log_uniform(rng, 0.15, 2.0)
        self.drift = shape.speed * log_uniform(rng, 0.02, 0.6)
        self.fine *= log_uniform(rng, 0.8, 2.5)
        self.depth = log_uniform(rng, 0.15, 1.3)
        self.strength = Wander(rng, 1, log_uniform(rng, 0.02, 0.4), log_uniform(rng, 0.3, 2.0), length_s)
        self.sway = Wander(rng, 0, rng.uniform(0.0, 0.06), rng.uniform(1, 20), length_s)
        self.puff = float(rng.choice([0.0, log_uniform(rng, 0.04, 0.5)]))
        self.puff_s = log_uniform(rng, 0.7, 7)
        self.phase = Wander(rng, 0, rng.uniform(0.1, 1.5), 4 * self.puff_s, length_s)

    def emitted(self, t_s: float) -> float:
        """How much smoke there is as a whole at a time, about 1."""
        return self.strength(t_s) * (1 + self.puff * float(np.sin(2 * np.pi * t_s / self.puff_s + self.phase(t_s))))
