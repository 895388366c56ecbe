"""What the gateway's two small web pages have in common: a server that ends in order, and answers that no other site's
page can ask for."""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_log = logging.getLogger("edge.local_web")
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Answers(BaseHTTPRequestHandler):
    """A request's handler. ``policy`` is the page's Content-Security-Policy."""

    policy: str
    timeout = 15.0
    server_version, sys_version = "smokesentry", ""

    def host_is_ours(self) -> bool:
        """An address in digits or localhost: a stranger's page cannot make its own name point here."""
        try:
            host = urlsplit("//" + self.headers.get("Host", "")).hostname or ""
            return host == "localhost" or bool(ipaddress.ip_address(host))
        except ValueError:
            return False

    def send(self, status: int, content_type: str, body: bytes, more: dict[str, str] | None = None) -> None:
        """One whole answer."""
        self.send_response(status)
        told = {"Content-Type": content_type, "Content-Length": str(len(body))}
        for name, value in {**_HEADERS, "Content-Security-Policy": self.policy, **(more or {}), **told}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: two pictures a second would bury the log."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A phone that went away in the middle of an answer is not worth a trace."""
        _log.debug("a request of %s broke off", client_address, exc_info=True)


class _Server6(_Server):
    address_family = socket.AF_INET6


def listen(host: str, port: int, handler: type[Answers]) -> ThreadingHTTPServer:
    """Bound, not serving yet. Raises ``OSError`` when the port is taken."""
    return (_Server6 if ":" in host else _Server)((host, port), handler)


def serve(server: ThreadingHTTPServer, stop: threading.Event) -> None:
    """Until ``stop`` is set."""
    thread = threading.Thread(target=server.serve_forever, name="page requests", daemon=True)
    thread.start()
    try:
        while not stop.wait(1.0):
            pass
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
