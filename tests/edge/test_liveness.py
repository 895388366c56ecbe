"""Loops that stand still are seen and replaced; watchdogs are fed only while all move; maintenance excuses them."""

from __future__ import annotations

import fcntl
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.maintenance import Maintenance, begin, end
from edge.supervise import Pulse, Supervisor
from edge.watchdog import HardwareWatchdog, Watchdog
from smokesentry.clock import Stamp

Until = Callable[..., None]
BEGAN = Stamp(1_795_000_000.0, 1_000_000_000_000)


def later(seconds: float, wall_jump_s: float = 0.0) -> Stamp:
    return Stamp(BEGAN.unix_s + seconds + wall_jump_s, BEGAN.mono_ns + int(seconds * 1e9))


def test_a_stalled_loop_is_seen_and_harms_no_other(until: Until) -> None:
    supervisor, release, turns = Supervisor(stall_s=0.2, fatal_s=0.6), threading.Event(), list[int]()

    def hangs(stop: Pulse) -> None:
        stop.is_set()
        release.wait()

    def turns_on(stop: Pulse) -> None:
        while not stop.wait(0.01):
            turns.append(1)

    supervisor.start("hangs", hangs)
    supervisor.start("turns", turns_on)
    until(lambda: [state.name for state in supervisor.states() if state.stalled] == ["hangs"], "seen")
    seen = len(turns)
    until(lambda: len(turns) > seen + 5, "the other goes on")
    until(lambda: supervisor.lost() == ["hangs"], "held to be lost")
    release.set()
    supervisor.stop.set()
    assert supervisor.join(60) == []


def test_a_long_rest_is_no_stall(steadily: Until) -> None:
    supervisor = Supervisor(stall_s=0.05, fatal_s=0.1)
    resting = threading.Event()

    def rests(stop: Pulse) -> None:
        resting.set()
        stop.wait(600)

    supervisor.start("rests", rests)
    assert resting.wait(60)
    steadily(
        lambda: not supervisor.states()[0].stalled and supervisor.lost() == [], "rest, for longer than a stall", 0.3
    )
    supervisor.stop.set()
    assert supervisor.join(60) == []


def test_a_replaceable_loop_goes_on_in_another_thread_and_the_stuck_one_ends(until: Until) -> None:
    supervisor, release = Supervisor(stall_s=0.1, fatal_s=60), threading.Event()
    ran, ended = list[int](), list[int]()

    def reads(stop: Pulse) -> None:
        ran.append(1)
        if len(ran) == 1:
            release.wait()  # a driver that hangs
            assert stop.is_set(), "another one has taken its place"
            ended.append(1)
            return
        while not stop.wait(0.01):
            pass

    supervisor.start("capture", reads, replaceable=True)
    until(lambda: supervisor.states()[0].stalled, "stalled")
    supervisor.tend()
    until(lambda: len(ran) == 2, "replaced")
    until(lambda: not supervisor.states()[0].stalled, "it turns")
    assert supervisor.restarts["capture"] == 1
    release.set()
    until(lambda: ended == [1], "the stuck one ended")
    supervisor.stop.set()
    assert supervisor.join(60) == []


def test_both_watchdogs_go_hungry_when_a_loop_is_lost_but_not_in_maintenance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    device = tmp_path / "watchdog"
    os.mkfifo(device)
    reader = os.open(device, os.O_RDONLY | os.O_NONBLOCK)
    hardware = HardwareWatchdog(device)
    hardware.open()
    supervisor, excused, release = Supervisor(stall_s=0.05, fatal_s=0.1), list[bool](), threading.Event()
    watchdog = Watchdog(supervisor, lambda: bool(excused), hardware)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        watchdog.turn()
        assert (os.read(reader, 9), manager.recv(99)) == (b"\0", b"WATCHDOG=1")
        supervisor.start("hangs", lambda stop: (stop.is_set(), release.wait(), None)[2])
        until(lambda: supervisor.lost() == ["hangs"], "lost")
        watchdog.turn()
        with pytest.raises(BlockingIOError):
            os.read(reader, 9)
        with pytest.raises(BlockingIOError):
            manager.recv(99)
        excused.append(True)
        watchdog.turn()
        assert (os.read(reader, 9), manager.recv(99)) == (b"\0", b"WATCHDOG=1")
    hardware.close()
    assert os.read(reader, 9) == b"V", "closed in order: no reset"
    os.close(reader)
    release.set()
    supervisor.stop.set()
    supervisor.join(60)


def test_a_hardware_watchdog_that_is_not_there_is_said_and_stops_nothing(tmp_path: Path) -> None:
    hardware = HardwareWatchdog(tmp_path / "missing")
    hardware.open()
    hardware.feed()
    hardware.close()
    assert "No such file" in (hardware.problem or "")


def test_maintenance_ends_by_itself_whatever_the_wall_clock_does(tmp_path: Path) -> None:
    begin(tmp_path, 30, "lens wiped", BEGAN, "boot-a")
    running = Maintenance(tmp_path, "boot-a")
    for wall_jump_s in (0.0, 86400.0, -86400.0):
        order = running.now(later(29 * 60, wall_jump_s))
        assert order is not None and order.reason == "lens wiped"
    assert running.now(later(30 * 60, -86400.0)) is None
    assert Maintenance(tmp_path, "boot-a").now(later(0)) is None, "over is over"


def test_maintenance_survives_a_restart_and_a_reboot(tmp_path: Path) -> None:
    begin(tmp_path, 30, "cable", BEGAN, "boot-a")
    assert Maintenance(tmp_path, "boot-a").now(later(60)) is not None
    rebooted = Maintenance(tmp_path, "boot-b")
    up = Stamp(BEGAN.unix_s + 600, 5_000_000_000)
    order = rebooted.now(up)
    assert order is not None and order.left_s(up, "boot-b") == pytest.approx(20 * 60)
    assert order.until == later(30 * 60).captured_at
    assert Maintenance(tmp_path, "boot-c").now(Stamp(BEGAN.unix_s + 31 * 60, 5)) is None


@pytest.mark.parametrize("came_up_s", [5.0, BEGAN.unix_s - 3600.0], ids=["in 1970", "an hour back"])
def test_maintenance_ends_after_a_reboot_under_a_clock_that_lags(tmp_path: Path, came_up_s: float) -> None:
    begin(tmp_path, 30, "lens wiped", BEGAN, "boot-a")

    def up(minutes: float, set_ahead_s: float = 0.0) -> Stamp:
        return Stamp(came_up_s + minutes * 60 + set_ahead_s, int((1 + minutes * 60) * 1e9))

    rebooted = Maintenance(tmp_path, "boot-b")
    order = rebooted.now(up(0))
    assert order is not None and 25 * 60 < order.left_s(up(0), "boot-b") <= 30 * 60
    assert order.until == later(30 * 60).captured_at, "not in 1970"
    order = rebooted.now(up(5, BEGAN.unix_s + 86400 - came_up_s))  # somebody sets the clock: it is the next day
    assert order is not None
    assert order.until == later(86400 + 29 * 60).captured_at
    assert Maintenance(tmp_path, "boot-b").now(up(20)) is not None, "the process began anew"
    assert rebooted.now(up(31)) is None
    assert not (tmp_path / "maintenance.json").exists()


@pytest.mark.parametrize("runs_s", [1, 59, 61, 200])
def test_no_number_of_reboots_makes_maintenance_longer(tmp_path: Path, runs_s: int) -> None:
    begin(tmp_path, 30, "cable", BEGAN, "boot-a")
    ran_s, boots = 0, 0
    while boots < 40:
        boots += 1
        running = Maintenance(tmp_path, f"boot-{boots}")
        lasted = [running.now(Stamp(5.0 + second, second * 10**9)) is not None for second in range(runs_s)]
        ran_s += sum(lasted)
        if not all(lasted):
            break
    assert 0 < ran_s <= 30 * 60
    assert boots <= 31


def test_maintenance_ends_on_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    begin(tmp_path, 30, "cable", BEGAN, "boot-a")
    running = Maintenance(tmp_path, "boot-b")
    (tmp_path / "maintenance.json.new").mkdir()  # nothing can be written in its place
    for minute in range(29):
        assert running.now(Stamp(5.0, minute * 60 * 10**9)) is not None
    assert running.now(Stamp(5.0, 30 * 60 * 10**9)) is None


def test_an_order_that_was_taken_back_meanwhile_does_not_return(tmp_path: Path) -> None:
    begin(tmp_path, 30, "cable", BEGAN, "boot-a")
    running = Maintenance(tmp_path, "boot-a")
    assert running.now(later(1)) is not None
    folder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)  # a person's command is at it while the gateway wants to write
    gateway = threading.Thread(target=running.now, args=(later(90),))
    gateway.start()
    (tmp_path / "maintenance.json").unlink()
    os.close(folder)
    gateway.join(60)
    assert running.now(later(91)) is None
    assert not (tmp_path / "maintenance.json").exists()


def test_maintenance_can_be_ended_and_a_broken_order_orders_nothing(tmp_path: Path) -> None:
    running = Maintenance(tmp_path, "boot-a")
    begin(tmp_path, 30, "cable", BEGAN, "boot-a")
    assert running.now(later(1)) is not None
    assert end(tmp_path)
    assert not end(tmp_path)
    assert running.now(later(2)) is None
    (tmp_path / "maintenance.json").write_text("[]")
    assert running.now(later(3)) is None
    with pytest.raises(ValueError, match="at most"):
        begin(tmp_path, 1e9, "for ever", BEGAN, "boot-a")
    with pytest.raises(ValueError, match="say in a few words"):
        begin(tmp_path, 30, " ", BEGAN, "boot-a")
