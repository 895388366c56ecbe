"""A few megabytes of the disk, held so that they can be given up: on a full disk even deleting needs room to write."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FILE_NAME = "reserve.bin"
_SIZE = 4_000_000


@dataclass(frozen=True, slots=True)
class Reserve:
    """One file beside the spool."""

    folder: Path
    size: int = _SIZE

    @property
    def is_held(self) -> bool:
        """Whether the room is taken."""
        return (self.folder / FILE_NAME).exists()

    def hold(self) -> bool:
        """Takes the room if the disk has three times as much; says whether it is held then."""
        path = self.folder / FILE_NAME
        if self.is_held:
            return True
        try:
            if shutil.disk_usage(self.folder).free < 3 * self.size:
                return False
            with path.open("xb") as file:
                os.posix_fallocate(file.fileno(), 0, self.size)
        except OSError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Gives the room back to the disk."""
        with suppress(OSError):
            (self.folder / FILE_NAME).unlink(missing_ok=True)
