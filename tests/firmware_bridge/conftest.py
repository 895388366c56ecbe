"""What the bridge's tests share: real captures where they lie, and a pseudo-terminal in place of a USB adapter."""

from __future__ import annotations

import os
import pty
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest


class FakeAdapter:
    """A USB adapter that can be pulled out and put back under another number; ``path`` is its stable name."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "usb-sensor"
        self._master: int | None = None

    def plug(self) -> None:
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        target = os.ttyname(slave)
        os.close(slave)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(target)

    def send(self, data: bytes) -> None:
        assert self._master is not None
        os.write(self._master, data)

    def sent_by_host(self) -> bytes:
        assert self._master is not None
        return os.read(self._master, 1024)

    def unplug(self) -> None:
        if self._master is not None:
            os.close(self._master)
            self._master = None
        self.path.unlink(missing_ok=True)


@pytest.fixture
def adapter(tmp_path: Path) -> Iterator[FakeAdapter]:
    fake = FakeAdapter(tmp_path)
    fake.plug()
    yield fake
    fake.unplug()
