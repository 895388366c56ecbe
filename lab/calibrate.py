"""The alarm threshold and the confidence, from tuning nights that neither training nor judging sees."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lab.judge import Row

# Of tuning nights without smoke that must stay silent. A look-alike is in view in each from end to end, which on a roof
# is the exception. With plume-8, of 370 such nights and 93 visible plumes of tuning nights: 0.95 finds 73, 0.96 71,
# 0.97 67 and 0.98 65, with 16, 13, 9 and 7 false nights.
QUIET_SHARE = 0.96
_NEAR = 0.7
FLOOR = 0.30


def threshold_for_silence(rows: Sequence[Row]) -> float:
    """The lowest score that keeps all but a few nights without smoke silent, with a little to spare."""
    clean = [row.best for row in rows if not row.smoke and not row.steam]
    if not clean:
        raise ValueError("no nights without smoke to set a threshold on")
    return float(max(np.quantile(clean, QUIET_SHARE) + 0.01, FLOOR))


def fit_confidence(rows: Sequence[Row], least: float = 0.0, steps: int = 4000) -> tuple[float, float]:
    """Slope and intercept of a logistic over the logit of the score: is the best-scoring place of a night smoke?

    Only places that score at least ``least`` count: what never comes near an alarm has no confidence to tell.
    """
    pairs = [(row.best_smoke, 1.0) for row in rows if row.smoke] + [(row.best_other, 0.0) for row in rows]
    near = [pair for pair in pairs if pair[0] >= least]
    if not near:
        raise ValueError(f"no place of these nights scored {least:.2f} or more")
    score, truth = np.array(near).T
    score = np.clip(score, 1e-4, 1 - 1e-4)
    x = np.log(score / (1 - score))
    slope, intercept = 1.0, 0.0
    for _ in range(steps):
        p = 1 / (1 + np.exp(-(slope * x + intercept)))
        slope -= 0.5 * float(np.mean((p - truth) * x) + 1e-3 * (slope - 1))
        intercept -= 0.5 * float(np.mean(p - truth))
    return slope, intercept


def write(rows: Sequence[Row], manifest: Path) -> dict[str, float]:
    """Sets the manifest's calibration and returns it."""
    threshold = threshold_for_silence(rows)
    slope, intercept = fit_confidence(rows, _NEAR * threshold)
    calibration = {
        "alarm_threshold": round(threshold, 3),
        "slope": round(slope, 3),
        "intercept": round(intercept, 3),
    }
    data = json.loads(manifest.read_text(encoding="utf-8"))
    data["calibration"] = calibration
    manifest.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return calibration
