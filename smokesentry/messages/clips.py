"""Evidence files and the chain that ties them (WIRE, "Evidence"): one signed link a file, each naming the one before.

A link is a DSSE envelope of ours (:mod:`smokesentry.messages.envelope`, type ``CLIP_TYPE``). Its digest is SHA-256 over
the payload bytes that were signed. A chain is one camera's links in order, one envelope a line; it also says what a
chain must survive: restarts, a tail torn by a power cut, a new file, and files that are no longer there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Annotated, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Meta

from smokesentry.clock import ClockState
from smokesentry.messages.envelope import EnvelopeError, unseal
from smokesentry.messages.records import Digest, FrameSize, Model, Name, ShortText, Text, UtcTime

CLIP_TYPE = "application/vnd.smokesentry.clip+json"
FRAMES_NAME = "frames.json"  # in a segment's archive: a list of ClipFrame
TAR, WEBP, NDJSON_GZIP = "application/x-tar", "image/webp", "application/x-ndjson+gzip"


class ClipFrame(msgspec.Struct, frozen=True, kw_only=True):
    """One frame inside a segment, as the archive's own ``frames.json`` lists it: its name, when it was taken, the
    digest of its bytes."""

    name: ShortText
    at: UtcTime
    mono_ns: Annotated[int, Meta(ge=0)]
    digest: Digest


class ClipFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was written once. ``segment``: JPEG frames in a tar; ``preview``: a short moving picture;
    ``readings``: the site's sensor readings around the event."""

    role: Literal["segment", "preview", "readings"]
    digest: Digest
    size: Annotated[int, Meta(ge=1)]
    content_type: ShortText
    evidence_ids: Annotated[list[Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]], Meta(max_length=64)]
    from_at: UtcTime
    to_at: UtcTime
    frame_size: FrameSize | None = None
    pose_version: Annotated[int, Meta(ge=1)] | None = None
    model: Model | None = None  # what judged these frames
    frames: Annotated[int, Meta(ge=0)] = 0  # how many


class ClipLink(msgspec.Struct, frozen=True, kw_only=True):
    """One link. ``previous`` is the digest of the link before it, None for the very first.

    ``kind``: ``file`` (``file`` says which), ``restart`` (a new process), ``torn`` (the file's tail was unreadable and
    set aside), ``rotation`` (this file of the chain begins here), ``gone`` (``digests`` are no longer kept; ``cause``).
    """

    v: Literal[1] = 1
    gateway: Name
    camera: Name
    n: Annotated[int, Meta(ge=1)]
    previous: Digest | None
    kind: Literal["file", "restart", "torn", "rotation", "gone"]
    at: UtcTime
    mono_ns: Annotated[int, Meta(ge=0)]
    boot_id: ShortText
    clock: ClockState
    software: ShortText
    file: ClipFile | None = None
    digests: Annotated[list[Digest], Meta(max_length=1000)] = []
    cause: Text | None = None


def digest_of(data: bytes) -> str:
    """``sha256:…`` of bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass(slots=True)
class ChainReport:
    """What a chain says. ``problems`` in words; none: every link is signed, in order, and names the one before."""

    links: int = 0
    head: str | None = None  # digest of the last good link
    files: dict[str, ClipFile] = field(default_factory=dict)  # by digest
    gone: dict[str, str] = field(default_factory=dict)  # digest -> cause
    notes: list[str] = field(default_factory=list)  # restarts, torn tails, new files: expected, and said
    problems: list[str] = field(default_factory=list)


def read_link(raw: bytes, find_key: Callable[[str], Ed25519PublicKey | None]) -> tuple[ClipLink, str]:
    """A link and its digest. Raises ``EnvelopeError`` or ``msgspec.DecodeError``."""
    payload, _ = unseal(raw, CLIP_TYPE, find_key)
    return msgspec.json.decode(payload, type=ClipLink), digest_of(payload)


def check_chain(lines: Iterable[bytes], find_key: Callable[[str], Ed25519PublicKey | None]) -> ChainReport:
    """Checks a whole chain, its files of lines put one behind the other."""
    report, last = ChainReport(), 0
    for number, raw in enumerate(lines, 1):
        try:
            link, digest = read_link(raw, find_key)
        except (EnvelopeError, msgspec.DecodeError) as error:
            report.problems.append(f"line {number}: {error}")
            continue
        if link.n != last + 1:
            report.problems.append(
                f"line {number}: is link {link.n}, expected {last + 1}: links are missing or doubled"
            )
        elif link.previous != report.head:
            report.problems.append(f"line {number}: link {link.n} does not name the link before it: one was changed")
        last, report.head = link.n, digest
        report.links += 1
        _take(report, link)
    return report


def _take(report: ChainReport, link: ClipLink) -> None:
    if link.kind == "file" and link.file is not None:
        report.files[link.file.digest] = link.file
    elif link.kind == "gone":
        report.gone.update(dict.fromkeys(link.digests, link.cause or "no cause given"))
    else:
        report.notes.append(f"link {link.n}, {link.at}: {link.kind}" + (f" ({link.cause})" if link.cause else ""))
