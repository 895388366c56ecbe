"""A card that has become read-only, or gives only errors: the gateway goes on in memory instead of going dark.

Linux remounts a failing card read-only. Nobody can climb up for days; until then detections are worth more than their
safety from a power cut. The spool in memory is a spool of its own (its own id, its own numbers), so nothing is given
the same number twice; what it still holds when the card works again moves over.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path

from edge.rescue import rescue
from edge.spool import Spool
from edge.spool_file import FILE_NAME

_MEMORY = Path("/dev/shm")
_BROKEN = frozenset({errno.EROFS, errno.EIO})


def refuge_of(name: str) -> Path:
    """Where in memory a gateway of this name lives while its card is broken; survives the process, not the power."""
    return _MEMORY / f"smoke-sentry-{name}"


def usable_folder(folder: Path, name: str) -> tuple[Path, str | None]:
    """The gateway's folder, or its refuge and a sentence about it when the folder's disk takes no file any more.

    A full disk is no reason: the spool knows how to live on it. Raises ``OSError`` where memory cannot be used either.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"?")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        if error.errno not in _BROKEN:
            return folder, None
        refuge = refuge_of(name)
        _claim(refuge)
        why = os.strerror(error.errno or 0).lower()
        return refuge, f"the disk of {folder} takes nothing ({why}): facts live in memory and survive no power cut"
    return folder, None


def come_home(name: str, spool: Spool) -> str | None:
    """What an earlier process kept in memory is stored on the disk that works again; says so if there was anything."""
    refuge = refuge_of(name)
    if not (refuge / FILE_NAME).exists() or refuge == spool.path.parent:
        return None
    _claim(refuge)
    rescue(refuge / FILE_NAME, spool)
    shutil.rmtree(refuge, ignore_errors=True)
    return "the disk takes facts again; what had to live in memory meanwhile lies on it now"


def _claim(refuge: Path) -> None:
    """Memory is everybody's: a folder that another user has put there is refused."""
    refuge.mkdir(mode=0o700, exist_ok=True)
    found = refuge.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, f"belongs to somebody else; remove it: {refuge}")
