"""The console under a real uvicorn, in a thread, over a folder's store."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from cloud_ingest.console.app import create_app
from cloud_ingest.settings import CloudSettings
from lab.showcase.town import TENANT


def settings_for(folder: Path, tenants: Sequence[str] = (TENANT,)) -> CloudSettings:
    """A configuration whose store lies in the folder."""
    return CloudSettings.model_validate(
        {
            "cloud": {"folder": str(folder), "tenants": list(tenants)},
            "broker": {"plaintext": True},
            "ca": {"folder": str(folder)},
            "signing": {"key": str(folder / "k"), "certificate": str(folder / "c")},
        }
    )


def start(
    folder: Path, port: int = 0, tenants: Sequence[str] = (TENANT,)
) -> tuple[uvicorn.Server, threading.Thread, str]:
    """Answers once it listens: the server (``should_exit = True`` ends it), its thread, its address."""
    config = uvicorn.Config(
        create_app(settings_for(folder, tenants)),
        host="127.0.0.1",
        port=port,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the console did not start; what it said stands above")
        time.sleep(0.02)
    return server, thread, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
