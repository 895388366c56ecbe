"""Reading a clip for looking at it: a folder of pictures in name order, or a video file. The gateway's own sources are
in ``edge/``; this knows files only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.types import Verdict

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
VIDEOS = frozenset({".mp4", ".mkv", ".avi", ".mov", ".ts", ".h264", ".webm", ".mjpg", ".mjpeg"})


class ClipError(RuntimeError):
    """The clip cannot be read; the message says why and what was expected."""


def read_clip(path: Path, fps: float) -> Iterator[tuple[float, NDArray[np.uint8] | None]]:
    """Seconds and frames, uint8 BGR or grey; None for a picture that cannot be read. ``fps``: of a folder's pictures,
    or how many of a video's frames a second are wanted. Raises :class:`ClipError`."""
    if path.is_dir():
        files = pictures_in(path)
        if not files:
            raise ClipError(f"{path} holds no pictures (.jpg, .png, …)")
        for number, file in enumerate(files):
            yield number / fps, _picture(file)
    elif path.is_file():
        yield from _video(path, fps)
    else:
        raise ClipError(f"{path}: there is no such file or folder")


def clip_verdict(suspected: bool, judged: float, not_judged: float) -> Verdict:
    """One verdict over a clip: suspected if a suspected plume was open at any time; else cannot_judge unless more could
    be judged than not (both in seconds, or both in frames); else not_suspected."""
    if suspected:
        return "suspected"
    return "cannot_judge" if not_judged >= judged else "not_suspected"


def pictures_in(folder: Path) -> list[Path]:
    """A folder's pictures in name order."""
    return sorted(f for f in folder.iterdir() if f.suffix.lower() in PICTURES and not f.name.startswith("."))


def _picture(file: Path) -> NDArray[np.uint8] | None:
    try:
        raw = np.frombuffer(file.read_bytes(), np.uint8)
        picture = cv2.imdecode(raw, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) if raw.size else None
    except (OSError, cv2.error):
        return None
    return None if picture is None else np.asarray(picture, np.uint8)


def _video(path: Path, fps: float) -> Iterator[tuple[float, NDArray[np.uint8] | None]]:
    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened():
            raise ClipError(f"{path} cannot be opened as video; expected a video file or a folder of pictures")
        rate = capture.get(cv2.CAP_PROP_FPS)
        rate = rate if np.isfinite(rate) and 0 < rate <= 1000 else fps
        number, due_s = 0, 0.0
        while capture.grab():
            at_s, number = number / rate, number + 1
            if at_s < due_s - 0.5 / rate:
                continue
            due_s = max(due_s + 1 / fps, at_s)
            done, frame = capture.retrieve()
            yield at_s, np.asarray(frame, np.uint8) if done and frame is not None else None
    finally:
        capture.release()
