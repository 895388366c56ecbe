"""What comes down from the cloud: acknowledgements and commands, each checked before it may change anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge.spool import Spool
from smokesentry.clock import ClockState, Stamp, from_unix, from_wire
from smokesentry.messages.control import Ack, Command
from smokesentry.messages.envelope import ACK_TYPE, COMMAND_TYPE, EnvelopeError, key_id, unseal
from smokesentry.messages.records import Lane, Seq

_COMMAND_COUNTER = "command"
_Message = TypeVar("_Message", Ack, Command)
T = TypeVar("T")


class Refused(ValueError):
    """A message from below the topic that must not be followed; ``cause`` is a short word for counting."""

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message)
        self.cause = cause


class ResendArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of the command ``resend``: kept records of one lane, both ends included."""

    lane: Lane
    from_seq: Seq
    to_seq: Seq


def args_of(command: Command, kind: type[T]) -> T:
    """A command's arguments, checked; bytes are base64 there. Raises :class:`Refused`."""
    try:
        return msgspec.convert(command.args, kind, builtin_types=())
    except msgspec.ValidationError as error:
        raise Refused("bad_arguments", f"command {command.counter} ({command.kind}): {error}") from error


@dataclass(slots=True)
class Downlink:
    """Verifies and applies. ``counts`` and ``notices`` are what the health record says about it."""

    gateway: str
    spool: Spool
    cloud_key: Ed25519PublicKey
    ask_health: Callable[[], None]
    handlers: dict[str, Callable[[Command], str]] = field(default_factory=dict)  # more kinds of commands: see orders
    counts: Counter[str] = field(default_factory=Counter)
    notices: list[str] = field(default_factory=list)

    def acknowledgement(self, raw: bytes) -> Ack:
        """Settles records. Raises :class:`Refused`."""
        ack = self._open(raw, ACK_TYPE, Ack)
        if ack.spool != self.spool.spool_id:
            raise Refused("other_spool", f"acknowledges spool {ack.spool}; this gateway's is {self.spool.spool_id}")
        try:
            self.counts["acknowledged"] += self.spool.acknowledge(ack.lane, ack.contiguous, ack.ranges)
        except ValueError as error:
            raise Refused("beyond_spool", str(error)) from error
        return ack

    def command(self, raw: bytes, stamp: Stamp, clock: ClockState) -> ResendArgs | None:
        """Obeys a command; gives the range that waits again, if it was a ``resend``. Raises :class:`Refused`.

        The counter is stored before the command is followed: after a crash it is rather lost than obeyed twice.
        """
        command = self._open(raw, COMMAND_TYPE, Command)
        seen = self.spool.counter(_COMMAND_COUNTER)
        if command.counter <= seen:
            raise Refused("old_counter", f"command {command.counter} has been seen or passed; the last was {seen}")
        self.spool.set_counter(_COMMAND_COUNTER, command.counter)
        self._check_expiry(command, stamp, clock)
        if command.kind == "ping":
            self.counts["commands_obeyed"] += 1
            self.ask_health()
            return None
        if command.kind == "resend":
            return self._resend(command)
        if command.kind in self.handlers:
            said = self.handlers[command.kind](command)
            self.counts["commands_obeyed"] += 1
            self.notice(said)
            self.ask_health()
            return None
        raise Refused("unknown_command", f"command {command.counter}: {command.kind!r} is not known to this release")

    def refused(self, refusal: Refused) -> None:
        """Counts a refusal and keeps its words for the next health record."""
        self.counts[f"refused_{refusal.cause}"] += 1
        self.notice(str(refusal))

    def notice(self, text: str) -> None:
        """Keeps a sentence for the next health record: the newest ten, none twice."""
        if text not in self.notices:
            self.notices.append(text[:400])
            del self.notices[:-10]

    def _resend(self, command: Command) -> ResendArgs:
        wanted = args_of(command, ResendArgs)
        last = self.spool.last_seq(wanted.lane)
        if not wanted.from_seq <= wanted.to_seq <= last:
            asked = f"{wanted.from_seq} to {wanted.to_seq}"
            raise Refused(
                "bad_arguments",
                f"command {command.counter} (resend): {asked} is no range of {wanted.lane}, up to {last}",
            )
        found = self.spool.resend(wanted.lane, wanted.from_seq, wanted.to_seq)
        self.counts["commands_obeyed"] += 1
        self.notice(f"command {command.counter}: sends {found} kept records of {wanted.lane} again")
        return wanted

    def _check_expiry(self, command: Command, stamp: Stamp, clock: ClockState) -> None:
        """A clock that nobody vouches for cannot prove that a command is still fresh; the counter still stops replays,
        and what can be commanded here does no harm late. So it is obeyed and said."""
        if from_unix(stamp.unix_s) >= from_wire(command.expires_at):
            raise Refused("expired", f"command {command.counter} ({command.kind}) expired at {command.expires_at}")
        if clock.state != "synchronised":
            self.notice(f"command {command.counter}: its expiry was checked against a clock that is {clock.state}")

    def _open(self, raw: bytes, payload_type: str, kind: type[_Message]) -> _Message:
        try:
            payload, _ = unseal(raw, payload_type, self._find_key)
            message = msgspec.json.decode(payload, type=kind)
        except EnvelopeError as error:
            raise Refused(error.cause, str(error)) from error
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise Refused("malformed", f"signed, but not readable: {error}") from error
        if message.gateway != self.gateway:
            raise Refused("other_gateway", f"is meant for {message.gateway}, this is {self.gateway}")
        return message

    def _find_key(self, keyid: str) -> Ed25519PublicKey | None:
        return self.cloud_key if keyid == key_id(self.cloud_key) else None
