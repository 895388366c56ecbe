"""Cameras, sensors, disks and processes that fail: what it costs, and what goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.assembly import GatewayError, build_gateway
from edge.gateway import Gateway
from edge.settings import load_gateway_settings
from edge.spool import Spool
from edge.taken import SourceError
from smokesentry.messages.records import Detection, Evidence, Health, Telemetry

pytestmark = pytest.mark.mosquitto
Until = Callable[..., None]
Bodies = Callable[[Any, type], list[Any]]


def test_a_dead_camera_is_said_once_and_stops_nothing_else(
    start: Callable[..., Gateway],
    cloud: Any,
    eye: Any,
    until: Until,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    bodies: Bodies,
) -> None:
    monkeypatch.setattr("edge.capture._LONGEST_RETRY_S", 0.2)
    gateway = start()
    camera = gateway.cameras[0].capture
    until(lambda: camera.frames > 3, "frames")
    outages = camera.outages
    eye.status = 503
    until(lambda: "503" in (camera.problem or ""), "outage noticed")
    frames, answers = camera.frames, eye.answers
    until(lambda: eye.answers > answers + 1, "asked again")
    telemetry = len(bodies(cloud, Telemetry))
    until(lambda: len(bodies(cloud, Telemetry)) > telemetry, "the sensor goes on")
    assert camera.frames == frames
    eye.status = 200
    until(lambda: camera.frames > frames, "frames again")
    said = [r.message for r in caplog.records if "cam-1" in r.message and "503" in r.message]
    assert len(said) == 1
    assert camera.outages == outages + 1


def test_a_frozen_camera_cannot_judge(
    start: Callable[..., Gateway], eye: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.capture._FROZEN_AFTER_S", 0.5)
    monkeypatch.setattr("edge.camera._BLIND_AFTER_S", 0.5)
    eye.pictures = eye.pictures[:1]
    camera = start().cameras[0]
    until(lambda: "frozen" in (camera.health().cause or ""), "noticed")
    assert camera.health().verdict == "cannot_judge"
    eye.pictures = [eye.jpeg_of(640, 360, seed) for seed in range(3)]
    until(lambda: camera.health().cause is None, "looks again")


def test_a_damaged_spool_is_set_aside_and_the_gateway_runs(
    start: Callable[..., Gateway], config: Path, cloud: Any, until: Until, bodies: Bodies
) -> None:
    folder = config.parent / "state"
    folder.mkdir()
    (folder / "spool.db").write_bytes(b"worn out card " * 500)
    start()
    until(lambda: any("damaged" in n for h in bodies(cloud, Health) for n in h.notices), "said in health")
    assert len(list(folder.glob("spool.db.damaged-*"))) == 1


def test_an_unplugged_sensor_stops_nothing_else(
    start: Callable[..., Gateway], cloud: Any, wire: Any, until: Until, bodies: Bodies
) -> None:
    gateway = start()
    until(lambda: len(bodies(cloud, Telemetry)) > 0, "telemetry")
    wire.stop.set()
    until(lambda: not gateway.sensors[0].stats().connected, "unplugged")
    frames = gateway.cameras[0].capture.frames
    until(lambda: gateway.cameras[0].capture.frames > frames + 3, "the camera goes on")
    until(lambda: not bodies(cloud, Health)[-1].sensors[0].connected, "said in health")


def test_a_second_process_may_not_use_the_same_folder(start: Callable[..., Gateway], config: Path) -> None:
    start()
    with pytest.raises(GatewayError, match="another gateway process"):
        build_gateway(load_gateway_settings(config))


_PROCESS = """
import signal, sys, time
sys.path.insert(0, sys.argv[2])
from conftest import Plume, ScriptedDetector
from pathlib import Path
from edge.assembly import build_gateway
from edge.settings import load_gateway_settings
def detector(settings):
    now_s = time.monotonic()
    return ScriptedDetector(settings, [Plume(now_s, now_s + 600.0, (320.0, 200.0), knows_after_s=0.3)])
gateway = build_gateway(load_gateway_settings(Path(sys.argv[1])), detector)
signal.signal(signal.SIGTERM, lambda *_: gateway.supervisor.stop.set())
gateway.run()
"""


def test_kill_9_again_and_again_keeps_one_event_under_one_id(
    config: Path, cloud: Any, until: Until, bodies: Bodies
) -> None:
    command = [sys.executable, "-c", _PROCESS, str(config), str(Path(__file__).parents[1])]

    def begin() -> subprocess.Popen[bytes]:
        """A process that is at work. What the one before had sent arrives, in order, before the new one's hello."""
        connections = sum(state.online for state in cloud.states)
        process = subprocess.Popen(command)
        until(lambda: sum(state.online for state in cloud.states) > connections, "the new process is online")
        known = len(bodies(cloud, Detection))
        until(lambda: len(bodies(cloud, Detection)) > known, "a revision from this process")
        return process

    for _ in range(3):
        process = begin()
        process.send_signal(signal.SIGKILL)
        process.wait()
    process = begin()
    until(lambda: len(bodies(cloud, Evidence)) > 0, "the pictures, which travel after the detections")
    process.terminate()
    assert process.wait(60) == 0
    told = bodies(cloud, Detection)
    assert {d.detection_id for d in told} == {told[0].detection_id}
    assert [d.revision for d in told] == list(range(1, len(told) + 1))
    assert [d.phase for d in told] == ["start", *["update"] * (len(told) - 1)]
    assert len(bodies(cloud, Evidence)) == 1
    spool = Spool(config.parent / "state")
    for lane in ("detection", "health", "evidence", "telemetry"):
        held = {seq for of, seq in list(cloud.records) if of == lane}
        waiting = {seq for seq, _ in spool.waiting(lane, 0, 10_000, 10**9)}
        assert held | waiting == set(range(1, spool.last_seq(lane) + 1)), lane


def test_the_open_event_of_a_camera_that_was_removed_is_closed(
    start: Callable[..., Gateway],
    config: Path,
    cloud: Any,
    until: Until,
    detection_fact: Callable[..., Any],
    bodies: Bodies,
) -> None:
    spool = Spool(config.parent / "state")
    spool.append([detection_fact(1, camera="cam-old")])
    spool.close()
    start()
    until(lambda: any(d.camera == "cam-old" and d.phase == "end" for d in bodies(cloud, Detection)), "closed")
    closed = next(d for d in bodies(cloud, Detection) if d.camera == "cam-old" and d.phase == "end")
    assert closed.revision == 2
    assert "no longer configured" in closed.reasons[-1]


def test_a_camera_that_hangs_in_its_driver_is_replaced_then_said_and_harms_nothing_else(
    start: Callable[..., Gateway], cloud: Any, until: Until, bodies: Bodies, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    class Hanging:
        live = True

        def read(self) -> Any:
            release.wait()
            raise SourceError("a driver that came back")

        def close(self) -> None:
            return

    monkeypatch.setattr("edge.capture.open_source", lambda _: Hanging())
    gateway = start()
    gateway.supervisor.stall_s = 1.5
    until(lambda: gateway.supervisor.restarts["capture cam-1"] == 3, "three times another thread took its place")
    until(
        lambda: any(
            "capture cam-1 has not moved" in said for health in bodies(cloud, Health) for said in health.notices
        ),
        "said in health",
    )
    telemetry = len(bodies(cloud, Telemetry))
    until(lambda: len(bodies(cloud, Telemetry)) > telemetry + 1, "the sensor goes on")
    assert "capture cam-1" in [loop.name for loop in gateway.supervisor.states() if loop.stalled]
    release.set()
    until(lambda: not any(loop.stalled for loop in gateway.supervisor.states()), "it moves again")


def test_an_uplink_without_a_broker_rests_and_is_not_called_stalled(
    start: Callable[..., Gateway], broker: Any, until: Until, steadily: Until
) -> None:
    gateway = start()
    gateway.supervisor.stall_s = 0.5
    until(lambda: gateway.uplink.state.connected, "connected")
    broker.stop()
    until(lambda: gateway.uplink.state.last_problem is not None, "noticed")
    uplink_stalls = lambda: {loop.name: loop for loop in gateway.supervisor.states()}["uplink"].stalled  # noqa: E731
    steadily(lambda: not uplink_stalls(), "rest between its tries, for longer than a stall", 2.0)
