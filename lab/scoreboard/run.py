"""Plays a suite in several processes, night by night, with progress."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path

from lab.scoreboard.demo_scenes import DEMOS, DemoPlayed
from lab.scoreboard.rows import Row
from lab.scoreboard.sampling import Window

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Job:
    """All windows of one night, which share its street's still pictures; or, without any, the ``demo``-th demo."""

    windows: tuple[Window, ...]
    fps: float
    demo: int | None = None


def play_all(
    windows: Sequence[Window], demos: int, fps: float, processes: int, say: Say
) -> tuple[list[Row], list[DemoPlayed]]:
    """Every window's row, in the windows' order, and the first ``demos`` scenes of the demo."""
    jobs = [Job(tuple(some), fps) for _, some in groupby(windows, key=lambda window: window.night)]
    jobs.sort(key=lambda job: -len(job.windows))  # the longest first: no process waits for another at the end
    jobs += [Job((), fps, number) for number in range(min(demos, len(DEMOS)))]
    os.environ["OMP_NUM_THREADS"] = "1"
    began = time.monotonic()
    rows: list[Row] = []
    played: list[DemoPlayed] = []
    say(f"{len(windows)} windows of {len(jobs) - demos} nights and {demos} demo scenes, {processes} processes")
    with get_context("spawn").Pool(processes) as pool:
        for some, demo in pool.imap_unordered(_play_job, jobs):
            rows += some
            played += [] if demo is None else [demo]
            share = (len(rows) + len(played)) / (len(windows) + demos)
            left_min = (time.monotonic() - began) * (1 / share - 1) / 60
            found = sum(event.alert_s is not None for row in rows for event in row.events if event.judgeable)
            fires = sum(event.judgeable for row in rows for event in row.events)
            say(f"{share:4.0%}: {len(rows)} windows; {found} of {fires} visible fires alerted; {left_min:.0f} min left")
    return sorted(rows, key=lambda row: (row.night, row.from_s)), sorted(played, key=lambda one: (one.scene, one.seed))


def _play_job(job: Job) -> tuple[list[Row], DemoPlayed | None]:
    import cv2

    from lab.scoreboard.cloud import Cloud
    from lab.scoreboard.demo_scenes import play_demo
    from lab.scoreboard.play import play
    from lab.scoreboard.suite import night_of

    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(prefix="judge-") as folder:
        cloud = Cloud(Path(folder))
        rows = [
            play(window, night_of(window.night), cloud, f"n{window.night}-w{number}", job.fps)
            for number, window in enumerate(job.windows)
        ]
        demo = None if job.demo is None else play_demo(*DEMOS[job.demo], cloud, job.fps)
        cloud.close()
    return rows, demo
