"""Uploads under way: the bytes that have come, in a file a gateway and digest, until they are whole.

The file's length is the offset at which the gateway goes on; after a crash it may be less than the gateway believes,
and what a power cut spoilt is found by the digest. One process owns the folder (``flock``).
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cloud_ingest.evidence.content import Kind, kind_of
from cloud_ingest.identity.ledger import replace_file

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload as it stands. ``content_type`` is what the gateway says it will be."""

    gateway: str
    digest: str  # 64 hexadecimal digits of SHA-256
    length: int
    offset: int
    content_type: Kind


class _Meta(msgspec.Struct, frozen=True):
    length: int
    content_type: str


class Staging:
    """``FOLDER/GATEWAY/DIGEST.part`` and ``.json``."""

    def __init__(self, folder: Path) -> None:
        """Raises ``BlockingIOError`` when another process works in the folder."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        """Lets another process in."""
        os.close(self._lock)

    def find(self, gateway: str, digest: str) -> Upload | None:
        """The upload, if one has begun."""
        part = self._part(gateway, digest)
        try:
            meta = msgspec.json.decode(part.with_suffix(".json").read_bytes(), type=_Meta)
            return Upload(gateway, digest, meta.length, part.stat().st_size, meta.content_type)  # type: ignore[arg-type]
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def begin(self, gateway: str, digest: str, length: int, content_type: Kind) -> Upload:
        """A new upload; whatever had come under another length or type is forgotten. Raises ``OSError``."""
        known = self.find(gateway, digest)
        if known is not None and (known.length, known.content_type) == (length, content_type):
            return known
        part = self._part(gateway, digest)
        part.parent.mkdir(exist_ok=True)
        part.unlink(missing_ok=True)
        replace_file(part.with_suffix(".json"), msgspec.json.encode(_Meta(length, content_type)))
        part.touch()
        return Upload(gateway, digest, length, 0, content_type)

    def append(self, upload: Upload, offset: int, data: bytes) -> int:
        """Writes ``data`` at ``offset``; gives the new offset. Raises ``OSError``: a full disk, for example."""
        with self._part(upload.gateway, upload.digest).open("r+b") as file:
            file.seek(offset)
            file.write(data)
        return offset + len(data)

    def verify(self, upload: Upload) -> tuple[Path, Kind | None, bool]:
        """Flushes a complete file and looks through it: where it lies, its kind, whether the digest fits."""
        part = self._part(upload.gateway, upload.digest)
        hasher = hashlib.sha256()
        with part.open("r+b") as file:
            os.fsync(file.fileno())
            while chunk := file.read(_CHUNK):
                hasher.update(chunk)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                kind = kind_of(data)
        return part, kind, hasher.hexdigest() == upload.digest

    def discard(self, gateway: str, digest: str) -> None:
        """Forgets an upload: it is stored, or it was no good."""
        part = self._part(gateway, digest)
        part.unlink(missing_ok=True)
        part.with_suffix(".json").unlink(missing_ok=True)

    def pending(self, gateway: str) -> list[Upload]:
        """A gateway's uploads under way: they count against its quota with their whole length."""
        folder = self._folder / gateway
        names = [path.stem for path in folder.glob("*.json")] if folder.is_dir() else []
        return [upload for name in names if (upload := self.find(gateway, name)) is not None]

    def forget_older_than(self, seconds: float) -> int:
        """Removes what nobody has added to for so long; gives how many. A gateway still has it and may begin again."""
        before, count = time.time() - seconds, 0
        for part in self._folder.glob("*/*.part"):
            if part.stat().st_mtime < before:
                self.discard(part.parent.name, part.stem)
                count += 1
        return count

    def _part(self, gateway: str, digest: str) -> Path:
        return self._folder / gateway / f"{digest}.part"
