from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from smokesentry.messages.envelope import (
    ACK_TYPE,
    BATCH_TYPE,
    MAX_ENVELOPE_BYTES,
    EnvelopeError,
    key_id,
    seal,
    signed_bytes,
    unseal,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
KEYS = {key_id(KEY.public_key()): KEY.public_key()}


def test_pre_authentication_encoding_is_dsse() -> None:
    """The example of the DSSE protocol document."""
    assert signed_bytes("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


@given(st.binary(max_size=3000))
def test_what_is_sealed_comes_out_unchanged(payload: bytes) -> None:
    assert unseal(seal(payload, BATCH_TYPE, KEY), BATCH_TYPE, KEYS.get) == (payload, key_id(KEY.public_key()))


@given(st.binary(min_size=1, max_size=200), st.data())
def test_any_changed_payload_byte_is_noticed(payload: bytes, data: st.DataObject) -> None:
    fields = json.loads(seal(payload, BATCH_TYPE, KEY))
    changed = bytearray(payload)
    place = data.draw(st.integers(0, len(payload) - 1))
    changed[place] ^= data.draw(st.integers(1, 255))
    fields["payload"] = base64.b64encode(changed).decode()
    with pytest.raises(EnvelopeError) as caught:
        unseal(json.dumps(fields).encode(), BATCH_TYPE, KEYS.get)
    assert caught.value.cause == "bad_signature"


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused_in_words(raw: bytes) -> None:
    with pytest.raises(EnvelopeError) as caught:
        unseal(raw, BATCH_TYPE, KEYS.get)
    assert caught.value.cause == "malformed"


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        (seal(b"{}", ACK_TYPE, KEY), "wrong_type"),
        (seal(b"{}", BATCH_TYPE, OTHER), "unknown_key"),
        (b" " * (MAX_ENVELOPE_BYTES + 1), "oversized"),
        (b"[" * 100_000, "malformed"),
    ],
    ids=["an ack where a batch belongs", "a stranger's key", "too large", "nested without end"],
)
def test_refusals_name_their_cause(raw: bytes, cause: str) -> None:
    with pytest.raises(EnvelopeError) as caught:
        unseal(raw, BATCH_TYPE, KEYS.get)
    assert caught.value.cause == cause


def test_a_valid_signature_beside_a_strangers_is_enough() -> None:
    fields = json.loads(seal(b"x", BATCH_TYPE, OTHER))
    fields["signatures"] += json.loads(seal(b"x", BATCH_TYPE, KEY))["signatures"]
    assert unseal(json.dumps(fields).encode(), BATCH_TYPE, KEYS.get)[0] == b"x"
