"""One camera of the gateway: its two loops, its duty, its coverage and its health."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from detector.types import Verdict
from edge.capture import Capture
from edge.drawn_masks import Polygons
from edge.frames import Frame
from edge.fusion import AirView
from edge.inference import Inference
from edge.judge import Judge, Outcome
from edge.settings import CameraSection
from smokesentry.clock import Stamp, SystemClock
from smokesentry.messages.records import CameraHealth

_SIGHT_EVERY_S = 60.0
_BLIND_AFTER_S = 10.0  # without a judged frame for this long a camera cannot judge


@dataclass(frozen=True, slots=True)
class Duty:
    """What the gateway says to its cameras. ``off_duty``: why the schedule wants no frames now; ``excused``: why
    nothing shall be judged; ``covered``: camera, night, seconds, why not judged."""

    off_duty: Callable[[Stamp], str | None] = lambda _: None
    excused: Callable[[], str | None] = lambda: None
    covered: Callable[[str, Stamp, float, str | None], None] = lambda *_: None


@dataclass(slots=True)
class Camera:
    """Capture and inference of one camera. :meth:`health` may be asked from any thread."""

    section: CameraSection
    capture: Capture
    inference: Inference
    clock: SystemClock
    duty: Duty
    recent: deque[Frame] = field(default_factory=lambda: deque(maxlen=6))  # masked like all; for the installer's page
    sight: list[str] = field(default_factory=list)  # what keeps it from seeing well; looked after once a minute
    _sight_ns: int = 0
    _began: Stamp | None = None
    _counted: Stamp | None = None
    _off_duty_s: float = 0.0

    def tick(self) -> None:
        """Counts the time since the last look as covered or not. Called by the inference loop."""
        now = self.clock.now()
        last, self._counted = self._counted, now
        if last is None:
            self._began = self._began or now
            return
        step_s = (now.mono_ns - last.mono_ns) / 1e9
        if now.mono_ns - self._sight_ns > _SIGHT_EVERY_S * 1e9:
            self._sight_ns, self.sight = now.mono_ns, self.inference.judge.sight()
        if self.duty.off_duty(now) is not None:
            self._off_duty_s += step_s
            return
        verdict, cause = self.verdict()
        self.duty.covered(self.section.name, now, step_s, (cause or "unknown") if verdict == "cannot_judge" else None)

    def hide(self, masks: Polygons) -> None:
        """From the next frame on with these masks. What the detector remembers is of another picture, and shows what
        shall be hidden: it goes."""
        self.capture.hide(masks)
        self.recent.clear()
        self.inference.inbox.take(0.0)
        self.inference.look_afresh()

    def verdict(self) -> tuple[Verdict, str | None]:
        """What the camera says now, and why not when it cannot judge."""
        now = self.clock.now()
        off_duty = self.duty.off_duty(now)
        if off_duty is not None:
            return "cannot_judge", off_duty
        inference, judged = self.inference, self.inference.judged
        age_s = None if judged is None else (now.mono_ns - judged.mono_ns) / 1e9
        if age_s is not None and age_s <= _BLIND_AFTER_S:
            return inference.verdict, inference.cause
        excused = self.duty.excused()
        stale = inference.cause if age_s is None else f"no frame for {age_s:.0f} s"
        return "cannot_judge", excused or self.capture.problem or inference.problem or stale

    def health(self) -> CameraHealth:
        """How the camera is now. Time without frames counts as not judged; time outside the schedule as neither."""
        now = self.clock.now()
        verdict, cause = self.verdict()
        last, judged_s = self.capture.last_frame, self.inference.judge.judged_s
        elapsed_s = 0.0 if self._began is None else (now.mono_ns - self._began.mono_ns) / 1e9
        return CameraHealth(
            camera=self.section.name,
            verdict=verdict,
            cause=None if cause is None else cause[:400],
            frames=self.capture.frames,
            unreadable=self.capture.unreadable,
            frame_age_s=None if last is None else round(max(0.0, (now.mono_ns - last.mono_ns) / 1e9), 1),
            displaced=self.inference.judge.displaced,
            judged_s=round(judged_s, 1),
            not_judged_s=round(max(0.0, elapsed_s - self._off_duty_s - judged_s), 1),
        )


def build_camera(
    section: CameraSection,
    judge: Judge,
    clock: SystemClock,
    look_at_air: Callable[[Stamp], AirView],
    tell: Callable[[Frame, Outcome], None],
    duty: Duty | None = None,
    record: Callable[[Frame], None] = lambda _: None,
) -> Camera:
    """The two loops wired together; nothing runs yet. ``record`` gets every frame from the capture loop."""
    duty = duty or Duty()

    def deliver(frame: Frame) -> None:
        camera.recent.append(frame)
        record(frame)
        camera.inference.inbox.put(frame)

    capture = Capture(section, clock, deliver, lambda stamp: duty.off_duty(stamp) is None)
    inference = Inference(judge, look_at_air, tell, duty.excused, lambda: camera.tick())
    camera = Camera(section, capture, inference, clock, duty)
    return camera
