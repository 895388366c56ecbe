"""What the chain and its files survive: a camera that is taken out, a full disk, a kill, a clock that goes back."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.clips import Segment
from edge.evidence_chain import open_chain
from edge.evidence_store import EvidenceStore
from edge.ring import Kept
from edge.verify import verify
from smokesentry.clock import Stamp, SystemClock
from smokesentry.identity import Identity
from smokesentry.messages.clips import ClipFile, check_chain

UNIX_S = 1_795_000_000.0
EAST = Path("chain") / "east.00001.jsonl"


@pytest.fixture
def identity(identity_of: Callable[[str], Identity]) -> Identity:
    return identity_of("gw-1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "evidence"


@pytest.fixture
def store_of(folder: Path, identity: Identity) -> Callable[..., EvidenceStore]:
    def make(*cameras: str, max_bytes: int = 10**9, clock: SystemClock | None = None) -> EvidenceStore:
        store = EvidenceStore(folder, "gw-1", identity.key, clock or SystemClock(), max_bytes, 0)
        store.open(list(cameras))
        return store

    return make


def keep(store: EvidenceStore, number: int, camera: str = "east", size: int = 100) -> ClipFile:
    """Clip ``number``, kept at the gateway."""
    frame = Kept(float(number), Stamp(UNIX_S + number, number), (160, 96), number.to_bytes(4) * (size // 4))
    described = store.add(Segment(camera, (f"{number:032x}",), (frame,)), 1, None, travels=False)
    assert described is not None
    return described


def names(store: EvidenceStore) -> set[str]:
    return {path.name for path in store.kept.iterdir()}


def checked(folder: Path, identity: Identity) -> tuple[str, bool]:
    lines, good = verify(folder, identity.key.public_key())
    return "\n".join(lines), good


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """The kernel takes no byte of any file beyond ``size``: a write ends in the middle and then fails, as on a full
    disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_evidence_of_a_camera_that_is_no_longer_configured_stays(
    folder: Path, identity: Identity, store_of: Callable[..., EvidenceStore]
) -> None:
    store = store_of("east", "west")
    described = keep(store, 1)
    keep(store, 2, "west")
    before = names(store)
    without = store_of("west")
    without.settle()
    assert names(without) == before
    assert without.camera_of(described.evidence_ids[0]) == "east", "somebody may still ask for it"
    text, good = checked(folder, identity)
    assert good, text
    assert "0 said to be gone" in text.splitlines()[0]
    back = store_of("east", "west")
    assert names(back) == before
    assert checked(folder, identity)[1]


@pytest.mark.parametrize("stuck", [False, True], ids=["taken off at once", "taken off before the next link"])
def test_a_disk_that_gets_full_within_a_link_costs_that_link_and_nothing_else(
    folder: Path,
    identity: Identity,
    store_of: Callable[..., EvidenceStore],
    monkeypatch: pytest.MonkeyPatch,
    stuck: bool,
) -> None:
    store = store_of("east")
    for number in range(3):
        keep(store, number)
    chain, whole = store.chain("east"), (folder / EAST).read_bytes()

    def refuse(*_: object) -> None:
        raise OSError("a card that takes nothing")

    for _ in range(3):
        with no_file_beyond(len(whole) + 66), monkeypatch.context() as card:
            if stuck:
                card.setattr("edge.evidence_chain._cut", refuse)
            with pytest.raises(OSError):
                chain.note_gone(["sha256:" + "0" * 64], "given up for space")
        assert (folder / EAST).read_bytes().startswith(whole)
        assert len((folder / EAST).read_bytes()) == len(whole) + (66 if stuck else 0)
    for number in range(3, 8):
        keep(store, number)
    text, good = checked(folder, identity)
    assert good, text
    assert "8 links, 8 files, 8 of them here" in text
    again = store_of("east")
    assert names(again) == names(store)
    assert len(names(again)) == 16
    text, good = checked(folder, identity)
    assert good, text
    assert "torn" not in text


@pytest.mark.parametrize("junk", [b'{"payloadType":"appl', b'{"payloadType":"appl\n', b"\x00\xff\n\r\n\n"])
def test_a_tear_in_the_middle_is_set_aside_and_the_links_behind_it_stay(
    folder: Path, identity: Identity, store_of: Callable[..., EvidenceStore], junk: bytes
) -> None:
    store = store_of("east")
    for number in range(5):
        keep(store, number)
    links = (folder / EAST).read_bytes().splitlines(keepends=True)
    half = links[4][:40]  # the power went as well
    (folder / EAST).write_bytes(b"".join([links[0], links[1], junk, links[2], links[3], half]))
    again = store_of("east")
    assert len(names(again)) == 8, "four of five have their whole link"
    text, good = checked(folder, identity)
    assert good, text
    assert f"torn ({len(junk) + 40} bytes set aside" in text
    (torn,) = (folder / "chain").glob("east.torn-*")
    assert torn.read_bytes() == junk + half
    assert (folder / EAST).read_bytes().startswith(b"".join(links[:4]))
    keep(again, 9)
    assert names(store_of("east")) == names(again)
    assert checked(folder, identity)[1]


@pytest.mark.parametrize("harm", ["edited", "spoilt", "cut out", "cut out, a tear laid in its place"])
def test_an_altered_link_is_found_after_a_restart_too_and_the_clips_behind_it_stay(
    folder: Path, identity: Identity, store_of: Callable[..., EvidenceStore], harm: str
) -> None:
    store = store_of("east")
    for number in range(5):
        keep(store, number)
    links = (folder / EAST).read_bytes().splitlines(keepends=True)
    if harm == "edited":
        envelope = json.loads(links[2])
        envelope["payload"] = envelope["payload"][:-8] + "AAAA" + envelope["payload"][-4:]
        links[2] = json.dumps(envelope).encode() + b"\n"
    elif harm == "spoilt":
        links[2] = links[2][:100] + b"\x00" + links[2][101:]
    elif harm == "cut out":
        del links[2]
    else:
        links[2] = links[2][:50]
    (folder / EAST).write_bytes(b"".join(links))
    said, good = checked(folder, identity)
    assert not good
    for _ in range(2):
        again = store_of("east")
        text, good = checked(folder, identity)
        assert not good
        assert "PROBLEM line" in text
        assert "links are missing or doubled" in text
        keep(again, 9)
    kept = sum(path.suffix == ".tar" for path in again.kept.iterdir())
    assert kept == 5, "the clip whose link was harmed is gone, those behind it are not"
    assert {line for line in said.splitlines() if "PROBLEM line" in line} <= set(text.splitlines())


@pytest.mark.parametrize("left", [b"", b'{"payloadType":"appl'], ids=["empty", "half a link"])
def test_a_kill_while_a_new_chain_file_begins(
    folder: Path, identity: Identity, clock: SystemClock, monkeypatch: pytest.MonkeyPatch, left: bytes
) -> None:
    monkeypatch.setattr("edge.evidence_chain._ROTATE_BYTES", 500)
    chain = open_chain(folder, "gw-1", "east", identity.key, clock)
    for digit in "abc":
        chain.note_gone(["sha256:" + digit * 64], "given up for space")
    last = chain.number
    (folder / f"east.{last + 1:05}.jsonl").write_bytes(left)
    again = open_chain(folder, "gw-1", "east", identity.key, clock)
    again.note_gone(["sha256:" + "d" * 64], "given up for space")
    lines = [line for part in sorted(folder.glob("*.jsonl")) for line in part.read_bytes().splitlines()]
    report = check_chain(lines, lambda _: identity.key.public_key())
    assert report.problems == []
    assert len(report.gone) == 4
    assert f"rotation (continues east.{last:05}.jsonl)" in "\n".join(report.notes)


class TurnedClock(SystemClock):
    """Another boot of the machine, at another hour."""

    def __init__(self, boot_id: str, ahead_s: float) -> None:
        super().__init__()
        self.boot_id, self._ahead_s, self._ns = boot_id, ahead_s, 0

    def now(self) -> Stamp:
        self._ns += 1
        return Stamp(UNIX_S + self._ahead_s, self._ns)


def test_the_oldest_evidence_goes_first_though_the_clock_went_back_and_the_machine_started_anew(
    folder: Path, identity: Identity, store_of: Callable[..., EvidenceStore]
) -> None:
    store = store_of("east", "west", clock=TurnedClock("before", 6 * 3600))
    old = [keep(store, number, "east" if number % 2 else "west", 30_000) for number in range(6)]
    for path in store.kept.iterdir():
        os.utime(path, (UNIX_S + 6 * 3600, UNIX_S + 6 * 3600))
    size = old[0].size
    store = store_of("east", "west", max_bytes=8 * size, clock=TurnedClock("after", 0.0))
    new = [keep(store, number, "west", 30_000) for number in range(6, 11)]
    for path in store.kept.iterdir():
        if path.name.split(".")[0] in {one.digest[7:] for one in new}:
            os.utime(path, (UNIX_S, UNIX_S))
    new += [keep(store, 11, "east", 30_000)]
    left = {path.stem for path in store.kept.glob("*.tar")}
    assert left == {one.digest[7:] for one in [*old, *new][-8:]}
    text, good = checked(folder, identity)
    assert good, text
    assert text.count("said to be gone") == 2
