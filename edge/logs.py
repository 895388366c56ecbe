"""Where the log goes: to journald in its own protocol (fields, priorities) under systemd, else to standard error."""

from __future__ import annotations

import logging
import os
import socket
import sys
from pathlib import Path

_SOCKET = Path("/run/systemd/journal/socket")
_LONGEST = 60_000  # bytes; a datagram has its limit
#: syslog(3) priorities.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


class JournalHandler(logging.Handler):
    """Each record as one datagram of journald's native protocol: ``journalctl -o json`` gives the fields back."""

    def __init__(self, address: Path = _SOCKET) -> None:
        super().__init__()
        self._address = str(address)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def emit(self, record: logging.LogRecord) -> None:
        """Sends it; what the journal does not take is written to standard error instead."""
        try:
            self._socket.sendto(journal_fields(record, self.format(record)), self._address)
        except OSError:
            sys.stderr.write(f"<{priority_of(record.levelno)}>{self.format(record)}\n")


def journal_fields(record: logging.LogRecord, message: str) -> bytes:
    """The datagram: ``KEY=value`` lines; a value with a line break is counted instead of ended."""
    fields = {
        "MESSAGE": message.encode()[:_LONGEST],
        "PRIORITY": str(priority_of(record.levelno)).encode(),
        "SYSLOG_IDENTIFIER": b"smokesentry-gateway",
        "LOGGER": record.name.encode(),
        "THREAD_NAME": (record.threadName or "").encode(),
        "CODE_FILE": record.pathname.encode(),
        "CODE_LINE": str(record.lineno).encode(),
        "CODE_FUNC": (record.funcName or "").encode(),
    }
    parts = []
    for key, value in fields.items():
        if b"\n" in value:
            parts.append(key.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n")
        else:
            parts.append(key.encode() + b"=" + value + b"\n")
    return b"".join(parts)


def priority_of(level: int) -> int:
    """syslog's number for a level of ``logging``."""
    return next((priority for least, priority in _PRIORITIES if level >= least), 7)


def set_up_logging() -> None:
    """Once a process. Under systemd standard error is the journal (``$JOURNAL_STREAM`` names it)."""
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    handler: logging.Handler
    if _stderr_is_journal() and _SOCKET.exists():
        handler = JournalHandler()
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root.addHandler(handler)


def _stderr_is_journal() -> bool:
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
