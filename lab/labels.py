"""What a person saw in a clip, as data: ``labels.json`` beside the clips, read and written whole."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from detector.clip import VIDEOS, pictures_in

FILE = "labels.json"
FORMAT = "smoke-sentry-labels-1"
Kind = Literal["plume", "steam", "other", "nothing"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_MOST_LABELS = 200


class LabelsError(ValueError):
    """The labels cannot be used; the message says what, where and what was expected."""


@dataclass(frozen=True, slots=True)
class Label:
    """One thing seen from one second to another. ``origin`` in shares of the picture's width and height, 0-1, None
    where it has no one place (rain, nothing at all)."""

    kind: Kind
    from_s: float
    to_s: float
    origin: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class ClipLabels:
    """What was marked in one clip. ``fps`` is the pace at which it was looked at (a folder's own pace); weather as far
    as it is known."""

    labels: tuple[Label, ...] = field(default=())
    fps: float = 2.0
    temp_c: float | None = None
    rh_percent: float | None = None


def clips_in(folder: Path) -> list[Path]:
    """The clips of a folder in name order: folders that hold pictures, and video files. A folder of pictures alone is
    one clip."""
    if not folder.is_dir():
        raise LabelsError(f"{folder} is no folder; expected one that holds clips (folders of pictures, or videos)")
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    found = [p for p in inside if (p.is_dir() and pictures_in(p)) or (p.is_file() and p.suffix.lower() in VIDEOS)]
    if not found:
        raise LabelsError(f"{folder} holds no clips; expected folders of pictures (.jpg, .png, …) or video files in it")
    return found


def load(folder: Path) -> dict[str, ClipLabels]:
    """All labels of a folder by clip name; empty when there is no file yet. Raises :class:`LabelsError`."""
    path = folder / FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise LabelsError(f"{path}: cannot be read as JSON ({error}); mend it or move it away") from error
    if not isinstance(data, Mapping) or data.get("format") != FORMAT or not isinstance(data.get("clips"), Mapping):
        raise LabelsError(f"{path}: expected an object with format {FORMAT!r} and clips")
    return {str(name): parse(entry, f"{path}: clip {name!r}") for name, entry in data["clips"].items()}


def save(folder: Path, labels: Mapping[str, ClipLabels]) -> None:
    """Writes all labels at once: the old file stays whole until the new one is on the disk."""
    clips = {name: asdict(entry) for name, entry in sorted(labels.items())}
    text = json.dumps({"format": FORMAT, "clips": clips}, ensure_ascii=False, indent=1) + "\n"
    beside = folder / (FILE + ".new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / FILE)


def parse(data: object, where: str) -> ClipLabels:
    """One clip's labels out of JSON. Raises :class:`LabelsError`."""
    if not isinstance(data, Mapping) or not isinstance(data.get("labels"), list):
        raise LabelsError(f"{where}: expected an object with a list of labels")
    if len(data["labels"]) > _MOST_LABELS:
        raise LabelsError(f"{where}: more than {_MOST_LABELS} labels")
    fps = _number(data.get("fps", 2.0), 0.01, 100, f"{where}: fps")
    temp_c, rh_percent = (
        None if data.get(name) is None else _number(data[name], low, high, f"{where}: {name}")
        for name, low, high in (("temp_c", -60, 60), ("rh_percent", 0, 100))
    )
    labels = tuple(_label(row, f"{where}, label {k}") for k, row in enumerate(data["labels"], 1))
    return ClipLabels(labels, fps, temp_c, rh_percent)


def _label(row: object, where: str) -> Label:
    if not isinstance(row, Mapping) or row.get("kind") not in KINDS:
        raise LabelsError(f"{where}: expected an object whose kind is one of {', '.join(KINDS)}")
    start = _number(row.get("from_s"), 0, 1e6, f"{where}: from_s")
    end = _number(row.get("to_s"), 0, 1e6, f"{where}: to_s")
    if end < start:
        raise LabelsError(f"{where}: to_s {end:g} lies before from_s {start:g}")
    origin = row.get("origin")
    if origin is None:
        if row["kind"] == "plume":
            raise LabelsError(f"{where}: a plume needs its origin; click where it begins")
        return Label(row["kind"], start, end)
    if not isinstance(origin, list | tuple) or len(origin) != 2:
        raise LabelsError(f"{where}: origin is two shares of the picture, 0 to 1")
    x, y = (_number(value, 0, 1, f"{where}: origin") for value in origin)
    return Label(row["kind"], start, end, (x, y))


def _number(value: Any, low: float, high: float, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise LabelsError(f"{where}: expected a number, found {value!r}")
    if not low <= value <= high:
        raise LabelsError(f"{where}: expected {low:g} to {high:g}, found {value:g}")
    return float(value)
