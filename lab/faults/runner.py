"""Plays a timetable on a stand and writes down what happened when."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lab.faults.levers import Levers
from lab.faults.orders import MEASURES, Fault, Timetable
from lab.faults.stand import Stand


@dataclass(slots=True)
class Happened:
    """One fault as it was carried out; times in seconds since the start, ``skipped`` why it was not."""

    fault: Fault
    began_s: float
    ended_s: float | None = None
    skipped: str | None = None

    def line(self) -> str:
        """For people."""
        fault = self.fault
        measure = "" if fault.measure is None else f" {MEASURES[fault.what][0]}={fault.measure:g}"
        where = f" {fault.target}" if fault.target else ""
        if self.skipped:
            return f"{self.began_s:7.1f} s  {fault.what}{where}{measure}: skipped, {self.skipped}"
        until = "…" if self.ended_s is None else f"{self.ended_s:.1f} s"
        return f"{self.began_s:7.1f} s  {fault.what}{where}{measure} until {until}"


def play(timetable: Timetable, stand: Stand, say: Callable[[str], None]) -> list[Happened]:
    """Carries out every fault at its time and ends it at its time. A process that ends though nobody killed it raises
    ``ProcessFailed``."""
    levers, log = Levers(stand), list[Happened]()
    began = time.monotonic()
    due = sorted(
        [(fault.at_s, 1, index) for index, fault in enumerate(timetable.faults)]
        + [(fault.until_s, 0, index) for index, fault in enumerate(timetable.faults)]
    )
    of = dict[int, Happened]()
    for at_s, begins, index in [*due, (timetable.length_s, 0, -1)]:
        while (left_s := began + at_s - time.monotonic()) > 0:
            stand.processes.check()
            time.sleep(min(0.2, left_s))
        if index < 0:
            break
        now_s = time.monotonic() - began
        if begins:
            of[index] = Happened(timetable.faults[index], now_s)
            log.append(of[index])
            of[index].skipped = levers.begin(timetable.faults[index])
            say(of[index].line())
        elif of[index].skipped is None:
            levers.end(timetable.faults[index])
            of[index].ended_s = time.monotonic() - began
    return log
