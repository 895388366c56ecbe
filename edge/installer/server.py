"""The page's small web server: loopback, or the LAN behind a one-time PIN. It shows what capture gives, masks burnt in,
and changes nothing but masks."""

from __future__ import annotations

import ipaddress
import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.resources import files
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import cv2
import msgspec
import numpy as np
from msgspec import Meta

from edge.camera import Camera
from edge.drawn_masks import Pixel, Polygons
from edge.frames import Frame, Image
from edge.installer.access import Access
from edge.installer.meters import Meter, measure
from edge.installer.siting import can_judge
from edge.local_web import Answers, listen, serve
from smokesentry.clock import SystemClock
from smokesentry.sentences import translated

_log = logging.getLogger("edge.installer")
_MOST_BYTES = 200_000
_PAGES = {
    "/": ("page.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}


class _Siting(msgspec.Struct):
    camera: str
    x: Pixel
    y: Pixel
    hfov_deg: Annotated[float, Meta(gt=1, lt=175)]
    distance_m: Annotated[float, Meta(ge=1, le=5000)]  # as on the page
    plume_m: Annotated[float, Meta(ge=0.1, le=100)]


class _Login(msgspec.Struct):
    pin: Annotated[str, Meta(max_length=20)]


@dataclass(slots=True)
class InstallerPage:
    """Runs by :meth:`run`. ``save`` writes a camera's masks down; it raises ``OSError``."""

    gateway: str
    cameras: Sequence[Camera]
    listen: str
    port: int
    access: Access
    clock: SystemClock
    save: Callable[[str, Polygons], None]
    address: str | None = None  # once it listens
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def run(self, stop: threading.Event) -> None:
        """Serves until ``stop`` is set. Raises ``OSError`` when the port is taken; the supervisor tries again."""
        page = self

        class Handler(_Handler):
            site = page

        server = listen(self.listen, self.port, Handler)
        host = f"[{self.listen}]" if ":" in self.listen else self.listen
        self.address = f"http://{host}:{server.server_port}/"
        _log.info("the installer's page is at %s", self.address)
        try:
            serve(server, stop)
        finally:
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

    def set_masks(self, camera: Camera, masks: Polygons) -> dict[str, Any]:
        """Burns them in from the next frame on, and writes them down. It opens a camera whose masks were unreadable."""
        with self._guard:
            camera.hide(masks)
            try:
                self.save(camera.section.name, masks)
            except OSError as error:
                why = f"{error.filename}: {error.strerror}"
                _log.warning("masks of camera %s hold only until the gateway ends: %s", camera.section.name, why)
                return {"saved": False, "why": why, "masks": masks}
        _log.info("camera %s: %d masks saved by the installer's page", camera.section.name, len(masks))
        return {"saved": True, "masks": masks}


class _Handler(Answers):
    site: InstallerPage
    policy = "default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if not self.host_is_ours():
            return self._json(403, {"error": "unknown host name; use the gateway's address in digits"})
        if parts.path in _PAGES:
            return self.send(200, _PAGES[parts.path][1] + "; charset=utf-8", _page(_PAGES[parts.path][0]))
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
            return self.send(200, "image/jpeg", newest.jpeg())
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
        if not (self.host_is_ours() and ours and size.isdigit() and int(size) <= _MOST_BYTES):
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
                return self._json(200, self.site.set_masks(camera, msgspec.json.decode(body, type=Polygons)))
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

    def _json(self, status: int, value: Any, more: dict[str, str] | None = None) -> None:
        self.send(status, "application/json", json.dumps(value).encode(), more)


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
        "cause": {lang: translated(health.cause or "", lang) for lang in ("zh", "en")},
        "masks": camera.capture.masks,
        "closed": camera.capture.closed is not None,
        "chimneys": section.detector.chimneys_px,
    }
