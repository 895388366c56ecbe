"""The proof for privacy masks: a pattern that nothing else looks like is planted behind a mask, and then searched for
in every file on the disk, in every byte on the wire and in every picture in either. Without the mask it must be found
in all of these places, or the search would prove nothing."""

from __future__ import annotations

import base64
import binascii
import gzip
import re
import socket
import sqlite3
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.gateway import Gateway
from smokesentry.messages.records import Evidence

pytestmark = pytest.mark.mosquitto
Until = Callable[..., None]

LEFT, TOP, SIDE, CELL = 330, 130, 96, 6  # beside the plume, where the preview looks
MASK = [[LEFT - 8, TOP - 8], [LEFT + SIDE + 8, TOP - 8], [LEFT + SIDE + 8, TOP + SIDE + 8], [LEFT - 8, TOP + SIDE + 8]]
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{200,}={0,2}")
_LIKE = 0.6  # correlation; chance reaches 0.3


def pattern() -> np.ndarray:
    """Black and white squares by chance, of medium contrast as a lit window would be."""
    cells = np.random.default_rng(20261122).integers(0, 2, (SIDE // CELL, SIDE // CELL), np.uint8)
    return np.kron(40 + 120 * cells, np.ones((CELL, CELL), np.uint8)).astype(np.uint8)


def scene(seed: int) -> np.ndarray:
    image = np.random.default_rng(seed).integers(0, 60, (360, 640, 3), np.uint8)
    image[TOP : TOP + SIDE, LEFT : LEFT + SIDE] = pattern()[:, :, None]
    return image


@dataclass
class Tap:
    """Between gateway and broker: passes everything on, and keeps it."""

    broker_port: int
    heard: list[bytes] = field(default_factory=list)
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    def start(self) -> None:
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                inner, _ = self.listener.accept()
            except OSError:
                return
            outer = socket.create_connection(("127.0.0.1", self.broker_port))
            for source, sink in ((inner, outer), (outer, inner)):
                threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        at = len(self.heard)
        self.heard.append(b"")
        try:
            while data := source.recv(65536):
                self.heard[at] += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return


@pytest.fixture
def tap(broker: Any) -> Iterator[Tap]:
    tap = Tap(broker.port)
    tap.start()
    yield tap
    tap.listener.close()


def pictures(data: bytes, depth: int = 0) -> Iterator[np.ndarray]:
    """Every picture in these bytes: JPEG and WebP as they are, in base64, in gzip, one within the other."""
    for match in re.finditer(b"\xff\xd8\xff", data):
        end = data.find(b"\xff\xd9", match.start())
        while 0 <= end < match.start() + 2_000_000:
            image = cv2.imdecode(np.frombuffer(data[match.start() : end + 2], np.uint8), cv2.IMREAD_GRAYSCALE)
            if image is not None:
                yield image
                break
            end = data.find(b"\xff\xd9", end + 2)
    for match in re.finditer(b"RIFF....WEBP", data, re.DOTALL):
        size = int.from_bytes(data[match.start() + 4 : match.start() + 8], "little") + 8
        done, animation = cv2.imdecodeanimation(
            np.frombuffer(data[match.start() : match.start() + size], np.uint8)[None]
        )
        yield from (cv2.cvtColor(frame[:, :, :3], cv2.COLOR_BGR2GRAY) for frame in animation.frames if done)
    if depth < 4:
        for match in _BASE64.finditer(data):
            text = match.group().rstrip(b"=")
            text = text[:-1] if len(text) % 4 == 1 else text + b"=" * (-len(text) % 4)
            try:
                yield from pictures(base64.b64decode(text), depth + 1)
            except binascii.Error:
                continue
        for match in re.finditer(b"\x1f\x8b\x08", data):
            try:
                yield from pictures(gzip.decompress(data[match.start() :]), depth + 1)
            except (OSError, EOFError):
                continue


def shows(image: np.ndarray) -> bool:
    """Whether the pattern is in a picture: at the size that a whole frame would show it, or at its own in a part."""
    for scale in {image.shape[1] / 640, 1.0}:
        look_for = cv2.resize(pattern(), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        if look_for.shape[0] > image.shape[0] or look_for.shape[1] > image.shape[1]:
            continue
        if cv2.matchTemplate(image, look_for, cv2.TM_CCOEFF_NORMED).max() > _LIKE:
            return True
    return False


def holds(data: bytes, camera_jpegs: list[bytes]) -> bool:
    """The pattern in a picture, or a piece of the camera's own bytes from where the pattern lies in them."""
    pieces = [jpeg[at : at + 40] for jpeg in camera_jpegs for at in range(len(jpeg) // 4, len(jpeg) // 2, 997)]
    return any(piece in data for piece in pieces) or any(shows(image) for image in pictures(data))


def rows_of(database: Path) -> bytes:
    """All values of all tables: in the file itself a large one is cut up into pages."""
    with sqlite3.connect(database) as open_database:
        names = [name for (name,) in open_database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        values = [value for name in names for row in open_database.execute(f'SELECT * FROM "{name}"') for value in row]
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)


def places(folder: Path, tap: Tap, page: bytes, camera_jpegs: list[bytes]) -> set[str]:
    """Where the pattern was found."""
    found = set()
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes() + (rows_of(path) if path.name == "spool.db" else b"")
            if holds(data, camera_jpegs):
                found.add(path.suffix)
    if any(holds(data, camera_jpegs) for data in tap.heard):
        found.add("wire")
    if holds(page, camera_jpegs):
        found.add("page")
    return found


@pytest.mark.parametrize("masked", [True, False])
def test_what_lies_behind_a_mask_is_nowhere(
    masked: bool,
    start: Callable[..., Gateway],
    config: Path,
    cloud: Any,
    eye: Any,
    tap: Tap,
    until: Until,
    bodies: Callable[[Any, type], list[Any]],
) -> None:
    cloud.acknowledges = False  # so that the spool keeps what it has sent
    eye.pictures = [bytes(cv2.imencode(".jpg", scene(seed))[1]) for seed in range(4)]
    port = tap.listener.getsockname()[1]
    text = config.read_text().replace(f"port = {cloud.port}", f"port = {port}")
    text = text.replace("fps = 10\n", f"fps = 10\nmasks = {[MASK] if masked else []}\n")
    config.write_text(text + '[installer]\nport = 0\n[recorder]\nupload = "all"\n')
    gateway = start()
    until(lambda: bool(bodies(cloud, Evidence)), "pictures in the cloud")
    until(lambda: len(gateway.cameras[0].recent) == 6, "frames for the page")
    assert gateway.installer is not None
    until(lambda: gateway.installer is not None and gateway.installer.address is not None, "the page")
    page = urllib.request.urlopen(f"{gateway.installer.address}api/frame/cam-1", timeout=60).read()
    gateway.supervisor.stop.set()
    outbox = config.parent / "state" / "evidence" / "outbox"
    until(lambda: any(outbox.glob("*.webp")) and any(outbox.glob("*.tar")), "the clip and its preview")
    until(lambda: gateway.lock_file.closed, "the end, after which no file of it changes")
    found = places(config.parent / "state", tap, page, eye.pictures)
    if masked:
        assert found == set()
        assert not shows(cv2.imdecode(np.frombuffer(page, np.uint8), cv2.IMREAD_GRAYSCALE))
    else:
        assert found >= {".db", ".tar", ".webp", "wire", "page"}, "the search finds what is there"
