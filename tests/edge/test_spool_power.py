"""The spool against death, power cuts, and a card that fails: nothing promised is lost, nothing is invented."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from edge.facts import Fact
from edge.rescue import open_spool, readable
from edge.spool import Spool
from edge.writer import Writer
from lab.faults.scribe import Book, fact, number_of
from lab.faults.torn import Step, tear, torn_states

_KILL = """
import sys
from pathlib import Path
from lab.faults.kills import kill_often
report = kill_often(Path(sys.argv[1]), 50, 7)
print(report.kills, report.promised, report.wrong)
sys.exit(bool(report.wrong) or report.kills != 50 or report.promised < 200)
"""


def test_fifty_kills_lose_double_and_invent_nothing(tmp_path: Path) -> None:
    # In a process of its own, for it forks. `make faults` does the same thousands of times.
    done = subprocess.run([sys.executable, "-c", _KILL, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_torn_state_of_the_medium_loses_a_promise(tmp_path: Path) -> None:
    report = tear(tmp_path, 8, 3)
    assert report.wrong == []
    assert report.states > 200


def test_the_tearing_is_fine_enough_to_be_seen() -> None:
    """Each changed page gives its own states, and one of them is what was there before."""
    old, new = b"a" * 8192, b"a" * 4096 + b"b" * 4096 + b"c" * 100
    step = Step({"spool.db-wal": old}, {"spool.db-wal": new}, Book(), "commit")
    states = dict(torn_states(step, random.Random(1)))
    assert states["page 1 of spool.db-wal is zeros"]["spool.db-wal"] == b"a" * 4096 + bytes(4096)
    assert states["page 1 of spool.db-wal is half written"]["spool.db-wal"] == b"a" * 4096 + b"b" * 2048 + b"a" * 2048
    assert states["only page 2 of spool.db-wal arrived"]["spool.db-wal"] == old + b"c" * 100
    assert states["torn after page 2 of spool.db-wal"]["spool.db-wal"] == new


def _spool_of(folder: Path, count: int) -> bytes:
    spool = Spool(folder)
    spool.append(fact("telemetry" if number % 5 else "detection", number) for number in range(count))
    spool.close()
    return spool.path.read_bytes()


def test_whatever_page_rots_the_gateway_goes_on_and_saves_what_can_be_read(tmp_path: Path) -> None:
    whole = _spool_of(tmp_path / "whole", 120)
    noticed = 0
    for page in range(len(whole) // 4096):
        folder = tmp_path / "rotten"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "spool.db").write_bytes(whole[: page * 4096] + b"\xa5" * 4096 + whole[(page + 1) * 4096 :])
        spool, said = open_spool(folder, 1_795_000_000.0)
        held = [number_of(raw) for lane in ("detection", "telemetry") for _, raw in spool.waiting(lane, 0, 9999, 10**9)]
        spool.append([fact("detection", 999)])
        spool.close()
        assert len(held) == len(set(held)), "a record was doubled"
        assert set(held) <= set(range(120)), "a record was invented"
        noticed += said is not None
        assert said is not None or len(held) >= 100, f"page {page}: lost without a word"
        if page > 8 and said is not None:
            assert len(held) > 60, f"page {page}: one bad page cost {120 - len(held)} of 120 records"
    assert noticed > len(whole) // 4096 * 0.8


def test_a_spool_that_rots_while_the_gateway_runs_is_replaced_and_its_records_saved(
    tmp_path: Path, until: Callable[..., None]
) -> None:
    spool = Spool(tmp_path)
    spool.append(fact("detection", number) for number in range(40))
    spool.append(fact("telemetry", number) for number in range(100, 400))
    spool.settle(may_grow=True)
    before = spool.spool_id
    with (tmp_path / "spool.db").open("r+b") as file:
        file.seek(0, 2)
        size = file.tell()
        file.seek(size - 3 * 4096)  # the newest pages of the table, which the next record must read
        file.write(b"\x5a" * 3 * 4096)
    spool._db.execute("PRAGMA shrink_memory")
    said: list[str] = []
    writer = Writer(spool, lambda: None, said.append)
    thread = threading.Thread(target=writer.run, daemon=True)
    thread.start()
    for number in range(500, 530):
        writer.put([fact("detection", number)])
    until(lambda: spool.depth()["detection"] >= 60, "what came after the damage and what could be read of before")
    writer.stop()
    thread.join(60)
    assert not thread.is_alive(), "it ends once everything is stored"
    numbers = {number_of(raw) for _, raw in spool.waiting("detection", 0, 9999, 10**9)}
    assert set(range(500, 530)) <= numbers, "what came after the damage is stored"
    assert spool.spool_id != before
    assert "damaged" in said[0]
    assert len(numbers & set(range(40))) >= 30, "what could be read of the old file is stored, too"


def test_what_is_read_of_a_damaged_file_keeps_its_own_time_and_bytes(tmp_path: Path) -> None:
    _spool_of(tmp_path, 30)
    saved = list(readable(tmp_path / "spool.db"))
    assert all(isinstance(one, Fact) for one in saved)
    assert {(one.lane, one.stamp.captured_at, one.boot_id) for one in saved} == {
        ("detection", fact("detection", 0).stamp.captured_at, "boot"),
        ("telemetry", fact("telemetry", 0).stamp.captured_at, "boot"),
    }


def test_a_lost_index_of_the_log_is_built_anew(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "live")
    spool.append(fact("detection", number) for number in range(20))
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("spool.db", "spool.db-wal"):
        shutil.copy(tmp_path / "live" / name, copy / name)
    (copy / "spool.db-shm").write_bytes(b"\xff" * 32768)
    again = Spool(copy)
    assert again.depth()["detection"] == 20
    with closing(sqlite3.connect(again.path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
