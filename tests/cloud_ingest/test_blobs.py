"""What counts as evidence by its bytes; where blobs lie; Amazon's signature. No network but a stand-in on loopback."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import struct
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.evidence.blobs import BlobError, FolderStore
from cloud_ingest.evidence.content import kind_of
from cloud_ingest.evidence.intake import Intake, Limits, Refused, Sender
from cloud_ingest.evidence.s3 import Keys, S3Store, signed_headers
from cloud_ingest.evidence.staging import Staging

JPEG = b"\xff\xd8\xff\xe0" + b"x" * 50 + b"\xff\xd9"
WEBP = b"RIFF" + struct.pack("<I", 4 + 8 + 6) + b"WEBPVP8 " + struct.pack("<I", 6) + b"abcdef"
MP4 = struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + struct.pack(">I4s", 12, b"moov") + b"abcd"
WEBM = b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm" + b"\x18\x53\x80\x67\x83abc"
GOOD = {
    "image/jpeg": JPEG,
    "image/webp": WEBP,
    "video/mp4": MP4,
    "video/webm": WEBM,
    "application/json": b'{"clip": [1, 2, "\xe7\x83\x9f"]}',
    "application/cbor": b"\xa2\x61a\x01\x61b\x82\x18\x20\x44abcd",
}


@pytest.mark.parametrize("kind", GOOD)
def test_each_kind_is_known_by_its_bytes_and_only_when_it_is_whole(kind):
    good = GOOD[kind]
    assert kind_of(good) == kind
    assert kind_of(good + b"<script>") is None, "nothing may ride behind the end"
    assert kind_of(good[:-1]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"", b"MZ\x90\x00" + b"\0" * 60, b"\x7fELF", b"PK\x03\x04", b"%PDF-1.7", b"<svg onload='x'/>", b"#!/bin/sh\n",
        b"GIF89a", b"\x89PNG\r\n", b"just text", b"123", b'{"open": ', b"[" * 100_000, b"\xff\xfe{\0}\0",
        b"\x9f\x01\xff",  # CBOR of indefinite length
        b"\x81" * 5000,  # CBOR nested without end
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",  # CBOR that claims 2**64 items
        b"\x00\x00\x00\x10ftypqt  \x00\x00\x00\x00",  # a QuickTime film
        struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + struct.pack(">I4s", 0, b"moov"),
    ],
)  # fmt: skip
def test_everything_else_is_none_of_ours(data):
    assert kind_of(data) is None


@given(st.binary(max_size=400), st.sampled_from([b"", *GOOD.values()]), st.integers(0, 60))
def test_no_bytes_whatever_make_it_fail(noise, good, at):
    assert kind_of(good[:at] + noise + good[at:]) in {None, *GOOD}


def test_a_folder_keeps_a_blob_once_read_only_and_under_its_digest(tmp_path):
    store, source = FolderStore(tmp_path / "blobs"), tmp_path / "part"
    source.write_bytes(JPEG)
    digest = hashlib.sha256(JPEG).hexdigest()
    assert store.size(digest) is None
    for _ in range(2):
        store.put(digest, source, "image/jpeg")
    assert store.size(digest) == len(JPEG)
    assert b"".join(store.read(digest)) == JPEG
    assert [p.name for p in (tmp_path / "blobs").rglob("*") if p.is_file()] == [digest], "nothing half-made is left"
    source.unlink()
    assert b"".join(store.read(digest)) == JPEG
    store.delete(digest)
    store.delete(digest)
    assert store.size(digest) is None
    with pytest.raises(BlobError, match="cannot be read"):
        list(store.read(digest))


def test_the_signature_is_that_of_amazons_published_example():
    """docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "GET Object"."""
    headers = {"host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9"}
    keys = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
    empty = hashlib.sha256(b"").hexdigest()
    signed = signed_headers("GET", "/test.txt", headers, empty, datetime(2013, 5, 24, tzinfo=UTC), keys)
    assert signed["Authorization"].endswith("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")


class _Bucket(BaseHTTPRequestHandler):
    """Enough of S3 to talk to; it checks the body's digest as the real one does. No proof of compatibility."""

    objects: dict[str, bytes]
    broken = False

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        fits = hashlib.sha256(body).hexdigest() == self.headers["x-amz-content-sha256"] and not self.broken
        if fits and "Signature=" in self.headers["authorization"]:
            self.objects[self.path] = body
        self._say(200 if fits else 503, b"")

    def do_HEAD(self):
        self._say(200 if self.path in self.objects else 404, self.objects.get(self.path, b""))

    do_GET = do_HEAD

    def do_DELETE(self):
        self.objects.pop(self.path, None)
        self._say(204, b"")

    def _say(self, status, body):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def bucket():
    handler = type("Bucket", (_Bucket,), {"objects": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield handler, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_object_store_takes_gives_and_says_when_it_cannot(tmp_path, bucket):
    handler, endpoint = bucket
    store, source = S3Store(endpoint, "evidence", Keys("a", "b", "us-east-1")), tmp_path / "part"
    source.write_bytes(JPEG)
    digest = hashlib.sha256(JPEG).hexdigest()
    assert store.size(digest) is None
    store.put(digest, source, "image/jpeg")
    assert list(handler.objects) == [f"/evidence/sha256/{digest}"]
    assert store.size(digest) == len(JPEG)
    assert b"".join(store.read(digest)) == JPEG
    store.delete(digest)
    with pytest.raises(BlobError, match="404"):
        list(store.read(digest))
    handler.broken = True
    with pytest.raises(BlobError, match="503"):
        store.put(digest, source, "image/jpeg")
    with pytest.raises(BlobError, match="does not answer"):
        S3Store("http://127.0.0.1:1", "evidence", Keys("a", "b", "r")).size(digest)


@pytest.fixture
def intake(engine, tmp_path):
    staging = Staging(tmp_path / "incoming")
    limits = Limits(blob=10_000, gateway=20_000, tenant=30_000)
    store = FolderStore(tmp_path / "blobs")
    yield Intake(engine, staging, store, limits, lambda: "2026-11-22T19:00:00.000Z")
    staging.close()


def _upload(intake: Intake, sender: Sender, data: bytes, kind: str = "application/json") -> str:
    digest = hashlib.sha256(data).hexdigest()
    intake.append(intake.begin(sender, digest, len(data), kind), 0, data)
    upload, _ = intake.progress(sender, digest)
    assert upload is not None
    intake.finish(sender, upload)
    return digest


def _document(size: int, mark: str) -> bytes:
    return json.dumps([mark, "x" * (size - 8 - len(mark))]).encode()


def test_quotas_count_what_is_stored_and_what_is_on_its_way(intake):
    one, two = Sender("gw-1", "lab"), Sender("gw-2", "lab")
    for mark in ("a", "b"):
        _upload(intake, one, _document(8000, mark))
    with pytest.raises(Refused, match="its limit is 20000") as refused:
        _upload(intake, one, _document(8000, "c"))
    assert (refused.value.status, refused.value.cause) == (507, "quota_gateway")
    _upload(intake, two, _document(8000, "a"))  # the same bytes of another gateway: proven anew, counted for it as well
    intake.begin(two, "f" * 64, 5000, "application/json")
    with pytest.raises(Refused, match="town lab") as refused:
        intake.begin(two, "e" * 64, 3000, "application/json")
    assert refused.value.cause == "quota_tenant"


def test_what_does_not_fit_its_digest_or_type_is_refused_and_forgotten(intake):
    sender, data = Sender("gw-1", "lab"), b"#!/bin/sh\nrm -rf /\n"
    with pytest.raises(Refused) as refused:
        _upload(intake, sender, data, "image/jpeg")
    assert (refused.value.status, refused.value.cause, refused.value.offset) == (415, "content", 0)
    upload = intake.begin(sender, "0" * 64, 4, "image/jpeg")
    intake.append(upload, 0, b"abcd")
    with pytest.raises(Refused) as refused:
        intake.finish(sender, intake.progress(sender, "0" * 64)[0])
    assert (refused.value.status, refused.value.cause) == (422, "digest")
    assert intake.progress(sender, "0" * 64) == (None, False)
    for kind, length, status in (("text/html", 10, 415), ("image/jpeg", 0, 413), ("image/jpeg", 10_001, 413)):
        with pytest.raises(Refused) as refused:
            intake.begin(sender, "1" * 64, length, kind)
        assert refused.value.status == status
    with pytest.raises(Refused, match="were announced"):
        intake.append(intake.begin(sender, "1" * 64, 3, "image/jpeg"), 0, b"abcd")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_as_such_and_costs_nothing(intake, tmp_path):
    sender = Sender("gw-1", "lab")
    upload = intake.begin(sender, "2" * 64, 5000, "image/jpeg")
    part = tmp_path / "incoming" / "gw-1" / f"{'2' * 64}.part"
    part.unlink()
    part.symlink_to("/dev/full")  # the kernel's own full disk
    with pytest.raises(Refused) as refused:
        intake.append(upload, 0, b"x" * 5000)
    assert (refused.value.status, refused.value.cause) == (507, "disk_full")
    assert refused.value.__cause__.errno == errno.ENOSPC


def test_one_process_owns_the_uploads_under_way_and_old_ones_are_forgotten(tmp_path):
    staging = Staging(tmp_path / "in")
    with pytest.raises(BlockingIOError):
        Staging(tmp_path / "in")
    for number, age_s in enumerate((0, 10_000)):
        upload = staging.begin("gw-1", str(number) * 64, 10, "image/jpeg")
        staging.append(upload, 0, b"abc")
        part = tmp_path / "in" / "gw-1" / f"{str(number) * 64}.part"
        os.utime(part, (part.stat().st_mtime - age_s,) * 2)
    assert staging.forget_older_than(5000) == 1
    assert [upload.digest for upload in staging.pending("gw-1")] == ["0" * 64]
    assert staging.begin("gw-1", "0" * 64, 10, "image/jpeg").offset == 3, "goes on where it was"
    assert staging.begin("gw-1", "0" * 64, 11, "image/jpeg").offset == 0, "announced anew: begins anew"
    staging.close()
