"""This scoreboard beside the last committed one: what fell is listed, to be explained or mended. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.figures import Figure

SUITE_ROW, JUDGEABLE_ROW = "version: suite", "version: judgeable"
_LESS_IS_BETTER = (
    "false alerts",
    "time to alert",
    "calibration error",
    "steam: called smoke",
    "coverage: “cannot judge” a",
)
_MORE_IS_BETTER = (
    "recall",
    "right rooftop",
    "coverage: judged",
    "coverage by light",
    "demo",
    "delivered",
    "casework",
    "evidence",
)
_NO_MERIT = ("recall: fires too faint", "recall: alerts on fires that were too faint", "false alerts: camera-hours")
_LEAST = 0.02  # smaller relative changes are no news


@dataclass(frozen=True, slots=True)
class Fall:
    """A figure that got worse; ``beyond_chance`` when it left the 95 % bounds of the earlier run."""

    name: str
    was: float
    now: float
    beyond_chance: bool


def comparable(now: Sequence[Figure], before: Sequence[Mapping[str, Any]]) -> bool:
    """Whether both were made of the same suite under the same definition of judgeable."""
    old = {row["name"]: row["value"] for row in before}
    new = {figure.name: figure.value for figure in now}
    return all(old.get(row) == new.get(row) for row in (SUITE_ROW, JUDGEABLE_ROW))


def falls(now: Sequence[Figure], before: Sequence[Mapping[str, Any]]) -> list[Fall]:
    """Figures that are worse than in the earlier list, those beyond chance first."""
    old = {row["name"]: row for row in before}
    found = []
    for figure in now:
        row, sign = old.get(figure.name), merit(figure.name)
        if row is None or sign == 0 or row["value"] is None or figure.value is None:
            continue
        was = float(row["value"])
        if sign * (was - figure.value) <= _LEAST * max(abs(was), 1e-9):
            continue
        bound = row.get("low") if sign > 0 else row.get("high")
        beyond = bound is not None and sign * (float(bound) - figure.value) > 0
        found.append(Fall(figure.name, was, figure.value, beyond))
    return sorted(found, key=lambda fall: not fall.beyond_chance)


def merit(name: str) -> int:
    """1 where more is better, -1 where less is, 0 where a number is neither."""
    if name.startswith(_NO_MERIT):
        return 0
    return 1 if name.startswith(_MORE_IS_BETTER) else -1 if name.startswith(_LESS_IS_BETTER) else 0
