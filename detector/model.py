"""The small network and what belongs to it: weights, calibration and configuration, one manifest that hashes them all.

The only place that knows which TFLite runtime is installed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.maps import CONTRACT

MANIFEST = "manifest.json"


class ModelError(RuntimeError):
    """The model cannot be used; the message says what was wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Numbers measured on clips that training never saw (``smokesentry lab evaluate --calibrate``)."""

    alarm_threshold: float  # mean origin heat over 16 s at which an event opens
    slope: float  # confidence = 1 / (1 + exp(-(slope × logit(score) + intercept)))
    intercept: float


class Model:
    """The network behind one call. One thread; raises :class:`ModelError` when the files do not belong together."""

    def __init__(self, folder: Path | None = None) -> None:
        """``folder``: manifest and weights; default: those of this release."""
        place = folder or resources.files("detector") / "weights"
        manifest_bytes = (place / MANIFEST).read_bytes()
        manifest: dict[str, Any] = json.loads(manifest_bytes)
        weights = (place / manifest["file"]).read_bytes()
        digest = hashlib.sha256(weights).hexdigest()
        if digest != manifest["weights_sha256"]:
            raise ModelError(
                f"{manifest['file']}: sha256 {digest[:12]}… is not the manifest's {manifest['weights_sha256'][:12]}…; "
                "reinstall the package or run `smokesentry lab train` again"
            )
        if manifest["contract"] != CONTRACT:
            raise ModelError(
                f"{manifest['file']}: trained for other maps than this version computes; "
                "run `smokesentry lab train` again"
            )
        self.name: str = manifest["name"]
        self.digest = "sha256:" + hashlib.sha256(manifest_bytes).hexdigest()
        self.calibration = Calibration(**manifest["calibration"])
        self._runner = _interpreter(weights)
        self._runner.allocate_tensors()
        inputs = {tuple(detail["shape"]): detail["index"] for detail in self._runner.get_input_details()}
        self._maps_index = next(index for shape, index in inputs.items() if len(shape) == 4)
        self._figures_index = next(index for shape, index in inputs.items() if len(shape) == 2)
        self._out_index = self._runner.get_output_details()[0]["index"]

    def __call__(self, maps: NDArray[np.float32], figures: NDArray[np.float32]) -> NDArray[np.float32]:
        """Maps (H, W, C) and figures (K,) within 0-1 → (H/2, W/2, 3) within 0-1: smoke origin, smoke, steam."""
        self._runner.set_tensor(self._maps_index, maps[None])
        self._runner.set_tensor(self._figures_index, figures[None])
        self._runner.invoke()
        out: NDArray[np.float32] = self._runner.get_tensor(self._out_index)[0]
        return out


def _interpreter(weights: bytes) -> Any:
    """LiteRT, or the runtime that it replaced. An old one beside a new numpy imports well and fails here with
    SystemError."""
    failures = []
    for package in ("ai_edge_litert", "tflite_runtime"):
        try:
            module = __import__(f"{package}.interpreter", fromlist=["Interpreter"])
            return module.Interpreter(model_content=weights, num_threads=1)
        except (ImportError, SystemError) as error:
            failures.append(f"{package}: {error}")
    raise ModelError(
        "no TFLite runtime works here (" + "; ".join(failures) + "); install the package's [edge] extra: ai-edge-litert"
    )
