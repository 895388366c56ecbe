"""What a file really is, by its bytes: the few kinds that evidence consists of, each looked through to its end. Pure.

A name or a declared type proves nothing. A kind is recognised only when its own structure accounts for the whole file,
so that nothing can be carried behind a picture's end. It says what a file is, not that its pixels can be decoded.
"""

from __future__ import annotations

import mmap
from typing import Literal, get_args

import msgspec

from cloud_ingest.evidence.archives import is_frames_tar, is_json_lines_gzip

Kind = Literal[
    "image/jpeg", "image/webp", "video/mp4", "video/webm", "application/json", "application/cbor",
    "application/x-tar", "application/x-ndjson+gzip",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)

Bytes = bytes | mmap.mmap
MAX_DOCUMENT = 16 * 1024 * 1024  # bytes of JSON or CBOR, which are read as a whole
_MAX_DEPTH = 64
_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = 0x18538067
_MP4_BRANDS = (b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"dash", b"cmfc")


def kind_of(data: Bytes) -> Kind | None:
    """The kind, or None for everything else: truncated, followed by something, or not one of ours."""
    if data[:3] == b"\xff\xd8\xff":
        return "image/jpeg" if data[-2:] == b"\xff\xd9" else None
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        length = 8 + int.from_bytes(data[4:8], "little")
        return "image/webp" if length + length % 2 == len(data) else None
    if data[4:8] == b"ftyp":
        return "video/mp4" if data[8:12] in _MP4_BRANDS and _boxes_fill(data) else None
    if data[:4] == _EBML:
        return "video/webm" if _is_webm(data) else None
    if not 0 < len(data) <= MAX_DOCUMENT:
        return None
    whole = bytes(data)
    if whole[257:262] == b"ustar":
        fits = is_frames_tar(whole, lambda one: kind_of(one) in ("image/jpeg", "application/json"))
        return "application/x-tar" if fits else None
    if whole[:2] == b"\x1f\x8b":
        return "application/x-ndjson+gzip" if is_json_lines_gzip(whole) else None
    if whole[:1] in (b"{", b"["):
        return "application/json" if _is_json(whole) else None
    return "application/cbor" if whole[0] >> 5 in (4, 5, 6) and _cbor_end(whole, 0, 0) == len(whole) else None


def _boxes_fill(data: Bytes) -> bool:
    """Whether ISO boxes follow each other from the first byte to the last, with a movie's header among them."""
    at, kinds = 0, set[bytes]()
    while at < len(data):
        if at + 8 > len(data):
            return False
        size, header = int.from_bytes(data[at : at + 4], "big"), 8
        kinds.add(bytes(data[at + 4 : at + 8]))
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if size < header:  # 0 means "to the end": allowed by the format, written by no recorder of ours
            return False
        at += size
    return at == len(data) and b"moov" in kinds


def _is_webm(data: Bytes) -> bool:
    """An EBML header that says webm, then segments and nothing else up to the end."""
    try:
        size, at = _vint(data, 4, keep_marker=False)
        header_end = at + size
        if b"\x42\x82\x84webm" not in data[at : min(header_end, at + 256)]:
            return False
        at, segments = header_end, 0
        while at < len(data):
            name, at = _vint(data, at, keep_marker=True)
            size, at = _vint(data, at, keep_marker=False)
            if name != _SEGMENT:
                return False
            segments += 1
            at += size
        return at == len(data) and segments > 0
    except ValueError:
        return False


def _vint(data: Bytes, at: int, *, keep_marker: bool) -> tuple[int, int]:
    """EBML's variable number and where the next thing begins (RFC 8794, section 4)."""
    first = data[at] if at < len(data) else 0
    if first == 0:
        raise ValueError("no number of up to eight bytes")
    length = 9 - first.bit_length()
    value = int.from_bytes(data[at : at + length], "big")
    if not keep_marker:
        value -= 1 << 7 * length
    return value, at + length


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _cbor_end(data: bytes, at: int, depth: int) -> int:
    """Where a well-formed item that begins at ``at`` ends, or -1 (RFC 8949, appendix C); definite lengths only."""
    if at >= len(data) or depth > _MAX_DEPTH:
        return -1
    major, info = data[at] >> 5, data[at] & 0x1F
    at += 1
    if info > 27:
        return -1
    value = info
    if info >= 24:
        width = 1 << (info - 24)
        if at + width > len(data):
            return -1
        value, at = int.from_bytes(data[at : at + width], "big"), at + width
    if major in (0, 1):
        return at
    if major in (2, 3):
        end = at + value
        if end > len(data):
            return -1
        if major == 3:
            try:
                data[at:end].decode()
            except UnicodeDecodeError:
                return -1
        return end
    if major == 7:
        return -1 if info == 24 and value < 32 else at
    for _ in range({4: value, 5: 2 * value, 6: 1}[major]):
        at = _cbor_end(data, at, depth + 1)
        if at < 0:
            return -1
    return at
