"""Threads that are put back on their feet: what one raises is logged in words, counted, and it begins again; one that
no longer moves is seen, said, and harms no other."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

_log = logging.getLogger("edge.supervise")
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_STEADY_S = 120.0
STALL_S = 30.0  # no loop of the gateway needs longer for one turn
FATAL_S = 180.0  # a loop that stands still for so long will not move again by itself
_MOST_ABANDONED = 3


class Pulse(threading.Event):
    """The stop event as one loop sees it. Asking it is the heartbeat: a loop that still asks whether it should stop
    still turns. A pause taken through :meth:`wait` is rest, not a stall."""

    def __init__(self, stop: threading.Event) -> None:
        super().__init__()
        self._stop_of_all = stop
        self._rested_until_s = time.monotonic()

    def is_set(self) -> bool:
        """Whether to end: because all do, or because another thread has taken this one's place."""
        self._rested_until_s = time.monotonic()
        return super().is_set() or self._stop_of_all.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Rests for ``timeout`` seconds or until all shall end."""
        self._rested_until_s = math.inf if timeout is None else time.monotonic() + timeout
        self._stop_of_all.wait(timeout)
        return self.is_set()

    def rest(self, seconds: float) -> None:
        """A pause that the loop takes in a way of its own."""
        self._rested_until_s = time.monotonic() + seconds

    @property
    def age_s(self) -> float:
        """Seconds since the loop last showed life; 0 while it rests."""
        return max(0.0, time.monotonic() - self._rested_until_s)


@dataclass(frozen=True, slots=True)
class LoopState:
    """How one loop is. ``age_s``: since it last showed life, 0 while it rests."""

    name: str
    age_s: float
    restarts: int
    stalled: bool


@dataclass(slots=True)
class _Loop:
    name: str
    body: Callable[[Pulse], None]
    replaceable: bool
    last: bool
    thread: threading.Thread
    pulse: Pulse
    abandoned: int = 0
    told: bool = False  # its stall has been logged

    @property
    def stalled_s(self) -> float:
        return self.pulse.age_s if self.thread.is_alive() else 0.0


@dataclass(slots=True)
class Supervisor:
    """Starts the gateway's threads, watches them, and ends them together."""

    stop: threading.Event = field(default_factory=threading.Event)
    stop_last: threading.Event = field(default_factory=threading.Event)
    restarts: Counter[str] = field(default_factory=Counter)
    stall_s: float = STALL_S
    fatal_s: float = FATAL_S
    _loops: list[_Loop] = field(default_factory=list)

    def start(self, name: str, body: Callable[[Pulse], None], *, replaceable: bool = False, last: bool = False) -> None:
        """Runs ``body`` in a thread of its own, again after a pause whenever it raises, until ``stop`` is set.

        ``replaceable``: if it stalls, another thread takes its place and the stuck one ends should it ever move again.
        ``last``: it ends after all others, when ``stop_last`` is set.
        """
        pulse = Pulse(self.stop_last if last else self.stop)
        thread = self._thread(name, body, pulse)
        self._loops.append(_Loop(name, body, replaceable, last, thread, pulse))
        thread.start()

    def _thread(self, name: str, body: Callable[[Pulse], None], pulse: Pulse) -> threading.Thread:
        return threading.Thread(target=self._keep, args=(name, body, pulse), name=name, daemon=True)

    def _keep(self, name: str, body: Callable[[Pulse], None], pulse: Pulse) -> None:
        pause_s, said = _FIRST_PAUSE_S, ""
        while not pulse.is_set():
            began_s = time.monotonic()
            try:
                body(pulse)
                return
            except Exception as error:
                # Whatever it was, the other threads go on and this one is tried again: nobody climbs up to restart it.
                self.restarts[name] += 1
                pause_s = _FIRST_PAUSE_S if time.monotonic() - began_s > _STEADY_S else pause_s
                new, said = repr(error) != said, repr(error)
                # The trace once: the same one every minute of a winter would bury everything else.
                _log.error("%s failed (%s); it begins again in %.0f s", name, error, pause_s, exc_info=new)
            pulse.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    # -- stalls --------------------------------------------------------------------------------------------------------

    def tend(self) -> None:
        """Looks at all heartbeats: says once that a loop stands still or moves again, replaces what can be replaced."""
        for loop in self._loops:
            age_s = loop.stalled_s
            if age_s <= self.stall_s:
                if loop.told:
                    _log.warning("%s moves again", loop.name)
                    loop.told = False
                continue
            if loop.replaceable and loop.abandoned < _MOST_ABANDONED:
                self._replace(loop, age_s)
            elif not loop.told:
                loop.told = True
                _log.error("%s has not moved for %.0f s", loop.name, age_s)

    def _replace(self, loop: _Loop, age_s: float) -> None:
        loop.pulse.set()
        loop.abandoned += 1
        self.restarts[loop.name] += 1
        _log.error("%s has not moved for %.0f s; another thread takes its place", loop.name, age_s)
        loop.pulse = Pulse(self.stop)
        loop.thread = self._thread(loop.name, loop.body, loop.pulse)
        loop.thread.start()

    def states(self) -> list[LoopState]:
        """How every loop is."""
        return [
            LoopState(
                loop.name,
                round(loop.stalled_s, 1),
                self.restarts[loop.name],
                loop.stalled_s > self.stall_s,
            )
            for loop in self._loops
        ]

    def lost(self) -> list[str]:
        """Loops that only a new process brings back: they have stood still for too long."""
        return [loop.name for loop in self._loops if loop.stalled_s > self.fatal_s]

    def join(self, patience_s: float, *, last: bool = False) -> list[str]:
        """Waits for the threads that end ``last``, or all others, to end; gives the names of those that did not."""
        deadline_s = time.monotonic() + patience_s
        loops = [loop for loop in self._loops if loop.last == last]
        for loop in loops:
            loop.thread.join(max(0.0, deadline_s - time.monotonic()))
        return [loop.name for loop in loops if loop.thread.is_alive()]
