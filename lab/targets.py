"""What the network should answer for a moment of a night: origin of visible smoke, smoke's area, steam's area, and
how much each cell counts."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.frames import CELL_PX, CELLS
from lab.scenes.night import Source

ROWS, COLUMNS = CELLS
_MEMORY_S = 15.0
_PLAIN = 2.2  # times what is just clear: fainter smoke is neither asked for nor forbidden, it only teaches to guess


class Truth:
    """Follows what has truly been visible over the last quarter minute, in heat-map cells."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = sources
        self._seen = [np.zeros((ROWS, COLUMNS), np.float32) for _ in sources]

    def step(self, contrasts: Sequence[NDArray[np.float32]], dt_s: float) -> None:
        """Takes the changes (180, 320) that each source made to one frame, grey levels."""
        weight = 1 - np.exp(-dt_s / _MEMORY_S)
        for mean, change in zip(self._seen, contrasts, strict=True):
            cells = cv2.resize(np.abs(change), (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
            mean += np.float32(weight) * (cells - mean)

    def burning(self, noise: float) -> list[NDArray[np.bool_]]:
        """For each source the cells where its smoke is plain now (none for steam), as the detector would find it."""
        clear = _clear(noise)
        return [
            (mean > clear) & (source.kind == "smoke") & (float(mean.max()) > _PLAIN * clear)
            for source, mean in zip(self.sources, self._seen, strict=True)
        ]

    def picture(self, noise: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Targets and weights, each (ROWS, COLUMNS, 3): smoke origin, smoke area, steam area.

        ``noise`` is the picture's deviation in grey levels: what hides in it is not asked for.
        """
        target = np.zeros((ROWS, COLUMNS, 3), np.float32)
        weight = np.ones((ROWS, COLUMNS, 3), np.float32)
        clear = _clear(noise)
        for source, mean in zip(self.sources, self._seen, strict=True):
            area, faint = mean > clear, (mean > 0.25 * clear) & (mean <= clear)
            layer = 1 if source.kind == "smoke" else 2
            target[:, :, layer] = np.maximum(target[:, :, layer], area)
            weight[:, :, layer] *= np.where(faint, 0.0, 1.0)
            near = _blob(source, 4.0)
            strong = float((mean * (near > 0.3)).max())
            if source.kind == "smoke":
                origin = _blob(source, 0.9)
                if strong > _PLAIN * clear:
                    target[:, :, 0] = np.maximum(target[:, :, 0], origin)
                    weight[:, :, 0] += 4 * (origin > 0.3)
                elif strong > 0.25 * clear:
                    weight[:, :, 0] *= np.where(near > 0.05, 0.0, 1.0)
        return target, weight


def _clear(noise: float) -> float:
    """The change of a cell, grey levels, that is just clear in a picture of this noise."""
    return max(0.25 * noise, 0.45)


def _blob(source: Source, spread: float) -> NDArray[np.float32]:
    ys, xs = np.mgrid[0:ROWS, 0:COLUMNS].astype(np.float32)
    cx, cy = source.x / CELL_PX - 0.5, source.y / CELL_PX - 0.5
    blob: NDArray[np.float32] = np.exp(-0.5 * ((xs - cx) ** 2 + (ys - cy) ** 2) / spread**2).astype(np.float32)
    return blob
