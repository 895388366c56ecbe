"""The small shells: writer, supervisor, systemd's socket."""

from __future__ import annotations

import dataclasses
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
import pytest

from edge.facts import Fact
from edge.housekeeping import Housekeeping
from edge.notify import notify
from edge.reserve import Reserve
from edge.spool import Spool
from edge.supervise import Pulse, Supervisor
from edge.writer import Writer
from smokesentry.clock import SystemClock
from smokesentry.messages.records import Dropped, Health, decode_record

FactOf = Callable[..., Fact]
Until = Callable[..., None]


@pytest.fixture
def writing(tmp_path: Path) -> Iterator[tuple[Spool, Writer, list[int]]]:
    spool, stored = Spool(tmp_path), list[int]()
    writer = Writer(spool, lambda: stored.append(1))
    thread = threading.Thread(target=writer.run, daemon=True)
    thread.start()
    yield spool, writer, stored
    writer.stop()
    thread.join(60)
    assert not thread.is_alive()


def test_facts_are_stored_and_the_uplink_woken(
    writing: tuple[Spool, Writer, list[int]], until: Until, telemetry_fact: FactOf, detection_fact: FactOf
) -> None:
    spool, writer, stored = writing
    writer.put([detection_fact(), telemetry_fact()])
    until(lambda: spool.depth()["detection"] == 1, "stored")
    until(lambda: bool(stored), "woken")
    assert spool.depth()["telemetry"] == 1


def test_a_full_disk_loses_no_detection_and_is_said_while_it_lasts(
    writing: tuple[Spool, Writer, list[int]],
    until: Until,
    telemetry_fact: FactOf,
    detection_fact: FactOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.writer._LONGEST_PAUSE_S", 0.1)
    spool, writer, _ = writing
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count = {pages}")
    for number in range(100):
        writer.put([detection_fact(number)])
    for _ in range(700):
        writer.put([telemetry_fact()])
    until(lambda: writer.problem is not None and "full" in writer.problem, "said in words")
    assert writer.counts["not_stored_telemetry"] >= 200
    assert writer.counts["not_stored_detection"] == 0
    spool._db.execute("PRAGMA max_page_count = 1000000")
    until(lambda: spool.depth()["detection"] == 100, "all detections stored")
    until(lambda: writer.problem is None, "no longer said")


def test_one_unfit_fact_does_not_hold_back_the_others(
    writing: tuple[Spool, Writer, list[int]], until: Until, detection_fact: FactOf
) -> None:
    spool, writer, _ = writing
    good = detection_fact()
    bad = dataclasses.replace(good, body=msgspec.structs.replace(good.body, confidence=7.0))  # type: ignore[arg-type]
    for number in range(30):
        writer.put([bad] if number % 10 == 3 else [detection_fact(number)])
    until(lambda: spool.depth()["detection"] == 27, "the good ones stored")
    until(lambda: writer.counts["unfit"] == 3, "the bad ones counted")


def test_on_a_full_disk_old_telemetry_makes_room_and_every_detection_is_stored(
    tmp_path: Path,
    until: Until,
    telemetry_fact: FactOf,
    detection_fact: FactOf,
    clock: SystemClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SQLite is told that the file may have 150 pages, and answers as on a full disk."""
    monkeypatch.setattr("edge.spool._MOST_PAGES", 150)
    monkeypatch.setattr("edge.writer._LONGEST_PAUSE_S", 0.1)
    monkeypatch.setattr("edge.housekeeping._RELIEF_EVERY_S", 0.1)
    monkeypatch.setattr("edge.housekeeping._RELIEF_LEAST_BYTES", 100_000)
    monkeypatch.setattr("edge.housekeeping._ROUND_S", 0.1)
    spool, reserve = Spool(tmp_path), Reserve(tmp_path, 100_000)
    spool.settle(may_grow=True)
    assert reserve.hold()
    writer = Writer(spool, lambda: None)
    house = Housekeeping(
        clock=clock,
        spool=spool,
        folder=tmp_path,
        telemetry_interval_s=3600,
        health_interval_s=3600,
        spool_max_bytes=10**9,
        keep_acknowledged_s=3600,
        keep_waiting_s=30 * 86400,
        intervals={},
        put=lambda *_: None,
        disk_refuses=lambda: writer.problem is not None,
        health_of=lambda: Health(software="test", uptime_s=0, spool_depth={}),
        more_status=dict,
        reserve=reserve,
    )
    supervisor = Supervisor()
    supervisor.start("writer", lambda _: writer.run())
    supervisor.start("housekeeping", house.run)
    for number in range(1, 26):
        writer.put([telemetry_fact("z" * 40) for _ in range(100)])
        writer.put([detection_fact(number)])
        until(lambda number=number: spool.depth()["detection"] == number, "the detection stored")
    assert writer.counts["disk_refusals"] > 0, "the disk was full"
    supervisor.stop.set()
    writer.stop()
    assert supervisor.join(60) == []
    kept = spool.waiting("telemetry", 0, 100_000, 10**9)
    lost: set[int] = set()
    for body in (decode_record(raw).body for _, raw in kept):
        if isinstance(body, Dropped):
            lost |= set(range(body.first_seq, body.last_seq + 1))
    assert lost
    assert lost | {seq for seq, _ in kept} == set(range(1, spool.last_seq("telemetry") + 1))


def test_a_disk_that_hangs_is_the_writers_own_stall_and_an_idle_writer_is_none(
    tmp_path: Path, until: Until, steadily: Until, detection_fact: FactOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, supervisor, hangs = Spool(tmp_path), Supervisor(stall_s=0.2, fatal_s=0.6), threading.Event()
    writer, append, other = Writer(spool, lambda: None), spool.append, threading.Event()

    def slow(facts: Iterable[Fact]) -> None:
        assert hangs.wait(300)
        append(facts)

    monkeypatch.setattr(spool, "append", slow)

    def store(pulse: Pulse) -> None:
        writer.rests = pulse.rest
        writer.run()

    supervisor.start("writer", store, last=True)
    supervisor.start("other", lambda pulse: (pulse.wait(), other.set(), None)[2])
    steadily(lambda: not any(loop.stalled for loop in supervisor.states()), "nothing to write is no stall", 0.5)
    writer.put([detection_fact()])
    until(lambda: supervisor.lost() == ["writer"], "seen, by its name")
    hangs.set()
    until(lambda: not any(loop.stalled for loop in supervisor.states()), "it moves again")
    supervisor.stop.set()
    assert supervisor.join(60) == []
    assert other.is_set()
    writer.put([detection_fact(2)])
    until(lambda: spool.depth()["detection"] == 2, "it stores what the others told last")
    writer.stop()
    supervisor.stop_last.set()
    assert supervisor.join(60, last=True) == []


def test_a_reserve_is_held_only_where_there_is_room(tmp_path: Path) -> None:
    assert not Reserve(tmp_path, 10**18).hold()
    reserve = Reserve(tmp_path, 100_000)
    assert reserve.hold()
    assert reserve.hold()
    assert (tmp_path / "reserve.bin").stat().st_size == 100_000
    reserve.release()
    reserve.release()
    assert not reserve.is_held


def test_stopping_with_a_full_disk_does_not_hang(tmp_path: Path, detection_fact: FactOf) -> None:
    spool = Spool(tmp_path)
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count = {pages}")
    writer = Writer(spool, lambda: None)
    for number in range(200):
        writer.put([detection_fact(number)])
    thread = threading.Thread(target=writer.run, daemon=True)
    thread.start()
    writer.stop()
    thread.join(60)
    assert not thread.is_alive()


def test_a_thread_that_raises_is_counted_and_begins_again(until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.supervise._FIRST_PAUSE_S", 0.02)
    supervisor, calls, other = Supervisor(), list[int](), threading.Event()

    def shaky(_: Pulse) -> None:
        calls.append(1)
        if len(calls) < 4:
            raise RuntimeError("a cable")
        supervisor.stop.wait()

    def steady(_: Pulse) -> None:
        other.set()
        supervisor.stop.wait()

    supervisor.start("shaky", shaky)
    supervisor.start("steady", steady)
    until(lambda: len(calls) == 4, "begun again three times")
    assert supervisor.restarts == {"shaky": 3}
    assert other.is_set()
    supervisor.stop.set()
    assert supervisor.join(60) == []


def test_a_thread_that_does_not_end_is_named() -> None:
    supervisor, release = Supervisor(), threading.Event()

    def stuck(_: Pulse) -> None:
        release.wait()

    supervisor.start("stuck", stuck)
    supervisor.stop.set()
    assert supervisor.join(0.05) == ["stuck"]
    release.set()


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told_through_its_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool) -> None:
    name = f"@smokesentry-test-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if abstract else name)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        notify("READY=1")
        assert manager.recv(100) == b"READY=1"
    notify("WATCHDOG=1")  # nobody listens any more: not an error
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify("READY=1")
