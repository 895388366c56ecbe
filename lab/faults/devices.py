"""A camera and a sensor that can be told to fail: pictures over HTTP, readings on a real pseudo-terminal."""

from __future__ import annotations

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from firmware_bridge.models import driver_for
from simulator.ports import Port

CameraMood = Literal["well", "freeze", "black", "gone"]
SensorMood = Literal["well", "unplug", "garbage", "freeze"]
_SIZE = (180, 320)
MODEL = "PMS5003T"


class Camera:
    """A network camera that gives a new noisy picture each time, unless its ``mood`` is another."""

    def __init__(self) -> None:
        self.mood: CameraMood = "well"
        rng = np.random.default_rng(3)
        ground = np.linspace(40, 90, _SIZE[1], dtype=np.float64)[None, :, None]
        noisy = [np.clip(ground + rng.normal(0, 3, (*_SIZE, 3)), 0, 255).astype(np.uint8) for _ in range(16)]
        self._pictures = [cv2.imencode(".jpg", picture)[1].tobytes() for picture in noisy]
        self._black = cv2.imencode(".jpg", np.zeros((*_SIZE, 3), np.uint8))[1].tobytes()
        self._next = 0
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = camera.picture()
                if body is None:
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Content-Type", "image/jpeg")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/snapshot.jpg"
        threading.Thread(target=self._server.serve_forever, name="camera", daemon=True).start()

    def picture(self) -> bytes | None:
        """What the camera shows now; None when it does not answer."""
        if self.mood == "gone":
            return None
        if self.mood == "black":
            return self._black
        if self.mood == "well":
            self._next += 1
        return self._pictures[self._next % len(self._pictures)]

    def close(self) -> None:
        """Takes it off the network."""
        self._server.shutdown()
        self._server.server_close()


class Sensor:
    """A particulate sensor that sends once a second, unless its ``mood`` is another."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.mood: SensorMood = "well"
        masses = {f"pm{size}_{how}_ug_m3": 20.0 for size in (1, 25, 10) for how in ("cf1", "atm")}
        counts = {"n0_3_per_cm3": 12.0, "n0_5_per_cm3": 5.0, "n1_0_per_cm3": 2.0, "n2_5_per_cm3": 1.0}
        self._frame = driver_for(MODEL).encode(masses | counts | {"temp_c": 3.5, "rh_percent": 55.0})
        self._port: Port | None = Port(link)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sensor {link.name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(1.0):
            if self.mood == "unplug":
                self._unplug()
                continue
            if self._port is None:
                self._port = Port(self.link)
            if self.mood == "garbage":
                self._port.send(os.urandom(40))
            elif self.mood == "well":
                self._port.send(self._frame)

    def _unplug(self) -> None:
        if self._port is not None:
            self._port.close()
            self._port = None

    def close(self) -> None:
        """Takes it off the line."""
        self._stop.set()
        self._thread.join(5)
        self._unplug()
