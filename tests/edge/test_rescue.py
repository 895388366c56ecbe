"""The rescue of a damaged spool against death at any moment: every record that can be read waits exactly once."""

from __future__ import annotations

import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from edge.rescue import open_spool, readable, rescue_unread
from edge.spool import Spool
from edge.spool_file import SpoolDamaged, SpoolError, set_aside, unread
from lab.faults.scribe import fact, number_of

_UNIX_S = 1_795_000_000.0
_NEW_S = _UNIX_S + 60

#: Opens the spool and, at the Nth call of a function, says so and stands still until it is killed.
_DIES = """
import importlib, sys
from pathlib import Path
from edge.rescue import open_spool
folder, module, owner, name, nth, when = sys.argv[1:]
place = importlib.import_module(module)
place = getattr(place, owner) if owner else place
real, calls = getattr(place, name), 0
def here():
    print("here", flush=True)
    sys.stdin.read()
def watched(*args, **more):
    global calls
    calls += 1
    if calls == int(nth) and when == "before":
        here()
    found = real(*args, **more)
    if calls == int(nth) and when == "after":
        here()
    return found
setattr(place, name, watched)
open_spool(Path(folder), 1_795_000_000.0)
print("lived", flush=True)
"""

_MOMENTS = {
    "before anything is set aside": "edge.rescue . set_aside 1 before",
    "with everything set aside and no new file": "edge.rescue . set_aside 1 after",
    "with a new file that holds nothing": "edge.spool . open_file 2 after",
    "before a record is saved": "edge.rescue . rescue_unread 1 before",
    "within the first commit": "edge.spool Spool _commit 2 before",
    "after some detections": "edge.spool Spool append 2 after",
    "within a commit among the others": "edge.spool Spool _commit 6 before",
    "after every record": "edge.rescue . mark_read 1 before",
    "with the old file's new name": "edge.rescue . mark_read 1 after",
}


def _dies(folder: Path, moment: str) -> None:
    """A start that is killed at a moment that it has surely reached."""
    words = [word.removeprefix(".") for word in moment.split()]
    process = subprocess.Popen(
        [sys.executable, "-c", _DIES, str(folder), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def rotten(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a power cut: one page has rotten, and the newest records lie in the log only."""
    live, folder = tmp_path_factory.mktemp("live"), tmp_path_factory.mktemp("rotten")
    spool = Spool(live)
    spool.append(fact("detection" if number % 2 else "telemetry", number) for number in range(900))
    spool.settle(may_grow=True)
    spool.append(fact("detection" if number % 2 else "telemetry", number) for number in range(900, 960))
    for name in ("spool.db", "spool.db-wal", "spool.db-shm"):
        shutil.copy(live / name, folder / name)
    spool.close()
    raw = bytearray((folder / "spool.db").read_bytes())
    raw[4096 * 40 : 4096 * 41] = b"\x55" * 4096
    (folder / "spool.db").write_bytes(bytes(raw))
    return folder


@pytest.fixture
def folder(rotten: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(rotten, tmp_path / "state"))


@pytest.fixture(scope="module")
def saved(rotten: Path, tmp_path_factory: pytest.TempPathFactory) -> list[int]:
    """What can be read of it."""
    copy = shutil.copytree(rotten, tmp_path_factory.mktemp("copy") / "state")
    with pytest.raises(SpoolDamaged):
        Spool(copy)
    numbers = sorted(number_of(one.encode(1)) for one in readable(copy / "spool.db"))
    assert len(numbers) > 900
    assert set(range(900, 960)) <= set(numbers), "the log's, too"
    return numbers


def _held(spool: Spool) -> list[int]:
    lanes = ("detection", "telemetry")
    return sorted(number_of(raw) for lane in lanes for _, raw in spool.waiting(lane, 0, 9999, 10**9))


@pytest.mark.parametrize("moment", _MOMENTS.values(), ids=_MOMENTS)
def test_a_rescue_that_is_cut_off_goes_on_at_the_next_start(folder: Path, saved: list[int], moment: str) -> None:
    _dies(folder, moment)
    spool, _ = open_spool(folder, _NEW_S)
    assert _held(spool) == saved
    spool.close()
    spool, said = open_spool(folder, _NEW_S)
    assert (said, _held(spool)) == (None, saved), "and is not done again"
    assert len([*folder.glob("spool.db.damaged-*")]) == 1
    assert unread(folder) == []


def test_a_rescue_that_is_cut_off_again_and_again_saves_every_record_once(folder: Path, saved: list[int]) -> None:
    _dies(folder, _MOMENTS["with everything set aside and no new file"])
    for moment in ("after some detections", "within the first commit", "after some detections", "after every record"):
        _dies(folder, _MOMENTS[moment])
    spool, said = open_spool(folder, _NEW_S)
    assert "damaged" in str(said)
    assert _held(spool) == saved


def test_a_setting_aside_that_was_cut_off_takes_the_file_to_its_log(folder: Path, saved: list[int]) -> None:
    (folder / "spool.db-shm").rename(folder / "spool.db.unread-1-ab-shm")
    (folder / "spool.db-wal").rename(folder / "spool.db.unread-1-ab-wal")
    spool, said = open_spool(folder, _NEW_S)
    assert "damaged-1-ab" in str(said)
    assert _held(spool) == saved


def test_what_a_full_disk_does_not_take_is_saved_at_the_next_start(folder: Path, saved: list[int]) -> None:
    set_aside(folder, _UNIX_S)
    spool = Spool(folder)
    pages = spool._one("PRAGMA page_count")
    spool._db.execute(f"PRAGMA max_page_count = {pages + 100}")  # SQLite then answers exactly as on a full disk
    said = str(rescue_unread(spool))
    assert "the next start tries the rest" in said
    assert "full" in said
    assert 0 < len(_held(spool)) < len(saved)
    spool.close()
    spool, _ = open_spool(folder, _NEW_S)
    assert _held(spool) == saved


@contextmanager
def _disk_that_takes_nothing() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_no_new_file_at_first_costs_no_record(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(fact("detection", number) for number in range(50))
    with _disk_that_takes_nothing():
        for _ in range(3):
            with pytest.raises(SpoolError):
                spool.begin_anew(_UNIX_S)
            with pytest.raises(SpoolError):
                spool.append([fact("detection", 99)])
    spool.begin_anew(_UNIX_S)
    assert "50 waiting records were saved" in str(rescue_unread(spool))
    assert _held(spool) == list(range(50))


def test_a_folder_that_takes_no_new_name_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match="cannot be set aside"):
        set_aside(tmp_path / "gone", _UNIX_S)


def test_a_record_that_no_spool_takes_holds_back_no_other(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(fact("detection", number) for number in range(10))
    spool.close()
    with closing(sqlite3.connect(spool.path, isolation_level=None)) as db:
        for seq, new in ((3, "2026-02-31T00:00:00.000Z"), (5, "[" * 30)):
            db.execute(
                "UPDATE record SET bytes = CAST(replace(bytes, ?, ?) AS BLOB) WHERE seq = ?",
                (fact("detection", 0).stamp.captured_at, new, seq),
            )
        deep = b'{"x":' + b"[" * 100_000
        db.execute("UPDATE record SET bytes = ? WHERE seq = 7", (deep,))
    set_aside(tmp_path, _UNIX_S)
    spool, said = open_spool(tmp_path, _NEW_S)
    assert "7 waiting records were saved" in str(said)
    assert _held(spool) == [0, 1, 3, 5, 7, 8, 9]


def test_a_file_that_is_gone_or_holds_nothing_holds_back_no_start(tmp_path: Path) -> None:
    (tmp_path / "spool.db.unread-1-ab").write_bytes(b"worn out card " * 500)
    (tmp_path / "spool.db.unread-2-cd").mkdir()
    spool, said = open_spool(tmp_path, _NEW_S)
    assert "0 waiting records were saved, the old file is kept as spool.db.damaged-1-ab" in str(said)
    assert "the next start tries the rest of spool.db.unread-2-cd" in str(said)
    assert spool.append([fact("detection", 1)]) == [1]
    (tmp_path / "spool.db.unread-2-cd").rmdir()
    spool.close()
    assert open_spool(tmp_path, _NEW_S)[1] is None
