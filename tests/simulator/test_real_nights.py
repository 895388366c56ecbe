"""Do simulated stills look like real night pictures in their *spatial* statistics? The pictures lie outside the
repository (SMOKESENTRY_DATA, or ../shared/data). They are streets seen from the road, and time is not in them."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from simulator.camera import to_jpeg
from simulator.night import Night
from simulator.stage import Stage

_DATA = Path(os.environ.get("SMOKESENTRY_DATA", Path(__file__).parents[3] / "shared" / "data")) / "smoke"
_WIDTH_PX = 512  # the real pictures' usual width

pytestmark = pytest.mark.skipif(not _DATA.is_dir(), reason="needs the real pictures (SMOKESENTRY_DATA)")


def statistics(picture: np.ndarray) -> dict[str, float]:
    """Grey levels: dark end, middle, bright end, spread; grain in the darker part; gradients; saturated share."""
    width, height = _WIDTH_PX, round(picture.shape[0] * _WIDTH_PX / picture.shape[1])
    grey = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    grain = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1.0))
    even = grey <= np.percentile(grey, 60)
    return {
        "dark end": float(np.percentile(grey, 5)),
        "middle": float(np.median(grey)),
        "bright end": float(np.percentile(grey, 95)),
        "spread": float(grey.std()),
        "grain": float(np.median(grain[even])),
        "gradient": float(np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0)).mean()) / 8,
        "saturated": float((grey > 240).mean()),
    }


@pytest.fixture(scope="module")
def real() -> dict[str, np.ndarray]:
    with (_DATA / "index.csv").open(encoding="utf-8") as rows:
        files = [row["file"] for row in csv.DictReader(rows) if row["light"] == "night" and row["synthetic"] == "no"]
    assert len(files) > 50
    found = [statistics(cv2.imread(str(_DATA / file), cv2.IMREAD_GRAYSCALE)) for file in files]
    return {name: np.array([one[name] for one in found]) for name in found[0]}


@pytest.mark.parametrize("gateway", ["gw-east", "gw-west"])
def test_stills_lie_within_the_range_of_real_nights(burning: Stage, real: dict[str, np.ndarray], gateway: str) -> None:
    quiet = Night(burning.street, burning.night.weather, "quiet", None, None)
    quiet.advance(2)
    jpeg = to_jpeg(burning.eyes[gateway].shoot(quiet).frame)
    ours = statistics(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE))
    outside = {
        name: (value, real[name].min(), real[name].max())
        for name, value in ours.items()
        if not real[name].min() <= value <= real[name].max()
    }
    assert not outside
