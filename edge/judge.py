"""One camera's judgement of one frame after another: detector, open events, pictures. Gateway and replay both run it;
it owns no device and reads no clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import hypot
from typing import Protocol

from detector.lesson import Taught
from detector.settings import DetectorSettings
from detector.types import FrameResult
from edge.events import EventBook, Moment
from edge.exposure import ExposureWatch
from edge.frames import Frame, Image
from edge.fusion import AirView
from edge.previews import MAX_PICTURE_BYTES, PreviewRing, evidence_of
from edge.remember import Memory, Remembers
from edge.site_memory import SiteSchool
from smokesentry.messages.records import Detection, Displaced, Evidence, Model
from smokesentry.place import CameraPose
from smokesentry.weather import Weather

_LONGEST_STEP_S = 5.0  # a longer gap between frames is nobody's coverage


class DetectorLike(Protocol):
    """What is asked of a detector; ``detector.pipeline.Detector`` is the real one."""

    model_name: str
    model_digest: str

    def push(self, frame: Image, t_s: float, weather: Weather | None = None) -> FrameResult:
        """One frame; pixels of the answer are the frame's."""

    def finish(self) -> FrameResult:
        """The stream has ended."""


MakeDetector = Callable[[DetectorSettings], DetectorLike]


def real_detector(settings: DetectorSettings) -> DetectorLike:
    """The product's own detector, with its model."""
    from detector.pipeline import Detector

    return Detector(settings)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one frame brought."""

    result: FrameResult
    detections: tuple[Detection, ...] = ()
    evidence: tuple[Evidence, ...] = ()


@dataclass(slots=True)
class Judge:
    """One camera. ``settings.chimneys_px`` are pixels of the raw frame."""

    gateway: str
    camera: str
    pose_version: int
    settings: DetectorSettings
    make_detector: MakeDetector = real_detector
    lost: list[Detection] = field(default_factory=list)
    pose: CameraPose | None = None
    judged_s: float = 0.0
    seen_s: float = 0.0
    memory: Memory | None = None
    school: SiteSchool | None = None
    displaced: Displaced | None = None  # the camera, against the view that it was surveyed on
    exposure: ExposureWatch = field(default_factory=ExposureWatch)
    _ring: PreviewRing = field(default_factory=PreviewRing)
    _detector: DetectorLike | None = None
    _book: EventBook | None = None
    _last: Moment | None = None
    _result: FrameResult | None = None

    def restarted(self) -> None:
        """The camera's thread begins again: a fresh detector, the open events wait for their plumes."""
        self._detector = None
        self._last = self._result = self.displaced = None
        if self._book is not None:
            self._book.restarted()

    def forget(self) -> None:
        """The camera shows another picture from now on: what was kept of the old one goes, and a fresh look begins."""
        if self.memory is not None:
            self.memory.forget()
        self._ring = PreviewRing()
        self.restarted()

    def see(self, frame: Frame, air: AirView) -> Outcome:
        """Judges a frame."""
        self._ring.offer(frame)
        detector = self._detector or self._begin(frame)
        if self._result is not None and not self.exposure.settled(frame.light, frame.t_s):
            return Outcome(replace(self._result, events=()))
        result = self._result = detector.push(frame.view, frame.t_s, air.weather)
        if self.school is not None and isinstance(detector, Taught):
            self.school.look(detector, frame.stamp, eventful=result.verdict != "not_suspected")
        if self.memory is not None and isinstance(detector, Remembers):
            self.memory.keep(detector, frame.stamp, suspected=result.verdict == "suspected")
        self.displaced = _displaced(detector, frame)
        moment = Moment(
            frame.stamp, frame.t_s, frame.size, frame.scale, air, _notes(frame, result), self.pose, self.displaced
        )
        self._count(result, moment)
        return self._outcome(result, moment, frame)

    def sight(self) -> list[str]:
        """What keeps this camera from seeing well, in words: pose, focus, what covers it, chimneys without light."""
        detector = self._detector
        if not isinstance(detector, Remembers):
            return []
        seen = detector.sight()
        dark = [f"chimney {one.number}: {one.reason}" for one in detector.chimney_sights() if not one.judgeable]
        return [*(() if seen is None else seen.problems), *dark]

    def finish(self) -> Outcome | None:
        """The material has ended: closes what is open. None if there was no frame at all."""
        if self._detector is None or self._last is None:
            return None
        return self._outcome(self._detector.finish(), self._last, None)

    def _outcome(self, result: FrameResult, moment: Moment, frame: Frame | None) -> Outcome:
        assert self._book is not None
        detections = self._book.take(result, moment)
        started_s = {event.started_s for event in result.events if event.phase == "start"}
        evidence = [
            evidence_of(detection, frame, min(started_s), self._ring)
            for detection in detections
            if frame is not None and detection.phase == "start" and started_s
        ]
        return Outcome(result, tuple(detections), tuple(evidence))

    def _begin(self, frame: Frame) -> DetectorLike:
        across, down = frame.scale
        chimneys = tuple((x / across, y / down) for x, y in self.settings.chimneys_px)
        known: dict[str, object] = {"chimneys_px": chimneys}
        if self.pose is not None:
            known["heading_deg"] = self.pose.heading_deg  # tells drift with the wind from drift against it
        self._detector = self.make_detector(self.settings.model_copy(update=known))
        if self.school is not None:
            width, height = frame.size
            self.school.begin(tuple((x / width, y / height) for x, y in self.settings.chimneys_px))
        if self.memory is not None and isinstance(self._detector, Remembers):
            self.memory.recall(self._detector, frame.stamp)
        if self._book is None:
            model = Model(self._detector.model_name, self._detector.model_digest)
            self._book = EventBook(self.gateway, self.camera, self.pose_version, model, lost=self.lost)
        return self._detector

    def _count(self, result: FrameResult, moment: Moment) -> None:
        if self._last is not None:
            step_s = min(max(moment.t_s - self._last.t_s, 0.0), _LONGEST_STEP_S)
            self.seen_s += step_s
            if result.verdict != "cannot_judge":
                self.judged_s += step_s
        self._last = moment


def _notes(frame: Frame, result: FrameResult) -> tuple[str, ...]:
    """Said with a start whose preview cannot be the camera's own bytes."""
    if any(event.phase == "start" for event in result.events) and len(frame.jpeg()) > MAX_PICTURE_BYTES:
        size = f"{frame.size[0]}x{frame.size[1]}"
        return (f"preview pictures are re-encoded to fit; the camera's frame is {size}, {len(frame.jpeg())} bytes",)
    return ()


def _displaced(detector: DetectorLike, frame: Frame) -> Displaced | None:
    """In pixels of the raw frame."""
    seen = detector.displaced() if isinstance(detector, Remembers) else None
    if seen is None:
        return None
    (across, down), (x, y) = frame.scale, seen.moved_px
    moved = None if seen.other_view else round(hypot(x * across, y * down), 1)
    turned = 0.0 if seen.other_view else round(min(max(seen.turned_deg, -180.0), 180.0), 2)
    return Displaced(moved_px=moved, turned_deg=turned, frame_width=frame.size[0])
