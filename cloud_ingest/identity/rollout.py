"""A new configuration or model for many gateways: a few first (the canaries), the others only once those are well.

Which gateways come first is a matter of a hash, so that it is not always the same ones. What became of each, its own
health records say: confirmed, taken back, or nothing yet. A rollout keeps no books; started again, it finds those that
have it already and goes on from there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Outcome(Enum):
    """What a gateway says of a version."""

    NOTHING = "nothing yet"
    TRIAL = "on trial"
    CONFIRMED = "in force"
    FAILED = "taken back"
    NEWER = "has a newer one"


class RolloutStopped(RuntimeError):
    """It did not go through; the message names the gateways and what they said."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``groups`` are the gateways in the order of their turns."""

    kind: str  # "configuration" or "model"
    version: int
    groups: tuple[tuple[str, ...], ...]


def plan(kind: str, version: int, gateways: Iterable[str], percents: Iterable[int]) -> Plan:
    """Cuts the gateways at the percents of the whole (10, 50, 100). Raises ``ValueError`` for other than rising ones up
    to 100. The first group is never empty."""
    cuts = list(percents)
    if not cuts or cuts[-1] != 100 or any(later <= earlier for earlier, later in zip([0, *cuts], cuts, strict=False)):
        raise ValueError(f"percents rise and end with 100, for example 10,50,100; got {','.join(map(str, cuts))}")
    names = sorted(set(gateways), key=lambda name: hashlib.sha256(f"{kind}/{version}/{name}".encode()).digest())
    groups, done = [], 0
    for percent in cuts:
        upto = max(1, -(-len(names) * percent // 100)) if names else 0
        if names[done:upto]:
            groups.append(tuple(names[done:upto]))
        done = max(done, upto)
    return Plan(kind, version, tuple(groups))


def outcome_of(health: dict[str, Any] | None, kind: str, version: int) -> Outcome:
    """What a gateway's newest health record says of a version; None: it has never told its health."""
    managed = (health or {}).get("managed") or {}
    confirmed = managed.get("confirmed", {}).get(kind, 0)
    if confirmed == version:
        return Outcome.CONFIRMED
    if confirmed > version:
        return Outcome.NEWER
    if managed.get("failed", {}).get(kind, 0) >= version:
        return Outcome.FAILED
    return Outcome.TRIAL if managed.get("trial", {}).get(kind) == version else Outcome.NOTHING


def carry_out(
    wanted: Plan,
    *,
    send: Callable[[str], None],
    look: Callable[[], dict[str, Outcome]],
    rest: Callable[[], bool],
    say: Callable[[str], None],
) -> None:
    """One group after the other. ``send`` orders it of one gateway, ``look`` asks what all say, ``rest`` waits a while
    and answers whether there is patience left for this group (asked anew for each).

    Raises :class:`RolloutStopped` at the first gateway that took it back or did not answer in time: no other group is
    touched. What ``send`` raises goes through.
    """
    for number, group in enumerate(wanted.groups, 1):
        said = look()
        missing = [name for name in group if said.get(name, Outcome.NOTHING) is Outcome.NOTHING]
        say(f"group {number} of {len(wanted.groups)}: {', '.join(group)}; {len(missing)} to be ordered")
        for name in missing:
            send(name)
        _await(wanted, group, look, rest, say)


def _await(
    wanted: Plan,
    group: tuple[str, ...],
    look: Callable[[], dict[str, Outcome]],
    rest: Callable[[], bool],
    say: Callable[[str], None],
) -> None:
    told: dict[str, Outcome] = {}
    while True:
        said = {name: look().get(name, Outcome.NOTHING) for name in group}
        for name, outcome in said.items():
            if told.get(name) is not outcome:
                say(f"  {name}: {outcome.value}")
        told = said
        failed = [name for name, outcome in said.items() if outcome is Outcome.FAILED]
        if failed:
            raise RolloutStopped(
                f"{wanted.kind} {wanted.version} was taken back by {', '.join(failed)}; nobody else gets it"
            )
        open_ = [name for name, outcome in said.items() if outcome in (Outcome.NOTHING, Outcome.TRIAL)]
        if not open_:
            return
        if not rest():
            late = f"no word in time whether {wanted.kind} {wanted.version} is well"
            raise RolloutStopped(f"{', '.join(open_)}: {late}; nobody else gets it")
