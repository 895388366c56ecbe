"""Adapting the detector to one town with its own labels: the network's last layer, the confidence and the threshold.
Half of the clips never take part; when they say that it became worse, nothing is shipped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np

from detector.model import MANIFEST, Calibration, Model
from lab.footage import ClipRow, judge_clip
from lab.labels import ClipLabels, clips_in, load
from lab.last_layer import Backbone, NotAdaptable, cells_of, fit_row, replaced

LEAST_EACH = 2  # clips with a plume, and without, on each side of the split
_FALSE_COSTS = 3.0  # a false alert against a missed plume
_MOST_CHANGE = 0.25  # of the threshold
_PRIOR = 8.0  # the old calibration's weight, in clips

Say = Callable[[str], None]


class TooFewLabels(ValueError):
    """The labels cannot carry it; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Scores:
    """How a detector does on some clips. ``loss``: mean log loss of the confidence, plumes and other places alike."""

    plumes: int
    found: int
    false_alarms: int
    loss: float

    def words(self) -> str:
        """For people."""
        return f"{self.found} of {self.plumes} plumes found, {self.false_alarms} false alerts, log loss {self.loss:.3f}"

    def worse_than(self, other: Scores) -> str | None:
        """Why these scores forbid shipping, or None."""
        if self.found < other.found:
            return f"{other.found - self.found} fewer plumes are found"
        if self.false_alarms > other.false_alarms:
            return f"{self.false_alarms - other.false_alarms} more false alerts"
        if self.loss > other.loss + 1e-3:
            return f"the confidence is worse (log loss {self.loss:.3f} against {other.loss:.3f})"
        return None


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came out. ``refused`` says why it must not be shipped; None when it may."""

    before: Scores
    after: Scores
    calibration: Calibration
    last_layer: str  # what became of it
    fit_clips: tuple[str, ...]
    held_out_clips: tuple[str, ...]
    refused: str | None


def split(labels: dict[str, ClipLabels]) -> tuple[list[str], list[str]]:
    """Names to fit on and names held out: always the same halves for the same names, plumes and others apart. Raises
    :class:`TooFewLabels`."""
    halves: tuple[list[str], list[str]] = ([], [])
    for wanted, what in ((True, "with a plume"), (False, "without one")):
        names = [n for n, entry in labels.items() if any(one.kind == "plume" for one in entry.labels) == wanted]
        if len(names) < 2 * LEAST_EACH:
            raise TooFewLabels(
                f"{len(names)} labelled clips {what}; at least {2 * LEAST_EACH} are needed, half to learn from and half"
                " to judge by. Mark more with `smokesentry lab label`"
            )
        names.sort(key=lambda name: hashlib.sha256(name.encode()).hexdigest())
        for k, name in enumerate(names):
            halves[k % 2].append(name)
    return sorted(halves[0]), sorted(halves[1])


def fine_tune(folder: Path, out: Path, last_layer: bool, say: Say) -> Tuned:
    """Adapts, judges on the held-out half, and writes a manifest and weights into ``out``, whatever the verdict:
    shipping is the caller's act. Raises ``LabelsError``, ``ClipError`` and :class:`TooFewLabels` in words."""
    labels = load(folder)
    paths = {path.name: path for path in clips_in(folder) if path.name in labels}
    labels = {name: labels[name] for name in paths}
    fit, held_out = split(labels)
    source = resources.files("detector") / "weights"
    manifest = json.loads((source / MANIFEST).read_text(encoding="utf-8"))
    raw = (source / manifest["file"]).read_bytes()
    told = "left as it was"
    if last_layer:
        raw, told = _adapt(raw, [(paths[name], labels[name]) for name in fit], say)
    out.mkdir(parents=True, exist_ok=True)
    old = Model()
    _write(out, manifest, raw, old.calibration, fit)
    model = Model(out)
    rows = [_judged(name, paths, labels, old.calibration, model, say, "fitting") for name in fit]
    calibration = calibrate(rows, old.calibration)
    _write(out, manifest, raw, calibration, fit)
    model = Model(out)
    before = [_judged(name, paths, labels, old.calibration, old, say, "held out, before") for name in held_out]
    after = [_judged(name, paths, labels, calibration, model, say, "held out, after") for name in held_out]
    scores = scores_of(before, old.calibration), scores_of(after, calibration)
    return Tuned(*scores, calibration, told, tuple(fit), tuple(held_out), scores[1].worse_than(scores[0]))


def ship(out: Path) -> None:
    """Puts what :func:`fine_tune` wrote into the installed package, the old manifest beside it as ``before.json``."""
    target = Path(str(resources.files("detector") / "weights"))
    manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    (target / "before.json").write_bytes((target / MANIFEST).read_bytes())
    (target / manifest["file"]).write_bytes((out / manifest["file"]).read_bytes())
    (target / MANIFEST).write_bytes((out / MANIFEST).read_bytes())


def calibrate(rows: Sequence[ClipRow], before: Calibration) -> Calibration:
    """Threshold and confidence from clips of the town, each held to what it was."""
    return replace(_fit_confidence(rows, before), alarm_threshold=_fit_threshold(rows, before.alarm_threshold))


def _fit_threshold(rows: Sequence[ClipRow], old: float) -> float:
    hits = np.array([plume.score for row in rows for plume in row.plumes])
    misses = np.array([row.best_other for row in rows])
    options = np.linspace(old * (1 - _MOST_CHANGE), min(old * (1 + _MOST_CHANGE), 0.95), 41)
    cost = [float((hits < t).sum() + _FALSE_COSTS * (misses >= t).sum()) for t in options]
    good = [t for t, c in zip(options, cost, strict=True) if c <= min(cost) + 1e-9]
    # Of equally good ones the nearest to the old: a few clips must not move it for nothing.
    return round(float(min(good, key=lambda t: abs(t - old))), 3)


def _fit_confidence(rows: Sequence[ClipRow], before: Calibration) -> Calibration:
    x, truth = _units(rows)
    old = np.array([before.slope, before.intercept])
    row, design = old.copy(), np.stack([x, np.ones_like(x)], axis=1)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(design @ row, -30, 30)))
        slope = design.T @ (p - truth) + _PRIOR * (row - old)
        bend = (design * (p * (1 - p))[:, None]).T @ design + np.diag([_PRIOR, _PRIOR])
        row -= np.linalg.solve(bend, slope)
    # A confidence that falls with the score would be nonsense, however few clips ask for it.
    return replace(before, slope=round(max(float(row[0]), 0.2), 3), intercept=round(float(row[1]), 3))


def scores_of(rows: Sequence[ClipRow], calibration: Calibration) -> Scores:
    """What some judged clips say of a detector with this calibration."""
    x, truth = _units(rows)
    p = np.clip(1 / (1 + np.exp(-(calibration.slope * x + calibration.intercept))), 1e-4, 1 - 1e-4)
    plumes = [plume for row in rows for plume in row.plumes]
    return Scores(
        plumes=len(plumes),
        found=sum(plume.alarm_s is not None for plume in plumes),
        false_alarms=sum(len(row.false_alarms) for row in rows),
        loss=float(-np.mean(truth * np.log(p) + (1 - truth) * np.log(1 - p))),
    )


def _units(rows: Sequence[ClipRow]) -> tuple[np.ndarray, np.ndarray]:
    """Logits of the scores of labelled plumes (1) and of each clip's strongest other place (0)."""
    hits = [plume.score for row in rows for plume in row.plumes]
    score = np.clip(np.array(hits + [row.best_other for row in rows]), 1e-4, 1 - 1e-4)
    return np.log(score / (1 - score)), np.array([1.0] * len(hits) + [0.0] * len(rows))


def _adapt(raw: bytes, clips: Sequence[tuple[Path, ClipLabels]], say: Say) -> tuple[bytes, str]:
    try:
        backbone = Backbone(raw)
    except NotAdaptable as reason:
        return raw, f"left as it was: {reason}"
    rng, parts = np.random.default_rng(1), []
    for path, labels in clips:
        say(f"last layer: {path.name}")
        parts += list(cells_of(path, labels, backbone, rng))
    truth = np.concatenate([part[1] for part in parts]) if parts else np.zeros(0)
    if truth.sum() < 20:
        return raw, f"left as it was: only {truth.sum():.0f} cells with an origin to learn from"
    x, weight = (np.concatenate([part[k] for part in parts]) for k in (0, 2))
    new = fit_row(x, truth, weight, backbone.last)
    change = float(np.abs(new.weights[0] - backbone.last.weights[0]).max())
    return replaced(
        raw, new
    ), f"fitted to {len(truth)} cells, {truth.sum():.0f} of them origins; largest change {change:.3f}"


def _judged(
    name: str, paths: dict[str, Path], labels: dict[str, ClipLabels], calibration: Calibration, model: Model, say: Say,
    what: str,
) -> ClipRow:  # fmt: skip
    say(f"{what}: {name}")
    return judge_clip(paths[name], labels[name], calibration.alarm_threshold, model)


def _write(out: Path, manifest: dict[str, object], raw: bytes, calibration: Calibration, clips: Sequence[str]) -> None:
    name = str(manifest["name"]).removesuffix("+town") + "+town"
    new = {
        **manifest,
        "name": name,
        "file": f"{name}.tflite",
        "weights_sha256": hashlib.sha256(raw).hexdigest(),
        "calibration": {
            "alarm_threshold": calibration.alarm_threshold,
            "slope": calibration.slope,
            "intercept": calibration.intercept,
        },
        "fine_tuned": {"clips": len(clips), "from": manifest["weights_sha256"]},
    }
    (out / f"{name}.tflite").write_bytes(raw)
    (out / MANIFEST).write_text(json.dumps(new, indent=1) + "\n", encoding="utf-8")
