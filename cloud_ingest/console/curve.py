"""The particulate curve: which quantity is shown, and thinning a long series to what a screen can show. Pure."""

from __future__ import annotations

from typing import Any

#: The first of these that a sensor reports is its curve. They are not the same quantity; the answer names which it is.
QUANTITIES = ("pm25_atm_ug_m3", "pm25_ug_m3", "pm25_cf1_ug_m3")

MAX_POINTS = 400


def thin(points: list[dict[str, Any]], most: int = MAX_POINTS) -> list[dict[str, Any]]:
    """Joins neighbours until at most ``most`` points are left. Keys: ``at`` (the interval's end), ``mean``, ``low``,
    ``high``, ``count``. A joined mean weighs by readings; least and greatest are kept, so no peak is lost."""
    size = -(-len(points) // most) if points else 1
    return [_joined(points[start : start + size]) for start in range(0, len(points), size)]


def _joined(group: list[dict[str, Any]]) -> dict[str, Any]:
    count = sum(point["count"] for point in group)
    return {
        "at": group[-1]["at"],
        "mean": sum(point["mean"] * point["count"] for point in group) / count,
        "low": min(point["low"] for point in group),
        "high": max(point["high"] for point in group),
        "count": count,
    }
