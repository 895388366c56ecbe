"""The gateway's side of TLS: its own authority, its own certificate, the broker's name checked."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

_PATIENCE_S = 5.0
_REFUSAL_COMES_WITHIN_S = 2.0  # over a slow mobile connection


def client_context(ca: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """Trusts only ``ca`` and presents the gateway's certificate. Raises ``OSError`` for files that cannot be used."""
    context = ssl.create_default_context(cafile=str(ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(str(certificate), str(key))
    return context


def try_broker(host: str, port: int, context: ssl.SSLContext | None) -> None:
    """Connects and, with a context, shakes hands both ways. Raises ``OSError`` (``ssl.SSLError`` is one)."""
    with socket.create_connection((host, port), timeout=_PATIENCE_S) as plain:
        if context is None:
            return
        with context.wrap_socket(plain, server_hostname=host) as secured:
            # TLS 1.3: a broker that does not like our certificate says so only after the handshake.
            secured.settimeout(_REFUSAL_COMES_WITHIN_S)
            try:
                refusal = secured.recv(1)
            except TimeoutError:
                return
            if not refusal:
                raise ConnectionResetError("the broker closed the connection after seeing this gateway's certificate")
