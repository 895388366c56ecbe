"""The last layer of a float TFLite network, read and replaced in the file itself: no training framework is needed.

Only the row that answers "smoke origin" is adapted. A town's labels say where a plume begins and how long it showed;
they do not say which cells it covered, so the other rows have nothing to learn from.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.clip import read_clip
from detector.frames import BadFrame, admit
from detector.pace import SAMPLE_S
from detector.watcher import Watcher
from lab.labels import ClipLabels

_EVERY_S = 4.0
_FROM_S = 12.0
_NEAR_CELLS, _PLUME_CELLS = 1.2, 10.0  # what counts as the origin; and what may be plume, which nobody marked
_HARDEST, _ANY = 40, 20  # cells without an origin, a moment: the ones it most believes in, and others
_PRIOR = 40.0  # how strongly the new row is held to the old one, in cells


class NotAdaptable(ValueError):
    """These weights have no float last layer that could be replaced; the message says why."""


@dataclass(frozen=True, slots=True)
class LastLayer:
    """Weights (3, channels) and bias (3,) of the last convolution, and where they lie in the file."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    weights_at: int
    bias_at: int
    input_index: int


class Backbone:
    """The network up to its last layer."""

    def __init__(self, raw: bytes) -> None:
        module = importlib.import_module("ai_edge_litert.interpreter")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._runner: Any = module.Interpreter(
                model_content=raw,
                num_threads=1,
                experimental_preserve_all_tensors=True,
                experimental_op_resolver_type=module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            )
        self._runner.allocate_tensors()
        inputs = {len(detail["shape"]): detail["index"] for detail in self._runner.get_input_details()}
        self._maps, self._figures = inputs[4], inputs[2]
        self.last = self._find(raw)

    def _find(self, raw: bytes) -> LastLayer:
        for op in reversed(self._runner._get_ops_details()):
            if op["op_name"] != "CONV_2D":
                continue
            data, weights, bias = (int(index) for index in op["inputs"])
            w, b = self._runner.get_tensor(weights), self._runner.get_tensor(bias)
            if w.dtype != np.float32 or w.shape[:3] != (3, 1, 1):
                raise NotAdaptable(f"the last layer is {w.dtype} {w.shape}, expected float32 (3, 1, 1, n)")
            places = [raw.find(w.tobytes()), raw.find(b.tobytes())]
            if min(places) < 0 or raw.count(w.tobytes()) != 1 or raw.count(b.tobytes()) != 1:
                raise NotAdaptable("the last layer's weights do not lie in the file once and plainly")
            return LastLayer(w.reshape(3, -1).copy(), b.copy(), places[0], places[1], data)
        raise NotAdaptable("the network has no convolution")

    def __call__(self, maps: NDArray[np.float32], figures: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the last layer sees: (rows, columns, channels)."""
        self._runner.set_tensor(self._maps, maps[None])
        self._runner.set_tensor(self._figures, figures[None])
        self._runner.invoke()
        seen: NDArray[np.float32] = self._runner.get_tensor(self.last.input_index)[0].copy()
        return seen


def cells_of(path: Path, labels: ClipLabels, backbone: Backbone, rng: np.random.Generator) -> Iterator[Any]:
    """Features (n, channels), truth (n,) and importance (n,) at some moments of one clip."""
    watcher, last_t, due_s = Watcher(), None, _FROM_S
    for t_s, frame in read_clip(path, labels.fps):
        if last_t is not None and t_s - last_t < SAMPLE_S:
            continue
        try:
            grey, _ = admit(frame)
        except BadFrame:
            continue
        dt_s = 0.5 if last_t is None else min(t_s - last_t, 2.0)
        last_t = t_s
        watcher.take(grey, dt_s)
        if t_s < due_s or not watcher.ready:
            continue
        due_s = t_s + _EVERY_S
        yield _choose(backbone(*watcher.network_input(dt_s)), backbone.last, labels, t_s, rng)


def _choose(
    seen: NDArray[np.float32], last: LastLayer, labels: ClipLabels, t_s: float, rng: np.random.Generator
) -> Any:
    rows, columns, channels = seen.shape
    ys, xs = np.mgrid[0:rows, 0:columns]
    is_origin, unknown = np.zeros((rows, columns), bool), np.zeros((rows, columns), bool)
    for label in labels.labels:
        if label.kind != "plume" or label.origin is None:
            continue
        away = np.hypot(xs + 0.5 - label.origin[0] * columns, ys + 0.5 - label.origin[1] * rows)
        unknown |= away < _PLUME_CELLS
        if label.from_s + 5 <= t_s <= label.to_s:
            is_origin |= away < _NEAR_CELLS
    flat = seen.reshape(-1, channels)
    free = np.flatnonzero(~(unknown | is_origin).ravel())
    hardest = free[np.argsort(-(flat[free] @ last.weights[0]))[:_HARDEST]]
    others = rng.choice(free, min(_ANY, free.size), replace=False) if free.size else free
    origins = np.flatnonzero(is_origin.ravel())
    picked = np.concatenate([origins, hardest, others])
    truth = np.concatenate([np.ones(origins.size), np.zeros(hardest.size + others.size)])
    # A moment with a plume weighs as much for it as against everything else.
    weight = np.concatenate([np.full(origins.size, 3.0), np.full(hardest.size + others.size, 0.1)])
    return flat[picked], truth, weight


def fit_row(x: NDArray[Any], truth: NDArray[Any], weight: NDArray[Any], last: LastLayer) -> LastLayer:
    """The origin's row fitted anew (logistic, by Newton's method), held to the old one."""
    design = np.hstack([x, np.ones((len(x), 1))]).astype(np.float64)
    before = np.append(last.weights[0], last.bias[0]).astype(np.float64)
    scale = np.append(np.maximum((x.astype(np.float64) ** 2).mean(axis=0), 1e-3), 1.0) * _PRIOR

    def loss(row: NDArray[Any]) -> float:
        logit = design @ row
        told = np.logaddexp(0, logit) - truth * logit
        return float((weight * told).sum() + 0.5 * (scale * (row - before) ** 2).sum())

    row = before.copy()
    for _ in range(40):
        p = 1 / (1 + np.exp(-np.clip(design @ row, -30, 30)))
        slope = design.T @ (weight * (p - truth)) + scale * (row - before)
        bend = (design * (weight * p * (1 - p))[:, None]).T @ design + np.diag(scale)
        step = np.linalg.solve(bend, slope)
        now = loss(row)
        # Where the answers are saturated a whole step would overshoot.
        while loss(row - step) > now and float(np.abs(step).max()) > 1e-7:
            step /= 2
        row -= step
        if float(np.abs(step).max()) < 1e-6:
            break
    weights, bias = last.weights.copy(), last.bias.copy()
    weights[0], bias[0] = row[:-1], row[-1]
    return LastLayer(weights, bias, last.weights_at, last.bias_at, last.input_index)


def replaced(raw: bytes, new: LastLayer) -> bytes:
    """The file with another last layer."""
    out = bytearray(raw)
    for at, values in ((new.weights_at, new.weights), (new.bias_at, new.bias)):
        data = np.ascontiguousarray(values, np.float32).tobytes()
        out[at : at + len(data)] = data
    return bytes(out)
