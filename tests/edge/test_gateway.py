"""The whole process: a real broker, a camera over HTTP, a sensor on a pseudo-terminal, a cloud that acknowledges."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edge.assembly import GatewayError, build_gateway
from edge.commands import main
from edge.gateway import Gateway
from edge.settings import load_gateway_settings
from edge.spool import Spool
from firmware_bridge.corrections import epa_2021
from firmware_bridge.models import driver_for
from smokesentry.messages.records import Detection, Evidence, Health, PoseNotice, Telemetry

pytestmark = pytest.mark.mosquitto
Until = Callable[..., None]


@dataclass
class Eye:
    """A network camera: gives a new noisy picture each time, or an error."""

    jpeg_of: Callable[..., bytes]
    status: int = 200
    pictures: list[bytes] = field(default_factory=list)
    answers: int = 0
    server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        eye = self
        eye.pictures = [eye.jpeg_of(640, 360, seed) for seed in range(4)]

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                eye.answers += 1
                body = eye.pictures[eye.answers % len(eye.pictures)] if eye.status == 200 else b"no"
                self.send_response(eye.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.server_port}/snapshot.jpg"


@dataclass
class Wire:
    """A sensor at the other end of a pseudo-terminal, one frame every tenth of a second."""

    model: str = "PMS5003T"
    stop: threading.Event = field(default_factory=threading.Event)
    port: str = ""

    def start(self) -> None:
        master, slave = pty.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        driver = driver_for(self.model)
        dusty = {"pm25_ug_m3": 90, "pm10_ug_m3": 120}  # what an SDS011 says
        masses = {"pm1_cf1_ug_m3": 8, "pm25_cf1_ug_m3": 20, "pm10_cf1_ug_m3": 30}
        atm = {name.replace("cf1", "atm"): value for name, value in masses.items()}
        counts = {"n0_3_per_cm3": 12, "n0_5_per_cm3": 5, "n1_0_per_cm3": 2, "n2_5_per_cm3": 1}
        frame = driver.encode(
            {k: float(v) for k, v in (dusty | masses | atm | counts).items()} | {"temp_c": 3.5, "rh_percent": 55.0}
        )

        def send() -> None:
            while not self.stop.wait(0.1):
                os.write(master, frame)
            os.close(slave)
            os.close(master)

        threading.Thread(target=send, daemon=True).start()


@pytest.fixture
def eye(jpeg_of: Callable[..., bytes]) -> Iterator[Eye]:
    camera = Eye(jpeg_of)
    camera.start()
    yield camera
    assert camera.server is not None
    camera.server.shutdown()
    camera.server.server_close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    sensor = Wire()
    sensor.start()
    yield sensor
    sensor.stop.set()


@pytest.fixture
def config(tmp_path: Path, cloud: Any, eye: Eye, wire: Wire) -> Path:
    for name, identity in (("gw-1", cloud.gateway), ("cloud", cloud.identity)):
        key = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (tmp_path / f"{name}.pem").write_bytes(key)
        (tmp_path / f"{name}.cer").write_bytes(identity.certificate.public_bytes(Encoding.PEM))
    path = tmp_path / "gateway.toml"
    path.write_text(
        f"""
[gateway]
name = "gw-1"
tenant = "town"
folder = "state"
telemetry_interval_s = 1
health_interval_s = 1
[identity]
key = "gw-1.pem"
certificate = "gw-1.cer"
[uplink]
host = "127.0.0.1"
port = {cloud.port}
plaintext = true
cloud_certificate = "cloud.cer"
[[cameras]]
name = "cam-1"
kind = "snapshot"
source = "{eye.address}"
fps = 10
[cameras.pose]
place = {{ lat = 39.9, lon = 116.4 }}
height_m = 20.0
heading_deg = 90.0
tilt_deg = -5.0
hfov_deg = 60.0
frame_size = [640, 360]
[[sensors]]
name = "pm-1"
model = "{wire.model}"
port = "{wire.port}"
""",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def start(config: Path, scripted: Any, plume: Any) -> Iterator[Callable[..., Gateway]]:
    """Runs a gateway in this process whose detector sees one plume, half a second after its first frame."""
    running: list[tuple[Gateway, threading.Thread]] = []

    def make(lasts_s: float = 60.0) -> Gateway:
        def detector(settings: Any) -> Any:
            now_s = time.monotonic()
            return scripted(settings, [plume(now_s, now_s + lasts_s, (320.0, 200.0), knows_after_s=0.5)])

        gateway = build_gateway(load_gateway_settings(config), detector)
        thread = threading.Thread(target=gateway.run)
        thread.start()
        running.append((gateway, thread))
        return gateway

    yield make
    for gateway, thread in running:
        gateway.supervisor.stop.set()
        thread.join(30)
        assert not thread.is_alive()


def bodies(cloud: Any, kind: type) -> list[Any]:
    return [record.body for _, record in sorted(cloud.records.items()) if isinstance(record.body, kind)]


def test_everything_that_a_gateway_knows_reaches_the_cloud(
    start: Callable[..., Gateway], cloud: Any, until: Until
) -> None:
    start(lasts_s=3.0)
    until(lambda: any(d.phase == "end" for d in bodies(cloud, Detection)), "the whole event")
    until(lambda: len(bodies(cloud, Telemetry)) > 2 and len(bodies(cloud, Health)) > 2, "telemetry and health")
    told = bodies(cloud, Detection)
    assert [d.revision for d in told] == list(range(1, len(told) + 1))
    assert (told[0].camera, told[0].frame_size, told[0].origin_px) == ("cam-1", (640, 360), (320.0, 200.0))
    assert (told[0].temp_c, told[0].rh_percent) == (3.5, 55.0), "from the sensor"
    [evidence] = bodies(cloud, Evidence)
    assert evidence.evidence_id == told[0].evidence_id
    assert {picture.role for picture in evidence.pictures} >= {"frame", "drawn"}
    [pose] = bodies(cloud, PoseNotice)
    assert (pose.pose.camera, pose.pose.heading_deg) == ("cam-1", 90.0)
    health = bodies(cloud, Health)[-1]
    assert health.cameras[0].frames > 5
    assert health.sensors[0].connected
    record = bodies(cloud, Telemetry)[-1]
    assert record.values["pm25_atm_ug_m3"].mean == 20.0
    assert record.values["pm25_epa2021_ug_m3"].mean == round(epa_2021(20.0, 55.0), 3), "beside the raw one"
    assert record.marks == {"ok": record.readings}


def test_twins_on_two_lines_share_a_humidity_and_doubt_each_other(
    start: Callable[..., Gateway], config: Path, cloud: Any, until: Until
) -> None:
    dusty = Wire("SDS011")
    dusty.start()
    sensor = f'name = "pm-2"\nmodel = "SDS011"\nport = "{dusty.port}"'
    config.write_text(config.read_text() + f'twin = "pm-2"\n[[sensors]]\n{sensor}\ntwin = "pm-1"\n')
    try:
        start()
        until(
            lambda: {told.sensor for told in bodies(cloud, Telemetry) if "disagrees" in told.marks} == {"pm-1", "pm-2"},
            "each doubted for the other's sake",
        )
    finally:
        dusty.stop.set()
    valid = [told.values for told in bodies(cloud, Telemetry) if told.sensor == "pm-2" and told.values]
    assert valid[0]["pm25_ug_m3"].mean == 90.0, "before a minute's worth was known, both were trusted"
    assert {values["koehler_rh_percent"].mean for values in valid if "koehler_rh_percent" in values} == {55.0}


def test_a_dead_camera_is_said_once_and_stops_nothing_else(
    start: Callable[..., Gateway],
    cloud: Any,
    eye: Eye,
    until: Until,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.camera._LONGEST_RETRY_S", 0.2)
    gateway = start()
    camera = gateway.cameras[0]
    until(lambda: camera.frames > 3, "frames")
    eye.status = 503
    until(lambda: camera.outages == 1, "outage noticed")
    frames, answers = camera.frames, eye.answers
    until(lambda: eye.answers > answers + 1, "asked again")
    telemetry = len(bodies(cloud, Telemetry))
    until(lambda: len(bodies(cloud, Telemetry)) > telemetry, "the sensor goes on")
    assert camera.frames == frames
    eye.status = 200
    until(lambda: camera.frames > frames, "frames again")
    said = [r.message for r in caplog.records if "cam-1" in r.message and "503" in r.message]
    assert len(said) == 1
    assert camera.outages == 1


def test_a_frozen_camera_cannot_judge(
    start: Callable[..., Gateway], eye: Eye, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.camera._FROZEN_AFTER_S", 0.5)
    monkeypatch.setattr("edge.camera._BLIND_AFTER_S", 0.5)
    eye.pictures = eye.pictures[:1]
    camera = start().cameras[0]
    until(lambda: "frozen" in (camera.health().cause or ""), "noticed")
    assert camera.health().verdict == "cannot_judge"
    eye.pictures = [eye.jpeg_of(640, 360, seed) for seed in range(3)]
    until(lambda: camera.health().cause is None, "looks again")


def test_a_damaged_spool_is_set_aside_and_the_gateway_runs(
    start: Callable[..., Gateway], config: Path, cloud: Any, until: Until
) -> None:
    folder = config.parent / "state"
    folder.mkdir()
    (folder / "spool.db").write_bytes(b"worn out card " * 500)
    start()
    until(lambda: any("damaged" in n for h in bodies(cloud, Health) for n in h.notices), "said in health")
    assert len(list(folder.glob("spool.db.damaged-*"))) == 1


def test_an_unplugged_sensor_stops_nothing_else(
    start: Callable[..., Gateway], cloud: Any, wire: Wire, until: Until
) -> None:
    gateway = start()
    until(lambda: len(bodies(cloud, Telemetry)) > 0, "telemetry")
    wire.stop.set()
    until(lambda: not gateway.sensors[0].stats().connected, "unplugged")
    frames = gateway.cameras[0].frames
    until(lambda: gateway.cameras[0].frames > frames + 3, "the camera goes on")
    until(lambda: not bodies(cloud, Health)[-1].sensors[0].connected, "said in health")


def test_a_ping_brings_health_at_once(
    start: Callable[..., Gateway], config: Path, cloud: Any, until: Until, clock: Any
) -> None:
    from smokesentry.clock import from_unix, to_wire
    from smokesentry.messages.control import Command

    config.write_text(config.read_text().replace("health_interval_s = 1\n", "health_interval_s = 3600\n"))
    start()
    until(lambda: len(bodies(cloud, Health)) == 1, "health at the start")
    now_s = clock.now().unix_s
    times = {"issued_at": to_wire(from_unix(now_s - 1)), "expires_at": to_wire(from_unix(now_s + 60))}
    cloud.send_command(Command(command_id="0" * 32, gateway="gw-1", counter=1, kind="ping", **times))
    until(lambda: len(bodies(cloud, Health)) == 2, "health after a ping")


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
    return ScriptedDetector(settings, [Plume(now_s, now_s + 60.0, (320.0, 200.0), knows_after_s=0.3)])
gateway = build_gateway(load_gateway_settings(Path(sys.argv[1])), detector)
signal.signal(signal.SIGTERM, lambda *_: gateway.supervisor.stop.set())
gateway.run()
"""


def test_kill_9_again_and_again_keeps_one_event_under_one_id(config: Path, cloud: Any, until: Until) -> None:
    command = [sys.executable, "-c", _PROCESS, str(config), str(Path(__file__).parent)]
    for _ in range(3):
        known = len(bodies(cloud, Detection))
        process = subprocess.Popen(command)
        until(lambda known=known: len(bodies(cloud, Detection)) > known, "a revision from this process")
        process.send_signal(signal.SIGKILL)
        process.wait()
    process = subprocess.Popen(command)
    known = len(bodies(cloud, Detection))
    until(lambda: len(bodies(cloud, Detection)) > known, "a revision from the last process")
    process.terminate()
    assert process.wait(20) == 0
    told = bodies(cloud, Detection)
    assert {d.detection_id for d in told} == {told[0].detection_id}
    assert [d.revision for d in told] == list(range(1, len(told) + 1))
    assert [d.phase for d in told] == ["start", *["update"] * (len(told) - 1)]
    assert len(bodies(cloud, Evidence)) == 1
    spool = Spool(config.parent / "state")
    for lane in ("detection", "health", "evidence", "telemetry"):
        held = {seq for of, seq in cloud.records if of == lane}
        waiting = {seq for seq, _ in spool.waiting(lane, 0, 10_000, 10**9)}
        assert held | waiting == set(range(1, spool.last_seq(lane) + 1)), lane


def test_the_open_event_of_a_camera_that_was_removed_is_closed(
    start: Callable[..., Gateway], config: Path, cloud: Any, until: Until, detection_fact: Callable[..., Any]
) -> None:
    spool = Spool(config.parent / "state")
    spool.append([detection_fact(1, camera="cam-old")])
    spool.close()
    start()
    until(lambda: any(d.camera == "cam-old" and d.phase == "end" for d in bodies(cloud, Detection)), "closed")
    closed = next(d for d in bodies(cloud, Detection) if d.camera == "cam-old" and d.phase == "end")
    assert closed.revision == 2
    assert "no longer configured" in closed.reasons[-1]


def test_status_tells_how_it_is(
    start: Callable[..., Gateway], config: Path, until: Until, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--config", str(config)]) == 1
    assert "has not run yet" in capsys.readouterr().out
    gateway = start()
    status = config.parent / "state" / "status.json"
    until(lambda: gateway.cameras[0].frames > 0 and gateway.uplink.state.connected, "running")
    written = status.stat().st_mtime if status.exists() else 0.0
    until(lambda: status.exists() and status.stat().st_mtime > written, "status written")
    assert main(["status", "--config", str(config)]) == 0
    told = capsys.readouterr().out
    assert "gw-1 in town: runs" in told
    assert "connected to 127.0.0.1" in told
    assert "camera cam-1: suspected" in told or "camera cam-1: not_suspected" in told
    assert "sensor pm-1 (PMS5003T): connected" in told


def test_check_finds_everything_good(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", str(config)]) == 0
    assert "good. 1 cameras, 1 sensors" in capsys.readouterr().out


def test_check_explains_every_problem(config: Path, eye: Eye, cloud: Any, capsys: pytest.CaptureFixture[str]) -> None:
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
