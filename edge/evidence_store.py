"""Evidence on the disk: files written once under their digest, the chain that vouches for them, the way out.

``DIR/evidence/kept/`` holds what stays at the gateway, ``DIR/evidence/outbox/`` what shall travel: each file as
``<sha256>.<ext>`` beside ``<sha256>.json``, its signed link. Whoever has delivered both removes both.
"""

from __future__ import annotations

import io
import logging
import shutil
import sys
import tarfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import cv2
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.animation import moving_preview
from edge.clips import Segment
from edge.evidence_chain import EvidenceChain, cameras_in, open_chain
from edge.files import write_whole
from smokesentry.clock import SystemClock
from smokesentry.messages.clips import FRAMES_NAME, NDJSON_GZIP, TAR, WEBP, ClipFile, ClipFrame, digest_of
from smokesentry.messages.records import Model

_log = logging.getLogger("edge.evidence")
_MODE = 0o440  # written once; nothing is edited in place
_LEAST_FREE_BYTES = 100_000_000  # the spool's room: detections go before evidence
Upload = Literal["preview", "all"]  # what travels without being asked for
_SUFFIX = {TAR: ".tar", WEBP: ".webp", NDJSON_GZIP: ".ndjson.gz"}


@dataclass(slots=True)
class EvidenceStore:
    """One thread at a time: the recorder's."""

    folder: Path  # DIR/evidence
    gateway: str
    key: Ed25519PrivateKey
    clock: SystemClock
    max_bytes: int
    least_free_bytes: int = _LEAST_FREE_BYTES
    counts: Counter[str] = field(default_factory=Counter)
    _chains: dict[str, EvidenceChain] = field(default_factory=dict)

    @property
    def kept(self) -> Path:
        """Files that stay until somebody asks for them."""
        return self.folder / "kept"

    @property
    def outbox(self) -> Path:
        """Files that shall travel."""
        return self.folder / "outbox"

    def open(self, cameras: list[str]) -> None:
        """Takes up what an earlier process left, also of cameras that are no longer configured: their evidence stays.
        A file that no link vouches for is removed: the power went between."""
        for folder in (self.kept, self.outbox):
            folder.mkdir(parents=True, exist_ok=True)
        for camera in [*cameras, *cameras_in(self.folder / "chain")]:
            self.chain(camera)
        known = {digest[7:] for chain in self._chains.values() for digest in chain.files}
        for file in [*self.kept.iterdir(), *self.outbox.iterdir()]:
            if file.name.endswith(".new") or (file.parent == self.kept and file.name.split(".")[0] not in known):
                file.unlink(missing_ok=True)
                self.counts["evidence_unfinished"] += 1

    def chain(self, camera: str) -> EvidenceChain:
        """A camera's chain."""
        if camera not in self._chains:
            self._chains[camera] = open_chain(self.folder / "chain", self.gateway, camera, self.key, self.clock)
        return self._chains[camera]

    # -- writing -------------------------------------------------------------------------------------------------------

    def add(self, segment: Segment, pose_version: int, model: Model | None, *, travels: bool) -> ClipFile | None:
        """Writes a segment or preview; None when there is no room for it, or it cannot be made."""
        try:
            data = moving_preview(segment.frames, segment.box) if segment.preview else tar_of(segment)
        except (cv2.error, AttributeError, ValueError) as error:  # an OpenCV that writes no animations
            self.counts["evidence_without_preview"] += 1
            _log.warning("a preview of camera %s cannot be made (%s)", segment.camera, error)
            return None
        first, last = segment.frames[0], segment.frames[-1]
        described = ClipFile(
            role="preview" if segment.preview else "segment",
            digest=digest_of(data),
            size=len(data),
            content_type=WEBP if segment.preview else TAR,
            evidence_ids=list(segment.evidence_ids),
            from_at=first.stamp.captured_at,
            to_at=last.stamp.captured_at,
            frame_size=first.size,
            pose_version=pose_version,
            model=model,
            frames=len(segment.frames),
        )
        return self.put(segment.camera, described, data, travels=travels)

    def put(self, camera: str, described: ClipFile, data: bytes, *, travels: bool) -> ClipFile | None:
        """Writes one described file, its link, and the manifest beside it."""
        self.make_room(len(data))
        if shutil.disk_usage(self.folder).free - len(data) < self.least_free_bytes:
            self.counts["evidence_not_kept"] += 1
            _log.warning("evidence of camera %s is not kept: the disk has no room beside the spool's", camera)
            return None
        name = described.digest[7:]
        where = self.outbox if travels else self.kept
        # The manifest is put down last: a file without one is not yet there for whoever delivers.
        write_whole(where / (name + _SUFFIX[described.content_type]), data, mode=_MODE)
        write_whole(where / f"{name}.json", self.chain(camera).file(described), mode=_MODE)
        self.counts[f"evidence_{described.role}s"] += 1
        return described

    def release(self, evidence_id: str) -> int:
        """Lets every kept file of a detection travel; gives how many."""
        count = 0
        for described in self.files_of(evidence_id):
            name = described.digest[7:]
            for suffix in (_SUFFIX[described.content_type], ".json"):
                if (self.kept / (name + suffix)).exists():
                    (self.kept / (name + suffix)).replace(self.outbox / (name + suffix))
                    count += suffix == ".json"
        return count

    def files_of(self, evidence_id: str) -> list[ClipFile]:
        """What belongs to a detection, as the chains know it."""
        chains = self._chains.values()
        return [one for chain in chains for one in chain.files.values() if evidence_id in one.evidence_ids]

    def camera_of(self, evidence_id: str) -> str | None:
        """Whose camera's chain knows a detection's files."""
        for camera, chain in self._chains.items():
            if any(evidence_id in one.evidence_ids for one in chain.files.values()):
                return camera
        return None

    # -- room ----------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Says in the chains which files are no longer here, and why as far as that is known."""
        for chain in self._chains.values():
            missing = [digest for digest, one in chain.files.items() if not self._where(one)]
            for at in range(0, len(missing), 500):
                chain.note_gone(missing[at : at + 500], "taken from the outbox, or removed by somebody")

    def make_room(self, size: int) -> None:
        """Removes the oldest files until ``size`` more bytes fit: first what stays here, then what waits to travel."""
        ages = {digest: age for chain in self._chains.values() for digest, age in chain.ages().items()}
        files = [file for folder in (self.kept, self.outbox) for file in _by_age(folder, ages)]
        used = sum(size_of for _, size_of in files)
        free = shutil.disk_usage(self.folder).free - self.least_free_bytes
        over = max(used + size - self.max_bytes, size - free)
        for path, size_of in files:
            if over <= 0:
                return
            over -= size_of
            self._give_up(path)

    def _give_up(self, path: Path) -> None:
        digest = _digest(path)
        path.unlink(missing_ok=True)
        path.with_name(f"{digest[7:]}.json").unlink(missing_ok=True)
        self.counts["evidence_given_up"] += 1
        for chain in self._chains.values():
            if digest in chain.files:
                chain.note_gone([digest], "given up for space")

    def _where(self, one: ClipFile) -> Path | None:
        name = one.digest[7:] + _SUFFIX[one.content_type]
        return next((folder / name for folder in (self.kept, self.outbox) if (folder / name).exists()), None)


def tar_of(segment: Segment) -> bytes:
    """An uncompressed archive of the frames, named so that their order is that of time, and their list: unpacked, it is
    a folder that ``smokesentry replay`` takes."""
    buffer, listed = io.BytesIO(), _frames_of(segment)
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        files = [(one.name, frame.jpeg, frame.stamp.unix_s) for one, frame in zip(listed, segment.frames, strict=True)]
        for name, data, unix_s in [*files, (FRAMES_NAME, msgspec.json.encode(listed), files[-1][2])]:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(data), int(unix_s), 0o444
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _frames_of(segment: Segment) -> list[ClipFrame]:
    return [
        ClipFrame(
            name=f"{number:04}-{frame.stamp.captured_at.replace(':', '').replace('-', '')}.jpg",
            at=frame.stamp.captured_at,
            mono_ns=frame.stamp.mono_ns,
            digest=digest_of(frame.jpeg),
        )
        for number, frame in enumerate(segment.frames, 1)
    ]


def _digest(path: Path) -> str:
    return "sha256:" + path.name.split(".")[0]


def _by_age(folder: Path, ages: dict[str, tuple[int, int]]) -> list[tuple[Path, int]]:
    """Files and their sizes, the oldest first; one that no chain knows before all. Whoever delivers may take one away
    meanwhile."""
    found = []
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            if path.is_file() and path.suffix not in (".json", ".new"):
                found.append((path, path.stat().st_size))
    return sorted(found, key=lambda one: ages.get(_digest(one[0]), (-sys.maxsize, 0)))
