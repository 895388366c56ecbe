"""Whether a worker's memory grows: a city without faults for a while, its memory every few seconds, and the slope."""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter
from pathlib import Path

import psutil

from lab.figures import Figure
from lab.ingest_run import Plan, Say, judge, one_machine

_EVERY_S = 5.0
_WARM = 0.3  # the share of the time after which memory counts: caches and pools have filled


def soak(folder: Path, minutes: float, say: Say) -> list[Figure]:
    """One worker, a hundred gateways, a message a second each. Raises ``RuntimeError`` when something was lost."""
    plan = Plan(gateways=100, seconds=minutes * 60, interval_s=1.0, workers=1)
    began = time.monotonic()
    with one_machine(folder, plan, say) as machine:
        over, samples = threading.Event(), list[tuple[float, float]]()
        watched = psutil.Process(machine.processes.pid("worker-0"))

        def watch() -> None:
            end = time.monotonic() + plan.seconds
            while time.monotonic() < end and not over.wait(_EVERY_S):
                samples.append(((time.monotonic() - began) / 3600, watched.memory_info().rss / 1e6))
            over.set()

        thread = threading.Thread(target=watch)
        thread.start()
        ledger, left = machine.city(lambda: not over.is_set())
        thread.join()
        machine.processes.check()
        outcome = judge(machine.url, plan, ledger, left, Counter(), began)
    if not outcome.passed:
        raise RuntimeError("the soak lost or doubled facts; its memory means nothing")
    kept = samples[int(len(samples) * _WARM) :]
    slope, _ = statistics.linear_regression([hour for hour, _ in kept], [size for _, size in kept])
    say(f"soak of {minutes:.0f} min: {samples[-1][1]:.0f} MB at the end, slope {slope:+.1f} MB/h")
    what = f"soak of {minutes:.0f} min, 100 messages/s"
    return [
        Figure(f"{what}: the worker's memory at the end", samples[-1][1], "MB"),
        Figure(f"{what}: slope over its last 70 %", slope, "MB/h", 5),
    ]
