"""What is to be stored and sent: a body with the time and the clock that belong to it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from smokesentry.clock import ClockState, Stamp
from smokesentry.messages.records import Body, Record, decode_record, encode_record


class Unfit(ValueError):
    """A record that the wire's own rules refuse; it would come back from the cloud as a dead letter."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What is to become a record: the spool gives the number."""

    lane: str
    body: Body
    stamp: Stamp
    boot_id: str
    clock: ClockState

    def encode(self, seq: int) -> bytes:
        """The record under its number, as the exact bytes that are stored and sent. Raises :class:`Unfit`."""
        record = Record(
            seq=seq,
            captured_at=self.stamp.captured_at,
            mono_ns=self.stamp.mono_ns,
            boot_id=self.boot_id,
            clock=self.clock,
            body=self.body,
        )
        raw = encode_record(record)
        try:
            decode_record(raw)
        except msgspec.DecodeError as error:
            raise Unfit(f"a {type(self.body).__name__} that the wire forbids: {error}") from error
        return raw
