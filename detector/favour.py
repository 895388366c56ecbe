"""Where a score counts for more or less: at known chimneys, and where the site's memory asks for more."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.frames import CELL_PX, CELLS, Scale

_CHIMNEY_CELLS = 2.5
_CHIMNEY_FACTOR = 1.25  # on the score at a known chimney


def favour(
    chimneys_px: Sequence[tuple[float, float]], scale: Scale, raised: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """The factor on the score of each heat-map cell. ``chimneys_px`` in pixels of the frame as pushed; ``raised`` as
    :meth:`detector.memory.SiteMemory.factors` gives it, None for nothing learned."""
    out = np.ones(CELLS, np.float32)
    ys, xs = np.mgrid[0 : CELLS[0], 0 : CELLS[1]]
    for x, y in chimneys_px:
        cell_x, cell_y = x / scale.x / CELL_PX - 0.5, y / scale.y / CELL_PX - 0.5
        out[np.hypot(xs - cell_x, ys - cell_y) < _CHIMNEY_CELLS] = _CHIMNEY_FACTOR
    if raised is not None:
        out /= cv2.resize(raised, CELLS[::-1], interpolation=cv2.INTER_NEAREST)
    return out
