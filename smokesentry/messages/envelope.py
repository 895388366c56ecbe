"""One signed envelope a batch, after DSSE (github.com/secure-systems-lab/dsse, protocol 1.0): the exact payload bytes,
a key id and an Ed25519 signature over the pre-authentication encoding. Raw envelope bytes are stored as received."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Meta

MAX_ENVELOPE_BYTES = 2 * 1024 * 1024
BATCH_TYPE = "application/vnd.smokesentry.batch+json"
ACK_TYPE = "application/vnd.smokesentry.ack+json"
COMMAND_TYPE = "application/vnd.smokesentry.command+json"
STATE_TYPE = "application/vnd.smokesentry.state+json"


class EnvelopeError(ValueError):
    """The bytes are no envelope of ours, or nobody we know signed them; ``cause`` is a short word for counting."""

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message)
        self.cause = cause


class Signature(msgspec.Struct, frozen=True):
    """Who signed (:func:`key_id`) and the 64 signature bytes."""

    keyid: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    sig: Annotated[bytes, Meta(min_length=64, max_length=64)]


class Envelope(msgspec.Struct, frozen=True, rename="camel"):
    """The JSON form: ``payloadType``, ``payload`` (base64), ``signatures``."""

    payload_type: Annotated[str, Meta(max_length=120)]
    payload: bytes
    signatures: Annotated[list[Signature], Meta(min_length=1, max_length=4)]


def key_id(key: Ed25519PublicKey) -> str:
    """First 16 hex digits of SHA-256 over the key's SubjectPublicKeyInfo."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()[:16]


def signed_bytes(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is actually signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload: bytes, payload_type: str, key: Ed25519PrivateKey) -> bytes:
    """Signs and wraps a payload."""
    signature = Signature(key_id(key.public_key()), key.sign(signed_bytes(payload_type, payload)))
    return msgspec.json.encode(Envelope(payload_type, payload, [signature]))


def unseal(raw: bytes, expected_type: str, find_key: Callable[[str], Ed25519PublicKey | None]) -> tuple[bytes, str]:
    """Payload bytes and the key id that vouches for them. ``find_key`` answers None for a key nobody enrolled.

    Raises :class:`EnvelopeError` with cause ``oversized``, ``malformed``, ``wrong_type``, ``unknown_key`` or
    ``bad_signature``.
    """
    if len(raw) > MAX_ENVELOPE_BYTES:
        raise EnvelopeError("oversized", f"{len(raw)} bytes; an envelope has at most {MAX_ENVELOPE_BYTES}")
    try:
        envelope = msgspec.json.decode(raw, type=Envelope)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise EnvelopeError("malformed", f"not an envelope: {error}") from error
    if envelope.payload_type != expected_type:
        raise EnvelopeError("wrong_type", f"payload type {envelope.payload_type!r}, expected {expected_type!r}")
    message = signed_bytes(envelope.payload_type, envelope.payload)
    known = False
    for signature in envelope.signatures:
        key = find_key(signature.keyid)
        if key is None:
            continue
        known = True
        try:
            key.verify(signature.sig, message)
        except InvalidSignature:
            continue
        return envelope.payload, signature.keyid
    if known:
        raise EnvelopeError("bad_signature", "the signature does not fit the payload: changed on the way, or forged")
    ids = ", ".join(signature.keyid for signature in envelope.signatures)
    raise EnvelopeError(
        "unknown_key", f"signed with {ids}, which no enrolled identity holds (revoked, or never enrolled)"
    )
