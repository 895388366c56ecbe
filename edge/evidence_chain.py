"""One camera's chain file: append-only, every link signed and on the medium before anything relies on it."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from smokesentry import __version__
from smokesentry.clock import SystemClock
from smokesentry.messages.clips import CLIP_TYPE, ClipFile, ClipLink, digest_of, read_link
from smokesentry.messages.envelope import Envelope, EnvelopeError, seal

_ROTATE_BYTES = 4_000_000


@dataclass(slots=True)
class EvidenceChain:
    """``files``: by digest, those that are not said to be gone. Open it with :func:`open_chain`."""

    folder: Path
    gateway: str
    camera: str
    key: Ed25519PrivateKey
    clock: SystemClock
    n: int = 0
    head: str | None = None
    files: dict[str, ClipFile] = field(default_factory=dict)
    number: int = 1

    @property
    def path(self) -> Path:
        """The file that grows now."""
        return self.folder / f"{self.camera}.{self.number:05}.jsonl"

    def file(self, described: ClipFile) -> bytes:
        """A link for a file that has been written; gives the envelope, which is the file's manifest."""
        raw = self._append("file", file=described)
        self.files[described.digest] = described
        return raw

    def note_gone(self, digests: list[str], cause: str) -> None:
        """Files that are no longer kept: their links stay, and say so."""
        self._append("gone", digests=digests, cause=cause)
        for digest in digests:
            self.files.pop(digest, None)

    def _append(
        self,
        kind: str,
        *,
        file: ClipFile | None = None,
        digests: list[str] | None = None,
        cause: str | None = None,
    ) -> bytes:
        if self.path.exists() and self.path.stat().st_size > _ROTATE_BYTES:
            self.number += 1
            self._append("rotation", cause=f"continues {self.camera}.{self.number - 1:05}.jsonl")
        now = self.clock.now()
        link = ClipLink(
            gateway=self.gateway,
            camera=self.camera,
            n=self.n + 1,
            previous=self.head,
            kind=kind,  # type: ignore[arg-type]
            at=now.captured_at,
            mono_ns=now.mono_ns,
            boot_id=self.clock.boot_id,
            clock=self.clock.state(),
            software=f"smoke-sentry {__version__}",
            file=file,
            digests=digests or [],
            cause=cause,
        )
        payload = msgspec.json.encode(link)
        raw = seal(payload, CLIP_TYPE, self.key)
        with self.path.open("ab") as chain:
            chain.write(raw + b"\n")
            chain.flush()
            os.fsync(chain.fileno())
        self.n, self.head = link.n, digest_of(payload)
        return raw


def open_chain(folder: Path, gateway: str, camera: str, key: Ed25519PrivateKey, clock: SystemClock) -> EvidenceChain:
    """The chain as an earlier process left it; what a power cut tore off is set aside, and the chain says both."""
    folder.mkdir(parents=True, exist_ok=True)
    chain = EvidenceChain(folder, gateway, camera, key, clock)
    parts = sorted(folder.glob(f"{camera}.[0-9][0-9][0-9][0-9][0-9].jsonl"))
    torn = b""
    for part in parts[:-1]:
        _read_closed(chain, part)
    for part in parts[-1:]:
        chain.number = int(part.suffixes[-2][1:])
        torn = _read(chain, part)
    if torn:
        name = f"{camera}.torn-{chain.n + 1}"
        (folder / name).write_bytes(torn)
        chain._append("torn", cause=f"{len(torn)} bytes set aside as {name}, {digest_of(torn)}")
    if chain.n:
        chain._append("restart")
    return chain


def _read_closed(chain: EvidenceChain, part: Path) -> None:
    """Takes in a file that no longer grows, without checking signatures: a winter of them would hold up the start."""
    for line in part.read_bytes().splitlines():
        with suppress(msgspec.DecodeError):
            _take(chain, msgspec.json.decode(msgspec.json.decode(line, type=Envelope).payload, type=ClipLink))


def _take(chain: EvidenceChain, link: ClipLink) -> None:
    if link.kind == "file" and link.file is not None:
        chain.files[link.file.digest] = link.file
    for digest in link.digests:
        chain.files.pop(digest, None)


def _read(chain: EvidenceChain, part: Path) -> bytes:
    """Takes in one file; gives the bytes of its torn tail, which it cuts off."""
    data = part.read_bytes()
    at = 0
    while (end := data.find(b"\n", at)) >= 0:
        try:
            link, digest = read_link(data[at:end], lambda _: chain.key.public_key())
        except (EnvelopeError, msgspec.DecodeError):
            break
        chain.n, chain.head = link.n, digest
        _take(chain, link)
        at = end + 1
    if at < len(data):
        with part.open("r+b") as file:
            file.truncate(at)
            file.flush()
            os.fsync(file.fileno())
    return data[at:]
