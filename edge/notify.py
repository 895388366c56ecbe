"""Tells systemd how the process is (sd_notify(3)): one datagram to the socket that $NOTIFY_SOCKET names."""

from __future__ import annotations

import os
import socket


def notify(message: str) -> None:
    """Sends ``READY=1``, ``WATCHDOG=1`` or ``STOPPING=1``; does nothing where no service manager listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        try:
            manager.connect("\0" + address[1:] if address.startswith("@") else address)
            manager.send(message.encode())
        except OSError:
            return  # a manager that went away cannot be told anything
