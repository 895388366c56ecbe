"""The sensor commands that need a port or time: read, capture, replay, emulate."""

from __future__ import annotations

import argparse
import json
import queue
import random
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from firmware_bridge.aggregates import MEANS_S, Interval, MinuteMaker, combine
from firmware_bridge.capture import replay, to_line
from firmware_bridge.corrections import with_corrections
from firmware_bridge.driver import NOT_QUANTITIES, Reply
from firmware_bridge.emulator import EmulatedSensor, serve
from firmware_bridge.link import SerialSensor
from firmware_bridge.models import driver_for
from firmware_bridge.quality import aged
from firmware_bridge.reading import Reading
from firmware_bridge.render import counts_as_json, interval_as_json, reading_as_json
from firmware_bridge.stream import FrameHunter
from smokesentry.clock import Stamp, SystemClock, from_unix, to_wire

_LOOK_S = 1.0
_ANSWERS_WITHIN_S = 3.0


def read(options: argparse.Namespace) -> int:
    """Live readings until the count is reached or the user stops it."""
    sensor = SerialSensor(options.model, options.model, options.port)
    every_s = driver_for(options.model).every_s
    arrivals: queue.Queue[Reading] = queue.Queue()
    clock, last, shown, warned = SystemClock(), None, 0, False
    with _running(sensor, arrivals):
        while options.count is None or shown < options.count:
            try:
                reading = with_corrections(arrivals.get(timeout=_LOOK_S), options.rh)
            except queue.Empty:
                if last is not None and not warned:
                    now = aged(last, clock.now().mono_ns, every_s)
                    warned = now.quality == "stale"
                    if warned:
                        _show(now, options.json, header=False)
                continue
            _show(reading, options.json, header=last is None or last.values.keys() != reading.values.keys())
            last, warned, shown = reading, False, shown + 1
    return 0


@contextmanager
def _running(sensor: SerialSensor, arrivals: queue.Queue[Reading]) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=sensor.run, args=(stop, arrivals.put), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(2.0)


def _show(reading: Reading, as_json: bool, *, header: bool) -> None:
    if as_json:
        print(json.dumps(reading_as_json(reading), ensure_ascii=False), flush=True)
        return
    names = [name for name in reading.values if name not in NOT_QUANTITIES]
    if header:
        print("time (UTC)    quality       " + "  ".join(names))
    time = to_wire(from_unix(reading.arrived_unix_s or 0.0))[11:-1]
    cells = "  ".join(f"{reading.values[name]:>{len(name)}g}" for name in names)
    print(f"{time}  {reading.quality:<12}  {cells}" + (f"  {reading.reason}" if reading.reason else ""), flush=True)


def ask(options: argparse.Namespace) -> int:
    """Which unit hangs on the port and how it is, by the answers that its model can give."""
    driver = driver_for(options.model)
    if not driver.identify:
        print(f"{driver.model} has no question that identifies it", file=sys.stderr)
        return 1
    sensor = SerialSensor(options.model, options.model, options.port)
    stop, answers = threading.Event(), []

    def keep(reply: Reply) -> None:
        answers.append(reply)
        print(f"{reply.kind}: " + ", ".join(f"{name} {value}" for name, value in reply.values.items()), flush=True)
        if {answer.kind for answer in answers} >= set(driver.identify):
            stop.set()

    for command in driver.identify:
        sensor.send(command)
    timer = threading.Timer(_ANSWERS_WITHIN_S, stop.set)
    timer.start()
    sensor.run(stop, lambda _: None, keep)
    timer.cancel()
    if not answers:
        print(
            f"no answer within {_ANSWERS_WITHIN_S:g} s; is it a {driver.model}, and is its RX wired?", file=sys.stderr
        )
    return 0 if answers else 1


def capture(options: argparse.Namespace) -> int:
    """Raw bytes with times into a file, until the time is over or the user stops it."""
    sensor = SerialSensor(options.model, options.model, options.port)
    stop = threading.Event()
    timer = threading.Timer(options.seconds, stop.set) if options.seconds is not None else None
    taken = 0
    with Path(options.capture).open("x", encoding="utf-8", buffering=1) as target:

        def keep(data: bytes, arrived: Stamp) -> None:
            nonlocal taken
            taken += len(data)
            target.write(to_line(data, arrived))
            print(f"\r{taken} bytes", end="", file=sys.stderr, flush=True)

        if timer is not None:
            timer.start()
        try:
            sensor.run(stop, lambda _: None, on_bytes=keep)
        except KeyboardInterrupt:
            stop.set()
        finally:
            if timer is not None:
                timer.cancel()
            print(file=sys.stderr)
    stats = sensor.stats()
    print(f"{options.capture}: {taken} bytes, {stats.frames} frames, {stats.skipped_bytes} bytes skipped")
    return 0


def play_back(options: argparse.Namespace) -> int:
    """A capture's readings, or their means, as a gateway would have had them."""
    driver = driver_for(options.model)
    hunter = FrameHunter(driver)
    with Path(options.capture).open(encoding="utf-8") as lines:
        readings = (with_corrections(reading, options.rh) for reading in replay(driver, lines, hunter))
        if options.mean is None:
            shown: set[tuple[str, ...]] = set()
            for reading in readings:
                _show(reading, options.json, header=tuple(reading.values) not in shown)
                shown.add(tuple(reading.values))
        else:
            for interval in _means(readings, driver.every_s, MEANS_S[options.mean]):
                print(json.dumps(interval_as_json(interval), ensure_ascii=False))
    print(json.dumps(counts_as_json(hunter.counts), ensure_ascii=False))
    return 0


def _minutes(readings: Iterable[Reading], every_s: float) -> Iterator[Interval]:
    maker = MinuteMaker(every_s)
    for reading in readings:
        ended = maker.add(reading)
        if ended is not None:
            yield ended
    last = maker.close()
    if last is not None:
        yield last


def _means(readings: Iterable[Reading], every_s: float, length_s: int) -> Iterator[Interval]:
    """Intervals of ``length_s`` in the order in which they end."""
    for number, minutes in groupby(_minutes(readings, every_s), key=lambda minute: minute.from_unix_s // length_s):
        yield combine(list(minutes), number * length_s, length_s)


def emulate(options: argparse.Namespace) -> int:
    """A sensor on a pseudo-terminal, until the time is over or the user stops it."""
    driver = driver_for(options.model)
    sensor = EmulatedSensor(driver, options.fault, random.Random(options.seed))
    stop = threading.Event()
    timer = threading.Timer(options.seconds, stop.set) if options.seconds is not None else None
    if timer is not None:
        timer.start()
    link = None if options.link is None else Path(options.link)
    try:
        serve(sensor, stop, link=link, every_s=driver.every_s, on_plugged=lambda path: print(path, flush=True))
    except KeyboardInterrupt:
        stop.set()
    finally:
        if timer is not None:
            timer.cancel()
    return 0
