"""What one record must be, whoever signed it: shape, lane, names, numbers, digests. Pure."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from smokesentry.messages import records as wire

Cause = Literal[
    "bad_topic", "oversized", "malformed", "wrong_type", "unknown_key", "bad_signature", "wrong_name", "wrong_tenant",
    "unknown_version", "invalid_batch", "invalid_record", "too_many_gaps", "store_refused", "internal_error",
]  # fmt: skip

DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # ValidationError is a DecodeError
_MAX_INTEGER = 2**63 - 1  # what a database column holds


class Refused(Exception):
    """Why something is set aside."""

    def __init__(self, cause: Cause, reason: str) -> None:
        super().__init__(reason)
        self.cause = cause


def read_record(raw: bytes, gateway: str, lane: str) -> wire.Record:
    """One record of a batch whose signature holds. Raises :class:`Refused`."""
    try:
        record = wire.decode_record(raw)
    except DECODE_ERRORS as error:
        raise Refused("invalid_record", str(error)) from error
    if has_nul(raw):
        raise Refused("invalid_record", "a text holds a NUL character")
    if not isinstance(record.body, wire.BODIES_OF_LANE[lane]):
        raise Refused("invalid_record", f"a {type(record.body).__name__} does not belong in lane {lane}")
    check_record(record, gateway)
    return record


def check_record(record: wire.Record, gateway: str) -> None:
    """What types alone do not say. Raises :class:`Refused`."""
    body = record.body
    if isinstance(body, wire.Telemetry):  # by far the most
        if body.readings > _MAX_INTEGER:
            raise Refused("invalid_record", f"{str(body.readings)[:40]}: larger than any number we can keep")
        return
    _check_numbers(body)
    if isinstance(body, wire.Detection | wire.Evidence):
        prefix = f"{gateway}/{body.camera}/"
        if not body.detection_id.startswith(prefix):
            raise Refused("wrong_name", f"detection id {body.detection_id!r} does not begin with {prefix!r}")
    if isinstance(body, wire.Evidence):
        _check_pictures(body)
    if isinstance(body, wire.Dropped) and body.first_seq > body.last_seq:
        raise Refused("invalid_record", f"dropped range {body.first_seq}-{body.last_seq} ends before it begins")


def _check_numbers(body: wire.Body) -> None:
    numbers: list[int] = []
    if isinstance(body, wire.Detection):
        numbers = [body.revision, body.pose_version]
    elif isinstance(body, wire.ClockFix):
        numbers = [body.from_mono_ns, body.to_mono_ns]
    elif isinstance(body, wire.PoseNotice):
        numbers = [body.pose.pose_version]
    for number in numbers:
        if abs(number) > _MAX_INTEGER:
            raise Refused("invalid_record", f"{str(number)[:40]}: larger than any number we can keep")


def _check_pictures(evidence: wire.Evidence) -> None:
    for picture in evidence.pictures:
        digest = "sha256:" + hashlib.sha256(picture.data).hexdigest()
        if digest != picture.digest:
            raise Refused("invalid_record", f"picture {picture.role}: its bytes have {digest}, not {picture.digest}")
        if not picture.data.startswith(b"\xff\xd8\xff"):
            raise Refused("invalid_record", f"picture {picture.role}: is not a JPEG")


def has_nul(raw: bytes) -> bool:
    """Whether a text in this JSON holds a NUL character."""
    # JSON can write NUL only as this escape (PostgreSQL keeps it in no text). The doubled backslash that merely looks
    # like it is refused too: nobody's name or cause holds that.
    return b"\\u0000" in raw
