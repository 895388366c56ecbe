"""What the gateway's unit promises systemd, the real process keeps: ready, alive, stopping, within the unit's times."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from cloud_ingest.identity.authority import Subject
from cloud_ingest.identity.ca_folder import CaFolder

CONFIGURATION = """
[gateway]
name = "gw-1"
tenant = "changxin"
folder = "state"
[identity]
key = "handed/gw-1.key"
certificate = "handed/gw-1.crt"
[uplink]
host = "127.0.0.1"
port = 1
ca = "handed/ca.crt"
cloud_certificate = "handed/cloud.crt"
"""


def test_a_gateway_without_network_tells_systemd_that_it_is_ready_alive_and_stopping(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    authority = CaFolder.create(tmp_path / "ca", now)
    authority.enrol(Subject("gw-1", "gateway", "changxin"), tmp_path / "handed", now)
    authority.enrol(Subject("cloud", "cloud"), tmp_path / "handed", now)
    (tmp_path / "state").mkdir()
    (tmp_path / "gateway.toml").write_text(CONFIGURATION)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        words = [sys.executable, "-m", "smokesentry", "gateway", "run", "--config", str(tmp_path / "gateway.toml")]
        environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}
        with subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as process:
            try:
                heard: list[bytes] = []
                while b"READY=1" not in heard or heard.count(b"WATCHDOG=1") < 2:
                    heard.append(manager.recv(200))
                assert set(heard) == {b"READY=1", b"WATCHDOG=1"} and heard.count(b"READY=1") == 1
                process.terminate()
                deadline = time.monotonic() + 60
                while (message := manager.recv(200)) != b"STOPPING=1":
                    assert message == b"WATCHDOG=1"
                    assert time.monotonic() < deadline
                assert process.wait(40) == 0  # the unit's TimeoutStopSec
            finally:
                process.kill()
