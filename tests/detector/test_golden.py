"""Small nights from seeds that nothing was trained on: smoke is found where it is, quiet and lamps stay silent."""

from __future__ import annotations

import numpy as np
import pytest

from detector.pipeline import Detector
from detector.types import PlumeEvent
from lab.scenes.night import Night, Recipe
from smokesentry.weather import Weather

SMOKE = [4_000_206, 4_000_207, 4_000_212]
QUIET = [(4_000_300, ()), (4_000_301, ("windows",)), (4_000_302, ("rain",)), (4_000_304, ("fog",))]


def _watch(night: Night, weather: Weather | None = None) -> tuple[list[PlumeEvent], list[str]]:
    detector, events, verdicts = Detector(), [], []
    for seen in night.frames():
        frame = np.clip(seen.frame, 0, 255).astype(np.uint8)
        result = detector.push(frame, seen.t_s, weather)
        events += result.events
        verdicts.append(result.verdict)
    return events + list(detector.finish().events), verdicts


@pytest.mark.parametrize("seed", SMOKE)
def test_smoke_is_found_at_its_mouth_and_told_from_start_to_end(seed: int) -> None:
    night = Night(seed, Recipe(75, 0.5, 1, 0, (0.35, 0.5), (), at_start=False, codec="none"))
    (source,) = night.sources
    events, verdicts = _watch(night)
    starts = [event for event in events if event.phase == "start"]
    assert len(starts) == 1
    (start,) = starts
    assert np.hypot(start.origin_px[0] - source.x, start.origin_px[1] - source.y) < 12
    assert source.times[0][0] < start.alarm_s < source.times[0][0] + 45
    assert start.plume_class == "smoke"
    assert events[-1].phase == "end"
    assert events[-1].track == start.track
    assert "suspected" in verdicts


@pytest.mark.parametrize(("seed", "look_alikes"), QUIET)
def test_quiet_nights_stay_silent(seed: int, look_alikes: tuple[str, ...]) -> None:
    events, verdicts = _watch(Night(seed, Recipe(60, 0.5, 0, 0, None, look_alikes, codec="none")))
    assert events == []
    assert "suspected" not in verdicts
