"""Speed of the road, as ratios: what a frame costs, how long from the first visible smoke to the page."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.demo import Scene, start
from lab.figures import Figure
from lab.processes import Processes
from smokesentry.clock import from_wire

Say = Callable[[str], None]
_VISIBLE_CNR = 2.0  # contrast-to-noise of the plume's 10 x 20 strongest pixels, from the simulator's truth
_SEEDS = (101, 102, 103)
_PATIENCE_S = 180.0


def detector_cost(folder: Path, say: Say) -> list[Figure]:
    """Processor time of the whole detector per decoded 1280x720 frame beside MOG2 on the same frames."""
    import cv2

    from detector.pipeline import Detector

    cv2.setNumThreads(1)
    frames = folder / "frames"
    with Processes(folder / "log") as processes:
        words = ["simulate", "--scene", "burn", "--seed", str(_SEEDS[0]), "--render-to", str(frames), "--seconds", "60"]
        processes.smokesentry("render", *words)
        processes.finish("render", 120)
    pictures = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted(frames.glob("*.jpg"))]
    say(f"detector and MOG2 on {len(pictures)} frames")
    detector, peer = Detector(), cv2.createBackgroundSubtractorMOG2()
    ours = _ms_each(pictures, lambda n, frame: detector.push(frame, n * 0.5))
    theirs = _ms_each(pictures, lambda _, frame: peer.apply(frame))
    name = "detector per decoded 720p frame, processor time"
    return [Figure(name, ours, "ms", None, "OpenCV MOG2 on the same frames", theirs)]


def road_time(folder: Path, say: Say) -> list[Figure]:
    """From the first visible smoke to the alert on the page, and the part of it that transport and cloud take."""
    seen: list[float] = []
    carried: list[float] = []
    for seed in _SEEDS:
        found = _one_road(folder / f"seed-{seed}", seed, say)
        if found is None:  # a figure of its own, and the others are still worth it
            say(f"seed {seed}: no alert within {_PATIENCE_S:.0f} s, or one before any smoke could be seen")
            continue
        whole, transport = found
        say(f"seed {seed}: {whole:.1f} s from first visible smoke to the page, {transport:.2f} s of it transport")
        seen.append(whole)
        carried.append(transport)
    worst = "worst of the nights alerted"
    return [
        Figure(f"nights of {len(_SEEDS)} alerted within {_PATIENCE_S / 60:.0f} minutes", len(seen), "", len(_SEEDS)),
        _against_limit(f"first visible smoke to alert on the page, {worst}", max(seen, default=None), "s", 60),
        _against_limit(
            f"gateway knew to alert on the page (transport and cloud), {worst}", max(carried, default=None), "s", 2
        ),
    ]


def _one_road(folder: Path, seed: int, say: Say) -> tuple[float, float] | None:
    """Seconds from the first visible smoke, and from the gateway's knowing, to the page; None without an alert
    on smoke that could be seen."""
    with Processes(folder / "log") as processes:
        town = start(Scene("burn", seed), folder, processes, say)
        shown: dict[str, float] = {}

        def alert_is_there() -> bool:
            if not shown and town.console.alerts():
                shown["at"] = time.time()
            return bool(shown)

        try:
            processes.wait_for("the alert", alert_is_there, _PATIENCE_S)
        except TimeoutError:
            return None
        alert = town.console.get(f"/api/alerts/{town.console.alerts()[0]['alert']}")
        visible = _first_visible(town.street.folder / "truth.jsonl")
    if visible is None:
        return None
    knew = min(from_wire(detection["alarmed_at"]).timestamp() for detection in alert["detections"])
    return shown["at"] - visible, shown["at"] - knew


def _against_limit(name: str, value: float | None, unit: str, limit: float) -> Figure:
    return Figure(name, value, unit, limit, "the limit", limit)


def _first_visible(truth: Path) -> float | None:
    """Unix time of the first frame of any camera in which the plume stands out of the noise; None without one."""
    for line in truth.read_text(encoding="utf-8").splitlines():
        frame: dict[str, Any] = json.loads(line)
        if frame["smoke"] and frame["smoke"]["contrast_to_noise"] >= _VISIBLE_CNR:
            return from_wire(frame["at"]).timestamp()
    return None


def _ms_each(pictures: list[Any], work: Callable[[int, Any], object]) -> float:
    began = time.process_time()
    for number, picture in enumerate(pictures):
        work(number, picture)
    return (time.process_time() - began) / len(pictures) * 1000
