"""``smokesentry cloud console`` as a process of its own: it ends when told, and tells the time of the site."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_ingest.commands import main
from lab.processes import free_port

CONFIG = """
[cloud]
folder = "cloud"
tenants = ["lijing"]
[broker]
plaintext = true
[ca]
folder = "ca"
[signing]
key = "cloud.key"
certificate = "cloud.crt"
[console]
port = {port}
zone = "Asia/Urumqi"
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    config = tmp_path / "cloud.toml"
    config.write_text(CONFIG.format(port=port))
    running = subprocess.Popen([sys.executable, "-m", "smokesentry", "cloud", "console", "--config", str(config)])
    try:
        yield running, f"http://127.0.0.1:{port}"
    finally:
        running.kill()
        running.wait()


def page_of(running: subprocess.Popen[bytes], address: str) -> str:
    deadline = time.monotonic() + 180
    while True:
        assert running.poll() is None, "the console ended at once"
        try:
            with urllib.request.urlopen(address + "/?lang=en", timeout=60) as answer:
                return str(answer.read().decode())
        except urllib.error.URLError:
            assert time.monotonic() < deadline, "the console never answered"
            time.sleep(0.1)


def test_it_ends_when_told_although_a_page_is_open_and_knows_the_sites_zone(
    process: tuple[subprocess.Popen[bytes], str],
) -> None:
    running, address = process
    assert '"zone": "Asia/Urumqi"' in page_of(running, address)
    with urllib.request.urlopen(address + "/api/stream", timeout=60) as stream:
        assert stream.readline()
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) in (0, -signal.SIGTERM)


def test_a_town_that_the_file_does_not_name_is_refused_before_anything_is_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "cloud.toml"
    config.write_text(CONFIG.format(port=1))
    assert main(["console", "--config", str(config), "--tenant", "elsewhere"]) == 2
    assert "--tenant elsewhere: not in [cloud] tenants (lijing)" in capsys.readouterr().err
