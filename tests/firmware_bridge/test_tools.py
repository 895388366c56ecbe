"""emulate → read / capture → replay, through real pseudo-terminals and the commands as a user types them."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_bridge.commands import main
from firmware_bridge.driver import Driver
from firmware_bridge.emulator import EmulatedSensor, plausible_values, serve
from firmware_bridge.models import driver_for, known_models
from firmware_bridge.reading import Reading
from firmware_bridge.stream import FrameHunter
from smokesentry.clock import Stamp


@pytest.fixture
def emulated(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The path of a running emulator; the parameter is the model."""
    driver = driver_for(request.param)
    stop, plugged = threading.Event(), threading.Event()
    link = tmp_path / "sensor"
    thread = threading.Thread(
        target=serve,
        args=(EmulatedSensor(driver), stop),
        kwargs={"link": link, "every_s": 0.05, "on_plugged": lambda _: plugged.set()},
    )
    thread.start()
    assert plugged.wait(60)
    yield str(link)
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    assert not link.is_symlink()


def _decoded(driver: Driver, stream: bytes) -> tuple[list[Reading], FrameHunter]:
    hunter = FrameHunter(driver)
    found = hunter.feed(stream) + hunter.finish()
    return [item for item in found if isinstance(item, Reading)], hunter


@pytest.mark.parametrize("driver", known_models().values(), ids=known_models())
def test_every_model_can_be_emulated(driver: Driver) -> None:
    sensor = EmulatedSensor(driver)
    readings, hunter = _decoded(driver, b"".join(sensor.frame(t) for t in range(0, 900, 30)))
    assert len(readings) == 30
    assert hunter.counts.skipped_bytes == 0
    assert {reading.quality for reading in readings} == {"ok"}


def test_faults_do_what_they_are_named_after() -> None:
    driver = driver_for("PMS5003")
    times = range(0, 7200, 60)
    pm25 = {}
    for fault in ("none", "noise", "bad-checksum", "stuck", "drift"):
        sensor = EmulatedSensor(driver, fault, random.Random(3))  # type: ignore[arg-type]
        readings, hunter = _decoded(driver, b"".join(sensor.frame(t) for t in times))
        pm25[fault] = [reading.values["pm25_atm_ug_m3"] for reading in readings]
        if fault == "bad-checksum":
            assert (len(readings), hunter.counts.causes) == (90, {"checksum": 30})
        elif fault == "noise":
            assert len(readings) == 120
            assert hunter.counts.skipped_bytes > 100
    assert pm25["noise"] == pm25["none"]
    assert len(set(pm25["stuck"])) == 1
    assert pm25["drift"][-1] > 1.8 * pm25["none"][-1]


def test_an_emulated_sensor_obeys_and_answers() -> None:
    asked = EmulatedSensor(driver_for("SPS30"))
    commands = asked.driver.commands
    assert asked.answer(b"nonsense", 0) == b""
    assert len(_decoded(asked.driver, asked.answer(commands["read"], 0))[0]) == 1
    asked.answer(commands["sleep"], 0)
    assert asked.answer(commands["read"], 0) == b""
    asked.answer(commands["wake"], 0)
    assert asked.answer(commands["read"], 0) != b""


def test_an_unplugged_emulator_takes_its_link_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware_bridge.emulator._PLUGGED_S", 0.3)
    monkeypatch.setattr("firmware_bridge.emulator._UNPLUGGED_S", 0.3)
    stop, seen = threading.Event(), []
    link = tmp_path / "sensor"
    sensor = EmulatedSensor(driver_for("SDS011"), "unplug")
    thread = threading.Thread(
        target=serve, args=(sensor, stop), kwargs={"link": link, "every_s": 0.1, "on_plugged": seen.append}
    )
    thread.start()
    there, deadline = set(), time.monotonic() + 60
    while len(seen) < 3 or there != {True, False}:
        assert time.monotonic() < deadline, f"plugged {len(seen)} times, seen there and away: {there}"
        there.add(link.is_symlink())
        time.sleep(0.01)
    stop.set()
    thread.join(60)
    assert not link.is_symlink()


@pytest.mark.parametrize("emulated", ["PMS5003T", "SPS30", "RS-WS-N01"], indirect=True)
def test_read_shows_a_table(emulated: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    model = request.node.callspec.params["emulated"]
    assert main(["read", model, emulated, "--count", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("time (UTC)    quality")
    assert len(lines) == 3
    assert "rh_percent" in lines[0] or "pm25_ug_m3" in lines[0]


@pytest.mark.parametrize("emulated", ["PMS5003"], indirect=True)
def test_captured_and_replayed(emulated: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "night.jsonl"
    assert main(["capture", "PMS5003", emulated, str(file), "--seconds", "2"]) == 0
    captured = capsys.readouterr().out
    assert captured.startswith(f"{file}: ")
    assert main(["replay", "PMS5003", str(file), "--json", "--rh", "70"]) == 0
    *readings, counts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert counts["frames"] == len(readings) > 0
    assert f"{counts['frames']} frames" in captured
    assert readings[0]["arrived_at"].endswith("Z")
    assert readings[0]["corrected"]["epa2021_rh_percent"] == 70
    assert main(["replay", "PMS5003", str(file), "--mean", "hour"]) == 0
    interval, _ = [json.loads(line) for line in capsys.readouterr().out.splitlines()][-2:]
    assert interval["values"]["pm25_atm_ug_m3"]["count"] == interval["readings"]
    assert 0 < interval["completeness"] < 0.1
    assert main(["capture", "PMS5003", emulated, str(file), "--seconds", "1"]) == 2  # it would overwrite a night
    assert "File exists" in capsys.readouterr().err


def test_means_of_a_made_up_night(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from firmware_bridge.capture import to_line

    driver = driver_for("SDS011")
    file = tmp_path / "night.jsonl"
    start = 1_700_000_100  # a full five minutes
    lines = [
        to_line(driver.encode(plausible_values(t)), Stamp(start + t, int(t * 1e9)))
        for t in range(600)
        if not 300 <= t < 360
    ]
    file.write_text("".join(lines))
    found = {}
    for mean in ("minute", "5min", "hour"):
        assert main(["replay", "SDS011", str(file), "--mean", mean]) == 0
        found[mean] = [json.loads(line) for line in capsys.readouterr().out.splitlines()][:-1]
    assert [len(found[mean]) for mean in ("minute", "5min", "hour")] == [9, 2, 1]
    assert [one["completeness"] for one in found["5min"]] == [1.0, 0.8]
    assert found["5min"][0]["to_at"] == found["5min"][1]["from_at"]


def test_a_file_that_is_no_capture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "raw.bin"
    file.write_text('{"unix_s": 1, "mono_ns": 2, "hex": "00"}\nBM garbage\n')
    assert main(["replay", "SDS011", str(file)]) == 2
    message = capsys.readouterr().err
    assert "line 2: expected" in message
    assert "'BM garbage'" in message


def test_list_and_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert all(model in listed for model in known_models())
    assert main(["info", "pms7003"]) == 0
    told = capsys.readouterr().out
    assert "42 4d e4 00 01 01 74" in told
    assert "docs/sensors/plantower.md" in told
    assert "pm25_atm_ug_m3" in told


def test_a_sensor_without_a_uart_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "SEN55"]) == 2
    assert "SEN55 speaks I²C only" in capsys.readouterr().err
