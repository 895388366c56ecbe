"""The one thread that writes facts to the spool, so that a slow disk holds back no camera and no sensor.

Facts wait in memory only until the disk takes them. If it does not (full, read-only), they are tried again with growing
pauses; what then no longer fits into the bounded queue is counted and said, telemetry first.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edge.facts import Fact, Unfit
from edge.rescue import rescue_unread
from edge.spool import Spool
from edge.spool_file import SpoolDamaged, SpoolError

_log = logging.getLogger("edge.writer")
#: How many groups of facts may wait for the disk, by the lane of their first fact.
_MOST_WAITING = {"detection": 2000, "health": 50, "evidence": 20, "telemetry": 500}
_LONGEST_PAUSE_S = 30.0
_MOST_AT_ONCE = 200
_LONGEST_RESCUE_S = 900.0  # 200 MB, record by record, on a card that is failing


@dataclass(slots=True)
class Writer:
    """``put`` from any thread; :meth:`run` in one. ``stored`` is called after each commit, ``notice``
    with what health must say, ``rests`` with the length of each pause: a commit that hangs is no pause."""

    spool: Spool
    stored: Callable[[], None]
    notice: Callable[[str], None] = _log.error
    rests: Callable[[float], None] = lambda _: None
    counts: Counter[str] = field(default_factory=Counter)
    problem: str | None = None  # in words, while the disk does not take facts
    _waiting: deque[Sequence[Fact]] = field(default_factory=deque)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _stopping: bool = False
    _singly: int = 0  # so many groups are tried one by one, to find the one that is unfit

    def put(self, facts: Sequence[Fact]) -> None:
        """Facts that belong together: stored in one commit. Never blocks on the disk."""
        if not facts:
            return
        with self._changed:
            lane = facts[0].lane
            same = [group for group in self._waiting if group[0].lane == lane]
            if len(same) >= _MOST_WAITING[lane]:
                self._waiting.remove(same[0])
                self.counts[f"not_stored_{lane}"] += len(same[0])
            self._waiting.append(facts)
            self._changed.notify()

    def stop(self) -> None:
        """Ends :meth:`run` once everything is stored, or at the first refusal of the disk."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def run(self) -> None:
        """Stores what comes, until stopped."""
        pause_s = 0.0
        while True:
            with self._changed:
                self.rests(math.inf)
                self._changed.wait_for(lambda: self._stopping or bool(self._waiting))
                self.rests(0.0)
                most = 1 if self._singly > 0 else _MOST_AT_ONCE
                groups = [self._waiting[at] for at in range(min(len(self._waiting), most))]
                if not groups:
                    return
            try:
                self.spool.append(fact for group in groups for fact in group)
            except Unfit as error:
                self._find_unfit(groups, error)
                continue
            except SpoolDamaged as error:
                pause_s = min(max(0.5, 2 * pause_s), _LONGEST_PAUSE_S)
                if not self._begin_anew(groups[0][0].stamp.unix_s) and self._give_way(error, pause_s):
                    return
                continue
            except SpoolError as error:
                pause_s = min(max(0.5, 2 * pause_s), _LONGEST_PAUSE_S)
                if self._give_way(error, pause_s):
                    return
                continue
            self._settled(groups)
            pause_s = 0.0

    def _find_unfit(self, groups: list[Sequence[Fact]], error: Unfit) -> None:
        """One bad fact must not hold back the others: a batch is tried one by one, the bad group set aside."""
        if len(groups) > 1:
            self._singly = len(groups)
            return
        self.counts["unfit"] += 1
        _log.error("set aside: %s", error)
        self._settled(groups)

    def _begin_anew(self, unix_s: float) -> bool:
        """The file broke while we run: it is set aside, what can be read of it is stored anew, and the facts that
        wait go into the new one. Says whether there is a new one."""
        self.rests(_LONGEST_RESCUE_S)
        try:
            self.spool.begin_anew(unix_s)
        except SpoolError as error:
            _log.error("%s; no new spool could be begun either", error)
            return False
        said = rescue_unread(self.spool)
        if said is not None:
            _log.error(said)
            self.notice(said)
        return True

    def _settled(self, groups: list[Sequence[Fact]]) -> None:
        done = {id(group) for group in groups}
        self._singly = max(0, self._singly - len(groups))
        with self._changed:
            self._waiting = deque(group for group in self._waiting if id(group) not in done)
        if self.problem is not None:
            _log.info("the disk takes facts again")
            self.problem = None
        self.stored()

    def _give_way(self, error: SpoolError, pause_s: float) -> bool:
        """Waits before the next try; True when stopping."""
        self.counts["disk_refusals"] += 1
        if self.problem is None:
            _log.error("%s; facts wait in memory and are tried again", error)
        self.problem = str(error)
        with self._changed:
            self.rests(pause_s)
            if self._stopping or self._changed.wait_for(lambda: self._stopping, pause_s):
                _log.error("%d groups of facts could not be stored before the stop", len(self._waiting))
                return True
        return False
