"""Rows that other rooms measure, or will: taken from their own file where there is one, else there with no value."""

from __future__ import annotations

import json
from pathlib import Path

from lab.figures import Figure, read_list
from lab.scoreboard.stretches import NAME, stretch_figures

#: What a later room is to be judged by; the row stands there so that nobody forgets to ask.
_NOT_YET = (
    ("casework: alerts on fires that became a case with a recorded visit", 1.0),
    ("casework: cases closed within the day (日查日清)", None),
    ("evidence: packages that published tools verify", 1.0),
    ("evidence: altered packages that are found out", 1.0),
)
#: Rows of ``build/faults.json``.
_IN_CLOUD, _DECIDED = "soak: detections in the cloud, each exactly once", "soak: detections decided"
_CUT_OFF = "soak: cut off by kill -9 before they were stored"
_BROKEN = "soak: broken promises"


def other_rooms(build: Path) -> list[Figure]:
    """``make faults`` writes ``build/faults.json``, ``make stretches`` ``build/stretches.json``; nothing is invented
    where they are missing.

    Raises ``ValueError`` for a file that is no list of figures.
    """
    found = _values(build / "faults.json")
    stored = None if _DECIDED not in found else found[_DECIDED] - found.get(_CUT_OFF, 0.0)
    delivered = found[_IN_CLOUD] / stored if stored and _IN_CLOUD in found else None
    broken = next((value for name, value in found.items() if name.startswith(_BROKEN)), None)
    return [
        Figure("delivered exactly once under faults: of the detections stored at a gateway", delivered, "", 1.0),
        Figure("delivered exactly once under faults: promises broken", broken, "", 0.0),
        *_unbroken(build / f"{NAME}.json"),
        *(Figure(row, None, "", target) for row, target in _NOT_YET),
    ]


def _unbroken(path: Path) -> list[Figure]:
    if not path.exists():
        return stretch_figures([])
    try:
        return read_list(path)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: is not a list of figures ({error}); run `make stretches` again") from error


def _values(path: Path) -> dict[str, float]:
    if not path.exists():
        return {}
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {str(row["name"]): float(row["value"]) for row in rows if row["value"] is not None}
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path}: is not a list of figures ({error}); run `make faults` again") from error
