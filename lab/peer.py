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

from lab.runtimes import clip

SIZES = (640, 1024)
TIMES_CHEAPER = {640: 20.0, 1024: 45.0}
_FRAMES = 120
_PEER_EVERY = 6  # frames: it is asked between the detector's, on the same machine, in the same minute


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
    frames = [np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8) for grey in clip(4, 2, _FRAMES, 4.0)]
    detector = Detector()
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
