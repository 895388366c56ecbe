"""The serial shell on real pseudo-terminals: unplugged, plugged in again, shared, slow and bursty."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import pytest

from firmware_bridge.driver import Reply
from firmware_bridge.link import DutyCycle, SerialSensor
from firmware_bridge.models import driver_for
from firmware_bridge.reading import Reading


class Adapter(Protocol):
    path: object

    def plug(self) -> None: ...
    def send(self, data: bytes) -> None: ...
    def sent_by_host(self) -> bytes: ...
    def unplug(self) -> None: ...


def _frame(pm25: float) -> bytes:
    return driver_for("SDS011").encode({"pm25_ug_m3": pm25, "pm10_ug_m3": pm25 + 1})


@contextmanager
def running(sensor: SerialSensor, readings: list[Reading], replies: list[Reply] | None = None) -> Iterator[None]:
    stop = threading.Event()
    on_reply = replies.append if replies is not None else None
    thread = threading.Thread(target=sensor.run, args=(stop, readings.append, on_reply))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, "did not come to pass in two minutes"
        time.sleep(0.01)


def test_readings_arrive_stamped(adapter: Adapter) -> None:
    readings: list[Reading] = []
    sensor = SerialSensor("s1", "SDS011", str(adapter.path))
    before = time.time(), time.monotonic_ns()
    with running(sensor, readings):
        until(lambda: sensor.stats().connected)
        adapter.send(b"\x00noise" + _frame(12.5) + _frame(13))
        until(lambda: len(readings) == 2)
    assert [reading.values["pm25_ug_m3"] for reading in readings] == [12.5, 13]
    for reading in readings:
        assert reading.arrived_unix_s is not None
        assert reading.arrived_mono_ns is not None
        assert before[0] <= reading.arrived_unix_s <= time.time()
        assert before[1] <= reading.arrived_mono_ns <= time.monotonic_ns()
    stats = sensor.stats()
    assert (stats.connected, stats.frames, stats.skipped_bytes, stats.causes) == (False, 2, 6, {"noise": 1})
    assert stats.silent_s is not None


def test_unplugged_and_back_under_another_number(adapter: Adapter, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    readings: list[Reading] = []
    sensor = SerialSensor("s1", "SDS011", str(adapter.path)[:-3] + "*")
    with running(sensor, readings):
        until(lambda: sensor.stats().connected)
        for turn in (1, 2):
            adapter.send(_frame(turn) + _frame(90)[:4])
            until(lambda turn=turn: len(readings) == turn)  # type: ignore[misc]
            adapter.unplug()
            until(lambda: not sensor.stats().connected)
            time.sleep(1.2)  # several attempts fail in the meantime
            adapter.plug()
            until(lambda: sensor.stats().connected)
        adapter.send(_frame(3))
        until(lambda: len(readings) == 3)
    assert [reading.values["pm25_ug_m3"] for reading in readings] == [1, 2, 3]
    stats = sensor.stats()
    assert (stats.outages, stats.causes) == (2, {"truncated": 2})
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 2
    assert "the device has gone" in warnings[0].getMessage()
    assert sum(record.getMessage().startswith("sensor s1 is back") for record in caplog.records) == 2


def test_a_port_that_is_not_there_yet(adapter: Adapter, caplog: pytest.LogCaptureFixture) -> None:
    adapter.unplug()
    readings: list[Reading] = []
    sensor = SerialSensor("s1", "SDS011", str(adapter.path))
    with running(sensor, readings):
        until(lambda: sensor.stats().outages == 1)
        adapter.plug()
        until(lambda: sensor.stats().connected)
        adapter.send(_frame(5))
        until(lambda: len(readings) == 1)
    assert "no port matches" in caplog.text
    assert "plugged in" in caplog.text


def test_two_processes_cannot_share_one_sensor(adapter: Adapter, caplog: pytest.LogCaptureFixture) -> None:
    script = (
        "import serial, sys; port = serial.Serial(sys.argv[1], exclusive=True); print('held', flush=True);"
        "sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(adapter.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    readings: list[Reading] = []
    sensor = SerialSensor("s1", "SDS011", str(adapter.path))
    try:
        with running(sensor, readings):
            until(lambda: sensor.stats().outages == 1)
            until(lambda: "another process has the port open" in caplog.text)
            holder.communicate(b"", timeout=60)
            until(lambda: sensor.stats().connected)
            adapter.send(_frame(5))
            until(lambda: len(readings) == 1)
    finally:
        holder.kill()
        holder.wait()


def test_a_slow_writer_and_a_burst(adapter: Adapter) -> None:
    readings: list[Reading] = []
    sensor = SerialSensor("s1", "SDS011", str(adapter.path))
    with running(sensor, readings):
        until(lambda: sensor.stats().connected)
        for byte in _frame(7):
            adapter.send(bytes([byte]))
            time.sleep(0.03)
        adapter.send(b"".join(_frame(value) for value in range(1, 201)))
        until(lambda: len(readings) == 201)
    assert [reading.values["pm25_ug_m3"] for reading in readings] == [7, *range(1, 201)]


def test_commands_go_out_and_answers_come_back_beside_the_readings(adapter: Adapter) -> None:
    readings: list[Reading] = []
    replies: list[Reply] = []
    sensor = SerialSensor("s1", "SDS011", str(adapter.path))
    with running(sensor, readings, replies):
        until(lambda: sensor.stats().connected)
        sensor.send("sleep")
        assert adapter.sent_by_host() == driver_for("SDS011").commands["sleep"]
        adapter.send(_frame(3) + bytes.fromhex("aac506010000a16008ab") + _frame(4))
        until(lambda: len(readings) == 2)
        until(lambda: len(replies) == 1)
    assert replies[0].kind == "power"


def test_a_polled_sensor_is_asked_and_started_again_when_it_lost_its_power(adapter: Adapter) -> None:
    driver = driver_for("SPS30")
    wake, read = driver.commands["wake"], driver.commands["read"]
    refused = bytes.fromhex("7e00034300b97e")  # not allowed in this state
    readings: list[Reading] = []
    sensor = SerialSensor("s1", "SPS30", str(adapter.path))

    def asked() -> bytes:
        heard = b""
        while not heard.endswith(read):
            heard += adapter.sent_by_host()
        return heard

    with running(sensor, readings):
        until(lambda: sensor.stats().connected)
        assert asked().startswith(wake + read)
        heard = b""
        while wake not in heard:  # an answer that comes after the next question counts for none
            adapter.send(refused)
            heard += asked()
        behind = heard.rpartition(wake)[2]
        assert behind and not behind.replace(read, b""), "woken, then asked, and again if the answer took long"
        while not readings:
            adapter.send(driver.encode({"pm25_ug_m3": 9, "pm4_ug_m3": 9, "pm10_ug_m3": 9, "n10_0_per_cm3": 4}))
            asked()
    assert readings[0].quality == "warming_up"  # it was only just started


def test_a_duty_cycle_puts_it_to_sleep_and_wakes_it(adapter: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(driver_for("PMS5003")), "warm_up_s", 0.1)
    driver = driver_for("PMS5003")
    sensor = SerialSensor("s1", "PMS5003", str(adapter.path), duty=DutyCycle(on_s=0.6, period_s=1.2))
    with running(sensor, []):
        until(lambda: sensor.stats().connected)
        heard = b""
        while len(heard) < 4 * 7:
            heard += adapter.sent_by_host()
    assert heard[: 4 * 7] == (driver.commands["wake"] + driver.commands["sleep"]) * 2


@pytest.mark.parametrize(
    ("model", "duty", "message"),
    [
        ("PMS5003", DutyCycle(20, 180), "needs 30 s to warm up"),
        ("PMS5003", DutyCycle(180, 180), "less than its period"),
        ("PMS3003", DutyCycle(60, 180), "cannot be put to sleep"),
    ],
)
def test_duty_cycles_that_cannot_work(model: str, duty: DutyCycle, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SerialSensor("s1", model, "/dev/null", duty=duty)


def test_a_command_that_the_sensor_does_not_have() -> None:
    with pytest.raises(KeyError, match="PMS3003 has no command 'sleep'; it has: none"):
        SerialSensor("s1", "PMS3003", "/dev/null").send("sleep")


def test_a_failing_callback_is_not_taken_for_an_outage(adapter: Adapter) -> None:
    sensor = SerialSensor("s1", "SDS011", str(adapter.path))

    def full_disk(reading: Reading) -> None:
        raise OSError("no space left on device")

    def speak() -> None:
        until(lambda: sensor.stats().connected)
        adapter.send(_frame(1))

    threading.Thread(target=speak).start()
    with pytest.raises(OSError, match="no space"):
        sensor.run(threading.Event(), full_disk)
    assert sensor.stats().outages == 0
