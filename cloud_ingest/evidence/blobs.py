"""Where whole, verified blobs lie, named by the SHA-256 of their bytes: the interface, and a folder as the default."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

_CHUNK = 1 << 20


class BlobError(OSError):
    """The store does not take or give a blob now; the message says why. Trying again later is right."""


class BlobStore(Protocol):
    """Blobs by digest (64 hexadecimal digits). What is stored under a digest never changes."""

    def put(self, digest: str, source: Path, content_type: str) -> None:
        """Keeps the bytes of ``source``, whose digest has been verified; durable on return. ``source`` stays.

        Twice the same is harmless. Raises :class:`BlobError`.
        """

    def size(self, digest: str) -> int | None:
        """Bytes of a stored blob, None when it is not there. Raises :class:`BlobError`."""

    def read(self, digest: str) -> Iterator[bytes]:
        """The bytes in pieces. Raises :class:`BlobError`, also for one that is not there."""

    def delete(self, digest: str) -> None:
        """Removes a blob; one that is not there is no error. Raises :class:`BlobError`."""


class FolderStore:
    """``FOLDER/ab/cd/abcd…``: never more than a few hundred names a folder, atomic, flushed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, digest: str, source: Path, content_type: str) -> None:
        """A second name for the file; a copy when it lies on another file system."""
        target = self.path(digest)
        fresh = target.with_name(f".{digest}.new")
        try:
            if target.exists():
                return
            for folder in (target.parent.parent, target.parent):
                if not folder.exists():
                    folder.mkdir(exist_ok=True)
                    _flush(folder.parent)
            fresh.unlink(missing_ok=True)
            if source.stat().st_dev == target.parent.stat().st_dev:
                fresh.hardlink_to(source)
            else:
                shutil.copyfile(source, fresh)
            _flush(fresh)
            fresh.replace(target)
            _flush(target.parent)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise  # told apart: somebody must make room
            raise BlobError(f"{target}: cannot be stored ({error.strerror or error})") from error

    def size(self, digest: str) -> int | None:
        """Bytes of a stored blob, or None."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BlobError(f"{self.path(digest)}: cannot be looked at ({error.strerror})") from error

    def read(self, digest: str) -> Iterator[bytes]:
        """The bytes in pieces."""
        try:
            with self.path(digest).open("rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
        except OSError as error:
            raise BlobError(f"{self.path(digest)}: cannot be read ({error.strerror})") from error

    def delete(self, digest: str) -> None:
        """Removes a blob."""
        try:
            self.path(digest).unlink(missing_ok=True)
        except OSError as error:
            raise BlobError(f"{self.path(digest)}: cannot be removed ({error.strerror})") from error

    def path(self, digest: str) -> Path:
        """Where a blob lies or would lie."""
        return self._folder / digest[:2] / digest[2:4] / digest


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
