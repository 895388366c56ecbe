"""The commands as a user runs them: frames as files, and the live street on loopback addresses and pseudo-terminals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import serial

from firmware_bridge.models import driver_for
from firmware_bridge.reading import Reading
from simulator.commands import main
from simulator.ports import Port
from simulator.snapshots import Snapshots
from smokesentry.clock import from_wire
from smokesentry.place import CameraPose


def test_render_to(tmp_path: Path) -> None:
    words = ["--render-to", str(tmp_path / "clip"), "--seconds", "6", "--quiet", "2", "--scene", "burn", "--seed", "4"]
    assert main(words) == 0
    frames = sorted((tmp_path / "clip").glob("*.jpg"))
    assert len(frames) == 12
    assert cv2.imread(str(frames[0])).shape == (720, 1280, 3)
    assert (cv2.imread(str(frames[0])) != cv2.imread(str(frames[1]))).any()
    lines = [json.loads(line) for line in (tmp_path / "clip" / "truth.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(1, 13))
    assert [line["smoke"] is not None for line in lines] == [False] * 5 + [True] * 7
    truth = json.loads((tmp_path / "clip" / "truth.json").read_text())
    assert truth["seed"] == 4
    began = from_wire(truth["burned"][0]["from"])
    assert (began - from_wire(lines[0]["at"])).total_seconds() == pytest.approx(2.0)


@pytest.mark.parametrize(
    "words",
    [
        ["--scene", "fire", "--folder", "x"],
        ["--scene", "burn"],
        ["--folder", "x", "--render-to", "y"],
        ["--folder", "x", "--seed", "-1"],
        ["--render-to", "x", "--seconds", "0"],
    ],
)
def test_words_that_make_no_sense(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as refusal:
        main(words)
    assert refusal.value.code == 2
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--folder", str(tmp_path / "file" / "street")]) == 2
    assert "cannot be made" in capsys.readouterr().err


def test_snapshots_tell_new_from_old() -> None:
    snapshots = Snapshots()
    try:
        snapshots.put("/gw/cam.jpg", b"one", 1_700_000_000.25)
        with urllib.request.urlopen(f"{snapshots.base}/gw/cam.jpg", timeout=60) as answer:
            assert answer.read() == b"one"
            assert answer.headers["X-Frame-Time"] == "2023-11-14T22:13:20.250Z"
            tag = answer.headers["ETag"]
        again = urllib.request.Request(f"{snapshots.base}/gw/cam.jpg", headers={"If-None-Match": tag})
        with pytest.raises(urllib.error.HTTPError, match="304"):
            urllib.request.urlopen(again, timeout=60)
        snapshots.put("/gw/cam.jpg", b"two", 1_700_000_000.75)
        with urllib.request.urlopen(again, timeout=60) as answer:
            assert answer.read() == b"two"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{snapshots.base}/gw/other.jpg", timeout=60)
        assert snapshots.fetched == {"/gw/cam.jpg"}
    finally:
        snapshots.close()


def test_a_port_is_a_serial_line(tmp_path: Path) -> None:
    port = Port(tmp_path / "ports" / "gw-pm-1")
    try:
        for _ in range(1000):  # nobody listens: old bytes are lost, the sensor never blocks
            port.send(b"\xaa" * 32)
        with serial.Serial(str(port.link), 9600, timeout=60) as line:
            line.reset_input_buffer()
            port.send(bytes(range(256)))
            assert line.read(256) == bytes(range(256))  # raw: no byte means anything to the terminal
            line.write(b"sleep\r\n")
            line.flush()
            heard = b""
            while len(heard) < 7:
                time.sleep(0.01)
                heard += port.received()
            assert heard == b"sleep\r\n"
            assert port.received() == b""
    finally:
        port.close()
    assert not port.link.is_symlink()


def test_the_live_street(tmp_path: Path) -> None:
    folder = tmp_path / "street"
    words = [sys.executable, "-m", "smokesentry", "simulate", "--folder", str(folder), "--quiet", "1", "--seed", "7"]
    process = subprocess.Popen(words, env=os.environ | {"OMP_NUM_THREADS": "1"})
    try:
        deadline = time.monotonic() + 600
        while not (folder / "street.json").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        offer = json.loads((folder / "street.json").read_text())
        assert json.loads((folder / offer["footprints"]).read_text())["type"] == "FeatureCollection"
        assert json.loads((folder / "truth.json").read_text())["burned"] == []
        assert len(offer["gateways"]) == 2
        for gateway in offer["gateways"]:
            (camera,) = gateway["cameras"]
            msgspec.convert(camera["pose"], CameraPose)
            with urllib.request.urlopen(camera["url"], timeout=60) as answer:
                frame = cv2.imdecode(np.frombuffer(answer.read(), np.uint8), cv2.IMREAD_COLOR)
            assert frame.shape == (720, 1280, 3)
            for sensor in gateway["sensors"]:
                length = {"PMS5003T": 32, "SDS011": 10}[sensor["model"]]
                with serial.Serial(sensor["port"], 9600, timeout=60) as line:
                    reading = driver_for(sensor["model"]).parse(line.read(length))
                assert isinstance(reading, Reading)
                assert reading.quality == "ok"
        truth = {"burned": []}
        while not truth["burned"]:
            assert time.monotonic() < deadline
            time.sleep(0.2)
            truth = json.loads((folder / "truth.json").read_text())
        assert truth["burned"][0]["to"] is None
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    truth = json.loads((folder / "truth.json").read_text())
    assert from_wire(truth["burned"][0]["to"]) >= from_wire(truth["burned"][0]["from"])
    lines = [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()]
    assert {line["gateway"] for line in lines} == {"gw-east", "gw-west"}
    assert not list((folder / "ports").iterdir())
