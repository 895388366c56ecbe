"""Windows out of a night, rendered as fast as the machine can, each frame with its truth: for judging in bulk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.camera import noise_fields
from simulator.eye import Eye
from simulator.night import Night
from simulator.scenery import faces_of
from simulator.stage import Stage
from simulator.truth import PlumeTruth, Source

#: How long before a window the air is set in motion, so that plumes are there when it opens.
RUN_UP_S = 20.0


@dataclass(frozen=True, slots=True)
class SeenPlume(PlumeTruth):
    """One plume in one frame, with what its contrast-to-noise would be without fog, frost and their like."""

    clear_contrast_to_noise: float = 0.0


def render_window(
    stage: Stage, camera: str, t0_s: float, seconds: float, fps: float = 2.0, size: tuple[int, int] = (640, 360)
) -> Iterator[tuple[float, NDArray[np.uint8], list[SeenPlume]]]:
    """Frames (h, w uint8, grey) of gateway ``camera``'s view from ``t0_s`` on, with all plumes in sight.

    ``size`` is width, height and has the camera's aspect ratio. ``stage.night`` says what burns, and is not moved on.
    """
    eye, night = _eye(stage, camera, size), _night_at(stage, t0_s)
    for number in range(int(seconds * fps)):
        t = t0_s + number / fps
        night.advance(t)
        shot = eye.shoot(night)
        seen = []
        for source, truth in (
            (Source(stage.night.burner.rooftop, "stove", "raw_coal") if stage.night.burner else None, shot.smoke),
            (Source(stage.night.steamer.rooftop, "boiler", "gas") if stage.night.steamer else None, shot.steam),
        ):
            if truth is not None and source is not None:
                facts = asdict(truth) | {"source": source, "clear_contrast_to_noise": truth.contrast_to_noise}
                seen.append(SeenPlume(**facts))
        yield t, np.asarray(cv2.cvtColor(shot.frame, cv2.COLOR_BGR2GRAY), np.uint8), seen


def _night_at(stage: Stage, t0_s: float) -> Night:
    like = stage.night
    night = Night(like.street, like.weather, like.scene, like.burner, like.steamer)
    night.lit_at = like.lit_at
    night.t = t0_s - RUN_UP_S
    night.advance(t0_s)
    return night


@lru_cache(maxsize=8)
def _eye(stage: Stage, gateway: str, size: tuple[int, int]) -> Eye:
    """The still picture takes a second: one for all windows of a camera."""
    fields = noise_fields(size, np.random.default_rng([stage.street.seed, 0x40]))
    return Eye(gateway, stage.street, faces_of(stage.street), fields, (), size)
