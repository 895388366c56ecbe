"""Threads that are put back on their feet: what one raises is logged in words, counted, and it begins again."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

_log = logging.getLogger("edge.supervise")
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_STEADY_S = 120.0


@dataclass(slots=True)
class Supervisor:
    """Starts the gateway's threads and ends them together."""

    stop: threading.Event = field(default_factory=threading.Event)
    restarts: Counter[str] = field(default_factory=Counter)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, name: str, body: Callable[[], None]) -> None:
        """Runs ``body`` in a thread of its own, again after a pause whenever it raises, until ``stop`` is set."""
        thread = threading.Thread(target=self._keep, args=(name, body), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _keep(self, name: str, body: Callable[[], None]) -> None:
        pause_s, said = _FIRST_PAUSE_S, ""
        while not self.stop.is_set():
            began_s = time.monotonic()
            try:
                body()
                return
            except Exception as error:
                # Whatever it was, the other threads go on and this one is tried again: nobody climbs up to restart it.
                self.restarts[name] += 1
                pause_s = _FIRST_PAUSE_S if time.monotonic() - began_s > _STEADY_S else pause_s
                new, said = repr(error) != said, repr(error)
                # The trace once: the same one every minute of a winter would bury everything else.
                _log.error("%s failed (%s); it begins again in %.0f s", name, error, pause_s, exc_info=new)
            self.stop.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def join(self, patience_s: float) -> list[str]:
        """Waits for all threads to end; gives the names of those that did not."""
        deadline_s = time.monotonic() + patience_s
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))
        return [thread.name for thread in self._threads if thread.is_alive()]
