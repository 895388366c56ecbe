from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.settings import CameraSection
from edge.sources import FolderSource, SnapshotSource, VideoSource, open_source
from edge.taken import SourceEnded, SourceError

JpegOf = Callable[..., bytes]


@pytest.fixture
def video(tmp_path: Path) -> Callable[..., Path]:
    """A film whose frame number n is grey level n."""

    def make(frames: int = 100, fps: float = 25.0, name: str = "film.avi") -> Path:
        path = tmp_path / name
        code = cv2.VideoWriter.fourcc(*("MJPG" if name.endswith("avi") else "mp4v"))
        writer = cv2.VideoWriter(str(path), code, fps, (160, 96))
        assert writer.isOpened()
        for level in range(frames):
            writer.write(np.full((96, 160, 3), level, np.uint8))
        writer.release()
        return path

    return make


def read_all(source: Any) -> list[tuple[float, float]]:
    """(time, mean level) of every frame to the end."""
    found = []
    while True:
        try:
            taken = source.read()
        except SourceEnded:
            return found
        assert not isinstance(taken.data, bytes)
        found.append((taken.at_s, float(taken.data.mean())))


@pytest.mark.parametrize("name", ["film.avi", "film.mp4"])
def test_a_video_is_sampled_by_its_own_time(video: Callable[..., Path], name: str) -> None:
    source = VideoSource(str(video(100, 25.0, name)), 2.0)
    assert source.duration_s == pytest.approx(4.0, abs=0.1)
    frames = read_all(source)
    assert [round(t, 1) for t, _ in frames] == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5], abs=0.05)
    for t_s, level in frames:
        assert level == pytest.approx(t_s * 25, abs=5), "within a fifth of a second, as far as the codec is true"


def test_a_video_slower_than_asked_gives_every_frame(video: Callable[..., Path]) -> None:
    frames = read_all(VideoSource(str(video(20, 1.0)), 2.0))
    assert [t for t, _ in frames] == pytest.approx(list(range(20)), abs=0.01)


def test_what_is_no_video_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is no file"):
        VideoSource(str(tmp_path / "missing.mp4"), 2.0)
    (tmp_path / "text.mp4").write_text("not a film")
    with pytest.raises(SourceError, match="cannot be opened as video"):
        VideoSource(str(tmp_path / "text.mp4"), 2.0)


def test_a_password_in_an_address_is_not_said() -> None:
    with pytest.raises(SourceError) as caught:
        VideoSource("rtsp://admin:secret@127.0.0.1:1/stream", 2.0)
    assert "secret" not in str(caught.value)


def test_a_folder_gives_its_pictures_in_name_order_and_waits_for_later_ones(tmp_path: Path, jpeg_of: JpegOf) -> None:
    for name in ("b.jpg", "a.JPG", "c.png", "notes.txt", ".hidden.jpg"):
        (tmp_path / name).write_bytes(name.encode())
    source = FolderSource(tmp_path)
    assert len(source) == 3
    assert [source.read().data for _ in range(3)] == [b"a.JPG", b"b.jpg", b"c.png"]
    with pytest.raises(SourceEnded, match=r"behind c\.png"):
        source.read()
    (tmp_path / "d.jpg").write_bytes(b"d")
    (tmp_path / "aa.jpg").write_bytes(b"too late")
    assert source.read().data == b"d"
    with pytest.raises(SourceEnded):
        source.read()


def test_a_picture_that_vanishes_is_an_unreadable_frame(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(name.encode())
    source = FolderSource(tmp_path)
    (tmp_path / "a.jpg").unlink()
    assert [source.read().data, source.read().data] == [b"", b"b.jpg"]


def test_a_missing_folder_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not a folder"):
        open_source(CameraSection(name="cam-1", kind="folder", source=str(tmp_path / "nothing")))


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            expected = "Basic " + base64.b64encode(b"user:secret").decode()
            if self.path == "/locked" and self.headers.get("Authorization") != expected:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                self.end_headers()
                return
            if self.path == "/half":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b"half")
                return
            self.send_response(404 if self.path == "/missing" else 200)
            self.end_headers()
            self.wfile.write(b"picture")

        def log_message(self, *_: Any) -> None:
            return

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


def test_snapshots_with_and_without_a_password(server: ThreadingHTTPServer) -> None:
    place = f"127.0.0.1:{server.server_port}"
    assert SnapshotSource(f"http://{place}/open").read().data == b"picture"
    assert SnapshotSource(f"http://user:secret@{place}/locked").read().data == b"picture"
    with pytest.raises(SourceError, match="401"):
        SnapshotSource(f"http://{place}/locked").read()
    with pytest.raises(SourceError, match="404"):
        SnapshotSource(f"http://{place}/missing").read()
    with pytest.raises(SourceError, match="does not answer"):
        SnapshotSource(f"http://{place}/half").read()
    with pytest.raises(SourceError, match="does not answer"):
        SnapshotSource("http://127.0.0.1:1/").read()


def test_a_live_stream_is_drained_at_the_asked_pace_and_its_end_is_an_outage() -> None:
    enough = threading.Event()

    class Stream(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=f")
            self.end_headers()
            number = 0
            while not enough.is_set():
                number += 1
                body = bytes(cv2.imencode(".jpg", np.full((96, 160, 3), min(250, number), np.uint8))[1])
                head = f"--f\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
                self.wfile.write(head.encode() + body + b"\r\n")
                time.sleep(0.04)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Stream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    source = VideoSource(f"http://127.0.0.1:{server.server_port}/stream.mjpg", 5.0)
    assert source.live
    began_s, levels = time.monotonic(), list[float]()
    with pytest.raises(SourceError) as caught:
        while True:
            taken = source.read()
            assert taken.at_s is None, "a live frame's time is the gateway's"
            assert not isinstance(taken.data, bytes)
            levels.append(float(taken.data.mean()))
            if len(levels) == 4:
                enough.set()
    lasted_s = time.monotonic() - began_s
    assert not isinstance(caught.value, SourceEnded), "to be opened again"
    assert 4 <= len(levels) <= lasted_s * 5 + 2
    assert levels == sorted(levels)
    source.close()
    server.shutdown()
    server.server_close()
