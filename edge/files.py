"""Small files that are only ever replaced as a whole: a reader or a power cut sees the old one or the new one."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, content: bytes, *, durable: bool = True, mode: int = 0o600) -> None:
    """Written beside it, then renamed over it. Raises ``OSError``, and the old file holds.

    ``durable``: on the medium when this returns; what only tells of now is not worth a card's wear. What root writes
    (a person at the gateway, with sudo) belongs to the folder's owner: the service could not read it otherwise.
    """
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)  # of a write that was cut off, perhaps of somebody else's
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        if os.geteuid() == 0:
            owner = path.parent.stat()
            with suppress(OSError):  # a medium that knows no owners
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        file.write(content)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    fresh.replace(path)
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Puts a folder's names on the medium: what was renamed or removed in it stays so. Raises ``OSError``."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
