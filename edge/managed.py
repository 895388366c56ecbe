"""What the cloud has ordered to be in force: versions, one on trial at a time, taken back by itself if it does no good.

Pure. A trial begins with an order and ends in one of two ways: the gateway was well for a while without a break
(confirmed), or it was not within its period, or the process kept dying (taken back). The state is one small value; what
it names never changes once written, so at every moment either the old or the new is in force, whatever dies when.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

Kind = Literal["configuration", "model"]
MOST_STARTS = 3  # of one trial: the order's own restart, and two that something else may have caused
_WELL_SHARE = 0.25  # of the period: so long it must be well without a break
_KEPT_WORDS = 10


class NotAdmitted(ValueError):
    """The order cannot be put on trial; the message says why."""


class Item(msgspec.Struct, frozen=True):
    """One version of one kind; ``sha256`` names its content. ``based_on``: the local file's hash at the order."""

    version: Annotated[int, Meta(ge=1)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    based_on: str = ""


class Trial(msgspec.Struct, frozen=True):
    """An item whose worth is not known yet. ``cameras`` gave frames before, so they must again."""

    kind: Kind
    item: Item
    period_s: float
    cameras: list[str] = []
    starts: int = 0
    ran_s: float = 0.0
    well_s: float = 0.0


class Managed(msgspec.Struct, frozen=True):
    """``confirmed`` is in force, except for the kind on ``trial``. ``failed`` holds the last version taken back."""

    confirmed: dict[str, Item] = {}
    trial: Trial | None = None
    failed: dict[str, int] = {}
    words: list[str] = []  # what became of the last trials, for people

    def in_force(self, kind: Kind) -> Item | None:
        """What is to be used now; None: what the gateway came with."""
        if self.trial is not None and self.trial.kind == kind:
            return self.trial.item
        return self.confirmed.get(kind)


def admit(state: Managed, kind: Kind, item: Item, period_s: float, cameras: list[str]) -> Managed:
    """Puts an item on trial. Raises :class:`NotAdmitted` for an old version and while another trial runs."""
    if state.trial is not None:
        on_trial = f"{state.trial.kind} {state.trial.item.version}"
        raise NotAdmitted(f"{on_trial} is still on trial; order {kind} {item.version} again when that has ended")
    newest = max(state.confirmed[kind].version if kind in state.confirmed else 0, state.failed.get(kind, 0))
    if item.version <= newest:
        raise NotAdmitted(f"{kind} {item.version} is not newer than {newest}, which this gateway has seen")
    return replace(state, trial=Trial(kind, item, period_s, cameras))


def start(state: Managed) -> Managed:
    """The process starts; a trial that has made it start too often is taken back."""
    if state.trial is None:
        return state
    trial = replace(state.trial, starts=state.trial.starts + 1, well_s=0.0)
    if trial.starts > MOST_STARTS:
        return take_back(state, f"the process ended {MOST_STARTS} times under it")
    return replace(state, trial=trial)


def observe(state: Managed, trouble: str | None, elapsed_s: float) -> Managed:
    """The gateway has run for ``elapsed_s`` more; ``trouble`` says what is not well, None when all is."""
    trial = state.trial
    if trial is None:
        return state
    well_s = 0.0 if trouble is not None else trial.well_s + elapsed_s
    trial = replace(trial, ran_s=trial.ran_s + elapsed_s, well_s=well_s)
    if well_s >= trial.period_s * _WELL_SHARE:
        return _confirm(replace(state, trial=trial))
    if trial.ran_s >= trial.period_s:
        return take_back(state, trouble or "it was never well for long enough")
    return replace(state, trial=trial)


def take_back(state: Managed, why: str) -> Managed:
    """Ends the trial; what was confirmed before is in force again."""
    trial = state.trial
    if trial is None:
        return state
    said = f"{trial.kind} {trial.item.version} was taken back: {why}"
    failed = {**state.failed, trial.kind: trial.item.version}
    return replace(state, trial=None, failed=failed, words=[*state.words, said][-_KEPT_WORDS:])


def forget(state: Managed, kind: Kind, why: str) -> Managed:
    """A confirmed item no longer counts: somebody at the gateway has decided otherwise, or its content is gone."""
    if kind not in state.confirmed:
        return state
    said = f"{kind} {state.confirmed[kind].version} is no longer in force: {why}"
    failed = {**state.failed, kind: max(state.failed.get(kind, 0), state.confirmed[kind].version)}
    left = {name: item for name, item in state.confirmed.items() if name != kind}
    return replace(state, confirmed=left, failed=failed, words=[*state.words, said][-_KEPT_WORDS:])


def _confirm(state: Managed) -> Managed:
    assert state.trial is not None
    kind, item = state.trial.kind, state.trial.item
    said = f"{kind} {item.version} is in force"
    confirmed = {**state.confirmed, kind: item}
    return replace(state, trial=None, confirmed=confirmed, words=[*state.words, said][-_KEPT_WORDS:])


def new_words(before: list[str], now: list[str]) -> list[str]:
    """What came to the kept words, of which the oldest are let go."""
    lengths = range(min(len(before), len(now)), -1, -1)
    return next(now[kept:] for kept in lengths if now[:kept] == before[len(before) - kept :])
