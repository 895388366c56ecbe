"""Decoding serial bytes beside PyPMS in the same run, and what eight sensors at once cost a gateway."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from firmware_bridge.link import SerialSensor
from firmware_bridge.models import driver_for
from firmware_bridge.stream import FrameHunter
from lab.figures import Figure

Say = Callable[[str], None]
_HERE = Path(__file__).parent
_ROUNDS = 5
_COUNT = 30_000
_FRAMES = {
    "PMSx003": "424d001c000000060006000000060006009f0035001a0012000000009700025a",
    "SDS01x": "aac0d4043a0aa1601dab",
}
_DAMAGE = bytes.fromhex("424d001c0000ffaac0")  # the head of a frame that never came
_SENSORS, _WATCH_S = 8, 30


def decode_rate(folder: Path, say: Say) -> list[Figure]:
    """Frames a CPU second (best of five rounds, in turn), and frames found of ten with damage between them."""
    peer = _peer_python(folder, say)
    streams = {model: _DAMAGE.join([bytes.fromhex(frame)] * 10) for model, frame in _FRAMES.items()}
    tasks = {
        model: {"frame": frame, "stream": streams[model].hex(), "count": _COUNT} for model, frame in _FRAMES.items()
    }
    ours: dict[str, list[float]] = {model: [] for model in _FRAMES}
    theirs: dict[str, list[float]] = {model: [] for model in _FRAMES}
    found: dict[str, int] = {}
    for turn in range(_ROUNDS):
        say(f"decoding, round {turn + 1} of {_ROUNDS}")
        for model, frame in _FRAMES.items():
            ours[model].append(_our_rate(model, bytes.fromhex(frame) * _COUNT))
        command = [str(peer), str(_HERE / "peer_decode.py")]
        done = subprocess.run(command, input=json.dumps(tasks), capture_output=True, text=True, check=True)
        for model, answer in json.loads(done.stdout).items():
            theirs[model].append(answer["per_second"])
            found[model] = answer["found"]
    figures = []
    for model in _FRAMES:
        mine = len(FrameHunter(driver_for(model)).feed(streams[model]))
        peer_rate = max(theirs[model])
        name = "PyPMS decode, one frame a call"
        figures += [
            Figure(f"{model}: frames decoded a CPU second", max(ours[model]), "/s", peer_rate, name, peer_rate),
            Figure(f"{model}: frames found of 10 with damage between them", mine, "", 10, name, found[model]),
        ]
    return figures


def eight_sensors(folder: Path, say: Say) -> list[Figure]:
    """CPU share of eight links on pseudo-terminals in one process, a frame a second each; ``folder`` stays empty."""
    say(f"{_SENSORS} sensors on pseudo-terminals for {_WATCH_S} s")
    stop, readings = threading.Event(), list[object]()
    pairs = [os.openpty() for _ in range(_SENSORS)]
    links = [SerialSensor(f"pm-{n}", list(_FRAMES)[n % 2], os.ttyname(slave)) for n, (_, slave) in enumerate(pairs)]
    threads = [threading.Thread(target=link.run, args=(stop, readings.append), daemon=True) for link in links]
    for thread in threads:
        thread.start()
    time.sleep(2)
    before, began = time.process_time(), time.monotonic()
    while time.monotonic() - began < _WATCH_S:
        for n, (master, _) in enumerate(pairs):
            os.write(master, bytes.fromhex(_FRAMES[list(_FRAMES)[n % 2]]))
        time.sleep(1)
    share = (time.process_time() - before) / (time.monotonic() - began) * 100
    stop.set()
    for thread in threads:
        thread.join(5)
    for ends in pairs:
        for descriptor in ends:
            os.close(descriptor)
    if len(readings) < _SENSORS * (_WATCH_S - 3):
        raise RuntimeError(f"only {len(readings)} readings came from {_SENSORS} sensors: the figure would mean nothing")
    return [Figure("eight sensors at once: share of one core", share, "%", 3, "the limit", 3)]


def _our_rate(model: str, data: bytes) -> float:
    hunter = FrameHunter(driver_for(model))
    began = time.process_time()
    frames = sum(len(hunter.feed(data[at : at + 4096])) for at in range(0, len(data), 4096))
    if frames != _COUNT:
        raise RuntimeError(f"{model}: {frames} of {_COUNT} frames found; the rate would mean nothing")
    return frames / (time.process_time() - began)


def _peer_python(folder: Path, say: Say) -> Path:
    """An environment with the peer alone, made once a run."""
    venv = folder / "peer-env"
    say("an environment for the peer, PyPMS")
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    subprocess.run([venv / "bin" / "python", *install, "-r", _HERE / "requirements-peers.txt"], check=True)
    return venv / "bin" / "python"
