"""What one frame of masses can tell by itself, for the sensors that send whole µg/m³ and little to check them by."""

from __future__ import annotations

from firmware_bridge.driver import Refused, flagged
from firmware_bridge.reading import Reading

_IMPOSSIBLE = 10_000
_ALL_ONES = 0xFFFF


def judge_masses(model: str, values: dict[str, float], ceiling: int = 1000) -> Reading | Refused:
    """``values`` are µg/m³ from the finest size class up. All zeros can be real clean air: flagged, and kept."""
    masses = list(values.values())
    if any(_IMPOSSIBLE <= mass != _ALL_ONES for mass in masses):
        return Refused("mass beyond any reading")
    if max(masses) >= ceiling:
        return flagged(model, values, "ceiling", f"{ceiling} µg/m³ is the top of its range")
    if not any(masses):
        return flagged(model, values, "zero", "everything is zero: starting, blocked, or very clean air")
    if sorted(masses) != masses:
        return flagged(model, values, "out_of_range", "a smaller size class holds more mass than a larger one")
    return Reading(model, values)
