"""Uploads over HTTPS with client certificates: ``POST``, ``HEAD`` and ``PATCH`` of ``/v1/evidence/SHA256``.

Whoever connects has a certificate of our authority (TLS sees to it); which gateway it is, and whether it still counts,
the registry says at every request. The protocol is described in docs/evidence-upload.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from cryptography import x509
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from cloud_ingest.evidence.intake import Intake, Refused, Sender
from cloud_ingest.identity.registry import Registry
from smokesentry.identity import IdentityError, public_key_of
from smokesentry.messages.envelope import key_id

_log = logging.getLogger(__name__)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PIECE = 512 * 1024  # bytes gathered before they go to the disk
_SILENCE_S = 60.0  # a body of which nothing comes for so long has ended
_FORGET_S, _LOOK_S = 14 * 86400.0, 3600.0
_MAX_CONNECTIONS = 512


class _Certified(H11Protocol):
    """uvicorn's HTTP protocol, which tells the application who is at the other end (``request.state``)."""

    def connection_made(self, transport: Any) -> None:
        secured = transport.get_extra_info("ssl_object")
        certificate = secured.getpeercert(binary_form=True) if secured is not None else None
        self.app_state = {**self.app_state, "certificate": certificate}
        super().connection_made(transport)


class Uploads:
    """The three requests. One instance a process."""

    def __init__(self, intake: Intake, registry: Registry, tenants: frozenset[str]) -> None:
        self._intake = intake
        self._registry = registry
        self._tenants = tenants
        self._turns: dict[tuple[str, str], int] = defaultdict(int)  # the newest request of an upload wins
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # one a gateway: its uploads take turns

    def app(self) -> Starlette:
        """The application."""
        routes = [Route("/v1/evidence/{digest}", self._answer, methods=["POST", "HEAD", "PATCH"])]
        return Starlette(routes=routes, lifespan=self._lifespan)

    async def _answer(self, request: Request) -> Response:
        try:
            sender = self._sender(request)
            digest = request.path_params["digest"]
            if not _DIGEST.fullmatch(digest):
                raise Refused(400, "digest", "the address ends with the SHA-256 of the content, 64 hexadecimal digits")
            if request.method == "PATCH":
                return await self._patch(request, sender, digest)
            return await (self._post if request.method == "POST" else self._head)(request, sender, digest)
        except Refused as refused:
            _log.warning("upload refused (%s): %s", refused.cause, refused)
            headers = {"connection": "close"} if request.method == "PATCH" else {}  # the body was not read to its end
            if refused.offset is not None:
                headers["upload-offset"] = str(refused.offset)
            if refused.status in (503, 507):
                headers["retry-after"] = "300"
            said = {"cause": refused.cause, "message": str(refused)}
            return JSONResponse(said, refused.status, headers)

    def _sender(self, request: Request) -> Sender:
        der = getattr(request.state, "certificate", None)
        if der is None:
            raise Refused(401, "certificate", "no client certificate")
        try:
            entry = self._registry.holder_of(key_id(public_key_of(x509.load_der_x509_certificate(der))))
        except (ValueError, IdentityError) as error:
            raise Refused(401, "certificate", f"the certificate cannot be read: {error}") from error
        if entry is None:
            raise Refused(403, "revoked", "the certificate's key is revoked, expired or was never enrolled")
        if entry.role != "gateway" or entry.tenant not in self._tenants:
            raise Refused(403, "role", f"{entry.name} is no gateway of a town that is served here")
        return Sender(entry.name, entry.tenant)

    async def _head(self, _request: Request, sender: Sender, digest: str) -> Response:
        upload, stored = await asyncio.to_thread(self._intake.progress, sender, digest)
        if stored:
            return Response(status_code=200, headers={"upload-complete": "?1"})
        if upload is None:
            return Response(status_code=404)
        headers = {"upload-offset": str(upload.offset), "upload-length": str(upload.length), "upload-complete": "?0"}
        return Response(status_code=200, headers=headers)

    async def _post(self, request: Request, sender: Sender, digest: str) -> Response:
        _, stored = await asyncio.to_thread(self._intake.progress, sender, digest)
        if stored:
            return Response(status_code=200, headers={"upload-complete": "?1"})
        length = _number(request, "upload-length")
        content_type = request.headers.get("content-type", "")
        async with self._locks[sender.gateway]:
            upload = await asyncio.to_thread(self._intake.begin, sender, digest, length, content_type)
        return Response(status_code=201, headers={"upload-offset": str(upload.offset), "upload-complete": "?0"})

    async def _patch(self, request: Request, sender: Sender, digest: str) -> Response:
        upload, stored = await asyncio.to_thread(self._intake.progress, sender, digest)
        if stored:
            return Response(status_code=201, headers={"upload-complete": "?1", "connection": "close"})
        if upload is None:
            raise Refused(404, "unknown", "no such upload is under way; begin with POST")
        key = (sender.gateway, digest)
        self._turns[key] = turn = self._turns[key] + 1
        offset = _number(request, "upload-offset")
        if offset != upload.offset:
            raise Refused(409, "offset", f"{upload.offset} bytes are here; go on there", upload.offset)
        async for piece in _pieces(request):
            async with self._locks[sender.gateway]:
                if self._turns[key] != turn:
                    raise Refused(409, "overtaken", "a newer request of this gateway goes on with this upload")
                offset = await asyncio.to_thread(self._intake.append, upload, offset, piece)
        if offset < upload.length:
            return Response(status_code=204, headers={"upload-offset": str(offset), "upload-complete": "?0"})
        async with self._locks[sender.gateway]:
            await asyncio.to_thread(self._intake.finish, sender, upload)
        self._turns.pop(key, None)
        _log.info("%s of %s: %s, %d bytes, stored", digest, sender.gateway, upload.content_type, upload.length)
        return Response(status_code=201, headers={"upload-offset": str(offset), "upload-complete": "?1"})

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(self._tidy())
        yield
        task.cancel()

    async def _tidy(self) -> None:
        while True:
            count = await asyncio.to_thread(self._intake.staging.forget_older_than, _FORGET_S)
            if count:
                _log.info("%d uploads that nobody went on with were forgotten", count)
            await asyncio.sleep(_LOOK_S)


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces for the disk. A broken or silent connection ends it; what has come counts."""
    stream, gathered = request.stream().__aiter__(), bytearray()
    while True:
        try:
            chunk = await asyncio.wait_for(anext(stream), _SILENCE_S)
        except (StopAsyncIteration, ClientDisconnect, TimeoutError):
            break
        gathered += chunk
        if len(gathered) >= _PIECE:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


def _number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise Refused(400, "header", f"header {name}: expected a number of bytes, got {text[:40]!r}")
    return int(text)


def server(uploads: Uploads, host: str, port: int, *, ca: Path, certificate: Path, key: Path) -> uvicorn.Server:
    """A server that runs until SIGTERM by :meth:`uvicorn.Server.run`. TLS 1.3, client certificates required."""
    config = uvicorn.Config(
        uploads.app(), host=host, port=port, http=_Certified, ws="none", log_level="warning", access_log=False,
        ssl_certfile=certificate, ssl_keyfile=key, ssl_ca_certs=str(ca), ssl_cert_reqs=ssl.CERT_REQUIRED,
        limit_concurrency=_MAX_CONNECTIONS, timeout_graceful_shutdown=5,
    )  # fmt: skip
    config.load()
    assert config.ssl is not None
    config.ssl.minimum_version = ssl.TLSVersion.TLSv1_3
    return uvicorn.Server(config)
