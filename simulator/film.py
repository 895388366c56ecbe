"""One camera's night as files, as fast as the machine renders: for replay, for judging detectors, for looking at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from simulator.camera import to_jpeg
from simulator.papers import FPS, frame_truth, write_json
from simulator.stage import Stage
from smokesentry.clock import to_wire

#: Rendered nights need some date; this one is in the heating season.
_MIDNIGHT = datetime(2026, 1, 15, 16, 0, tzinfo=UTC)


def render(stage: Stage, gateway: str, folder: Path, seconds: float, quiet_s: float) -> int:
    """Writes ``00001.jpg`` … at 2 frames a second, ``truth.jsonl`` and ``truth.json``; returns the number of frames.

    In scene ``burn`` the stove is lit ``quiet_s`` after the first frame.
    """
    night, count = stage.night, int(seconds * FPS)
    burned = []
    with (folder / "truth.jsonl").open("w", encoding="utf-8") as lines:
        for number in range(1, count + 1):
            t = (number - 1) / FPS
            night.advance(t)
            if night.burner is not None and night.lit_at is None and t >= quiet_s:
                night.light_stove()
                burned.append(
                    {"rooftop": night.burner.rooftop, "from": to_wire(_MIDNIGHT + timedelta(seconds=t)), "to": None}
                )
            shot = stage.eyes[gateway].shoot(night)
            (folder / f"{number:05d}.jpg").write_bytes(to_jpeg(shot.frame))
            lines.write(frame_truth(gateway, number, to_wire(_MIDNIGHT + timedelta(seconds=t)), shot))
    truth = {"scene": night.scene, "seed": night.street.seed, "burned": burned, "frames": count}
    write_json(folder / "truth.json", truth)
    return count
