"""Which frames are kept, and which of them make a clip."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.clips import Clip, Segment
from edge.ring import Kept, Ring
from smokesentry.clock import Stamp

UNIX_S = 1_795_000_000.0


def kept(t_s: float, size: int = 100) -> Kept:
    return Kept(t_s, Stamp(UNIX_S + t_s, int(t_s * 1e9)), (640, 360), b"x" * size)


# -- the ring ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.floats(0.01, 3.0), st.integers(1, 50)), min_size=1, max_size=200))
def test_a_ring_is_bounded_in_bytes_and_keeps_its_reach(steps: list[tuple[float, int]]) -> None:
    ring, t_s = Ring(max_bytes=400, keep_s=60), 0.0
    first_s = None
    for step_s, size in steps:
        t_s += step_s
        first_s = t_s if first_s is None else first_s
        ring.offer(kept(t_s, size))
        frames = ring.since(-1.0)
        assert sum(len(frame.jpeg) for frame in frames) == ring.size
        assert ring.size <= 400
        assert [frame.t_s for frame in frames] == sorted(frame.t_s for frame in frames)
        assert frames[-1].t_s == t_s
        if t_s - first_s < 60:
            assert frames[0].t_s == first_s, "thinned out, but never shorter"


def test_a_ring_of_large_frames_still_reaches_back_a_minute() -> None:
    ring = Ring(max_bytes=4_000_000)
    for step in range(400):
        ring.offer(kept(step * 0.5, 200_000))
    frames = ring.since(0.0)
    assert frames[-1].t_s - frames[0].t_s >= 60
    gaps = [b.t_s - a.t_s for a, b in pairwise(frames)]
    assert len(frames) == 20
    assert max(gaps) <= 12


def test_time_that_goes_back_begins_a_ring_anew() -> None:
    ring = Ring(1000)
    ring.offer(kept(100.0))
    ring.offer(kept(5.0))
    assert [frame.t_s for frame in ring.since(0.0)] == [5.0]


# -- clips -------------------------------------------------------------------------------------------------------------


def run_clip(burns_s: float, fps: float = 2.0) -> tuple[list[Segment], Clip]:
    """A plume that starts at 100 s, is told 5 s later and ends ``burns_s`` after its start."""
    clip, segments, t_s = Clip("east", 100.0), list[Segment](), 40.0
    clip.begin("a" * 32, 105.0)
    while t_s < 20_000:
        if t_s >= 100 + burns_s:
            clip.end("a" * 32, 100 + burns_s)
        segments += clip.add(kept(t_s))
        if clip.over(t_s):
            segments += clip.cut(last=True)
            break
        t_s += 1 / fps
    return segments, clip


def test_a_clip_holds_a_minute_before_and_a_minute_after_whole() -> None:
    segments, _ = run_clip(burns_s=90.0)
    frames = [frame.t_s for segment in segments if not segment.preview for frame in segment.frames]
    assert frames == [40 + step / 2 for step in range(len(frames))], "whole, in order, nothing twice"
    assert (frames[0], frames[-1]) == (40.0, 250.0)
    [preview] = [segment for segment in segments if segment.preview]
    assert (preview.frames[0].t_s, preview.frames[-1].t_s) == (80.0, 140.0)


def test_a_long_burning_is_thinned_in_its_middle_only() -> None:
    segments, _ = run_clip(burns_s=1800.0)
    frames = [frame.t_s for segment in segments if not segment.preview for frame in segment.frames]
    assert all(b - a == 0.5 for a, b in pairwise(frames) if b <= 225 or a >= 1900)
    middle = [b - a for a, b in pairwise(frames) if a > 226 and b < 1895]
    assert set(middle) == {5.0}
    assert len([segment for segment in segments if segment.preview]) == 1
    assert all(segment.frames[-1].t_s - segment.frames[0].t_s <= 30 for segment in segments if not segment.preview)


def test_a_plume_that_never_ends_does_not_fill_the_disk() -> None:
    segments, _ = run_clip(burns_s=1e9)
    last_s = max(frame.t_s for segment in segments for frame in segment.frames)
    assert 100 + 3 * 3600 - 10 < last_s <= 100 + 3 * 3600 + 1


def test_two_plumes_at_once_share_a_clip() -> None:
    clip = Clip("east", 100.0)
    clip.begin("a" * 32, 100.0)
    clip.begin("b" * 32, 130.0)
    clip.end("a" * 32, 140.0)
    assert not clip.over(900.0)
    clip.end("b" * 32, 150.0)
    assert clip.over(210.0)
    clip.begin("b" * 32, 205.0)  # it goes on
    assert not clip.over(300.0)
