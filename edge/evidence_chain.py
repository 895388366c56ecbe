"""One camera's chain file: append-only, every link signed and on the medium before anything relies on it."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.files import write_whole
from smokesentry import __version__
from smokesentry.clock import SystemClock
from smokesentry.messages.clips import CLIP_TYPE, ClipFile, ClipLink, digest_of, read_link
from smokesentry.messages.envelope import Envelope, EnvelopeError, seal

_ROTATE_BYTES = 4_000_000
_PARTS = ".[0-9][0-9][0-9][0-9][0-9].jsonl"
_BEGIN = b'{"payloadType"'  # as our own envelopes begin; never within one, whose payload is base64


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
    boots: int = 0  # of the machine, that the chain has seen
    _boot_id: str | None = None
    _written: dict[str, tuple[int, int]] = field(default_factory=dict)  # by digest: in which boot, and when in it
    _torn_at: int | None = None  # half a link lies in the file from here on: it must go before the next one

    @property
    def path(self) -> Path:
        """The file that grows now."""
        return self.folder / f"{self.camera}.{self.number:05}.jsonl"

    def file(self, described: ClipFile) -> bytes:
        """A link for a file that has been written; gives the envelope, which is the file's manifest."""
        return self._append("file", file=described)

    def note_gone(self, digests: list[str], cause: str) -> None:
        """Files that are no longer kept: their links stay, and say so."""
        self._append("gone", digests=digests, cause=cause)

    def ages(self) -> dict[str, tuple[int, int]]:
        """When each file was written, smaller for older, whatever the wall clock did meanwhile: counted in boots from
        the present one, which every camera's chain has in common, and in that boot by the monotonic clock."""
        return {digest: (boot - self.boots, mono_ns) for digest, (boot, mono_ns) in self._written.items()}

    def _append(
        self,
        kind: str,
        *,
        file: ClipFile | None = None,
        digests: list[str] | None = None,
        cause: str | None = None,
    ) -> bytes:
        self._mend()
        size = self._size()
        if size > _ROTATE_BYTES:
            self.number, size = self.number + 1, 0
        if self.number > 1 and not size and kind != "rotation":
            self._append("rotation", cause=f"continues {self.camera}.{self.number - 1:05}.jsonl")
            size = self._size()
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
        try:
            with self.path.open("ab") as chain:
                chain.write(raw + b"\n")
                chain.flush()
                os.fsync(chain.fileno())
        except OSError:
            self._torn_at = size
            with suppress(OSError):  # a card that takes nothing at all: the next link begins with it
                self._mend()
            raise
        _take(self, link, digest_of(payload))
        return raw

    def _mend(self) -> None:
        """Takes off what a link that failed (a full disk) left behind. Raises ``OSError``."""
        if self._torn_at is not None and self.path.exists():
            _cut(self.path, self._torn_at)
        self._torn_at = None

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0


def cameras_in(folder: Path) -> list[str]:
    """Every camera that has a chain here, whether or not it is still configured."""
    return sorted({path.name.split(".")[0] for path in folder.glob(f"*{_PARTS}")})


def open_chain(folder: Path, gateway: str, camera: str, key: Ed25519PrivateKey, clock: SystemClock) -> EvidenceChain:
    """The chain as an earlier process left it; what a power cut tore off is set aside, and the chain says both."""
    folder.mkdir(parents=True, exist_ok=True)
    chain = EvidenceChain(folder, gateway, camera, key, clock)
    parts = sorted(folder.glob(f"{camera}{_PARTS}"))
    for part in parts[:-1]:
        _read_closed(chain, part)
    for part in parts[-1:]:
        chain.number = int(part.suffixes[-2][1:])
        data = part.read_bytes()
        whole, torn = _read(chain, data)
        if torn:
            _set_aside(chain, part, data, whole, torn)
    if chain.n:
        chain._append("restart")
    return chain


def _read_closed(chain: EvidenceChain, part: Path) -> None:
    """Takes in a file that no longer grows, without checking signatures: a winter of them would hold up the start."""
    for line in part.read_bytes().split(b"\n"):
        with suppress(msgspec.DecodeError):
            payload = msgspec.json.decode(line[_begin(line) :], type=Envelope).payload
            _take(chain, msgspec.json.decode(payload, type=ClipLink), digest_of(payload))


def _take(chain: EvidenceChain, link: ClipLink, digest: str) -> None:
    chain.n, chain.head = link.n, digest
    if link.boot_id != chain._boot_id:
        chain.boots, chain._boot_id = chain.boots + 1, link.boot_id
    if link.kind == "file" and link.file is not None:
        chain.files[link.file.digest] = link.file
        chain._written[link.file.digest] = (chain.boots, link.mono_ns)
    for gone in link.digests:
        chain.files.pop(gone, None)
        chain._written.pop(gone, None)


def _read(chain: EvidenceChain, data: bytes) -> tuple[bytes, bytes]:
    """Takes in the file that grows; gives what stays of it, and what a tear left.

    A tear leaves bytes that are no link at the end, or where the next link names the last one before them: nothing is
    missing there. Where it does not, a link was changed or cut out: all stays as it is, for a check to find.
    """
    whole, torn, gap = bytearray(), bytearray(), b""
    *lines, tail = data.split(b"\n")
    for line in lines:
        begin = _begin(line)
        try:
            link, digest = read_link(line[begin:], lambda _: chain.key.public_key())
        except (EnvelopeError, msgspec.DecodeError):
            gap += line + b"\n"
            continue
        follows = link.n == chain.n + 1 and link.previous == chain.head
        (torn if follows else whole).extend(gap + line[:begin])
        whole += line[begin:] + b"\n"
        gap = b""
        _take(chain, link, digest)
    return bytes(whole), bytes(torn + gap + tail)


def _begin(line: bytes) -> int:
    """Where a line's link begins: behind half of one that failed, when the next was written right after it."""
    return max(line.rfind(_BEGIN), 0)


def _set_aside(chain: EvidenceChain, part: Path, data: bytes, whole: bytes, torn: bytes) -> None:
    name = f"{chain.camera}.torn-{chain.n + 1}"
    write_whole(chain.folder / name, torn)
    if data.startswith(whole):
        _cut(part, len(whole))
    else:
        write_whole(part, whole, mode=stat.S_IMODE(part.stat().st_mode))
    chain._append("torn", cause=f"{len(torn)} bytes set aside as {name}, {digest_of(torn)}")


def _cut(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)
        file.flush()
        os.fsync(file.fileno())
