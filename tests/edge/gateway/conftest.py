"""A whole gateway in this process: a camera over HTTP, a sensor on a pseudo-terminal, a tiny cloud behind a broker."""

from __future__ import annotations

import math
import os
import pty
import threading
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edge.assembly import build_gateway
from edge.gateway import Gateway
from edge.settings import load_gateway_settings
from firmware_bridge.models import driver_for


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
    """Runs a gateway in this process whose detector sees one plume, half a second after its first frame and for at
    least ``lasts_s``, however long the machine takes between two frames. ``in_air``: not before a sensor has told of
    the air, which a slow machine may do after the first frames."""
    running: list[tuple[Gateway, threading.Thread]] = []

    def make(lasts_s: float = 600.0, *, in_air: bool = False) -> Gateway:
        class Detector(scripted):  # type: ignore[misc]
            def push(self, frame: Any, t_s: float, weather: Any = None) -> Any:
                if not self.plumes and (not in_air or (weather is not None and weather.temp_c is not None)):
                    self.plumes = [plume(t_s, math.inf, (320.0, 200.0), knows_after_s=0.5)]
                told = super().push(frame, t_s, weather)
                if told.events and self.plumes[0].to_s == math.inf:
                    self.plumes = [replace(self.plumes[0], to_s=t_s + lasts_s)]
                return told

        gateway = build_gateway(load_gateway_settings(config), lambda settings: Detector(settings, []))
        thread = threading.Thread(target=gateway.run)
        thread.start()
        running.append((gateway, thread))
        return gateway

    yield make
    for gateway, thread in running:
        gateway.supervisor.stop.set()
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def bodies() -> Callable[[Any, type], list[Any]]:
    """What a tiny cloud has of one kind, in order."""

    def of(cloud: Any, kind: type) -> list[Any]:
        with cloud._lock:
            records = sorted(cloud.records.items())
        return [record.body for _, record in records if isinstance(record.body, kind)]

    return of


@pytest.fixture(scope="session")
def wire_of() -> type[Wire]:
    return Wire
