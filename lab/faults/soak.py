"""The soak: a timetable with a fault every half minute over two gateways, and the ledgers at its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lab.faults.ledger import Ledger, compare, waiting
from lab.faults.orders import Fault, Timetable
from lab.faults.runner import Happened, play
from lab.faults.stand import Stand

GATEWAYS = ("gw-1", "gw-2")
_DRAIN_S = 900.0  # a busy machine; how long it took is told
_STEP_S, _FIRST_S, _QUIET_END_S = 30.0, 10.0, 15.0
#: What breaks one after the other, for how long, and by how much.
_ROUND: tuple[tuple[str, float, float | None], ...] = (
    ("power", 3, None),
    ("broker_kill", 6, None),
    ("network_cut", 20, None),
    ("clock_jump", 20, 10_800),
    ("disk_full", 20, None),
    ("camera_freeze", 27, None),
    ("ingest_kill", 5, None),
    ("sensor_unplug", 15, None),
    ("network_silence", 20, None),
    ("power", 8, None),
    ("clock_jump", 20, -18_000),
    ("disk_read_only", 15, None),
    ("broker_stop", 15, None),
    ("network_loss", 20, 0.05),
    ("camera_gone", 15, None),
    ("sensor_garbage", 15, None),
    ("network_delay", 20, 1500),
    ("camera_black", 12, None),
    ("sensor_freeze", 15, None),
)
_OF_ALL = frozenset({"broker_kill", "broker_stop", "ingest_kill"})


def plan(minutes: float, step_s: float = _STEP_S) -> Timetable:
    """The round again and again, the gateways in turn; a fault begins every ``step_s`` seconds."""
    length_s = minutes * 60
    faults, number, at_s = [], 0, min(_FIRST_S, step_s)
    while at_s < length_s - _QUIET_END_S:
        what, for_s, measure = _ROUND[number % len(_ROUND)]
        lasts_s = min(for_s, step_s * 0.9, length_s - at_s)
        target = None if what in _OF_ALL else GATEWAYS[number % len(GATEWAYS)]
        faults.append(Fault(at_s, what, lasts_s, target, measure))
        number, at_s = number + 1, at_s + step_s
    return Timetable("soak", length_s, tuple(faults))


@dataclass(frozen=True, slots=True)
class Soaked:
    """What a soak brought."""

    happened: list[Happened]
    ledgers: list[Ledger]
    drained_s: float  # from the last fault's end until nothing waited any more


def soak(timetable: Timetable, folder: Path, say: Callable[[str], None]) -> Soaked:
    """Plays the timetable on a stand of its own in ``folder``, waits until everything has been delivered, stops the
    gateways and compares. Raises ``ProcessFailed`` when a process ends that nobody killed."""
    with Stand(folder, list(GATEWAYS)) as stand:
        stand.start(say)
        say(f"{len(timetable.faults)} faults in {timetable.length_s / 60:.1f} minutes")
        happened = play(timetable, stand, say)
        drained_s = _drain(stand, say)
        wall_minus_mono_s = time.time() - time.monotonic()
        for name in GATEWAYS:
            stand.processes.terminate(name)
        time.sleep(3)  # what was on its way arrives
        database = stand.town.folder / "cloud" / "cloud.db"
        ledgers = [
            compare(name, stand.folder / "log" / f"{name}.log", stand.roofs[name].state, database, wall_minus_mono_s)
            for name in GATEWAYS
        ]
    return Soaked(happened, ledgers, drained_s)


def _drain(stand: Stand, say: Callable[[str], None]) -> float:
    """Until each spool was seen (nearly) empty: telemetry and health go on coming, so a handful always waits."""
    began = time.monotonic()
    for name in GATEWAYS:
        ready = partial(_is_drained, stand.roofs[name].state)
        stand.processes.wait_for(f"{name} delivers what waits", ready, _DRAIN_S)
    took_s = time.monotonic() - began
    say(f"everything delivered {took_s:.0f} s after the last fault")
    return took_s


def _is_drained(state: Path) -> bool:
    return waiting(state) <= 3
