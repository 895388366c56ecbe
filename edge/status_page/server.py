"""Serves the page and the metrics on the loopback. It reads; nothing can be changed through it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from http.server import ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlsplit

from edge.local_web import Answers, listen, serve
from edge.status_page.metrics import metrics_text
from edge.status_page.render import page
from smokesentry.sentences import Language, choose_language

_log = logging.getLogger("edge.status_page")
_AGAIN_S = 60.0


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
                server = listen("127.0.0.1", self.port, _handler(self.status))
            except OSError as error:
                _log.warning("status page: port %d cannot be had (%s)", self.port, error.strerror)
                stop.wait(_AGAIN_S)
        if server is None:
            return
        self.bound = server.server_port
        _log.info("status page: http://127.0.0.1:%d/", self.bound)
        serve(server, stop)


def _handler(status: Callable[[], dict[str, Any]]) -> type[Answers]:
    class Handler(Answers):
        policy = "default-src 'none'; style-src 'self'; frame-ancestors 'none'"

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            if not self.host_is_ours():
                self.send(403, "text/plain", b"this page is for 127.0.0.1 and localhost")
            elif address.path == "/":
                self.send(200, "text/html; charset=utf-8", page(status(), self._language(address.query)).encode())
            elif address.path == "/page.css":
                self.send(200, "text/css", _style())
            elif address.path == "/metrics":
                self.send(200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(status()))
            elif address.path == "/status.json":
                self.send(200, "application/json", json.dumps(status(), ensure_ascii=False).encode())
            else:
                self.send(404, "text/plain", b"there are /, /metrics and /status.json")

        def _language(self, query: str) -> Language:
            return choose_language(self.headers.get("Accept-Language"), parse_qs(query).get("lang", [""])[0])

    return Handler


@cache
def _style() -> bytes:
    return (files(__package__) / "page.css").read_bytes()
