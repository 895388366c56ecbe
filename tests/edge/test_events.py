from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.settings import DetectorSettings
from edge.events import EventBook, Moment
from edge.fusion import AirView
from smokesentry.clock import Stamp, from_wire
from smokesentry.messages.records import Detection, Model, ParticulateCue, decode_record

NIGHT = 1_795_000_000.0
VIEW = np.zeros((360, 640), np.uint8)


@pytest.fixture
def book() -> Callable[..., EventBook]:
    def make(lost: list[Detection] | None = None) -> EventBook:
        numbers = count(1)
        return EventBook(
            "gw-1", "cam-1", 3, Model("scripted", "sha256:" + "1" * 64), lambda: f"{next(numbers):016x}", lost or []
        )

    return make


def run(
    book: EventBook,
    detector: Any,
    from_s: float,
    to_s: float,
    air: Callable[[float], AirView] = lambda _: AirView(),
    shift_s: float = 0.0,
) -> list[tuple[float, Detection]]:
    """Half-second frames of a 1280x720 camera through detector and book; detections with the time they were told."""
    told = []
    t_s = from_s
    while t_s < to_s:
        result = detector.push(VIEW, t_s)
        moment = Moment(Stamp(NIGHT + shift_s + t_s, int(t_s * 1e9)), t_s, (1280, 720), (2.0, 2.0), air(t_s))
        told += [(t_s, detection) for detection in book.take(result, moment)]
        t_s += 0.5
    return told


def test_one_plume_is_one_id_with_rising_revisions(book: Any, scripted: Any, plume: Any) -> None:
    detector = scripted(DetectorSettings(), [plume(20.0, 120.0, (300.0, 170.0))])
    told = run(book(), detector, 0.0, 140.0)
    assert {d.detection_id for _, d in told} == {"gw-1/cam-1/0000000000000001"}
    assert [d.revision for _, d in told] == list(range(1, len(told) + 1))
    assert [d.phase for _, d in told] == ["start", *["update"] * (len(told) - 2), "end"]
    assert [t for t, _ in told] == [24.0, 54.0, 84.0, 114.0, 120.0]
    first = told[0][1]
    assert first.origin_px == (600.0, 340.0), "in pixels of the raw frame"
    assert first.bbox_px == (580.0, 260.0, 620.0, 340.0)
    assert from_wire(first.started_at).timestamp() == NIGHT + 20.0
    assert from_wire(first.alarmed_at).timestamp() == NIGHT + 24.0
    assert first.pose_version == 3
    assert len({d.evidence_id for _, d in told}) == 1
    assert len({d.alarmed_at for _, d in told}) == 1


def test_a_change_of_class_or_confidence_is_told_at_once(book: Any, scripted: Any, plume: Any) -> None:
    detector = scripted(DetectorSettings(), [plume(0.0, 100.0, (300.0, 170.0))])
    the_book = book()
    run(the_book, detector, 0.0, 10.0)
    detector.plumes[0] = plume(0.0, 100.0, (300.0, 170.0), confidence=0.85)
    assert run(the_book, detector, 10.0, 15.0) == []
    detector.plumes[0] = plume(0.0, 100.0, (300.0, 170.0), confidence=0.95)
    assert [d.confidence for _, d in run(the_book, detector, 15.0, 20.0)] == [0.95]
    detector.plumes[0] = plume(0.0, 100.0, (300.0, 170.0), confidence=0.95, plume_class="steam")
    assert [d.plume_class for _, d in run(the_book, detector, 20.0, 25.0)] == ["steam"]


def test_the_air_joining_in_is_told_at_once_with_its_reason(book: Any, scripted: Any, plume: Any) -> None:
    cue = ParticulateCue("pm-1", 12.0, 30.0, "2026-11-22T18:00:00.000Z")

    def air(t_s: float) -> AirView:
        return AirView(cues=(cue,), reasons=("PM counts",)) if t_s >= 12.0 else AirView()

    told = run(book(), scripted(DetectorSettings(), [plume(0.0, 100.0, (300.0, 170.0))]), 0.0, 20.0, air)
    assert [(t, bool(d.particulates)) for t, d in told] == [(4.0, False), (12.0, True)]
    assert told[1][1].reasons == ["scripted", "PM counts"]


def test_two_plumes_have_two_ids(book: Any, scripted: Any, plume: Any) -> None:
    plumes = [plume(0.0, 50.0, (100.0, 170.0)), plume(5.0, 60.0, (500.0, 170.0))]
    told = run(book(), scripted(DetectorSettings(), plumes), 0.0, 70.0)
    assert len({d.detection_id for _, d in told}) == 2
    assert sum(d.phase == "end" for _, d in told) == 2


def restart(book: Any, scripted: Any, plume: Any, origin: tuple[float, float], gap_s: float) -> Any:
    """Open at 4 s, killed at 10 s, again from ``gap_s`` later with a plume at ``origin``."""
    before = run(book(), scripted(DetectorSettings(), [plume(0.0, 900.0, (300.0, 170.0))]), 0.0, 10.0)
    again = book(lost=[before[-1][1]])
    detector = scripted(DetectorSettings(), [plume(1000.0, 1500.0, origin)])
    return before[-1][1], run(again, detector, 990.0, 1400.0, shift_s=gap_s - 980.0)


def test_an_open_event_goes_on_under_its_id_after_a_restart(book: Any, scripted: Any, plume: Any) -> None:
    old, told = restart(book, scripted, plume, (303.0, 168.0), 60.0)
    _, first = told[0]
    assert first.detection_id == old.detection_id
    assert (first.revision, first.phase) == (old.revision + 1, "update")
    assert (first.started_at, first.evidence_id) == (old.started_at, old.evidence_id)
    assert any("before a restart" in reason for reason in first.reasons)
    assert not any(d.phase == "end" for _, d in told)


@pytest.mark.parametrize(("origin", "gap_s"), [((420.0, 170.0), 60.0), ((300.0, 170.0), 7200.0)])
def test_a_plume_elsewhere_or_much_later_is_a_new_event_and_the_old_one_is_closed_honestly(
    book: Any, scripted: Any, plume: Any, origin: tuple[float, float], gap_s: float
) -> None:
    old, told = restart(book, scripted, plume, origin, gap_s)
    started = [d for _, d in told if d.phase == "start"]
    ended = [(t, d) for t, d in told if d.phase == "end"]
    assert len(started) == len(ended) == 1
    at_s, closed = ended[0]
    assert at_s - 990.0 == pytest.approx(300.0, abs=1.0)
    assert (closed.detection_id, closed.revision) == (old.detection_id, old.revision + 1)
    assert closed.last_seen_at == old.last_seen_at, "nobody knows when it ended"
    assert "when it really ended is not known" in closed.reasons[-1]


def test_a_camera_that_cannot_judge_closes_nothing(book: Any, scripted: Any, plume: Any) -> None:
    before = run(book(), scripted(DetectorSettings(), [plume(0.0, 900.0, (300.0, 170.0))]), 0.0, 10.0)
    blind = scripted(DetectorSettings(), [], blind=(0.0, 1e9))
    assert run(book(lost=[before[-1][1]]), blind, 10.0, 900.0) == []


def test_a_detector_that_begins_anew_keeps_the_event(book: Any, scripted: Any, plume: Any) -> None:
    the_book = book()
    before = run(the_book, scripted(DetectorSettings(), [plume(0.0, 900.0, (300.0, 170.0))]), 0.0, 10.0)
    the_book.restarted()
    after = run(the_book, scripted(DetectorSettings(), [plume(10.0, 900.0, (300.0, 170.0))]), 10.0, 20.0)
    assert after[0][1].detection_id == before[0][1].detection_id
    assert after[0][1].revision == before[-1][1].revision + 1


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_whatever_happens_revisions_are_unbroken_and_nothing_follows_an_end(
    scripted: Any, plume: Any, data: st.DataObject
) -> None:
    spans = st.tuples(st.floats(0, 60), st.floats(1, 120), st.floats(20, 600), st.floats(40, 300))
    plumes = [plume(a, a + length, (x, y)) for a, length, x, y in data.draw(st.lists(spans, max_size=5))]
    numbers = count(1)
    the_book = EventBook("gw-1", "cam-1", 1, Model("m", "sha256:" + "1" * 64), lambda: f"{next(numbers):016x}")
    told = run(the_book, scripted(DetectorSettings(), plumes), 0.0, 100.0)
    seen: dict[str, Detection] = {}
    for _, detection in told:
        before = seen.get(detection.detection_id)
        assert detection.revision == (1 if before is None else before.revision + 1)
        assert detection.phase == "start" if before is None else before.phase != "end"
        seen[detection.detection_id] = detection
    frames_s = [0.5 * frame for frame in range(200)]
    known = [any(p.from_s + p.knows_after_s <= t_s < p.to_s for t_s in frames_s) for p in plumes]
    assert len(seen) == sum(known), "each plume that some frame could know"


def test_what_is_told_passes_the_wire(book: Any, scripted: Any, plume: Any) -> None:
    from edge.facts import Fact
    from smokesentry.clock import ClockState

    told = run(book(), scripted(DetectorSettings(), [plume(0.0, 50.0, (300.0, 170.0))]), 0.0, 60.0)
    for _, detection in told:
        raw = Fact("detection", detection, Stamp(NIGHT, 0), "boot", ClockState()).encode(1)
        assert decode_record(raw).body == detection


AHEAD_S = 1_700_000_000.0  # what a clock that came up in 1970 is set ahead


def seconds(wire_time: str) -> float:
    return from_wire(wire_time).timestamp() - NIGHT


@pytest.mark.parametrize("step_s", [AHEAD_S, 7.3, 0.4, -0.4, -3600.0], ids=lambda step_s: f"{step_s:g} s")
def test_a_clock_that_is_set_while_an_event_is_open_takes_its_start_along(
    book: Any, scripted: Any, plume: Any, step_s: float
) -> None:
    the_book, detector = book(), scripted(DetectorSettings(), [plume(20.0, 120.0, (300.0, 170.0))])
    before = run(the_book, detector, 0.0, 60.0)
    after = run(the_book, detector, 60.0, 140.0, shift_s=step_s)
    assert [(seconds(d.started_at), seconds(d.alarmed_at)) for _, d in before] == [(20.0, 24.0)] * 2
    assert [d.phase for _, d in after] == ["update", "update", "end"]
    for _, detection in after:
        assert seconds(detection.started_at) == pytest.approx(20.0 + step_s, abs=0.002)
        assert seconds(detection.alarmed_at) == pytest.approx(24.0 + step_s, abs=0.002)
        seen_s = seconds(detection.last_seen_at) - seconds(detection.started_at)
        assert seen_s == pytest.approx(detection.visible_s, abs=1.0)
        way = "ahead" if step_s > 0 else "back"
        assert f"set {way} by {abs(step_s):.1f} s" in detection.reasons[-1]
        assert before[0][1].started_at in detection.reasons[-1], "what was said before is said"
    assert not any("clock" in reason for _, d in before for reason in d.reasons)


def test_a_clock_that_was_set_and_set_back_leaves_the_start_where_it_was(book: Any, scripted: Any, plume: Any) -> None:
    the_book, detector = book(), scripted(DetectorSettings(), [plume(20.0, 300.0, (300.0, 170.0))])
    first = run(the_book, detector, 0.0, 60.0)[0][1]
    run(the_book, detector, 60.0, 120.0, shift_s=-86400.0)
    last = run(the_book, detector, 120.0, 310.0)[-1][1]
    assert (last.phase, last.started_at, last.alarmed_at) == ("end", first.started_at, first.alarmed_at)


def test_a_clock_that_only_drifts_changes_nothing(book: Any, scripted: Any, plume: Any) -> None:
    the_book, detector = book(), scripted(DetectorSettings(), [plume(20.0, 120.0, (300.0, 170.0))])
    told = run(the_book, detector, 0.0, 60.0) + run(the_book, detector, 60.0, 140.0, shift_s=0.2)
    assert len({(d.started_at, d.alarmed_at) for _, d in told}) == 1
    assert not any("clock" in reason for _, d in told for reason in d.reasons)


def test_a_clock_that_is_set_while_the_detector_begins_anew_parts_no_event(
    book: Any, scripted: Any, plume: Any
) -> None:
    the_book = book()
    first = run(the_book, scripted(DetectorSettings(), [plume(0.0, 900.0, (300.0, 170.0))]), 0.0, 10.0)[-1][1]
    the_book.restarted()
    again = scripted(DetectorSettings(), [plume(20.0, 100.0, (300.0, 170.0))])
    told = run(the_book, again, 20.0, 110.0, shift_s=AHEAD_S)
    assert {d.detection_id for _, d in told} == {first.detection_id}
    assert {seconds(d.started_at) for _, d in told} == {AHEAD_S}
    the_book.restarted()
    assert run(the_book, scripted(DetectorSettings(), []), 110.0, 500.0) == [], "it had ended"


def test_an_event_that_is_closed_after_the_clock_was_set_is_told_by_that_clock(
    book: Any, scripted: Any, plume: Any
) -> None:
    the_book = book()
    last = run(the_book, scripted(DetectorSettings(), [plume(0.0, 900.0, (300.0, 170.0))]), 0.0, 10.0)[-1][1]
    the_book.restarted()
    ((_, closed),) = run(the_book, scripted(DetectorSettings(), []), 20.0, 400.0, shift_s=AHEAD_S)
    assert (closed.detection_id, closed.phase) == (last.detection_id, "end")
    assert seconds(closed.started_at) == AHEAD_S
    assert seconds(closed.last_seen_at) == AHEAD_S + seconds(last.last_seen_at)
    assert "when it really ended is not known" in closed.reasons[-2]
    assert "set ahead" in closed.reasons[-1]


def test_times_of_an_earlier_process_stay_for_its_clock_is_not_known(book: Any, scripted: Any, plume: Any) -> None:
    old = run(book(), scripted(DetectorSettings(), [plume(0.0, 900.0, (300.0, 170.0))]), 0.0, 10.0)[-1][1]
    again, detector = book(lost=[old]), scripted(DetectorSettings(), [plume(1000.0, 1500.0, (303.0, 168.0))])
    told = run(again, detector, 990.0, 1040.0, shift_s=-920.0)
    told += run(again, detector, 1040.0, 1100.0, shift_s=-900.0)
    assert {d.detection_id for _, d in told} == {old.detection_id}
    assert {d.started_at for _, d in told} == {old.started_at}
