"""The page's small web server: loopback, or the LAN behind a one-time PIN. It shows what capture gives, masks burnt in,
and changes nothing but masks."""

from __future__ import annotations

import ipaddress
import json
import logging
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import cv2
import msgspec
import numpy as np
from msgspec import Meta

from edge.camera import Camera
from edge.frames import Frame, Image, Mask
from edge.installer.access import Access
from edge.installer.meters import Meter, measure
from edge.installer.siting import can_judge
from edge.masks import MasksRefused
from smokesentry.clock import SystemClock

_log = logging.getLogger("edge.installer")
_MOST_BYTES = 200_000
_REQUEST_S = 15.0
_PAGES = {
    "/": ("page.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}

_Pixel = Annotated[float, Meta(ge=0, le=16384)]
_Masks = Annotated[
    list[Annotated[list[tuple[_Pixel, _Pixel]], Meta(min_length=3, max_length=100)]], Meta(max_length=32)
]


class _Siting(msgspec.Struct):
    camera: str
    x: _Pixel
    y: _Pixel
    hfov_deg: Annotated[float, Meta(gt=1, lt=175)]
    distance_m: Annotated[float, Meta(gt=0, le=5000)]
    plume_m: Annotated[float, Meta(gt=0, le=100)]


class _Login(msgspec.Struct):
    pin: Annotated[str, Meta(max_length=20)]


@dataclass(slots=True)
class InstallerPage:
    """Runs by :meth:`run`. ``save`` writes a camera's masks into the configuration."""

    gateway: str
    cameras: Sequence[Camera]
    listen: str
    port: int
    access: Access
    clock: SystemClock
    save: Callable[[str, Sequence[Mask]], None]
    address: str | None = None  # once it listens
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def run(self, stop: threading.Event) -> None:
        """Serves until ``stop`` is set. Raises ``OSError`` when the port is taken; the supervisor tries again."""
        page = self

        class Handler(_Handler):
            site = page

        server = _server_class(self.listen)((self.listen, self.port), Handler)
        host = f"[{self.listen}]" if ":" in self.listen else self.listen
        self.address = f"http://{host}:{server.server_port}/"
        _log.info("the installer's page is at %s", self.address)
        thread = threading.Thread(target=server.serve_forever, name="installer page requests", daemon=True)
        thread.start()
        try:
            while not stop.wait(1.0):
                pass
        finally:
            server.shutdown()
            server.server_close()
            thread.join(5)
            self.address = None

    # -- what the page asks --------------------------------------------------------------------------------------------

    def camera(self, name: str) -> Camera | None:
        """By name."""
        return next((camera for camera in self.cameras if camera.section.name == name), None)

    def state(self) -> dict[str, Any]:
        """All cameras."""
        return {"gateway": self.gateway, "cameras": [_told(camera) for camera in self.cameras]}

    def meter(self, camera: Camera, x: float, y: float) -> Meter | None:
        """At a point of the raw frame; None without frames."""
        frames = list(camera.recent)
        same = [frame for frame in frames if frame.size == frames[-1].size]
        return measure([_grey(frame.jpeg()) for frame in same], x, y) if same else None

    def siting(self, asked: _Siting) -> dict[str, Any] | None:
        """The calculator's answer, with what was measured."""
        camera = self.camera(asked.camera)
        meter = None if camera is None else self.meter(camera, asked.x, asked.y)
        newest = None if camera is None else _newest(camera)
        if newest is None or meter is None:
            return None
        found = can_judge(newest.size[0], asked.hfov_deg, asked.distance_m, asked.plume_m, meter)
        return {**asdict(found), "meter": asdict(meter)}

    def set_masks(self, camera: Camera, masks: _Masks) -> dict[str, Any]:
        """Burns them in from the next frame on, and writes them down."""
        with self._guard:
            camera.capture.masks = [list(polygon) for polygon in masks]
            camera.recent.clear()  # frames of before show what shall be hidden
            try:
                self.save(camera.section.name, masks)
            except (MasksRefused, OSError) as error:
                why = str(error) if isinstance(error, MasksRefused) else f"{error.filename}: {error.strerror}"
                _log.warning("masks of camera %s hold only until the gateway ends: %s", camera.section.name, why)
                return {"saved": False, "why": why, "masks": masks}
        _log.info("camera %s: %d masks saved by the installer's page", camera.section.name, len(masks))
        return {"saved": True, "masks": masks}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A phone that went away in the middle of an answer is not worth a trace."""
        _log.debug("a request of %s broke off", client_address, exc_info=True)


class _Server6(_Server):
    address_family = socket.AF_INET6


def _server_class(listen: str) -> type[_Server]:
    return _Server6 if ":" in listen else _Server


class _Handler(BaseHTTPRequestHandler):
    site: InstallerPage
    timeout = _REQUEST_S
    server_version, sys_version = "smokesentry", ""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if not self._host_is_ours():
            return self._json(403, {"error": "unknown host name; use the gateway's address in digits"})
        if parts.path in _PAGES:
            return self._send(200, _PAGES[parts.path][1] + "; charset=utf-8", _page(_PAGES[parts.path][0]))
        if not self._may():
            return self._json(401, {"error": "PIN"})
        if parts.path == "/api/state":
            return self._json(200, self.site.state())
        kind, _, name = parts.path.removeprefix("/api/").partition("/")
        camera = self.site.camera(name)
        newest = None if camera is None else _newest(camera)
        if camera is None or newest is None:
            return self._json(404, {"error": "no frame"})
        if kind == "frame":
            return self._send(200, "image/jpeg", newest.jpeg())
        if kind == "meter":
            try:
                query = parse_qs(parts.query)
                meter = self.site.meter(camera, float(query["x"][0]), float(query["y"][0]))
            except (KeyError, ValueError, OverflowError):
                return self._json(400, {"error": "x and y in pixels"})
            return self._json(200, None if meter is None else asdict(meter))
        return self._json(404, {"error": "not here"})

    def do_POST(self) -> None:
        # A page of another site can send a form here, but neither this type nor this header.
        ours = self.headers.get_content_type() == "application/json" and self.headers.get("X-Smokesentry") == "1"
        size = self.headers.get("Content-Length", "")
        if not (self._host_is_ours() and ours and size.isdigit() and int(size) <= _MOST_BYTES):
            return self._json(400, {"error": "refused"})
        body = self.rfile.read(int(size))
        try:
            if self.path == "/api/login":
                return self._log_in(msgspec.json.decode(body, type=_Login).pin)
            if not self._may():
                return self._json(401, {"error": "PIN"})
            if self.path == "/api/siting":
                found = self.site.siting(msgspec.json.decode(body, type=_Siting))
                return self._json(404 if found is None else 200, found or {"error": "no frame"})
            camera = self.site.camera(self.path.removeprefix("/api/masks/"))
            if camera is not None:
                return self._json(200, self.site.set_masks(camera, msgspec.json.decode(body, type=_Masks)))
        except msgspec.DecodeError as error:
            return self._json(400, {"error": str(error)})
        return self._json(404, {"error": "not here"})

    def _log_in(self, pin: str) -> None:
        with self.site._guard:
            token = self.site.access.log_in(pin, self.site.clock.now())
        if token is None:
            return self._json(401, {"error": "PIN"})
        return self._json(200, {}, {"Set-Cookie": f"session={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age=7200"})

    def _may(self) -> bool:
        if ipaddress.ip_address(self.client_address[0].partition("%")[0]).is_loopback:
            return True
        cookies = dict(part.strip().partition("=")[::2] for part in self.headers.get("Cookie", "").split(";"))
        with self.site._guard:
            return self.site.access.knows(cookies.get("session", ""), self.site.clock.now())

    def _host_is_ours(self) -> bool:
        """An address in digits or localhost: a stranger's page cannot make its own name point here."""
        try:
            host = urlsplit("//" + self.headers.get("Host", "")).hostname or ""
            return host == "localhost" or bool(ipaddress.ip_address(host))
        except ValueError:
            return False

    def _json(self, status: int, value: Any, more: dict[str, str] | None = None) -> None:
        self._send(status, "application/json", json.dumps(value).encode(), more)

    def _send(self, status: int, content_type: str, body: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, **(more or {}), "Content-Type": content_type}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: two pictures a second would bury the log."""


@cache
def _page(name: str) -> bytes:
    return files("edge.installer").joinpath(name).read_bytes()


def _grey(jpeg: bytes) -> Image:
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), flags), np.uint8)


def _newest(camera: Camera) -> Frame | None:
    frames = list(camera.recent)
    return frames[-1] if frames else None


def _told(camera: Camera) -> dict[str, Any]:
    section, health, newest = camera.section, camera.health(), _newest(camera)
    return {
        "name": section.name,
        "size": None if newest is None else newest.size,
        "hfov_deg": None if section.pose is None else section.pose.hfov_deg,
        "verdict": health.verdict,
        "cause": health.cause,
        "masks": camera.capture.masks,
        "chimneys": section.detector.chimneys_px,
    }
