"""Clips over real TLS to a small server that speaks the protocol, breaks off, forgets and refuses."""

from __future__ import annotations

import hashlib
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cloud_ingest.identity.authority import Subject
from cloud_ingest.identity.ca_folder import CaFolder
from edge.tls import client_context
from edge.upload import REFUSED_FOLDER, NotTaken, Uploader


class Cloud:
    """What docs/cloud_ingest.md, "Evidence", says of the three requests, in memory."""

    def __init__(self, ca: Path, certificate: Path, key: Path) -> None:
        self.blobs: dict[str, bytes] = {}
        self.parts: dict[str, tuple[int, bytearray]] = {}
        self.peers: set[str] = set()
        self.requests: list[tuple[str, int]] = []
        self.breaks_after: int | None = None  # bytes of a body, then the connection breaks
        self.refuses: set[str] = set()  # content types
        self.moves_back = 0
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                digest = cloud.note(self)
                if digest in cloud.blobs:
                    self.answer(200, {"Upload-Complete": "?1"})
                elif digest in cloud.parts:
                    self.answer(200, {"Upload-Offset": str(len(cloud.parts[digest][1])), "Upload-Complete": "?0"})
                else:
                    self.answer(404, {})

            def do_POST(self) -> None:
                digest = cloud.note(self)
                if self.headers["Content-Type"] in cloud.refuses:
                    self.answer(415, {})
                    return
                cloud.parts[digest] = (int(self.headers["Upload-Length"]), bytearray())
                self.answer(201, {"Upload-Offset": "0", "Upload-Complete": "?0"})

            def do_PATCH(self) -> None:
                digest = cloud.note(self)
                length, part = cloud.parts[digest]
                size = int(self.headers["Content-Length"])
                if cloud.breaks_after is not None and size > cloud.breaks_after:
                    part += self.rfile.read(cloud.breaks_after)
                    cloud.breaks_after = None
                    self.connection.close()
                    return
                body = self.rfile.read(size)
                if int(self.headers["Upload-Offset"]) != len(part):
                    self.answer(409, {"Upload-Offset": str(len(part))})
                    return
                part += body
                if cloud.moves_back:
                    cloud.moves_back -= 1
                    del part[len(part) // 2 :]
                if len(part) < length:
                    self.answer(204, {"Upload-Offset": str(len(part)), "Upload-Complete": "?0"})
                    return
                whole = bytes(cloud.parts.pop(digest)[1])
                if hashlib.sha256(whole).hexdigest() != digest:
                    self.answer(422, {"Upload-Offset": "0"})
                    return
                cloud.blobs[digest] = whole
                self.answer(201, {"Upload-Offset": str(length), "Upload-Complete": "?1"})

            def answer(self, status: int, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def note(self, handler: Any) -> str:
        subject = dict(part[0] for part in handler.connection.getpeercert()["subject"])
        self.peers.add(subject["commonName"])
        digest = handler.path.rpartition("/")[2]
        self.requests.append((handler.command, int(handler.headers.get("Content-Length") or 0)))
        return digest


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("town")
    ca = CaFolder.create(folder / "ca", datetime.now(UTC))
    ca.enrol(Subject("cloud", "broker", None, ("localhost", "127.0.0.1")), folder / "cloud", datetime.now(UTC))
    ca.enrol(Subject("gw-1", "gateway", "town", ()), folder / "gw-1", datetime.now(UTC))
    return folder


@pytest.fixture
def cloud(town: Path) -> Iterator[Cloud]:
    there = Cloud(town / "ca" / "ca.crt", town / "cloud" / "cloud.crt", town / "cloud" / "cloud.key")
    yield there
    there.server.shutdown()
    there.server.server_close()


@pytest.fixture
def uploader(town: Path, cloud: Cloud, tmp_path: Path) -> Uploader:
    mine = town / "gw-1"

    def tls() -> ssl.SSLContext:
        return client_context(mine / "ca.crt", mine / "gw-1.crt", mine / "gw-1.key")

    return Uploader(f"https://localhost:{cloud.server.server_port}", tls, tmp_path, lambda: False)


def put(outbox: Path, content: bytes, suffix: str = ".webp") -> str:
    digest = hashlib.sha256(content).hexdigest()
    (outbox / f"{digest}{suffix}").write_bytes(content)
    (outbox / f"{digest}.json").write_text(f'{{"digest": "sha256:{digest}"}}')
    return digest


def test_clip_and_manifest_arrive_under_the_gateways_certificate_and_leave_the_outbox(
    uploader: Uploader, cloud: Cloud
) -> None:
    content = bytes(range(256)) * 1500
    digest = put(uploader.outbox, content)
    uploader.deliver_all(threading.Event())
    assert cloud.blobs[digest] == content
    assert sorted(cloud.blobs.values(), key=len)[0] == f'{{"digest": "sha256:{digest}"}}'.encode()
    assert cloud.peers == {"gw-1"}
    assert list(uploader.outbox.iterdir()) == []
    assert uploader.counts["evidence_uploaded"] == 1


def test_a_broken_connection_goes_on_where_the_cloud_says(uploader: Uploader, cloud: Cloud) -> None:
    content = bytes(range(256)) * 1500
    digest = put(uploader.outbox, content)
    cloud.breaks_after = 50_000
    with pytest.raises((OSError, HTTPException)):
        uploader.deliver_all(threading.Event())
    assert digest not in cloud.blobs
    kept = len(cloud.parts[digest][1])
    cloud.requests.clear()
    uploader.deliver_all(threading.Event())
    assert cloud.blobs[digest] == content
    assert kept == 50_000
    assert sum(size for method, size in cloud.requests if method == "PATCH") < len(content), "not from the beginning"


def test_a_wrong_offset_is_corrected_by_the_answer(uploader: Uploader, cloud: Cloud) -> None:
    content = bytes(range(256)) * 2000
    digest = put(uploader.outbox, content)
    cloud.moves_back = 2
    uploader.deliver_all(threading.Event())
    assert cloud.blobs[digest] == content


def test_what_the_cloud_has_is_not_sent_again(uploader: Uploader, cloud: Cloud) -> None:
    digest = put(uploader.outbox, b"x" * 1000)
    cloud.blobs[digest] = b"x" * 1000
    uploader.deliver_all(threading.Event())
    assert list(uploader.outbox.iterdir()) == []
    assert all(size < 1000 for _, size in cloud.requests)


def test_what_will_never_be_taken_is_set_aside_and_holds_up_nothing(uploader: Uploader, cloud: Cloud) -> None:
    cloud.refuses = {"application/x-tar"}
    bad = put(uploader.outbox, b"t" * 100, ".tar")
    good = put(uploader.outbox, b"g" * 100)
    uploader.deliver_all(threading.Event())
    assert good in cloud.blobs
    assert {path.name for path in (uploader.outbox / REFUSED_FOLDER).iterdir()} == {f"{bad}.tar", f"{bad}.json"}
    assert uploader.counts["evidence_refused"] == 1


def test_a_file_that_the_card_has_changed_is_set_aside(uploader: Uploader, cloud: Cloud) -> None:
    digest = put(uploader.outbox, b"g" * 100)
    (uploader.outbox / f"{digest}.webp").write_bytes(b"h" * 100)
    uploader.deliver_all(threading.Event())
    assert cloud.blobs == {}
    assert (uploader.outbox / REFUSED_FOLDER / f"{digest}.webp").exists()


def test_detections_go_first(uploader: Uploader, cloud: Cloud) -> None:
    put(uploader.outbox, b"x" * 1000)
    stop, waits = threading.Event(), [True]
    uploader.busy = lambda: waits[0]
    thread = threading.Thread(target=uploader.deliver_all, args=(stop,))
    thread.start()
    thread.join(1.0)
    assert thread.is_alive()
    assert not cloud.blobs
    waits[0] = False
    thread.join(60)
    assert len(cloud.blobs) == 2


def test_a_stranger_s_server_gets_nothing(uploader: Uploader, cloud: Cloud, tmp_path: Path) -> None:
    other = CaFolder.create(tmp_path / "other-ca", datetime.now(UTC))
    other.enrol(Subject("gw-1", "gateway", "town", ()), tmp_path / "me", datetime.now(UTC))
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    put(outbox, b"x" * 10)
    me = tmp_path / "me"
    tls: Callable[[], ssl.SSLContext] = lambda: client_context(me / "ca.crt", me / "gw-1.crt", me / "gw-1.key")  # noqa: E731
    with pytest.raises((OSError, NotTaken)):
        Uploader(uploader.address, tls, outbox, lambda: False).deliver_all(threading.Event())
    assert cloud.requests == []
