"""Nothing unchecked comes in: raw bytes and their topic → an accepted batch, or dead letters with a reason. Pure.

A batch whose signature holds but some of whose records do not is not lost as a whole: the good records are accepted,
each bad one is set aside with its own bytes. Both count as held, so a gateway never has to send a poison record again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Literal, Protocol, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Meta

from cloud_ingest.ingest.checks import DECODE_ERRORS, check_record, has_nul
from cloud_ingest.ingest.checks import Cause as Cause
from cloud_ingest.ingest.checks import Refused as Refused
from cloud_ingest.ingest.checks import read_record as read_record
from smokesentry.clock import from_wire, to_wire
from smokesentry.messages import records as wire
from smokesentry.messages.control import State
from smokesentry.messages.envelope import BATCH_TYPE, STATE_TYPE, EnvelopeError, unseal
from smokesentry.messages.topics import Address, parse_state, parse_up

TimeMark = Literal["future", "ancient", "unsynchronised"]

MAX_UNSIGNED_KEPT = 16 * 1024  # bytes of a message nobody vouches for: enough to see what it was
_FUTURE = timedelta(minutes=10)  # beyond any honest clock error plus the way here
_ANCIENT = timedelta(days=90)  # longer than a spool keeps anything


class Keys(Protocol):
    """Who may sign what; ``cloud_ingest.identity.registry.Registry`` is the real one."""

    def find_key(self, key_id: str) -> Ed25519PublicKey | None:
        """The key to verify with, or None."""

    def name_of(self, key_id: str) -> str | None:
        """Its holder's name."""

    def tenant_of(self, key_id: str) -> str | None:
        """Its holder's town."""


class RememberedKeys:
    """Asks once for each key: for the messages that are checked together, within a fraction of a second."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._found: dict[str, tuple[Ed25519PublicKey | None, str | None, str | None]] = {}

    def _holder(self, key_id: str) -> tuple[Ed25519PublicKey | None, str | None, str | None]:
        holder = self._found.get(key_id)
        if holder is None:
            keys = self._keys
            holder = keys.find_key(key_id), keys.name_of(key_id), keys.tenant_of(key_id)
            self._found[key_id] = holder
        return holder

    def find_key(self, key_id: str) -> Ed25519PublicKey | None:
        """See :class:`Keys`."""
        return self._holder(key_id)[0]

    def name_of(self, key_id: str) -> str | None:
        """See :class:`Keys`."""
        return self._holder(key_id)[1]

    def tenant_of(self, key_id: str) -> str | None:
        """See :class:`Keys`."""
        return self._holder(key_id)[2]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Something set aside. ``raw`` may be cut, ``size`` is what came in; ``gateway`` only when its signature holds."""

    topic: str
    cause: Cause
    reason: str
    raw: bytes
    size: int
    gateway: str | None = None
    spool: str | None = None  # with ``seq``: one record out of a batch, not a whole message
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A signed batch: the records to store, those set aside, and every number it carried (both kinds)."""

    address: Address
    spool: str
    lane: wire.Lane
    records: tuple[wire.Record, ...]
    set_aside: tuple[DeadLetter, ...]
    seqs: tuple[int, ...]
    key_id: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class AcceptedState:
    """A gateway's signed word on whether it is connected."""

    address: Address
    state: State


class _Outline(msgspec.Struct):
    tenant: wire.Name
    gateway: wire.Name
    spool: wire.SpoolId
    lane: wire.Lane
    records: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=wire.MAX_RECORDS_PER_BATCH)]
    v: int


class _Numbered(msgspec.Struct):
    seq: wire.Seq


T = TypeVar("T")

_batch_decoder = msgspec.json.Decoder(wire.Batch)
_outline_decoder = msgspec.json.Decoder(_Outline)
_number_decoder = msgspec.json.Decoder(_Numbered)
_state_decoder = msgspec.json.Decoder(State)


def accept(topic: str, raw: bytes, keys: Keys, tenants: frozenset[str]) -> Accepted | AcceptedState | DeadLetter:
    """Whatever came: a state or, for every other topic, a batch."""
    return (accept_state if topic.endswith("/state") else accept_batch)(topic, raw, keys, tenants)


def accept_batch(topic: str, raw: bytes, keys: Keys, tenants: frozenset[str]) -> Accepted | DeadLetter:
    """Checks size, signature, name, town, version, shape, ranges, numbers and digests, in this order."""
    signer: str | None = None
    try:
        address, lane = _parse(_parsed_up, topic)
        payload, key_id = _unsealed(raw, BATCH_TYPE, keys.find_key)
        signer = keys.name_of(key_id)
        _check_sender(address, signer, keys.tenant_of(key_id), tenants)
        return _read_batch(topic, address, lane, payload, key_id, raw)
    except Refused as refused:
        return dead_letter(topic, raw, refused.cause, str(refused), signer)


def accept_state(topic: str, raw: bytes, keys: Keys, tenants: frozenset[str]) -> AcceptedState | DeadLetter:
    """The same checks for the retained state and the last will."""
    signer: str | None = None
    try:
        address = _parse(parse_state, topic)
        payload, key_id = _unsealed(raw, STATE_TYPE, keys.find_key)
        signer = keys.name_of(key_id)
        _check_sender(address, signer, keys.tenant_of(key_id), tenants)
        try:
            state = _state_decoder.decode(payload)
            from_wire(state.since)
        except (*DECODE_ERRORS, ValueError) as error:
            raise Refused("invalid_batch", f"not a state: {error}") from error
        if state.gateway != address.gateway:
            raise Refused("wrong_name", f"the state speaks of {state.gateway!r}, its topic of {address.gateway!r}")
        if has_nul(payload):
            raise Refused("invalid_batch", "a text holds a NUL character")
        return AcceptedState(address, state)
    except Refused as refused:
        return dead_letter(topic, raw, refused.cause, str(refused), signer)


def dead_letter(topic: str, raw: bytes, cause: Cause, reason: str, gateway: str | None) -> DeadLetter:
    """Keeps a whole message aside: all of it when an enrolled gateway vouches for it, else its beginning."""
    kept = raw if gateway is not None else raw[:MAX_UNSIGNED_KEPT]
    return DeadLetter(_printable(topic, 300), cause, _printable(reason, 1000), kept, len(raw), gateway)


def time_mark(record: wire.Record, received_at: str) -> TimeMark | None:
    """Why a record's times are to be doubted, or None. The record is kept either way: a clock fix may follow."""
    earliest, latest = _credible(received_at)
    if record.captured_at > latest:  # times on the wire sort as text
        return "future"
    if record.captured_at < earliest:
        return "ancient"
    return "unsynchronised" if record.clock.state == "unsynchronised" else None


@lru_cache(maxsize=16)
def _credible(received_at: str) -> tuple[str, str]:
    received = from_wire(received_at)
    return to_wire(received - _ANCIENT), to_wire(received + _FUTURE)


@lru_cache(maxsize=50_000)  # a gateway's few topics come again and again
def _parsed_up(topic: str) -> tuple[Address, str]:
    return parse_up(topic)


def _parse(parser: Callable[[str], T], topic: str) -> T:
    try:
        return parser(topic)
    except ValueError as error:
        raise Refused("bad_topic", str(error)) from error


def _unsealed(raw: bytes, kind: str, find_key: Callable[[str], Ed25519PublicKey | None]) -> tuple[bytes, str]:
    try:
        return unseal(raw, kind, find_key)
    except EnvelopeError as error:
        cause: Cause = error.cause  # type: ignore[assignment]
        raise Refused(cause, str(error)) from error


def _check_sender(address: Address, name: str | None, tenant: str | None, tenants: frozenset[str]) -> None:
    if name != address.gateway:
        raise Refused("wrong_name", f"signed by {name!r} under the topic of {address.gateway!r}")
    if tenant != address.tenant:
        raise Refused("wrong_tenant", f"{name!r} is enrolled in {tenant!r} but used the topic of {address.tenant!r}")
    if address.tenant not in tenants:
        raise Refused(
            "wrong_tenant", f"town {address.tenant!r} is not served here; served: {', '.join(sorted(tenants))}"
        )


def _read_batch(topic: str, address: Address, lane: str, payload: bytes, key_id: str, raw: bytes) -> Accepted:
    try:  # nearly every batch is good as a whole: decoded in one go, three times as fast
        batch = _batch_decoder.decode(payload)
        if has_nul(payload):
            raise Refused("invalid_batch", "a text holds a NUL character")
        _check_heading(batch, address, lane)
        for record in batch.records:
            check_record(record, address.gateway)
    except (*DECODE_ERRORS, Refused):
        return _read_record_by_record(topic, address, lane, payload, key_id, raw)
    seqs = tuple([record.seq for record in batch.records])
    return Accepted(address, batch.spool, batch.lane, tuple(batch.records), (), seqs, key_id, raw)


def _read_record_by_record(
    topic: str, address: Address, lane: str, payload: bytes, key_id: str, raw: bytes
) -> Accepted:
    try:
        outline = _outline_decoder.decode(payload)
    except DECODE_ERRORS as error:
        raise Refused("invalid_batch", f"not a batch: {error}") from error
    if outline.v != wire.WIRE_VERSION:
        raise Refused("unknown_version", f"wire version {outline.v}; this release reads version {wire.WIRE_VERSION}")
    _check_heading(outline, address, lane)
    good: list[wire.Record] = []
    aside: list[DeadLetter] = []
    seqs: list[int] = []
    for part in outline.records:
        part_raw = bytes(part)
        try:
            record = read_record(part_raw, address.gateway, outline.lane)
            good.append(record)
            seqs.append(record.seq)
        except Refused as refused:
            seqs.append(_number(part_raw, len(seqs) + 1))
            reason = _printable(f"record {seqs[-1]}: {refused}", 1000)
            aside.append(
                DeadLetter(
                    topic, refused.cause, reason, part_raw, len(part_raw), address.gateway, outline.spool, seqs[-1]
                )
            )
    if any(later <= earlier for earlier, later in pairwise(seqs)):
        raise Refused("invalid_batch", "seq must ascend within a batch")
    return Accepted(address, outline.spool, outline.lane, tuple(good), tuple(aside), tuple(seqs), key_id, raw)


def _check_heading(batch: wire.Batch | _Outline, address: Address, lane: str) -> None:
    if (batch.tenant, batch.gateway) != (address.tenant, address.gateway) or batch.lane != lane:
        said = f"{batch.tenant}/{batch.gateway}/{batch.lane}"
        raise Refused("wrong_name", f"the batch says {said}, its topic {address.tenant}/{address.gateway}/{lane}")


def _number(raw: bytes, position: int) -> int:
    """The number of a record that cannot be read: without it, nobody could be told that it is held."""
    try:
        return _number_decoder.decode(raw).seq
    except DECODE_ERRORS as error:
        raise Refused("invalid_batch", f"record {position} of the batch has no usable seq: {error}") from error


def _printable(text: str, length: int) -> str:
    cut = text[:length]
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in cut)
