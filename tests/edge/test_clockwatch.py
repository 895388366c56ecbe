"""Any clock, however it jumps: what the cloud's time says is what the corrected times say."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clockwatch import ClockWatch
from smokesentry.clock import Stamp

_TRUE = 1_795_000_000.0  # wall minus monotonic, of a clock that is right


def _stamp(mono_s: float, wrong_by_s: float) -> Stamp:
    return Stamp(_TRUE + mono_s + wrong_by_s, round(mono_s * 1e9))


@settings(deadline=None)
@given(
    parts=st.lists(
        st.tuples(st.integers(1, 20), st.sampled_from([-18000.0, -3.0, -1.5, 0.0, 0.4, 2.0, 10800.0])), min_size=1
    ),
    measured_at=st.integers(0, 200),
    asked=st.sets(st.integers(0, 200)),
)
def test_every_stamp_is_right_or_corrected_once_the_cloud_has_told_the_time(
    parts: list[tuple[int, float]], measured_at: int, asked: set[int]
) -> None:
    watch, stamps, fixes = ClockWatch(), [], []
    mono_s = 100.0
    wrongs = [wrong for looks, wrong in parts for _ in range(looks)]
    for number, wrong in enumerate(wrongs):
        stamps.append(_stamp(mono_s, wrong))
        watch.look(stamps[-1])
        if number == min(measured_at, len(wrongs) - 1):
            watch.heard(_TRUE + mono_s - 0.1, round((mono_s - 0.3) * 1e9), round(mono_s * 1e9))
        if number in asked:
            fixes += watch.fixes("boot")
        mono_s += 1.0
    fixes += watch.fixes("boot")
    for stamp in stamps:
        covering = [fix for fix in fixes if fix.from_mono_ns <= stamp.mono_ns <= fix.to_mono_ns]
        assert len(covering) <= 1, "a time is never corrected twice"
        fixed_s = stamp.unix_s + sum(fix.offset_ms for fix in covering) / 1000
        assert abs(fixed_s - _TRUE - stamp.mono_ns / 1e9) <= 1.3
    assert watch.fixes("boot") == []


def test_without_the_clouds_word_nothing_is_corrected() -> None:
    watch = ClockWatch()
    watch.look(_stamp(1, 0))
    assert watch.look(_stamp(2, 7200)) == 7200.0
    assert watch.fixes("boot") == []
    assert watch.offset_s() is None


def test_an_acknowledgement_that_was_long_on_its_way_tells_no_time() -> None:
    watch = ClockWatch()
    watch.look(_stamp(1, 0))
    watch.heard(_TRUE + 500, round(1e9), round(900e9))
    assert watch.truth is None


def test_a_disciplined_clock_that_is_slewed_does_not_jump() -> None:
    watch = ClockWatch()
    for second in range(1000):
        assert watch.look(_stamp(second, second * 0.0005)) is None
    assert watch.jumps == 0
