"""Uploads through the real server process: TLS with client certificates, resumption, kill -9, rivals."""

from __future__ import annotations

import hashlib
import http.client
import os
import signal
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud_ingest.evidence.blobs import FolderStore
from cloud_ingest.identity.authority import Subject
from cloud_ingest.identity.ca_folder import CaFolder
from lab.processes import free_port, port_answers

CLIP = b"\xff\xd8\xff\xe0" + os.urandom(3_000_000) + b"\xff\xd9"
DIGEST = hashlib.sha256(CLIP).hexdigest()


class Bench:
    """An authority, a server process of its own, and gateways that talk to it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now = folder, datetime.now(UTC)
        self.authority = CaFolder.create(folder / "ca", self.now)
        self.authority.enrol(Subject(name="cloud", role="cloud"), folder / "own", self.now)
        self.authority.enrol(Subject(name="door", role="broker", hosts=("localhost",)), folder / "door", self.now)
        for name, tenant in (("gw-1", "lab"), ("gw-2", "lab"), ("gw-else", "elsewhere")):
            self.authority.enrol(Subject(name=name, role="gateway", tenant=tenant), folder / name, self.now)
        self.port = free_port()
        own = 'certificate = "own/cloud.crt"\nkey = "own/cloud.key"\n'
        (folder / "cloud.toml").write_text(
            '[cloud]\nfolder = "cloud"\ntenants = ["lab"]\n[broker]\nplaintext = true\n'
            f'[ca]\nfolder = "ca"\n[signing]\n{own}'
            f'[evidence]\nhost = "127.0.0.1"\nport = {self.port}\nca = "door/ca.crt"\n'
            'certificate = "door/door.crt"\nkey = "door/door.key"\nblob_mb = 4\n'
        )
        self.process = self.start()

    def start(self) -> subprocess.Popen:
        command = [
            sys.executable,
            "-m",
            "smokesentry",
            "cloud",
            "evidence",
            "--config",
            str(self.folder / "cloud.toml"),
        ]
        with (self.folder / "server.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 240
        while not port_answers(self.port):
            assert process.poll() is None, (self.folder / "server.log").read_text()
            assert time.monotonic() < deadline, "the server did not come up"
            time.sleep(0.1)
        return process

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def connect(self, name: str, folder: str | None = None) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=self.folder / "door" / "ca.crt")
        here = self.folder / (folder or name)
        context.load_cert_chain(here / f"{name}.crt", here / f"{name}.key")
        return http.client.HTTPSConnection("localhost", self.port, context=context, timeout=60)

    def ask(self, name: str, method: str, digest: str, body: bytes | None = None, **headers: object):
        connection = self.connect(name)
        sent = {key.replace("_", "-"): str(value) for key, value in headers.items()}
        connection.request(method, f"/v1/evidence/{digest}", body=body, headers=sent)
        response = connection.getresponse()
        response.body = response.read()
        connection.close()
        return response

    def written(self, size: int) -> None:
        """Waits until so many bytes of gw-1's one upload lie on the disk."""
        (part,) = self.folder.glob("cloud/evidence/incoming/gw-1/*.part")
        deadline = time.monotonic() + 120
        while part.stat().st_size < size:
            assert time.monotonic() < deadline, "what was sent was not written"
            time.sleep(0.02)

    def begin(self, name: str, digest: str = DIGEST, length: int = len(CLIP), kind: str = "image/jpeg"):
        return self.ask(name, "POST", digest, Upload_Length=length, Content_Type=kind)


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.process.send_signal(signal.SIGTERM)
    bench.process.wait(60)


def test_a_clip_goes_up_in_pieces_across_a_killed_server_and_is_acknowledged_once_it_is_safe(bench):
    assert bench.ask("gw-1", "HEAD", DIGEST).status == 404
    begun = bench.begin("gw-1")
    assert (begun.status, begun.headers["upload-offset"]) == (201, "0")
    first = bench.ask("gw-1", "PATCH", DIGEST, CLIP[:1_000_000], Upload_Offset=0)
    assert (first.status, first.headers["upload-offset"], first.headers["upload-complete"]) == (204, "1000000", "?0")

    # The server dies in the middle of a piece: what it had written is the offset at which to go on.
    connection = bench.connect("gw-1")
    connection.putrequest("PATCH", f"/v1/evidence/{DIGEST}")
    connection.putheader("Upload-Offset", "1000000")
    connection.putheader("Content-Length", str(len(CLIP) - 1_000_000))
    connection.endheaders()
    connection.send(CLIP[1_000_000:2_200_000])
    bench.written(1_500_000)
    bench.kill()
    bench.process = bench.start()

    wrong = bench.ask("gw-1", "PATCH", DIGEST, b"", Upload_Offset=7)
    assert wrong.status == 409
    here = int(bench.ask("gw-1", "HEAD", DIGEST).headers["upload-offset"])
    assert here == int(wrong.headers["upload-offset"]) >= 1_500_000
    last = bench.ask("gw-1", "PATCH", DIGEST, CLIP[here:], Upload_Offset=here)
    assert (last.status, last.headers["upload-complete"]) == (201, "?1")
    assert b"".join(FolderStore(bench.folder / "cloud/evidence/blobs").read(DIGEST)) == CLIP
    assert not list(bench.folder.glob("cloud/evidence/incoming/*/*")), "nothing is left under way"
    for method in ("HEAD", "POST"):
        again = bench.ask("gw-1", method, DIGEST, Upload_Length=len(CLIP), Content_Type="image/jpeg")
        assert (again.status, again.headers["upload-complete"]) == (200, "?1")
    assert bench.ask("gw-2", "HEAD", DIGEST).status == 404, "another gateway learns nothing"


def test_only_enrolled_gateways_of_this_cloud_get_in(bench, tmp_path):
    stranger = CaFolder.create(tmp_path / "other-ca", bench.now)
    stranger.enrol(Subject(name="gw-1", role="gateway", tenant="lab"), tmp_path / "foreign", bench.now)
    connection = bench.connect("gw-1", "foreign")
    with pytest.raises((ssl.SSLError, OSError)):  # TLS 1.3: the refusal comes with the first answer
        connection.request("HEAD", f"/v1/evidence/{DIGEST}")
        connection.getresponse()
    bare = ssl.create_default_context(cafile=bench.folder / "door" / "ca.crt")
    with pytest.raises((ssl.SSLError, OSError)):
        connection = http.client.HTTPSConnection("localhost", bench.port, context=bare, timeout=60)
        connection.request("HEAD", f"/v1/evidence/{DIGEST}")
        connection.getresponse()
    assert bench.begin("gw-else").status == 403
    assert bench.begin("gw-2").status == 201
    bench.authority.revoke("gw-2", "stolen", datetime.now(UTC))
    refused = bench.begin("gw-2")
    assert refused.status == 403 and b"revoked" in refused.body
    assert bench.begin("gw-1").status == 201, "the others are not disturbed"


def test_what_is_refused_is_said_in_words_and_the_server_goes_on(bench):
    assert bench.begin("gw-1", "no-digest").status == 400
    assert bench.ask("gw-1", "POST", DIGEST, Content_Type="image/jpeg").status == 400
    assert bench.begin("gw-1", kind="text/html").status == 415
    assert bench.begin("gw-1", length=4_000_001).status == 413
    assert bench.ask("gw-1", "PATCH", DIGEST, b"x", Upload_Offset=0).status == 404
    assert bench.begin("gw-1", "a" * 64, 4).status == 201
    forged = bench.ask("gw-1", "PATCH", "a" * 64, b"abcd", Upload_Offset=0)
    assert (forged.status, forged.headers["upload-offset"]) == (422, "0")
    page = b"<html><script>alert(1)</script></html>"
    digest = hashlib.sha256(page).hexdigest()
    assert bench.begin("gw-1", digest, len(page)).status == 201
    disguised = bench.ask("gw-1", "PATCH", digest, page, Upload_Offset=0)
    assert disguised.status == 415 and b'"cause":"content"' in disguised.body
    assert bench.begin("gw-1", "b" * 64, 3).status == 201
    assert bench.ask("gw-1", "PATCH", "b" * 64, b"abcd", Upload_Offset=0).status == 400


def test_gateways_upload_at_once_and_a_stuck_request_gives_way_to_a_newer_one(bench):
    documents = [b'["%d", "%s"]' % (n, b"x" * 400_000) for n in range(12)]

    def upload(data: bytes) -> int:
        digest, name = hashlib.sha256(data).hexdigest(), f"gw-{len(data) % 2 + 1}"
        assert bench.begin(name, digest, len(data), "application/json").status == 201
        half = len(data) // 2
        assert bench.ask(name, "PATCH", digest, data[:half], Upload_Offset=0).status == 204
        return bench.ask(name, "PATCH", digest, data[half:], Upload_Offset=half).status

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(upload, documents)) == [201] * 12

    assert bench.begin("gw-1").status == 201
    stuck = bench.connect("gw-1")  # a mobile line that died without a word
    stuck.putrequest("PATCH", f"/v1/evidence/{DIGEST}")
    stuck.putheader("Upload-Offset", "0")
    stuck.putheader("Content-Length", str(len(CLIP)))
    stuck.endheaders()
    stuck.send(CLIP[:1_000_000])
    bench.written(512 * 1024)  # the request has its turn; what else came of it waits for more that never comes
    here = int(bench.ask("gw-1", "HEAD", DIGEST).headers["upload-offset"])
    assert bench.ask("gw-1", "PATCH", DIGEST, CLIP[here:], Upload_Offset=here).status == 201
    stuck.close()
