"""What the stages held at one moment, for looking at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.frames import Grey, Scale
from detector.types import PlumeEvent


@dataclass(frozen=True, slots=True)
class Seen:
    """One moment of one detector. ``frame`` is registered and in the background's light."""

    t_s: float
    frame: Grey  # (180, 320) grey levels
    background: Grey
    maps: NDArray[np.float32]  # (90, 160, n) as the network sees them
    heat: NDArray[np.float32] | None  # (45, 80, 3), its answer: smoke origin, smoke, steam
    score: NDArray[np.float32] | None  # (45, 80)
    events: tuple[PlumeEvent, ...]
    scale: Scale
