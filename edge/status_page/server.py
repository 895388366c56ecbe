"""Serves the page and the metrics on the loopback. It reads; nothing can be changed through it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlsplit

from edge.status_page.metrics import metrics_text
from edge.status_page.render import Language, page

_log = logging.getLogger("edge.status_page")
_AGAIN_S = 60.0
_REQUEST_S = 10.0
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


@dataclass(slots=True)
class StatusPage:
    """Runs in a loop of its own. A port that another process has is asked for again; nothing else waits for it."""

    port: int
    status: Callable[[], dict[str, Any]]
    bound: int | None = None  # where it listens

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set."""
        server: ThreadingHTTPServer | None = None
        while server is None and not stop.is_set():
            try:
                server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self.status))
            except OSError as error:
                _log.warning("status page: port %d cannot be had (%s)", self.port, error.strerror)
                stop.wait(_AGAIN_S)
        if server is None:
            return
        server.daemon_threads = True
        self.bound = server.server_port
        _log.info("status page: http://127.0.0.1:%d/", self.bound)
        server.timeout = 1.0
        try:
            while not stop.is_set():
                server.handle_request()
        finally:
            server.server_close()


def _handler(status: Callable[[], dict[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _REQUEST_S

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            if self.headers.get("Host", "").rpartition(":")[0] not in ("127.0.0.1", "localhost"):
                self._answer(403, "text/plain", b"this page is for 127.0.0.1 and localhost")  # no rebound names
            elif address.path == "/":
                self._answer(200, "text/html; charset=utf-8", page(status(), self._language(address.query)).encode())
            elif address.path == "/page.css":
                self._answer(200, "text/css", _style())
            elif address.path == "/metrics":
                self._answer(200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(status()))
            elif address.path == "/status.json":
                self._answer(200, "application/json", json.dumps(status(), ensure_ascii=False).encode())
            else:
                self._answer(404, "text/plain", b"there are /, /metrics and /status.json")

        def _language(self, query: str) -> Language:
            wanted = parse_qs(query).get("lang", [""])[0]
            if wanted in ("en", "zh"):
                return "zh" if wanted == "zh" else "en"
            return "zh" if self.headers.get("Accept-Language", "zh").lower().startswith("zh") else "en"

        def _answer(self, code: int, kind: str, body: bytes) -> None:
            self.send_response(code)
            for name, value in {**_HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    return Handler


@cache
def _style() -> bytes:
    return (files(__package__) / "page.css").read_bytes()
