"""The detector beside the wildfire peers' per-frame model in one run (`make peer`): YOLO11n through ONNX Runtime.

Runs in an environment of its own (`lab/requirements-peer.txt`): the peer's package is AGPL and never a dependency.
Random weights do, since only time is measured. Imports what that environment has: detector, numpy, OpenCV, the peer.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SIZES = (640, 1024)
TIMES_CHEAPER = {640: 20.0, 1024: 45.0}
_FRAMES = 120
_PEER_EVERY = (
    6  # the peer is asked for every sixth frame only, between the detector's: the same machine, the same minute
)


def clip(seed: int = 4) -> list[NDArray[np.uint8]]:
    """A minute of a noisy 1280×720 colour street at 2 frames/s with a wavering veil from second ten on."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:720, 0:1280].astype(np.float32)
    still = 40 + 30 * (y > 400) + 90 * np.exp(-((x - 800) ** 2 + (y - 300) ** 2) / 20000)
    frames = []
    for n in range(_FRAMES):
        rise = np.clip((400 - y) / 80, 0, 1) * (y > 400 - 6 * max(0, n - 20))
        veil = (
            0.4
            * rise
            * np.exp(-((x - 760 - 16 * np.sin(y / 28 - n * 0.9)) ** 2) / (2 * (12 + (400 - y).clip(0) / 8) ** 2))
        )
        grey = np.clip(still * (1 - veil) + rng.normal(0, 4, still.shape), 0, 255).astype(np.uint8)
        frames.append(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
    return frames


def peer(folder: Path, size: int) -> Callable[[NDArray[np.uint8]], Any]:
    """YOLO11n exported to ONNX once, one thread; asked with a frame, resized and scaled as it expects."""
    import onnxruntime  # type: ignore[import-not-found]
    from ultralytics import YOLO  # type: ignore[import-not-found]

    file = folder / f"yolo11n-{size}.onnx"
    if not file.exists():
        made = Path(YOLO("yolo11n.yaml").export(format="onnx", imgsz=size, verbose=False))
        made.replace(file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def ask(frame: NDArray[np.uint8]) -> Any:
        picture = cv2.resize(frame, (size, size), interpolation=cv2.INTER_LINEAR)[:, :, ::-1]
        return session.run(None, {name: np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32) / 255})

    return ask


def main(out: Path) -> int:
    """Prints milliseconds of processor time a frame, median, and writes them as figures to ``out``."""
    from detector.pipeline import Detector

    cv2.setNumThreads(1)
    frames, detector = clip(), Detector()
    peers = {size: peer(out.parent, size) for size in SIZES}
    ours: list[float] = []
    theirs: dict[int, list[float]] = {size: [] for size in SIZES}
    for n, frame in enumerate(frames):
        ours.append(_spent(partial(detector.push, frame, n * 0.5)))
        if n % _PEER_EVERY == _PEER_EVERY - 1:
            for size, ask in peers.items():
                theirs[size].append(_spent(partial(ask, frame)))
        if n % 20 == 19:
            print(f"{n + 1} of {len(frames)} frames", file=sys.stderr, flush=True)
    # The detector thinks on some frames only, so its mean counts; each of the peer's frames costs the same.
    mean = float(np.mean(ours[20:]))
    figures = []
    for size, spent in theirs.items():
        median = float(np.median(spent))
        figures.append(
            {
                "name": f"detector per decoded 720p frame, one thread, beside YOLO11n at {size}",
                "value": mean,
                "unit": "ms",
                "target": median / TIMES_CHEAPER[size],
                "peer": f"YOLO11n at {size} through ONNX Runtime, random weights",
                "peer_value": median,
                "ratio": mean / median,
            }
        )
        print(f"YOLO11n at {size}: {median:.1f} ms; the detector {mean:.2f} ms, {median / mean:.1f} times cheaper")
    out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


def _spent(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
