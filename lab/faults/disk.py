"""A small disk of a gateway's own that can be filled or made read-only: a tmpfs in this process's mount namespace."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_BALLAST = "ballast"
_INSIDE = "SMOKESENTRY_FAULTS_NAMESPACE"


def enter_namespace() -> None:
    """Starts this program again in a mount namespace of its own, as root or as a user where the kernel allows it. Where
    it does not, the program goes on as it is and :func:`Disk.mount` says so."""
    if os.environ.get(_INSIDE):
        return
    way = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    try:
        subprocess.run([*way, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return
    os.environ[_INSIDE] = "1"
    os.execvp(way[0], [*way, sys.executable, *sys.orig_argv[1:]])


class DiskError(RuntimeError):
    """No disk of its own can be had here; the message says why."""


class Disk:
    """``size_mb`` of tmpfs at ``folder``."""

    def __init__(self, folder: Path, size_mb: int) -> None:
        self.folder = folder
        self._size = size_mb

    def mount(self) -> None:
        """Raises :class:`DiskError` where this is not allowed."""
        if not os.environ.get(_INSIDE):
            raise DiskError("no mount namespace of its own (needs root, or user namespaces)")
        self.folder.mkdir(parents=True, exist_ok=True)
        _mount(["-t", "tmpfs", "-o", f"size={self._size}m,mode=755", "tmpfs", str(self.folder)])

    def unmount(self) -> None:
        """The disk and everything on it is gone."""
        with suppress(DiskError):
            _run(["umount", "-l", str(self.folder)])

    def fill(self) -> None:
        """Until not one byte more fits."""
        with (self.folder / _BALLAST).open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def relieve(self) -> None:
        """There is room again."""
        (self.folder / _BALLAST).unlink(missing_ok=True)

    def read_only(self, yes: bool) -> None:
        """No file may be open for writing meanwhile."""
        _mount(["-o", f"remount,{'ro' if yes else 'rw'}", str(self.folder)])


def _mount(words: list[str]) -> None:
    _run(["mount", *words])


def _run(words: list[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise DiskError(f"{' '.join(words)}: {done.stderr.strip()}")
