"""Which seeds serve what. The ranges never meet, so nothing that judges has been trained on."""

from __future__ import annotations

TRAIN = range(1_000_000)
TUNE = range(1_000_000, 2_000_000)  # threshold and calibration
JUDGE = range(2_000_000, 3_000_000)
MINE = range(3_000_000, 4_000_000)  # hard negatives
TEST = range(4_000_000, 5_000_000)  # the repository's own small tests
