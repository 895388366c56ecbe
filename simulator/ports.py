"""Serial sensors on real pseudo-terminals: what a USB adapter would be to the bridge."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
import tty
from pathlib import Path

_UNREAD_LIMIT = 512  # bytes; a UART keeps no more when nobody listens


class Port:
    """One pseudo-terminal; ``link`` is a symbolic link to the side that a program opens."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self._sensor_side, self._program_side = (
            os.openpty()
        )  # the program's side stays open, so that nobody's close hangs it up
        tty.setraw(self._program_side)
        os.set_blocking(self._sensor_side, False)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(self._program_side))

    def send(self, frame: bytes) -> None:
        """Puts a frame on the line. What nobody has read for long is lost, as on a wire."""
        unread = struct.unpack("i", fcntl.ioctl(self._program_side, termios.FIONREAD, b"\0" * 4))[0]
        if unread > _UNREAD_LIMIT:
            termios.tcflush(self._program_side, termios.TCIFLUSH)
        try:
            os.write(self._sensor_side, frame)
        except BlockingIOError:
            termios.tcflush(self._program_side, termios.TCIFLUSH)

    def received(self) -> bytes:
        """Commands that came from the program since the last call."""
        try:
            return os.read(self._sensor_side, 4096)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        """Unplugs it."""
        self.link.unlink(missing_ok=True)
        os.close(self._sensor_side)
        os.close(self._program_side)
