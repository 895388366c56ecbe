from __future__ import annotations

import numpy as np

from detector.lesson import Lesson
from detector.memory import COLUMNS, ROWS, SiteMemory
from detector.pipeline import Detector

_LAMP = (4, 7)


class _Detector:
    threshold = 0.6

    def __init__(self) -> None:
        self.factors: np.ndarray | None = None
        self.asked = 0

    def stirred(self) -> np.ndarray:
        self.asked += 1
        out = np.zeros((ROWS, COLUMNS), np.float32)
        out[_LAMP] = 0.4
        return out

    def raise_at(self, factors: np.ndarray | None) -> None:
        self.factors = factors


def _evenings(lesson: Lesson, detector: _Detector, count: int, eventful_at: int | None = None) -> int:
    written = 0
    for night in range(20_000, 20_000 + count):
        for hour in (20, 21, 22):
            for frame in range(3):
                written += lesson.at(detector, night, hour, eventful=eventful_at == hour and frame == 1)
    return written


def test_quiet_hours_teach_their_own_hour_and_apply_there() -> None:
    lesson, detector = Lesson(SiteMemory()), _Detector()
    assert _evenings(lesson, detector, 5) == 14  # the first hour has none before it
    lesson.at(detector, 20_005, 21, eventful=False)
    assert detector.factors is not None
    assert detector.factors[_LAMP] > 1
    lesson.at(detector, 20_005, 3, eventful=False)
    assert detector.factors.max() == 1


def test_an_hour_with_an_event_teaches_nothing() -> None:
    lesson, detector = Lesson(SiteMemory()), _Detector()
    _evenings(lesson, detector, 5, eventful_at=21)
    lesson.at(detector, 20_005, 21, eventful=False)
    assert detector.factors is not None
    assert detector.factors.max() == 1


def test_a_visit_counts_at_once() -> None:
    lesson, detector = Lesson(SiteMemory()), _Detector()
    lesson.at(detector, 20_000, 21, eventful=False)
    lesson.memory.note_visit((_LAMP[1] + 0.5) / COLUMNS, (_LAMP[0] + 0.5) / ROWS, "steam", 21, 20_000)
    lesson.visited(detector)
    assert detector.factors is not None
    assert detector.factors[_LAMP] > 1


def test_the_real_detector_is_taught_the_same_way() -> None:
    detector, lesson = Detector(), Lesson(SiteMemory())
    lesson.memory.note_visit(0.5, 0.5, "steam", 21, 20_000)
    assert not lesson.at(detector, 20_000, 21, eventful=False)
    favour = detector._tracker.favour
    assert favour is not None
    assert favour.shape == (45, 80)
    assert favour.min() < 1
    assert (favour < 1).mean() < 0.02
