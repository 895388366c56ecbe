"""Clips to the cloud: resumable, content-addressed HTTPS uploads under the gateway's certificate.

``OUTBOX/SHA256.SUFFIX`` with ``OUTBOX/SHA256.json`` beside it (the signed link of its chain, put down last) is a clip
that shall travel. Both go up as blobs of their own, and both are deleted once the cloud holds both. A connection that
breaks costs what was under way since the last piece; the cloud says where to go on.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import random
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from edge.window import Allowance, backoff_s
from smokesentry.messages.clips import NDJSON_GZIP, TAR, WEBP

_log = logging.getLogger("edge.upload")
_PIECE = 128 * 1024
_TIMEOUT_S = 30.0
_LOOK_EVERY_S = 10.0
_BYTES_S = 50_000.0
_TYPES = {
    ".tar": TAR,
    ".webp": WEBP,
    ".ndjson.gz": NDJSON_GZIP,
    ".json": "application/json",
}
_NEVER = frozenset({400, 413, 415})  # this content will not be taken, however often it is sent
REFUSED_FOLDER = "refused"


class NotTaken(RuntimeError):
    """The cloud does not take it now (``again``), or never; the message says why."""

    def __init__(self, message: str, *, again: bool) -> None:
        super().__init__(message)
        self.again = again


@dataclass(slots=True)
class Uploader:
    """Runs in a loop of its own. ``busy`` says that detections wait, which go first."""

    address: str  # https://host:port
    tls: Callable[[], ssl.SSLContext]
    outbox: Path
    busy: Callable[[], bool]
    counts: Counter[str] = field(default_factory=Counter)
    problem: str | None = None
    allowance: Allowance = field(default_factory=lambda: Allowance(_BYTES_S))

    def run(self, stop: threading.Event) -> None:
        """Uploads what lies in the outbox, oldest first, until stopped."""
        failures = 0
        while not stop.is_set():
            try:
                self.deliver_all(stop)
                failures, self.problem = 0, None
                stop.wait(_LOOK_EVERY_S)
            except (OSError, http.client.HTTPException, NotTaken) as error:
                pause_s = max(5.0, backoff_s(failures + 3, random.random()))
                if str(error) != self.problem:
                    _log.warning("evidence cannot be uploaded (%s); next try in %.0f s", error, pause_s)
                failures, self.problem = failures + 1, str(error)
                stop.wait(pause_s)

    def deliver_all(self, stop: threading.Event) -> None:
        """One pass. Raises what ended it."""
        for manifest in self._waiting():
            content = self._content_of(manifest)
            if stop.is_set():
                return
            try:
                for path in (content, manifest):
                    if path is not None and not self._upload(path, stop):
                        return
            except NotTaken as refusal:
                if refusal.again:
                    raise
                self._set_aside([path for path in (content, manifest) if path is not None], refusal)
                continue
            for path in (content, manifest):
                if path is not None:
                    path.unlink(missing_ok=True)
            self.counts["evidence_uploaded"] += 1

    def _waiting(self) -> list[Path]:
        with suppress(FileNotFoundError):
            found = [path for path in self.outbox.glob("*.json") if len(path.stem) == 64]
            return sorted(found, key=lambda path: path.stat().st_mtime)
        return []

    def _content_of(self, manifest: Path) -> Path | None:
        found = [path for path in self.outbox.glob(f"{manifest.stem}.*") if path != manifest]
        return found[0] if found else None

    def _upload(self, path: Path, stop: threading.Event) -> bool:
        """True once the cloud holds it; False when stopped in between."""
        digest = path.name[:64] if path.suffix != ".json" else _sha256(path)
        content_type = next((kind for suffix, kind in _TYPES.items() if path.name.endswith(suffix)), "")
        host = urlsplit(self.address)
        connection = http.client.HTTPSConnection(
            host.hostname or "", host.port or 443, timeout=_TIMEOUT_S, context=self.tls()
        )
        with closing(connection), path.open("rb") as file:
            length = path.stat().st_size
            status, headers, said = _ask(connection, "HEAD", digest, {})
            if status == 404:
                begin = {"Upload-Length": str(length), "Content-Type": content_type}
                status, headers, said = _ask(connection, "POST", digest, begin)
            while headers.get("upload-complete") != "?1":
                offset = _offset(status, headers, said)
                if offset is None:
                    rotten = status == 422 and _sha256(path) != digest  # our own card has changed it
                    raise NotTaken(f"{path.name}: {status} {said}", again=status not in _NEVER and not rotten)
                if self._pause(stop):
                    return False
                file.seek(offset)
                piece = file.read(_PIECE)
                status, headers, said = _ask(connection, "PATCH", digest, {"Upload-Offset": str(offset)}, piece)
                self.allowance.spend(len(piece))
                if headers.get("connection") == "close":
                    connection.close()  # http.client opens it again by itself
        return True

    def _pause(self, stop: threading.Event) -> bool:
        """Rests while detections wait or the allowance is used up; whether to stop."""
        while not stop.is_set() and (self.busy() or not self.allowance.is_open(time.monotonic())):
            stop.wait(max(0.2, min(5.0, self.allowance.wait_s())))
        return stop.is_set()

    def _set_aside(self, paths: list[Path], refusal: NotTaken) -> None:
        """What will never be taken must hold up nothing; it stays for a person to look at."""
        self.counts["evidence_refused"] += 1
        _log.error("evidence is set aside: %s", refusal)
        aside = self.outbox / REFUSED_FOLDER
        aside.mkdir(exist_ok=True)
        for path in paths:
            path.replace(aside / path.name)


def _ask(
    connection: http.client.HTTPSConnection, method: str, digest: str, headers: dict[str, str], body: bytes = b""
) -> tuple[int, dict[str, str], str]:
    connection.request(method, f"/v1/evidence/{digest}", body=body or None, headers=headers)
    answer = connection.getresponse()
    said = answer.read(2000).decode("utf-8", "replace")
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, said


def _offset(status: int, headers: dict[str, str], said: str) -> int | None:
    """Where to go on: after a good answer, and after one that says that we were wrong about it."""
    if status not in (200, 201, 204, 409) or not headers.get("upload-offset", "").isdigit():
        return None
    return int(headers["upload-offset"])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
