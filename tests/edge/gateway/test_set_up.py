"""From nothing to a gateway that runs: init writes a file that check accepts; check tries every device by its key."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tomllib
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.commands import main
from edge.gateway import Gateway
from edge.init import Answers, CameraAnswer, interview, read_camera, read_sensor, toml_of

Until = Callable[..., None]


@pytest.mark.mosquitto
def test_init_writes_a_file_that_passes_check(
    config: Path, cloud: Any, eye: Any, wire: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """``config`` laid keys and certificates beside it; the new file stands there, too."""
    for old, new in (("gw-1.pem", "gw-1.key"), ("gw-1.cer", "gw-1.crt"), ("cloud.cer", "cloud.crt")):
        (config.parent / old).rename(config.parent / new)
    fresh = config.parent / "fresh.toml"
    order = ["init", "--config", str(fresh), "--name", "gw-1", "--tenant", "town", "--plaintext"]
    order += ["--broker", f"127.0.0.1:{cloud.port}", "--place", "39.9,116.4", "--folder", "state"]
    order += ["--camera", f"east=snapshot:{eye.address}@90,-5,60,20", "--sensor", f"pm-1={wire.model}:{wire.port}"]
    assert main(order) == 0
    assert main(["check", "--config", str(fresh)]) == 0, capsys.readouterr().err
    told = capsys.readouterr().out
    for expected in (
        "identity: gw-1, certificate good until",
        "answers",
        "camera east: 640x360, first frame after",
        "sensor pm-1: pm1_cf1_ug_m3 8",
        "schedule: cameras",
        "is made at the first start",
        "good. 1 cameras, 1 sensors",
    ):
        assert expected in told
    assert tomllib.loads(fresh.read_text())["cameras"][0]["pose"]["frame_size"] == [640, 360], "measured, not assumed"
    assert main(order) == 2
    assert "is there already" in capsys.readouterr().err


@pytest.mark.mosquitto
def test_check_tries_each_sensor_and_says_what_came(
    config: Path, wire: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.check._SENSOR_PATIENCE_S", 3.0)  # bytes come every tenth of a second
    text = config.read_text()
    config.write_text(text.replace(f'"{wire.model}"', '"SDS011"'))
    assert main(["check", "--config", str(config)]) == 1
    assert "sensors.0 (pm-1)" in (told := capsys.readouterr().err)
    assert "bytes that are no SDS011's" in told
    monkeypatch.setattr("edge.check._SENSOR_PATIENCE_S", 1.0)
    master, slave = pty.openpty()
    tty.setraw(slave)
    config.write_text(text.replace(wire.port, os.ttyname(slave)))
    assert main(["check", "--config", str(config)]) == 1
    assert "gave nothing within 1 s; expected a reading of a PMS5003T" in capsys.readouterr().err
    os.close(master)
    os.close(slave)


@pytest.mark.mosquitto
def test_check_names_what_is_wrong_with_folder_masks_and_watchdog(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = config.read_text()
    (config.parent / "a-file").write_text("")
    text = text.replace('folder = "state"', 'folder = "a-file"\nhardware_watchdog = "/dev/no-watchdog"')
    config.write_text(text.replace("fps = 10", "fps = 10\nmasks = [[[0, 0], [1279, 0], [1279, 719]]]"))
    assert main(["check", "--config", str(config)]) == 1
    told = capsys.readouterr().err
    assert "gateway.folder:" in told
    assert "cameras.0.masks (cam-1): reach beyond the frame, which is [640, 360]" in told


@pytest.mark.mosquitto
def test_check_leaves_the_devices_of_a_running_gateway_alone(
    start: Callable[..., Gateway], config: Path, until: Until, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = start()
    until(lambda: gateway.cameras[0].capture.frames > 0, "running")
    assert main(["check", "--config", str(config)]) == 0
    assert "a gateway runs with this folder and holds them" in capsys.readouterr().out


@pytest.mark.mosquitto
def test_maintenance_silences_detections_and_ends(
    start: Callable[..., Gateway],
    config: Path,
    cloud: Any,
    until: Until,
    bodies: Callable[[Any, type], list[Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    from smokesentry.messages.records import Detection, Health

    assert main(["maintenance", "--config", str(config), "--reason", "x"]) == 1, "nothing has run here yet"
    (config.parent / "state").mkdir()
    assert main(["maintenance", "--config", str(config)]) == 2
    assert "--reason: is empty" in capsys.readouterr().err
    assert main(["maintenance", "--config", str(config), "--minutes", "5", "--reason", "lens wiped"]) == 0
    gateway = start()
    until(lambda: any(h.maintenance and h.maintenance.reason == "lens wiped" for h in bodies(cloud, Health)), "told")
    until(lambda: gateway.cameras[0].capture.frames > 15, "frames go on")
    assert gateway.cameras[0].health().cause == "maintenance: lens wiped"
    assert bodies(cloud, Detection) == []
    assert main(["maintenance", "--config", str(config), "--end"]) == 0
    until(lambda: bool(bodies(cloud, Detection)), "detections again")
    until(lambda: bodies(cloud, Health)[-1].maintenance is None, "told that it is over")


def test_init_without_anybody_to_ask_says_what_is_missing(tmp_path: Path) -> None:
    order = [sys.executable, "-m", "smokesentry", "gateway", "init", "--config", str(tmp_path / "a.toml")]
    done = subprocess.run(order, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--name is missing" in done.stderr


def test_wrong_answers_are_refused_in_the_words_of_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gateway.toml"
    flags = ["--tenant", "town", "--broker", "b", "--place", "39.9,116.4"]
    assert main(["init", "--config", str(path), "--name", "Roof 12", *flags]) == 2
    assert "gateway.name" in capsys.readouterr().err
    assert main(["init", "--config", str(path), "--name", "roof", *flags, "--camera", "east"]) == 2
    assert "expected NAME=KIND:SOURCE" in capsys.readouterr().err
    assert main(["init", "--config", str(path), "--name", "roof", *flags, "--camera", "east=v4l2:video0"]) == 2
    assert "/dev/video0" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_interview_asks_again_until_it_understands() -> None:
    said: list[str] = []
    site = ["", "roof-1", "town", "broker.example:1883", "north", "39.9,116.4"]
    replies = iter([*site, "east", "east=v4l2:/dev/video0", "", "pm-1=PMS7003:/dev/ttyUSB0", ""])
    answers = interview(lambda *_: next(replies), said.append)
    assert (answers.name, answers.broker, answers.port, answers.place) == (
        "roof-1",
        "broker.example",
        1883,
        (39.9, 116.4),
    )
    assert answers.cameras == [CameraAnswer("east", "v4l2", "/dev/video0")]
    assert answers.sensors == [("pm-1", "PMS7003", "/dev/ttyUSB0")]
    assert "this is needed" in said
    assert len([one for one in said if one.startswith("not understood")]) == 2


@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_is_answered_comes_back_out_of_the_file(tenant: str, source: str) -> None:
    tenant, source = (text.encode("utf-8", "ignore").decode() for text in (tenant, source))
    text = toml_of(Answers("a", tenant, "b", cameras=[CameraAnswer("east", "video", source)]))
    data = tomllib.loads(text)
    assert (data["gateway"]["tenant"], data["cameras"][0]["source"]) == (tenant, source)


def test_cameras_and_sensors_in_one_word() -> None:
    account = "net=onvif:onvif://admin:a@b@192.168.1.9:8080"
    assert read_camera(account) == CameraAnswer("net", "onvif", "onvif://admin:a@b@192.168.1.9:8080")
    assert read_camera(account + "@123,-4.5,58,21").pose == (123.0, -4.5, 58.0, 21.0)
    assert read_sensor("pm=PMS7003:/dev/serial/by-path/a:1.0")[2] == "/dev/serial/by-path/a:1.0"
    with pytest.raises(ValueError, match="NAME=MODEL:PORT"):
        read_sensor("pm=PMS7003")


@pytest.mark.mosquitto
def test_outside_its_hours_a_gateway_rests_and_that_is_no_fault(
    start: Callable[..., Gateway], config: Path, until: Until, eye: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    now = datetime.now(ZoneInfo("Asia/Shanghai"))
    window = f"{now + timedelta(hours=2):%H:%M}-{now + timedelta(hours=3):%H:%M}"
    config.write_text(config.read_text() + f'[schedule]\nnight = false\nwindows = ["{window}"]\n')
    gateway = start()
    until(lambda: gateway.uplink.state.connected and gateway.sensors[0].stats().connected, "running")
    camera = gateway.cameras[0]
    until(lambda: (config.parent / "state" / "status.json").exists(), "status")
    assert (camera.health().verdict, camera.health().cause) == ("cannot_judge", "not scheduled now")
    assert eye.answers == 0, "nobody asked the camera for a picture"
    until(lambda: main(["status", "--once", "--config", str(config)]) == 0, "all is well")
    assert "not scheduled now" in capsys.readouterr().out
    until(lambda: camera.health().not_judged_s < 2.0, "no more than since the last look")
    assert gateway.coverage.report() == [], "time outside the schedule is no missing coverage"
