"""Network cameras' snapshot addresses on the loopback: GET /GATEWAY/CAMERA.jpg gives the newest frame.

``X-Frame-Time`` (UTC) and ``ETag`` tell a new frame from the same one; ``If-None-Match`` is answered with 304.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

from smokesentry.clock import to_wire


class Snapshots:
    """The server and its newest frames. ``fetched`` holds the paths that anybody has asked for with success."""

    def __init__(self) -> None:
        self._frames: dict[str, tuple[bytes, datetime, int]] = {}
        self._lock = Lock()
        self.fetched: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, name="snapshots", daemon=True)
        self._thread.start()

    @property
    def base(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def put(self, path: str, jpeg: bytes, at_unix_s: float) -> None:
        """Makes ``jpeg`` the newest frame of a path."""
        with self._lock:
            number = self._frames[path][2] + 1 if path in self._frames else 1
            self._frames[path] = (jpeg, datetime.fromtimestamp(at_unix_s, UTC), number)

    def close(self) -> None:
        """Stops answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _newest(self, path: str) -> tuple[bytes, datetime, int] | None:
        with self._lock:
            return self._frames.get(path)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        snapshots = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_GET(self) -> None:
                path = self.path.split("?", 1)[0]
                newest = snapshots._newest(path)
                if newest is None:
                    self.send_error(HTTPStatus.NOT_FOUND, "no such camera; the address is /GATEWAY/CAMERA.jpg")
                    return
                jpeg, at, number = newest
                tag = f'"{number}"'
                same = self.headers.get("If-None-Match") == tag
                self.send_response(HTTPStatus.NOT_MODIFIED if same else HTTPStatus.OK)
                self.send_header("ETag", tag)
                self.send_header("Last-Modified", format_datetime(at, usegmt=True))
                self.send_header("X-Frame-Time", to_wire(at))
                self.send_header("Cache-Control", "no-store")
                self.send_header("Content-Type", "image/jpeg")
                self.send_header("Content-Length", "0" if same else str(len(jpeg)))
                self.end_headers()
                if not same:
                    self.wfile.write(jpeg)
                snapshots.fetched.add(path)

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing: two cameras are asked four times a second."""

        return Handler
