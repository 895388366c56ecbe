"""The two containers that gateways write: a clip's frames in a tar, sensor readings as compressed lines. Pure.

As everywhere here, a kind is recognised only when its own structure accounts for the whole file.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import msgspec

_BLOCK = 512
_PLAIN, _NOTES = (b"0", b"\0"), (b"x", b"g")  # regular files; what some writers say about them (pax)
_MAX_UNPACKED = 256 * 1024 * 1024
_PIECE = 1 << 20


def is_frames_tar(data: bytes, is_allowed: Callable[[bytes], bool]) -> bool:
    """A POSIX tar (ustar) of regular files each of which ``is_allowed``, ended by zeros and followed by nothing."""
    at, files = 0, 0
    while at + _BLOCK <= len(data):
        header = data[at : at + _BLOCK]
        if not any(header):
            return files > 0 and len(data) % _BLOCK == 0 and not any(data[at:])
        size = _octal(header[124:136])
        if header[257:262] != b"ustar" or size is None or _octal(header[148:156]) != _checksum(header):
            return False
        content = data[at + _BLOCK : at + _BLOCK + size]
        kind = header[156:157]
        if kind in _PLAIN:
            if not is_allowed(content):
                return False
            files += 1
        elif kind not in _NOTES:
            return False
        at += _BLOCK + -(-size // _BLOCK) * _BLOCK
    return False


def is_json_lines_gzip(data: bytes) -> bool:
    """One gzip member, whole, of lines of JSON; nothing behind it."""
    unpacker, rest, unpacked, left = zlib.decompressobj(31), data, 0, b""
    try:
        while not unpacker.eof:
            piece = unpacker.decompress(rest, _PIECE)
            rest = unpacker.unconsumed_tail
            unpacked += len(piece)
            if unpacked > _MAX_UNPACKED or (not piece and not unpacker.eof):
                return False
            *lines, left = (left + piece).split(b"\n")
            for line in lines:
                msgspec.json.decode(line)
        return not unpacker.unused_data and not left and unpacked > 0
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _octal(field: bytes) -> int | None:
    text = field.strip(b" \0")
    return int(text, 8) if text and not text.strip(b"01234567") else None


def _checksum(header: bytes) -> int:
    return sum(header[:148]) + 8 * 0x20 + sum(header[156:])
