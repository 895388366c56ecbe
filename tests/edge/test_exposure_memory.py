"""What one camera keeps: frames held back while the exposure steps, its background, what its place taught."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import cv2
import numpy as np

from edge.exposure import ExposureWatch
from edge.frames import Frame, Light
from edge.judge import Judge
from edge.remember import Memory
from edge.site_memory import SiteSchool
from smokesentry.clock import Stamp

Until = Callable[..., None]


def test_frames_are_held_back_until_the_exposure_has_settled_but_never_for_long() -> None:
    watch = ExposureWatch()
    dim, bright = Light(10_000, 4.0, True), Light(30_000, 8.0, True)
    judged = [watch.settled(dim if t < 10 else bright, t / 2) for t in range(40)]
    assert [t / 2 for t, one in enumerate(judged) if not one] == [5.0, 5.5, 6.0, 6.5]
    assert not watch.settled(Light(30_000, 8.0, False), 21.0), "the filter has turned"
    assert ExposureWatch().settled(None, 0.0)
    hunting = ExposureWatch()
    seen = [hunting.settled(dim if t % 2 else bright, t / 2) for t in range(200)]
    assert sum(seen) > 150, "a camera that never settles is judged as it is"
    slow = ExposureWatch()
    assert all(slow.settled(Light(10_000 * 1.02**t, 1.0), t / 2) for t in range(100)), "dusk is no step"


def test_a_restart_goes_on_with_the_background(tmp_path: Path, jpeg_of: Any) -> None:
    from detector.settings import DetectorSettings
    from edge.frames import frame_from_bytes
    from edge.fusion import AirView
    from edge.judge import real_detector

    def judge() -> Judge:
        return Judge("gw-1", "cam-1", 1, DetectorSettings(), real_detector, memory=Memory(tmp_path, "cam-1", 1, "boot"))

    base = cv2.GaussianBlur(np.random.default_rng(5).integers(0, 160, (360, 640), np.uint8), (0, 0), 3)

    def frame(t_s: float) -> Frame:
        image = np.clip(base + np.random.default_rng(int(t_s * 2)).normal(0, 2, base.shape), 0, 255).astype(np.uint8)
        raw = bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1])
        return frame_from_bytes(raw, [], Stamp(1_795_000_000.0 + t_s, int(t_s * 1e9) + 10**12), t_s)

    first = judge()
    for step in range(300):
        first.see(frame(step / 2), AirView())
    assert {path.name for path in tmp_path.iterdir()} == {"cam-1.state.json", "cam-1.reference-1.json"}
    assert first.sight() == []
    second = judge()
    second.see(frame(151.0), AirView())
    assert second._detector is not None
    assert "went on after" in second._detector.restored  # type: ignore[attr-defined]
    (tmp_path / "cam-1.state.json").write_text('{"data": 5}')
    third = judge()
    assert third.see(frame(152.0), AirView()).result.verdict == "cannot_judge"


class Careful:
    """A detector that stirs in one cell every evening."""

    threshold = 0.6

    def __init__(self) -> None:
        self.raised: Any = None

    def stirred(self) -> Any:
        cells = np.zeros((9, 16), np.float32)
        cells[2, 3] = cells[7, 8] = 0.5
        return cells

    def raise_at(self, factors: Any) -> None:
        self.raised = factors


def test_what_a_place_taught_is_kept_and_known_chimneys_teach_nothing(tmp_path: Path) -> None:
    path, detector = tmp_path / "memory" / "east.site.toml", Careful()
    chimneys = ((8.5 / 16, 7.5 / 9),)
    for evening in range(5):
        school = SiteSchool(path, ZoneInfo("Asia/Shanghai"))  # a new process every evening
        school.begin(chimneys)
        for minute in range(0, 130, 10):
            at_s = 1_795_000_000.0 + 86400 * evening + 60 * minute
            school.look(detector, Stamp(at_s, 0), eventful=False)
    text = path.read_text()
    assert "row = 2\ncolumn = 3" in text
    assert "row = 7" not in text
    school.look(detector, Stamp(1_795_000_000.0 + 86400 * 5 + 3600, 0), eventful=False)
    assert detector.raised[2, 3] > 1.0
    assert detector.raised[7, 8] == 1.0
    never_set, fresh = Careful(), SiteSchool(path, ZoneInfo("Asia/Shanghai"))
    fresh.begin(())
    fresh.look(never_set, Stamp(1000.0, 0), eventful=False)
    assert never_set.raised is None, "a clock never set teaches nothing"
    path.write_text("worn out")
    again = SiteSchool(path, ZoneInfo("Asia/Shanghai"))
    again.begin(())
    again.look(detector, Stamp(1_795_000_000.0, 0), eventful=False)
    assert detector.raised.max() == 1.0
