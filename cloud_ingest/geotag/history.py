"""Earlier nights at the same roofs, as evidence that does not feed on itself. Pure.

What counts of a night is what geometry alone said of the roof, never what history made of it. One night counts once,
withdrawn alerts not at all, and a night that a visit has refuted not either. A camera whose pose is a little wrong
names the same wrong roof every night: a night counts only if a pose that owes nothing to this event's has seen it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import log, log1p

from cloud_ingest.geotag.factors import Factor
from cloud_ingest.geotag.register import Entry

LOOKBACK = timedelta(days=60)
HALF_LIFE_DAYS = 14.0
MOST = log(4)
_SHAPE = 1.0  # how many nights' burning a roof of which nothing is known is worth: one certain night doubles its odds


@dataclass(frozen=True, slots=True)
class Night:
    """An earlier alert at a roof: its night, what geometry alone gave the roof, how sure it was smoke, who saw it."""

    night: date
    probability: float
    confidence: float
    poses: frozenset[str] = frozenset()  # gateway/camera/pose version; empty: not known


def repeat_factor(
    nights: Iterable[Night],
    tonight: date,
    poses: frozenset[str],
    visits: Sequence[Entry],
    name: str,
    rooftop: str,
) -> Factor | None:
    """What earlier nights say for a roof; None when there are none. ``visits``: the register's entries of the roof."""
    refuted = {
        entry.from_day - timedelta(days=back) for entry in visits if entry.kind == "nothing_found" for back in (0, 1)
    }
    worth: dict[date, float] = {}
    for one in nights:
        age = (tonight - one.night).days
        if age < 1 or age > LOOKBACK.days or one.night in refuted or not _owes_nothing(one.poses, poses):
            continue
        value = one.probability * one.confidence * 0.5 ** (age / HALF_LIFE_DAYS)
        worth[one.night] = max(worth.get(one.night, 0.0), value)
    total = sum(worth.values())
    weight = min(log1p(total / _SHAPE), MOST)
    if weight < 0.01:
        return None
    text = f"Alerts pointed to {name} on {len(worth)} earlier nights, worth {total:.1f} sure ones"
    return Factor("repeat", weight, text, "rooftop", rooftop)


def _owes_nothing(earlier: frozenset[str], now: frozenset[str]) -> bool:
    """Whether some earlier pose is of another gateway, or a newer or older pose of a camera of now: cameras of one
    gateway stand on one mast and err together."""
    cameras = {pose.rpartition("/")[0] for pose in now}
    masts = {pose.partition("/")[0] for pose in now}
    return any(
        pose.partition("/")[0] not in masts or (pose not in now and pose.rpartition("/")[0] in cameras)
        for pose in earlier
    )
