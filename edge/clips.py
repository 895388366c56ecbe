"""Which frames belong to a clip, and when a segment of it is complete. Pure: time comes with the frames.

A clip runs from 60 s before the first plume's start to 60 s after the last one's end. Its first two minutes behind the
start and its last minute are whole; between them one frame in five seconds is enough to show that it went on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.ring import Kept

BEFORE_S, AFTER_S = 60.0, 60.0
WHOLE_S = 120.0
SPARSE_S = 5.0
LONGEST_S = 3 * 3600.0  # a plume that never ends (a power station) does not fill the disk
SEGMENT_S, SEGMENT_BYTES = 30.0, 6_000_000
PREVIEW_BEFORE_S, PREVIEW_AFTER_S, PREVIEW_EVERY_S = 20.0, 40.0, 1.0


Box = tuple[float, float, float, float]  # x0, y0, x1, y1


@dataclass(frozen=True, slots=True)
class Segment:
    """Frames that become one file, and the evidence that they belong to."""

    camera: str
    evidence_ids: tuple[str, ...]
    frames: tuple[Kept, ...]
    preview: bool = False
    box: Box | None = None  # of the plumes, in pixels of the frames: what the preview shows


@dataclass(slots=True)
class Clip:
    """One camera's running clip."""

    camera: str
    started_s: float
    evidence_ids: list[str] = field(default_factory=list)
    box: Box | None = None
    _open: set[str] = field(default_factory=set)
    _alarmed_s: float = 0.0
    _ended_s: float | None = None
    _pending: list[Kept] = field(default_factory=list)
    _pending_bytes: int = 0
    _last_s: float = float("-inf")
    _preview: list[Kept] | None = field(default_factory=list)

    def begin(self, evidence_id: str, t_s: float, box: Box | None = None) -> None:
        """A plume (another one, or one that goes on after a restart) was told at ``t_s``, now showing in ``box``."""
        if box is not None:
            old = self.box or box
            self.box = (min(old[0], box[0]), min(old[1], box[1]), max(old[2], box[2]), max(old[3], box[3]))
        if evidence_id not in self.evidence_ids:
            self.evidence_ids.append(evidence_id)
            self._alarmed_s = t_s
        self._open.add(evidence_id)
        self._ended_s = None

    def end(self, evidence_id: str, t_s: float) -> None:
        """A plume has ended."""
        self._open.discard(evidence_id)
        if not self._open and self._ended_s is None:
            self._ended_s = t_s

    def add(self, frame: Kept) -> list[Segment]:
        """Takes a frame if it belongs; gives the segments that are complete now."""
        if self._preview is not None and self._wanted_for_preview(frame.t_s):
            self._preview.append(frame)
        if frame.t_s - self._last_s < self._step_s(frame.t_s):
            return self._finished_preview(frame.t_s)
        done: list[Segment] = []
        if self._pending and (
            frame.t_s - self._pending[0].t_s >= SEGMENT_S
            or self._pending_bytes + len(frame.jpeg) > SEGMENT_BYTES
            or frame.size != self._pending[0].size
        ):
            done += self.cut()
        self._pending.append(frame)
        self._pending_bytes += len(frame.jpeg)
        self._last_s = frame.t_s
        return done + self._finished_preview(frame.t_s)

    def over(self, t_s: float) -> bool:
        """Whether the clip is complete at ``t_s``."""
        if t_s - self.started_s > LONGEST_S:
            return True
        return self._ended_s is not None and t_s - self._ended_s >= AFTER_S

    def cut(self, *, last: bool = False) -> list[Segment]:
        """What waits, as a segment; ``last``: the clip ends, and its preview with it."""
        done: list[Segment] = []
        if self._pending:
            done.append(Segment(self.camera, tuple(self.evidence_ids), tuple(self._pending)))
            self._pending, self._pending_bytes = [], 0
        if last and self._preview:
            done.append(self._make_preview())
        return done

    def _step_s(self, t_s: float) -> float:
        """How far apart frames are kept now."""
        whole = t_s < self._alarmed_s + WHOLE_S or (self._ended_s is not None and t_s >= self._ended_s)
        return 0.0 if whole else SPARSE_S

    def _wanted_for_preview(self, t_s: float) -> bool:
        assert self._preview is not None
        if t_s < self.started_s - PREVIEW_BEFORE_S:
            return False
        return not self._preview or t_s - self._preview[-1].t_s >= 0.95 * PREVIEW_EVERY_S

    def _finished_preview(self, t_s: float) -> list[Segment]:
        if self._preview and t_s >= max(self.started_s + PREVIEW_AFTER_S, self._alarmed_s):
            return [self._make_preview()]
        return []

    def _make_preview(self) -> Segment:
        frames, self._preview = tuple(self._preview or ()), None
        return Segment(self.camera, tuple(self.evidence_ids), frames, preview=True, box=self.box)
