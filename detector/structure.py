"""How much of one picture's structure is left in another, by scale and by place: what focus, fog, frost and covered
lenses are told by."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.frames import Grey, halve

ROWS, COLUMNS = 6, 10
_LEAST_TEXTURE = 1.5  # grey levels: a cell with less says nothing about what covers it
_GLARE = 200.0  # grey levels; a lamp's disc keeps its shape through frost and fog
_WIDE_HALVED = 3.97  # pixels of half the size: with halving and doubling 8 of the whole
_GONE, _KEPT = 0.35, 0.7  # of the structure that a cell had


@dataclass(frozen=True, slots=True)
class Left:
    """Shares of the reference's structure; 1 is all of it (exposure counts: half the light is half the structure)."""

    fine: float  # 1-2 px of 320
    coarse: float  # 3-8 px
    covered: float  # of the textured cells, those that lost it
    kept: float  # and those that hardly did
    own: float  # fine structure of any kind against the reference's: another scene has its own, a veil leaves none


@dataclass(frozen=True, slots=True)
class Structure:
    """A clear picture's own, worked out once and compared with many: its bands, where they count, and their power."""

    use: NDArray[np.bool_]
    fine: Grey
    coarse: Grey
    there: Grey  # power in each cell
    powers: tuple[float, float]  # of fine and coarse, at least 1

    @staticmethod
    def of(picture: Grey) -> Structure:
        """A picture's, (HEIGHT, WIDTH)."""
        use = cv2.dilate(picture, np.ones((9, 9), np.uint8)) < _GLARE
        if use.mean() < 0.2:
            use[:] = True
        fine, coarse = _bands(picture, use)
        return Structure(use, fine, coarse, _cells((fine + coarse) ** 2), (_power(fine), _power(coarse)))

    def left_in(self, now: Grey) -> Left:
        """Regression of each band on the clear picture's through zero, so that noise and new things add nothing.
        ``now``: (HEIGHT, WIDTH), in the same pose."""
        fine, coarse = _bands(now, self.use)
        left = _cells((self.fine + self.coarse) * (fine + coarse))
        textured = np.sqrt(self.there) > _LEAST_TEXTURE
        ratio = left[textured] / self.there[textured] if textured.sum() >= 4 else np.ones(1, np.float32)
        own = float(np.sqrt(np.vdot(fine, fine) / self.powers[0]))
        gone, kept = float((ratio < _GONE).mean()), float((ratio > _KEPT).mean())
        shares = _gain(self.fine, fine, self.powers[0]), _gain(self.coarse, coarse, self.powers[1])
        return Left(*shares, gone, kept, own)


def _bands(picture: Grey, use: NDArray[np.bool_]) -> tuple[Grey, Grey]:
    soft, mid = cv2.GaussianBlur(picture, (0, 0), 0.7), cv2.GaussianBlur(picture, (0, 0), 2.0)
    # So wide a blur is the same at half the size, for a fifth of the time; halving and doubling blur a little, too.
    wide = cv2.resize(cv2.GaussianBlur(halve(picture), (0, 0), _WIDE_HALVED), picture.shape[::-1])
    kept = use.astype(np.float32)
    return (soft - mid) * kept, (mid - wide) * kept


def _power(band: Grey) -> float:
    return max(float(np.vdot(band, band)), 1.0)


def _gain(reference: Grey, now: Grey, power: float) -> float:
    return max(float(np.vdot(reference, now)) / power, 0.0)


def _cells(picture: Grey) -> Grey:
    return cv2.resize(picture, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
