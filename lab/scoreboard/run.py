"""Plays a suite in several processes, night by night, with progress, until all is played or the time is up."""

from __future__ import annotations

import os
import queue
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from lab.scoreboard.demo_scenes import DEMOS, DemoPlayed
from lab.scoreboard.rows import Row
from lab.scoreboard.sampling import Population, Window

Say = Callable[[str], None]
_POLL_S = 5.0
_ORDER_SEED = 1


@dataclass(frozen=True, slots=True)
class Job:
    """Windows of one night, which share its street's still pictures; or, without any, the ``demo``-th demo."""

    windows: tuple[Window, ...]
    fps: float
    demo: int | None = None


@dataclass(slots=True)
class Played:
    """What has been played so far; ``failed`` windows or demos broke off by a fault of ours."""

    rows: list[Row] = field(default_factory=list)
    demos: list[DemoPlayed] = field(default_factory=list)
    failed: int = 0


def play_all(
    windows: Sequence[Window], demos: int, fps: float, processes: int, minutes: float, pictures: Path | None, say: Say
) -> Played:
    """Plays the windows and the first ``demos`` scenes of the demo. Ctrl-C, or ``minutes`` gone by (0: never), ends it
    with what was played. A window that breaks off is told and counted. False alerts leave a picture below ``pictures``,
    where such a folder is given: it takes all frames of a window to be kept until its end.
    Raises ``RuntimeError`` for a killed process.
    """
    jobs = [Job(tuple(some), fps) for _, some in groupby(windows, key=lambda window: window.night)]
    jobs += [Job((), fps, number) for number in range(demos)]
    # in no particular order, so that what was played when the time is up is a fair part of the whole
    jobs = [jobs[index] for index in np.random.default_rng(_ORDER_SEED).permutation(len(jobs))]
    say(f"{len(windows)} windows and {demos} demo scenes, {processes} processes")
    os.environ["OMP_NUM_THREADS"] = "1"
    context = get_context("spawn")
    todo, done = context.Queue(), context.Queue()
    for job in [*jobs, *[None] * processes]:
        todo.put(job)
    played = Played()
    with tempfile.TemporaryDirectory(prefix="judge-") as folder:  # ours, so that no stopped worker leaves its own
        given = todo, done, folder, pictures
        workers = [context.Process(target=_work, args=given, daemon=True) for _ in range(processes)]
        for worker in workers:
            worker.start()
        try:
            _collect(done, workers, played, len(windows) + demos, minutes, say)
        except KeyboardInterrupt:
            say("stopped; what was played is reckoned up")
        finally:
            for worker in workers:
                worker.terminate()
                worker.join()
    played.rows.sort(key=lambda row: (row.night, row.from_s))
    played.demos.sort(key=lambda one: (one.scene, one.seed))
    return played


def weighed(rows: Sequence[Row], population: Population) -> list[Row]:
    """Each row stands for its stratum's windows by how many of it were really played."""
    counts = Counter(row.stratum for row in rows)
    return [msgspec.structs.replace(row, weight=population.windows[row.stratum] / counts[row.stratum]) for row in rows]


def _collect(done: Any, workers: Sequence[Any], played: Played, total: int, minutes: float, say: Say) -> None:
    began, ended = time.monotonic(), 0
    while ended < len(workers):
        if minutes and time.monotonic() - began > 60 * minutes:
            say(f"{minutes:g} minutes are gone; what was played is reckoned up")
            return
        try:
            item = done.get(timeout=_POLL_S)
        except queue.Empty:
            if any(worker.exitcode for worker in workers):
                raise RuntimeError("a process that plays windows was killed; is there memory enough?") from None
            continue
        if item is None:
            ended += 1
            continue
        if isinstance(item, Row):
            played.rows.append(item)
        elif isinstance(item, DemoPlayed):
            played.demos.append(item)
        else:
            played.failed += 1
            say(f"could not be played: {item}")
        share = (len(played.rows) + len(played.demos) + played.failed) / total
        left_min = (time.monotonic() - began) * (1 / share - 1) / 60
        events = [event for row in played.rows for event in row.events if event.judgeable]
        found = sum(event.alert_s is not None for event in events)
        say(f"{share:4.0%} played; {found} of {len(events)} visible fires alerted; {left_min:.0f} min left")


def _work(todo: Any, done: Any, folder: str, pictures: Path | None) -> None:
    import cv2

    from lab.scoreboard.cloud import Cloud
    from lab.scoreboard.demo_scenes import play_demo
    from lab.scoreboard.play import play
    from lab.scoreboard.suite import night_of

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    cv2.setNumThreads(1)
    while (job := todo.get()) is not None:
        cloud = Cloud(Path(tempfile.mkdtemp(dir=folder)))
        for number, window in enumerate(job.windows):
            try:
                name = f"n{window.night}-w{number}"
                done.put(play(window, night_of(window.night), cloud, name, job.fps, pictures))
            except Exception:  # one broken window must not cost the others; it is told and counted
                done.put(f"night {window.night}, {window.from_s:.0f} s, {window.stratum}\n{traceback.format_exc()}")
        if job.demo is not None:
            name, seed = DEMOS[job.demo]
            try:
                done.put(play_demo(name, seed, cloud, job.fps))
            except Exception:
                done.put(f"demo {name} {seed}\n{traceback.format_exc()}")
        cloud.close()
    done.put(None)
