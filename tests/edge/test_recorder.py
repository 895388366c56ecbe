"""Clips of what happened: whole, bounded, provable, and of no concern to anybody else when the disk is full."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace

from edge.clips import Segment
from edge.commands import main
from edge.evidence_store import EvidenceStore
from edge.frames import frame_from_bytes
from edge.readings_log import ReadingsLog
from edge.recorder import Recorder
from edge.ring import Kept
from edge.verify import verify
from firmware_bridge.reading import Reading
from smokesentry.clock import Stamp, SystemClock, from_unix, to_wire
from smokesentry.identity import Identity
from smokesentry.messages.clips import read_link

UNIX_S = 1_795_000_000.0


# -- the store and its chain -------------------------------------------------------------------------------------------


def picture(seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 60, (96, 160, 3), np.uint8)
    return bytes(cv2.imencode(".jpg", noise)[1])


def segment(first: int = 0, count: int = 5, evidence: str = "a" * 32, preview: bool = False) -> Segment:
    frames = [
        Kept(n / 2, Stamp(UNIX_S + n / 2, n * 500_000_000), (160, 96), picture(n)) for n in range(first, first + count)
    ]
    return Segment("east", (evidence,), tuple(frames), preview)


@pytest.fixture
def identity(identity_of: Callable[[str], Identity]) -> Identity:
    return identity_of("gw-1")


@pytest.fixture
def store_of(tmp_path: Path, identity: Identity, clock: SystemClock) -> Callable[..., EvidenceStore]:
    def make(max_bytes: int = 10**9, least_free_bytes: int = 0) -> EvidenceStore:
        store = EvidenceStore(tmp_path / "evidence", "gw-1", identity.key, clock, max_bytes, least_free_bytes)
        store.open(["east"])
        return store

    return make


def checked(tmp_path: Path, identity: Identity) -> tuple[str, bool]:
    lines, good = verify(tmp_path / "evidence", identity.key.public_key())
    return "\n".join(lines), good


def test_what_is_kept_is_verified_and_unpacks_into_what_a_replay_takes(
    tmp_path: Path, identity: Identity, store_of: Callable[..., EvidenceStore], capsys: pytest.CaptureFixture[str]
) -> None:
    store = store_of()
    described = store.add(segment(count=30), 3, None, travels=False)
    assert described is not None
    store.add(segment(40), 3, None, travels=True)
    text, good = checked(tmp_path, identity)
    assert good, text
    assert "2 links, 2 files, 2 of them here" in text
    path = tmp_path / "evidence" / "kept" / f"{described.digest[7:]}.tar"
    link, _ = read_link(path.with_suffix(".json").read_bytes(), lambda _: identity.key.public_key())
    assert link.file == described
    (tmp_path / "frames").mkdir()
    with tarfile.open(path) as archive:
        for member in archive.getmembers():  # extractall's filter is not there before Python 3.11.4
            (tmp_path / "frames" / Path(member.name).name).write_bytes(archive.extractfile(member).read())  # type: ignore[union-attr]
    assert described.frames == len(json.loads((tmp_path / "frames" / "frames.json").read_text())) == 30
    taken = sorted((tmp_path / "frames").glob("*.jpg"))
    assert [file.read_bytes() for file in taken] == [picture(n) for n in range(30)], "the bytes that were judged"
    certificate = tmp_path / "gw.crt"
    certificate.write_bytes(identity.certificate.public_bytes(Encoding.PEM))
    order = ["verify", "--evidence", str(tmp_path / "evidence"), "--certificate", str(certificate)]
    assert main(order) == 0
    assert "good" in capsys.readouterr().out


@pytest.mark.parametrize(
    "harm", ["frame", "file removed", "link removed", "link changed", "links swapped", "other key"]
)
def test_whatever_is_changed_is_found(
    tmp_path: Path,
    identity: Identity,
    identity_of: Callable[[str], Identity],
    store_of: Callable[..., EvidenceStore],
    harm: str,
) -> None:
    store = store_of()
    files = [store.add(segment(10 * n), 1, None, travels=False) for n in range(4)]
    chain = tmp_path / "evidence" / "chain" / "east.00001.jsonl"
    lines = chain.read_bytes().splitlines(keepends=True)
    first = files[0]
    assert first is not None
    path = tmp_path / "evidence" / "kept" / f"{first.digest[7:]}.tar"
    judge = identity
    if harm == "frame":
        path.chmod(0o600)
        data = bytearray(path.read_bytes())
        data[700] ^= 1
        path.write_bytes(bytes(data))
    elif harm == "file removed":
        path.unlink()
    elif harm == "link removed":
        chain.write_bytes(b"".join(lines[:1] + lines[2:]))
    elif harm == "link changed":
        envelope = json.loads(lines[1])
        envelope["payload"] = envelope["payload"][:-8] + "AAAA" + envelope["payload"][-4:]
        chain.write_bytes(lines[0] + json.dumps(envelope).encode() + b"\n" + b"".join(lines[2:]))
    elif harm == "links swapped":
        chain.write_bytes(lines[0] + lines[2] + lines[1] + lines[3])
    else:
        judge = identity_of("gw-2")
    text, good = checked(tmp_path, judge)
    assert not good
    assert "PROBLEM" in text


def test_a_restart_and_a_torn_tail_are_links_of_their_own_at_every_place_of_the_tear(
    tmp_path: Path, identity: Identity, store_of: Callable[..., EvidenceStore]
) -> None:
    store = store_of()
    store.add(segment(0), 1, None, travels=False)
    store.add(segment(10), 1, None, travels=False)
    chain = tmp_path / "evidence" / "chain" / "east.00001.jsonl"
    whole = chain.read_bytes()
    second = whole.index(b"\n") + 1
    for at in (second, second + 1, len(whole) - 40, len(whole) - 1):
        chain.write_bytes(whole[:at])
        again = store_of()
        again.add(segment(20), 1, None, travels=False)
        text, _ = checked(tmp_path, identity)
        assert "PROBLEM line" not in text, text
        assert "restart" in text
        assert ("torn" in text) == (at != second), text
        for torn in chain.parent.glob("*.torn-*"):
            assert torn.read_bytes() == whole[second:at]
            torn.unlink()


def test_retention_leaves_a_tombstone_and_a_delivered_file_is_said_to_be_taken(
    tmp_path: Path, identity: Identity, store_of: Callable[..., EvidenceStore]
) -> None:
    one = len(b"".join(frame.jpeg for frame in segment().frames))
    store = store_of(max_bytes=4 * one + 20_000)
    for number in range(12):
        store.add(segment(10 * number), 1, None, travels=number == 3)
    assert store.counts["evidence_given_up"] > 3
    waiting = [path for path in (tmp_path / "evidence" / "outbox").iterdir() if path.suffix == ".tar"]
    assert len(waiting) == 1, "what waits to travel goes last"
    for path in (tmp_path / "evidence" / "outbox").iterdir():
        path.unlink()
    store.settle()
    text, good = checked(tmp_path, identity)
    assert good, text


def test_a_chain_goes_on_in_a_new_file(
    tmp_path: Path, identity: Identity, store_of: Callable[..., EvidenceStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.evidence_chain._ROTATE_BYTES", 3000)
    for _ in range(3):
        store = store_of()
        for number in range(4):
            store.add(segment(10 * number), 1, None, travels=False)
    assert len(list((tmp_path / "evidence" / "chain").glob("east.*.jsonl"))) > 2
    text, good = checked(tmp_path, identity)
    assert good, text
    assert "rotation" in text


def test_the_spools_room_is_not_taken(tmp_path: Path, store_of: Callable[..., EvidenceStore]) -> None:
    store = store_of(least_free_bytes=10**18)
    assert store.add(segment(), 1, None, travels=True) is None
    assert store.counts["evidence_not_kept"] == 1


def test_a_file_that_no_link_vouches_for_is_removed_at_the_start(store_of: Callable[..., EvidenceStore]) -> None:
    store = store_of()
    described = store.add(segment(), 1, None, travels=False)
    assert described is not None
    (store.kept / ("0" * 64 + ".tar")).write_bytes(b"written, but the power went before its link")
    (store.outbox / "half.tar.new").write_bytes(b"half")
    again = store_of()
    assert {path.name.split(".")[0] for path in again.kept.iterdir()} == {described.digest[7:]}
    assert list(again.outbox.iterdir()) == []


# -- readings ----------------------------------------------------------------------------------------------------------


def test_readings_of_two_hours_around_an_event_travel(tmp_path: Path) -> None:
    log = ReadingsLog(tmp_path)
    for minute in range(12 * 60):
        at = UNIX_S + 60 * minute
        log.add("pm-1", Reading("PMS7003", {"pm25_atm_ug_m3": minute % 50}, arrived_unix_s=at, arrived_mono_ns=1), at)
        if minute % 90 == 0:
            log.flush()
    log.flush()
    assert len(list(tmp_path.glob("*.gz"))) >= 11, "hours that are over are packed"
    begin, end = to_wire(from_unix(UNIX_S + 6 * 3600)), to_wire(from_unix(UNIX_S + 6.5 * 3600))
    rows = [json.loads(line) for line in gzip.decompress(log.around(begin, end)).splitlines()]
    assert rows[0]["at"] == to_wire(from_unix(UNIX_S + 4 * 3600))
    assert rows[-1]["at"] == to_wire(from_unix(UNIX_S + 8.5 * 3600))
    assert len(rows) == 4.5 * 60 + 1
    assert rows[0]["values"] == {"pm25_atm_ug_m3": 240 % 50}
    far = to_wire(from_unix(UNIX_S + 40 * 86400))
    assert log.around(far, far) == b""


# -- the whole recorder ------------------------------------------------------------------------------------------------


def test_from_frames_and_detections_to_files(
    tmp_path: Path,
    identity: Identity,
    store_of: Callable[..., EvidenceStore],
    clock: SystemClock,
    detection_fact: Callable[..., Any],
    until: Callable[..., None],
) -> None:
    store = EvidenceStore(tmp_path / "evidence", "gw-1", identity.key, clock, 10**9, 0)
    recorder = Recorder(store, ReadingsLog(tmp_path / "evidence" / "readings"), 10**8, "preview")
    recorder.watch("cam-1", 2)
    stop = threading.Event()
    thread = threading.Thread(target=recorder.run, args=(stop,))
    thread.start()
    told = detection_fact().body
    told = replace(
        told,
        started_at=to_wire(from_unix(UNIX_S + 100)),
        alarmed_at=to_wire(from_unix(UNIX_S + 105)),
        last_seen_at=to_wire(from_unix(UNIX_S + 105)),
    )
    for step in range(600):
        t_s = step / 2
        stamp = Stamp(UNIX_S + t_s, int(t_s * 1e9))
        recorder.offer("cam-1", frame_from_bytes(picture(step), [], stamp, t_s))
        if step == 210:
            recorder.note([told], t_s)
        if step == 360:
            recorder.note([replace(told, phase="end", revision=2)], t_s)
    recorder.readings.add("pm-1", Reading("PMS7003", {"pm25_atm_ug_m3": 7.0}, arrived_unix_s=UNIX_S), UNIX_S)
    outbox = tmp_path / "evidence" / "outbox"
    until(lambda: outbox.exists() and any(path.suffix == ".webp" for path in outbox.iterdir()), "the preview")
    until(lambda: store.counts["evidence_segments"] >= 7, "segments")
    assert not list(outbox.glob("*.tar")), "the whole clip stays until somebody asks"
    recorder.request(told.evidence_id)
    until(lambda: any(outbox.glob("*.ndjson.gz")), "readings")
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    frames = []
    for path in outbox.glob("*.tar"):
        with tarfile.open(path) as archive:
            names = [name for name in archive.getnames() if name.endswith(".jpg")]
            frames += [(name[5:], archive.extractfile(name).read()) for name in names]  # type: ignore[union-attr]
    assert [data for _, data in sorted(frames)] == [picture(step) for step in range(80, 481)], "40 s to 240 s, whole"
    text, good = checked(tmp_path, identity)
    assert good, text


def test_kill_9_while_writing_leaves_a_folder_that_verifies(tmp_path: Path, identity: Identity) -> None:
    """Segments are written as fast as the disk takes them, and the process is killed in the middle, again and again."""
    from smokesentry.identity import write_private_key

    key_file = tmp_path / "gw.key"
    write_private_key(identity.key, key_file)
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from cryptography.hazmat.primitives.serialization import load_pem_private_key\n"
        "from edge.evidence_store import EvidenceStore\n"
        "from edge.clips import Segment\n"
        "from edge.ring import Kept\n"
        "from smokesentry.clock import Stamp, SystemClock\n"
        "key = load_pem_private_key(Path(sys.argv[2]).read_bytes(), None)\n"
        "store = EvidenceStore(Path(sys.argv[1]), 'gw-1', key, SystemClock(), 2_000_000, 0)\n"
        "store.open(['east'])\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    stamp = Stamp(1795000000.0 + n, n)\n"
        "    frames = (Kept(float(n), stamp, (64, 64), n.to_bytes(8) * 4000),)\n"
        "    store.add(Segment('east', ('a' * 32,), frames), 1, None, travels=n % 3 == 0)\n"
        "    if n == 1:\n"
        "        print('ready', flush=True)\n"
        "    store.settle()\n"
    )
    for attempt in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "evidence"), str(key_file)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        threading.Event().wait(0.05 + 0.07 * attempt)
        process.kill()
        process.wait()
        process.stdout.close()
    store = EvidenceStore(tmp_path / "evidence", "gw-1", identity.key, SystemClock(), 2_000_000, 0)
    store.open(["east"])
    store.settle()
    text, good = checked(tmp_path, identity)
    assert good, text
    assert text.count("restart") >= 5


def test_a_plume_that_never_ends_is_one_clip_and_not_a_new_one_every_half_minute(
    store_of: Callable[..., EvidenceStore], detection_fact: Callable[..., Any], tmp_path: Path
) -> None:
    recorder = Recorder(store_of(), ReadingsLog(tmp_path / "readings"), 10**7, "preview")
    recorder.watch("cam-1", 1)
    jpeg, told = picture(1), detection_fact().body
    kept_frames = 0
    for step in range(4 * 3600):
        stamp = Stamp(UNIX_S + step, step * 10**9)
        recorder.offer("cam-1", frame_from_bytes(jpeg, [], stamp, float(step)))
        if step >= 100 and step % 30 == 10:
            recorder.note([told], float(step))
        kept_frames += sum(len(one.frames) for one in recorder._waiting if not one.preview)
        recorder._waiting.clear()
    assert 2000 < kept_frames < 3 * 3600 / 5 + 300, "three hours, thinned"
