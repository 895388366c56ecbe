"""What a person asks a gateway for: check, status, run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.commands import main
from edge.gateway import Gateway

pytestmark = pytest.mark.mosquitto
Until = Callable[..., None]
Bodies = Callable[[Any, type], list[Any]]


def test_status_tells_how_it_is(
    start: Callable[..., Gateway], config: Path, until: Until, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--config", str(config)]) == 1
    assert "has not run yet" in capsys.readouterr().out
    gateway = start()
    until(lambda: gateway.cameras[0].capture.frames > 0 and gateway.uplink.state.connected, "running")
    # The file is written every few seconds; it may still speak of the moment before the first frame.
    until(lambda: main(["status", "--config", str(config)]) == 0, "a status without complaint")
    told = capsys.readouterr().out
    assert "gw-1 in town: runs" in told
    assert "connected to 127.0.0.1" in told
    assert "camera cam-1: suspected" in told or "camera cam-1: not_suspected" in told
    assert "sensor pm-1 (PMS5003T): connected" in told


def test_check_finds_everything_good(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", str(config)]) == 0
    assert "good. 1 cameras, 1 sensors" in capsys.readouterr().out


def test_check_explains_every_problem(config: Path, eye: Any, cloud: Any, capsys: pytest.CaptureFixture[str]) -> None:
    text = config.read_text()
    text = text.replace('name = "gw-1"', 'name = "gw-2"').replace("[640, 360]", "[1280, 720]")
    text = text.replace(f"port = {cloud.port}", "port = 1").replace('"PMS5003T"', '"PMS5003X"')
    text = text.replace('"cloud.cer"', '"missing.cer"').replace('port = "/dev/pts', 'port = "/dev/not-there')
    config.write_text(text)
    assert main(["check", "--config", str(config)]) == 1
    told = capsys.readouterr().err
    for expected in (
        "gateway.name: is 'gw-2', but identity.certificate was made for 'gw-1'",
        "uplink.cloud_certificate",
        "127.0.0.1:1 does not answer",
        "cameras.0.pose.frame_size (cam-1): is [1280, 720], but the camera gives [640, 360]",
        "did you mean 'PMS5003",
        "is not there; is the adapter plugged in?",
    ):
        assert expected in told
    eye.status = 404
    assert main(["check", "--config", str(config)]) == 1
    assert "cameras.0.source (cam-1): gives no usable frame: the camera answers 404" in capsys.readouterr().err


def test_run_with_a_typo_or_a_wrong_identity_says_so_and_ends(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = config.read_text()
    config.write_text(good.replace("tenant", "tenannt"))
    assert main(["run", "--config", str(config)]) == 2
    assert "did you mean 'tenant'?" in capsys.readouterr().err
    config.write_text(good.replace('name = "gw-1"', 'name = "gw-2"'))
    assert main(["run", "--config", str(config)]) == 1
    assert "was made for 'gw-1'" in capsys.readouterr().err
