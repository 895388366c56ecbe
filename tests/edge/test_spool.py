from __future__ import annotations

import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.facts import Fact, Unfit
from edge.spool import Spool
from edge.spool_file import SpoolDamaged, SpoolError, set_aside
from smokesentry.clock import ClockState, Stamp
from smokesentry.messages.records import LANES, Dropped, Telemetry, decode_record

STAMP = Stamp(1_795_000_000.0, 5_000_000_000)
FactOf = Callable[..., Fact]


def test_numbers_count_per_lane_and_survive_reopening(
    tmp_path: Path, telemetry_fact: FactOf, detection_fact: FactOf
) -> None:
    spool = Spool(tmp_path)
    assert spool.append([telemetry_fact(), telemetry_fact(), detection_fact()]) == [1, 2, 1]
    name = spool.spool_id
    spool.close()
    again = Spool(tmp_path)
    assert again.spool_id == name
    assert len(name) == 16
    assert again.append([telemetry_fact()]) == [3]
    assert again.depth() == {"detection": 1, "health": 0, "evidence": 0, "telemetry": 3}


def test_numbers_do_not_come_back_after_everything_is_acknowledged(tmp_path: Path, telemetry_fact: FactOf) -> None:
    spool = Spool(tmp_path)
    spool.append([telemetry_fact(), telemetry_fact()])
    assert spool.acknowledge("telemetry", 2, []) == 2
    assert spool.waiting("telemetry", 0, 10, 10_000) == []
    assert spool.append([telemetry_fact()]) == [3]


def test_what_is_sent_is_what_was_stored(tmp_path: Path, telemetry_fact: FactOf) -> None:
    spool = Spool(tmp_path)
    spool.append([telemetry_fact("pm-7")])
    [(seq, raw)] = spool.waiting("telemetry", 0, 10, 10_000)
    record = decode_record(raw)
    assert (seq, record.seq, record.captured_at) == (1, 1, STAMP.captured_at)
    assert isinstance(record.body, Telemetry)
    assert record.body.sensor == "pm-7"


def test_acknowledged_detections_stay_and_can_be_sent_again(tmp_path: Path, detection_fact: FactOf) -> None:
    spool = Spool(tmp_path)
    spool.append([detection_fact(number) for number in range(5)])
    assert spool.acknowledge("detection", 5, []) == 5
    assert spool.depth()["detection"] == 0
    assert spool.resend("detection", 2, 3) == 2
    assert [seq for seq, _ in spool.waiting("detection", 0, 10, 10_000)] == [2, 3]
    assert spool.forget(0) == 3


def test_an_acknowledgement_of_numbers_never_given_changes_nothing(tmp_path: Path, telemetry_fact: FactOf) -> None:
    spool = Spool(tmp_path)
    spool.append([telemetry_fact()])
    with pytest.raises(ValueError, match="only up to 1"):
        spool.acknowledge("telemetry", 1, [(5, 9)])
    assert spool.depth()["telemetry"] == 1


def test_a_batch_is_cut_by_bytes_but_never_empty(tmp_path: Path, telemetry_fact: FactOf) -> None:
    spool = Spool(tmp_path)
    spool.append([telemetry_fact() for _ in range(10)])
    size = len(spool.waiting("telemetry", 0, 1, 1)[0][1])
    assert len(spool.waiting("telemetry", 0, 10, 1)) == 1
    assert len(spool.waiting("telemetry", 0, 10, 3 * size)) == 3
    assert [seq for seq, _ in spool.waiting("telemetry", 7, 10, 10_000)] == [8, 9, 10]


def test_open_events_follow_their_detections(tmp_path: Path, detection_fact: FactOf) -> None:
    spool = Spool(tmp_path)
    spool.append([detection_fact(1), detection_fact(2), detection_fact(1, 2, "update")])
    spool.close()
    spool = Spool(tmp_path)
    revisions = {event.detection_id[-1]: event.revision for event in spool.open_events("cam-1")}
    assert revisions == {"1": 2, "2": 1}
    spool.append([detection_fact(1, 3, "end")])
    assert [event.detection_id[-1] for event in spool.open_events("cam-1")] == ["2"]
    assert spool.open_events("cam-2") == []


def test_room_is_made_from_the_oldest_telemetry_and_the_loss_is_announced(
    tmp_path: Path, telemetry_fact: FactOf, detection_fact: FactOf
) -> None:
    spool = Spool(tmp_path)
    spool.append([detection_fact(number) for number in range(20)])
    spool.append([telemetry_fact("x" * 40) for _ in range(3000)])
    limit = spool.used_bytes() // 2
    losses = spool.make_room(limit, STAMP, "boot", ClockState())
    assert spool.used_bytes() <= limit
    assert spool.depth()["detection"] == 20
    lost = {seq for loss in losses for seq in range(loss.first_seq, loss.last_seq + 1)}
    kept = {seq for seq, _ in spool.waiting("telemetry", 0, 10_000, 10**9)}
    assert lost == set(range(1, max(lost) + 1))
    assert lost | kept == set(range(1, spool.last_seq("telemetry") + 1))
    assert not lost & kept
    announced = [decode_record(raw).body for _, raw in spool.waiting("telemetry", 3000, 10_000, 10**9)]
    assert announced == losses
    assert all(isinstance(body, Dropped) for body in announced)


def test_copies_that_the_cloud_holds_go_before_anything_is_lost(
    tmp_path: Path, telemetry_fact: FactOf, detection_fact: FactOf
) -> None:
    spool = Spool(tmp_path)
    spool.append([telemetry_fact()])
    spool.append([detection_fact(1, revision, "update") for revision in range(1, 2001)])
    spool.acknowledge("detection", 2000, [])
    assert spool.make_room(spool.used_bytes() // 3, STAMP, "boot", ClockState()) == []
    assert spool.depth()["telemetry"] == 1


def test_announcements_themselves_are_never_given_up(tmp_path: Path, telemetry_fact: FactOf) -> None:
    spool = Spool(tmp_path)
    lost: set[int] = set()
    for _ in range(8):
        spool.append([telemetry_fact("y" * 40) for _ in range(400)])
        for loss in spool.make_room(120_000, STAMP, "boot", ClockState()):
            lost |= set(range(loss.first_seq, loss.last_seq + 1))
    kept = {seq for seq, _ in spool.waiting("telemetry", 0, 10_000, 10**9)}
    assert lost | kept == set(range(1, spool.last_seq("telemetry") + 1))
    assert not lost & kept


def test_a_full_disk_loses_nothing_that_was_stored_and_is_told_in_words(tmp_path: Path, telemetry_fact: FactOf) -> None:
    spool = Spool(tmp_path)
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count = {pages + 3}")  # SQLite then answers exactly as on a full disk
    stored = 0
    with pytest.raises(SpoolError, match="full"):
        while True:
            spool.append([telemetry_fact("z" * 40)])
            stored += 1
    assert stored > 0
    assert spool.depth()["telemetry"] == stored
    spool._db.execute("PRAGMA max_page_count = 100000")
    assert spool.append([telemetry_fact()]) == [stored + 1]


def test_time_that_the_disk_refused_to_count_is_counted_once(tmp_path: Path, telemetry_fact: FactOf) -> None:
    spool = Spool(tmp_path)
    spool.append([telemetry_fact()])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # every commit fails, as on a full disk
    try:
        for elapsed_s in range(30, 600, 30):  # housekeeping tells all the time since the last one that was taken
            with pytest.raises(SpoolError):
                spool.grow_older(elapsed_s)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    spool.grow_older(600)
    assert spool.counter("ran_s") == 600
    assert spool.give_up_old(601, STAMP, "boot", ClockState()) == []
    assert spool.depth()["telemetry"] == 1


def test_a_file_that_is_no_spool_is_refused_in_words_and_can_be_set_aside(tmp_path: Path) -> None:
    (tmp_path / "spool.db").write_bytes(b"this is no database, " * 400)
    with pytest.raises(SpoolDamaged, match=r"spool\.db.*not a database"):
        Spool(tmp_path)
    kept = set_aside(tmp_path, 1_795_000_000.4)
    assert kept.read_bytes().startswith(b"this is no database")
    assert Spool(tmp_path).depth()["detection"] == 0


def test_damage_inside_the_file_is_found_at_the_start(tmp_path: Path, telemetry_fact: FactOf) -> None:
    spool = Spool(tmp_path)
    spool.append([telemetry_fact("z" * 40) for _ in range(2000)])
    spool.close()
    path = tmp_path / "spool.db"
    raw = bytearray(path.read_bytes())
    raw[40_000:60_000] = b"\xaa" * 20_000
    path.write_bytes(bytes(raw))
    with pytest.raises(SpoolDamaged):
        Spool(tmp_path)


def test_a_record_that_the_wire_forbids_is_not_stored(tmp_path: Path, detection_fact: FactOf) -> None:
    spool = Spool(tmp_path)
    good = detection_fact()
    bad = replace(good, body=msgspec.structs.replace(good.body, confidence=float("nan")))
    with pytest.raises(Unfit, match=r"a Detection that the wire forbids.*confidence"):
        spool.append([good, bad])
    assert spool.append([good]) == [1], "nothing of the attempt was stored"


_WRITER = """
import sys
from pathlib import Path
from edge.facts import Fact
from edge.spool import Spool
from smokesentry.clock import ClockState, Stamp
from smokesentry.messages.records import Telemetry
stamp = Stamp(1_795_000_000.0, 5)
spool = Spool(Path(sys.argv[1]))
while True:
    body = Telemetry(sensor="pm", model="m", from_at=stamp.captured_at, to_at=stamp.captured_at, values={}, readings=0)
    for seq in spool.append([Fact("telemetry", body, stamp, "b", ClockState())] * 3):
        sys.stdout.write(f"{seq}\\n")
    sys.stdout.flush()
"""


def test_kill_9_of_the_writer_loses_nothing_that_it_said_was_stored(tmp_path: Path) -> None:
    told = 0
    for attempt in range(10):
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        for _ in range(1 + attempt * 3):
            told = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest, _ = writer.communicate()
        told = max([told, *(int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n"))])
        spool = Spool(tmp_path)
        numbers = [seq for seq, _ in spool.waiting("telemetry", 0, 10**6, 10**9)]
        spool.close()
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= told
        assert len(numbers) % 3 == 0, "half of a commit was kept"
    with sqlite3.connect(tmp_path / "spool.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.sampled_from(LANES[::3]), st.integers(1, 4)),
            st.tuples(st.just("ack"), st.sampled_from(LANES[::3]), st.integers(0, 12)),
            st.tuples(st.just("resend"), st.sampled_from(LANES[::3]), st.integers(1, 12)),
        ),
        max_size=25,
    )
)
def test_the_spool_agrees_with_a_plain_model_of_it(
    tmp_path_factory: pytest.TempPathFactory,
    telemetry_fact: FactOf,
    detection_fact: FactOf,
    steps: list[tuple[str, str, int]],
) -> None:
    spool = Spool(tmp_path_factory.mktemp("spool"))
    make = {"telemetry": telemetry_fact, "detection": detection_fact}
    waiting: dict[str, set[int]] = {"telemetry": set(), "detection": set()}
    last = {"telemetry": 0, "detection": 0}
    for what, lane, number in steps:
        if what == "append":
            spool.append([make[lane]() for _ in range(number)])
            waiting[lane] |= set(range(last[lane] + 1, last[lane] + number + 1))
            last[lane] += number
        elif what == "ack" and number <= last[lane]:
            spool.acknowledge(lane, number, [])
            waiting[lane] -= set(range(1, number + 1))
        elif what == "resend":
            spool.resend(lane, 1, number)
            if lane == "detection":
                waiting[lane] |= set(range(1, min(number, last[lane]) + 1))
    for lane, numbers in waiting.items():
        assert {seq for seq, _ in spool.waiting(lane, 0, 1000, 10**9)} == numbers
    spool.close()
