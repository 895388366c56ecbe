from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.window import LIMITS, Window, backoff_s
from smokesentry.messages.records import LANES


def test_a_full_lane_never_closes_another() -> None:
    window = Window()
    for number in range(LIMITS["telemetry"].batches):
        window.sent("telemetry", [number + 1], 0.0)
    assert window.open_lanes() == ["detection", "health", "evidence"]


def test_detections_come_first() -> None:
    assert Window().open_lanes()[0] == "detection"


def test_overdue_batches_are_sent_again_with_doubling_patience() -> None:
    window = Window()
    window.sent("telemetry", [1, 2], 0.0)
    window.sent("detection", [1], 0.0)
    assert window.next_overdue_s() == 5.0
    assert window.overdue(4.9) == []
    assert window.overdue(5.0) == [("detection", [1])]
    assert window.next_overdue_s() == 15.0
    window.acknowledged("telemetry", 1, [])
    assert window.overdue(60.0) == [("detection", [1]), ("telemetry", [2])]


def test_a_restart_forgets_what_was_on_its_way() -> None:
    window = Window()
    window.sent("health", [5], 0.0)
    window.passed("health", 5)
    assert window.after("health") == 5
    window.restart({"health": 5})
    assert window.after("health") == 0
    assert window.in_flight("health") == set()


def test_only_what_was_never_sent_before_dates_an_acknowledgement() -> None:
    window = Window()
    window.restart(dict.fromkeys(LANES, 0) | {"health": 5})  # 1-5 may have been sent by a process before this one
    window.sent("health", [4, 5, 6], 10.0)
    window.sent("health", [7], 20.0)
    assert window.acknowledged("health", 5, []) is None
    assert window.acknowledged("health", 6, []) == 10.0
    assert window.acknowledged("health", 7, []) == 20.0
    window.sent("health", [6], 30.0)  # the cloud asked for it again
    assert window.acknowledged("health", 7, []) is None


def test_sending_again_on_the_same_connection_counts_from_the_first_time() -> None:
    window = Window()
    window.sent("detection", [1], 1.0)
    assert window.overdue(6.0) == [("detection", [1])]
    assert window.acknowledged("detection", 1, []) == 1.0


@given(
    sent=st.lists(st.integers(1, 60), unique=True, min_size=1).map(sorted),
    contiguous=st.integers(0, 60),
    ranges=st.lists(st.tuples(st.integers(1, 60), st.integers(0, 5)).map(lambda r: (r[0], r[0] + r[1])), max_size=4),
)
def test_what_is_acknowledged_leaves_the_window_and_nothing_else(
    sent: list[int], contiguous: int, ranges: list[tuple[int, int]]
) -> None:
    window = Window()
    window.sent("detection", list(sent), 0.0)
    window.acknowledged("telemetry", 60, [])
    assert window.in_flight("detection") == set(sent)
    window.acknowledged("detection", contiguous, ranges)
    settled = {s for s in sent if s <= contiguous or any(low <= s <= high for low, high in ranges)}
    assert window.in_flight("detection") == set(sent) - settled


@given(failures=st.integers(0, 1000), jitter=st.floats(0, 1))
def test_the_back_off_grows_and_is_bounded(failures: int, jitter: float) -> None:
    assert 0.5 <= backoff_s(failures, jitter) <= 120.0
    assert backoff_s(failures, jitter) <= backoff_s(failures + 1, 1.0)
    assert backoff_s(0, 0.0) == 0.5
