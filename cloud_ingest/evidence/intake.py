"""The rules of an upload: who may send what, how much, and when it counts as stored. No HTTP in here, no event loop."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, get_args

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from cloud_ingest.evidence.blobs import BlobError, BlobStore
from cloud_ingest.evidence.content import KINDS, MAX_DOCUMENT, Kind
from cloud_ingest.evidence.holdings import Holding, held_bytes, is_held, record
from cloud_ingest.evidence.staging import Staging, Upload

T = TypeVar("T")
_MAX_PENDING = 64  # uploads of one gateway under way
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes: of one blob, and of all that a gateway or a town may have stored or on its way."""

    blob: int
    gateway: int
    tenant: int


@dataclass(frozen=True, slots=True)
class Sender:
    """The gateway whose certificate opened the connection."""

    gateway: str
    tenant: str


class Refused(Exception):
    """The upload does not go on: an HTTP status, a short word for counting, a sentence for people."""

    def __init__(self, status: int, cause: str, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.cause = cause
        self.offset = offset  # where to go on, when that is what was wrong


@dataclass(slots=True)
class Intake:
    """All calls may block on disk, database or object store: they belong in a thread."""

    engine: Engine
    staging: Staging
    store: BlobStore
    limits: Limits
    now: Callable[[], str]  # the time in wire form

    def progress(self, sender: Sender, digest: str) -> tuple[Upload | None, bool]:
        """The upload under way, and whether the blob is stored already."""
        return self.staging.find(sender.gateway, digest), self._guarded(lambda: self._is_stored(sender, digest))

    def begin(self, sender: Sender, digest: str, length: int, content_type: str) -> Upload:
        """A new upload, or the one under way with the same length and type."""
        if content_type not in KINDS:
            raise Refused(415, "content_type", f"{content_type[:80]!r} is not taken; taken are {', '.join(KINDS)}")
        kind: Kind = content_type  # type: ignore[assignment]
        most = min(self.limits.blob, MAX_DOCUMENT) if kind.startswith("application/") else self.limits.blob
        if not 0 < length <= most:
            raise Refused(413, "too_large", f"{length} bytes; {kind} may have 1 to {most}")
        return self._guarded(lambda: self._begin(sender, digest, length, kind))

    def append(self, upload: Upload, offset: int, data: bytes) -> int:
        """Adds bytes; gives the new offset."""
        if offset + len(data) > upload.length:
            raise Refused(400, "too_long", f"more bytes than the {upload.length} that were announced")
        return self._guarded(lambda: self.staging.append(upload, offset, data))

    def finish(self, sender: Sender, upload: Upload) -> None:
        """Verifies, stores and records; what comes back is durable. A blob that is none of ours is forgotten."""
        self._guarded(lambda: self._finish(sender, upload))

    def _is_stored(self, sender: Sender, digest: str) -> bool:
        return is_held(self.engine, sender.gateway, f"sha256:{digest}") and self.store.size(digest) is not None

    def _begin(self, sender: Sender, digest: str, length: int, kind: Kind) -> Upload:
        mine, towns = held_bytes(self.engine, tenant=sender.tenant, gateway=sender.gateway)
        others = [upload for upload in self.staging.pending(sender.gateway) if upload.digest != digest]
        if len(others) >= _MAX_PENDING:
            raise Refused(
                507, "too_many", f"{len(others)} uploads of {sender.gateway} are under way; finish those first"
            )
        coming = sum(upload.length for upload in others)
        for cause, held, limit in (
            ("quota_gateway", mine + coming, self.limits.gateway),
            ("quota_tenant", towns + coming, self.limits.tenant),
        ):
            if held + length > limit:
                whose = sender.gateway if cause == "quota_gateway" else f"town {sender.tenant}"
                raise Refused(507, cause, f"{whose} has {held} bytes stored or on the way; its limit is {limit}")
        return self.staging.begin(sender.gateway, digest, length, kind)

    def _finish(self, sender: Sender, upload: Upload) -> None:
        path, kind, fits = self.staging.verify(upload)
        if not fits or kind != upload.content_type:
            self.staging.discard(upload.gateway, upload.digest)
            if not fits:
                raise Refused(422, "digest", f"the bytes do not have SHA-256 {upload.digest}; begin again", 0)
            found = kind or f"none of {', '.join(get_args(Kind))}"
            raise Refused(415, "content", f"the bytes are not whole {upload.content_type}; they are {found}", 0)
        self.store.put(upload.digest, path, upload.content_type)
        record(
            self.engine,
            Holding(
                f"sha256:{upload.digest}", sender.tenant, sender.gateway, upload.length, upload.content_type, self.now()
            ),
        )
        self.staging.discard(upload.gateway, upload.digest)

    def _guarded(self, work: Callable[[], T]) -> T:
        """Faults of ours as answers that tell a gateway to keep what it has and come again."""
        try:
            return work()
        except BlobError as error:
            raise Refused(503, "store", str(error)) from error
        except SQLAlchemyError as error:
            raise Refused(503, "database", f"the database does not answer: {error}") from error
        except FileNotFoundError as error:
            raise Refused(409, "gone", "the upload was forgotten meanwhile; begin again", 0) from error
        except OSError as error:
            if error.errno in _FULL:
                raise Refused(507, "disk_full", "the disk is full; keep it and come again later") from error
            raise Refused(503, "disk", f"the disk does not take it: {error.strerror}") from error
