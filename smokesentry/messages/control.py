"""What flows back to a gateway (acknowledgements, commands), and its retained state. All travel in signed envelopes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from smokesentry.clock import from_wire
from smokesentry.messages.records import Lane, Name, Seq, ShortText, SpoolId, UtcTime


class Ack(msgspec.Struct, frozen=True, kw_only=True):
    """The cloud holds these records durably: every ``seq`` up to ``contiguous``, and the closed ``ranges`` above it."""

    v: Literal[1] = 1
    gateway: Name
    spool: SpoolId
    lane: Lane
    contiguous: Annotated[int, Meta(ge=0)]
    ranges: Annotated[list[tuple[Seq, Seq]], Meta(max_length=1000)] = []
    at: UtcTime | None = None  # the cloud's clock when it signed this; a gateway measures its own against it


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """An order of the cloud to one gateway. ``counter`` only ever rises; a gateway refuses one that does not."""

    v: Literal[1] = 1
    command_id: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    gateway: Name
    counter: Annotated[int, Meta(ge=1)]
    issued_at: UtcTime
    expires_at: UtcTime
    kind: ShortText
    args: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if from_wire(self.issued_at) >= from_wire(self.expires_at):
            raise ValueError("a command must expire after it is issued")


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Retained on ``…/state``: online since ``since``; the last will says offline."""

    v: Literal[1] = 1
    gateway: Name
    online: bool
    boot_id: ShortText
    since: UtcTime


def ack_of(seqs: list[int], contiguous: int) -> tuple[int, list[tuple[int, int]]]:
    """Folds committed numbers onto what was contiguous before: the new contiguous mark and the ranges left above it."""
    mark, ranges = contiguous, list[tuple[int, int]]()
    for seq in sorted(set(seqs)):
        if seq <= mark:
            continue
        if seq == mark + 1 and not ranges:
            mark = seq
        elif ranges and seq == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], seq)
        else:
            ranges.append((seq, seq))
    return mark, ranges
