"""The detector as the gateway uses it: frames in, a verdict and plume events out. No clock, no I/O but the model's
file."""

from __future__ import annotations

import hashlib
import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from detector.events import CELL_PX, classify, tell
from detector.frames import HEIGHT, WIDTH, BadFrame, Grey, Scale, admit
from detector.health import Health
from detector.light import flatten
from detector.maps import Context, network_input
from detector.model import Model
from detector.presence import present
from detector.register import Pose, Reference, find_pose, lay
from detector.settings import DetectorSettings
from detector.statistics import Statistics
from detector.tracks import Track, Tracker
from detector.types import FrameResult, Phase, PlumeEvent, Verdict
from smokesentry.weather import Weather

SAMPLE_S = 0.4  # frames nearer together than this are not needed
THINK_S = 0.9  # the network runs this often
READY_S = 10.0
UPDATE_S = 10.0
_MAX_DT_S = 2.0  # a longer gap counts as this much: the statistics then speak of frames, not seconds
_REFERENCE_S = 5.0
_NEW_SCENE_RESIDUAL = 9.0  # grey levels left after pose and light: another picture, not another exposure
_NEW_SCENE_FRAMES = 4
_CHIMNEY_CELLS = 2.5
_CHIMNEY_FACTOR = 1.25  # on the score at a known chimney


class Watcher:
    """From admitted frames to what the network sees: register, even out the light, keep statistics. One scene
    after another."""

    def __init__(self) -> None:
        self.new_scenes = 0
        self._begin()

    def _begin(self) -> None:
        self.stats = Statistics()
        self.pose = Pose()
        self.unrest_px = 0.0
        self._reference: Reference | None = None
        self._reference_age = 0.0
        self._strange = 0

    @property
    def ready(self) -> bool:
        """Whether there are frames enough to ask the network."""
        return self.stats.frames >= 6

    def take(self, grey: Grey, dt_s: float) -> None:
        """One frame (HEIGHT, WIDTH), ``dt_s`` seconds after the one before it. Begins anew when the scene
        is another one."""
        if self._reference is None:
            self._reference = Reference(grey)
        pose = find_pose(grey, self._reference, self.pose)
        far = pose.residual > _NEW_SCENE_RESIDUAL or not 0.4 < pose.gain < 2.5
        self._strange = self._strange + 1 if far else 0
        if self._strange >= _NEW_SCENE_FRAMES:
            self.new_scenes += 1
            self._begin()
            self._reference, pose = Reference(grey), Pose()
        jump = math.hypot(pose.dx - self.pose.dx, pose.dy - self.pose.dy)
        self.unrest_px += (1 - math.exp(-dt_s / 10)) * (jump - self.unrest_px)
        self.pose = pose
        self.stats.update(flatten(lay(grey, pose), self._reference.small, pose), dt_s)
        self._reference_age += dt_s
        if self._reference_age > _REFERENCE_S:
            self._reference, self._reference_age = Reference(self.stats.background), 0.0

    def network_input(self, dt_s: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Maps and figures now."""
        pose = self.pose
        return network_input(
            self.stats, Context(pose.gain, pose.offset, pose.largest_px, self.unrest_px, pose.residual, dt_s)
        )


class Detector:
    """One camera's detector. Not thread-safe; feed it frames in order of time."""

    def __init__(self, settings: DetectorSettings | None = None) -> None:
        self.settings = settings or DetectorSettings()
        self._model = Model()
        self.model_name = self._model.name
        stated = self._model.digest + self.settings.model_dump_json()
        self.model_digest = "sha256:" + hashlib.sha256(stated.encode()).hexdigest()
        self.counts: dict[str, int] = Counter(frames=0, bad_frames=0, skipped_frames=0)
        self.threshold = self.settings.alarm_threshold or self._model.calibration.alarm_threshold
        self._tracker = Tracker(self.threshold)
        self._health = Health()
        self._scale = Scale(1.0, 1.0)
        self._last_t: float | None = None
        self._thought_t = -math.inf
        self._weather: Weather | None = None
        self._open_events: tuple[PlumeEvent, ...] = ()
        self.heat: NDArray[np.float32] | None = None  # the network's last answer, for explanations
        self._watcher = Watcher()

    def push(self, frame: NDArray[np.uint8], t_s: float, weather: Weather | None = None) -> FrameResult:
        """One frame, uint8 (H, W) or (H, W, 3) BGR, taken at ``t_s`` seconds. Never raises for a bad frame:
        it is counted."""
        self._weather = weather
        self.counts["frames"] += 1
        try:
            grey, scale = admit(frame)
        except BadFrame as reason:
            return self._bad(str(reason))
        if not math.isfinite(t_s):
            return self._bad("time is not a number")
        dt_s = self._advance(t_s)
        if dt_s is None:
            self.counts["skipped_frames"] += 1
            return self._result(())
        if scale != self._scale or self._tracker.favour is None:
            self._scale = scale
            self._tracker.favour = self._favour_chimneys()
        return self._result(self._see(grey, t_s, dt_s))

    def finish(self) -> FrameResult:
        """The stream has ended: closes what is open."""
        ends = tuple(self._tell(track, "end") for track in self._tracker.finish())
        self._open_events = ()
        return FrameResult(self._verdict(), self._cause(), ends, ())

    def score(self) -> NDArray[np.float32] | None:
        """Mean origin heat over the last 16 s, (HEIGHT/4, WIDTH/4) in 0-1, for judging and explanations;
        None before there is any."""
        return self._tracker.score()

    def _favour_chimneys(self) -> NDArray[np.float32]:
        favour = np.ones((round(HEIGHT / CELL_PX), round(WIDTH / CELL_PX)), np.float32)
        ys, xs = np.mgrid[0 : favour.shape[0], 0 : favour.shape[1]]
        for x, y in self.settings.chimneys_px:
            cell_x, cell_y = x / self._scale.x / CELL_PX - 0.5, y / self._scale.y / CELL_PX - 0.5
            favour[np.hypot(xs - cell_x, ys - cell_y) < _CHIMNEY_CELLS] = _CHIMNEY_FACTOR
        return favour

    def _bad(self, reason: str) -> FrameResult:
        self.counts["bad_frames"] += 1
        self.counts[f"bad: {reason}"] = self.counts.get(f"bad: {reason}", 0) + 1
        return self._result(())

    def _advance(self, t_s: float) -> float | None:
        """Seconds since the frame used before, bounded; None for a frame that is not needed."""
        last, self._last_t = self._last_t, t_s
        if last is None:
            return 0.5
        step = t_s - last
        if step < -1.0:
            self.counts["time_went_back"] = self.counts.get("time_went_back", 0) + 1
            self._thought_t = -math.inf
            return 0.5
        if step < SAMPLE_S:
            self._last_t = last
            return None
        if step > _MAX_DT_S:
            self.counts["gaps"] = self.counts.get("gaps", 0) + 1
        return min(step, _MAX_DT_S)

    def _see(self, grey: Grey, t_s: float, dt_s: float) -> tuple[PlumeEvent, ...]:
        cause = self._health.look(grey, t_s, dt_s, self._watcher.unrest_px)
        if cause in ("black picture", "white picture"):
            return self._wait(t_s)
        scenes = self._watcher.new_scenes
        self._watcher.take(grey, dt_s)
        if self._watcher.new_scenes > scenes:
            self.counts["new_scenes"] = self._watcher.new_scenes
            self._tracker.clear_heat()
        if t_s - self._thought_t < THINK_S or not self._watcher.ready:
            return ()
        period = min(max(t_s - self._thought_t, 0.5), 4.0) if math.isfinite(self._thought_t) else 1.0
        self._thought_t = t_s
        return self._think(t_s, dt_s, period)

    def _think(self, t_s: float, dt_s: float, period_s: float) -> tuple[PlumeEvent, ...]:
        self.heat = self._model(*self._watcher.network_input(dt_s)).copy()
        self.heat[:, :, 0] *= present(self._watcher.stats, self.heat.shape[:2])
        if self._watcher.stats.age_s < READY_S or self._health.cause is not None:
            return self._wait(t_s)
        opened, closed = self._tracker.step(self.heat, t_s, period_s)
        self._protect()
        events = [self._tell(track, "start") for track in opened]
        events += [self._tell(track, "end") for track in closed]
        fresh = {track.number for track in opened}
        for track in self._tracker.open:
            if track.number not in fresh and self._worth_telling(track, t_s):
                events.append(self._tell(track, "update"))
        self._open_events = tuple(self._tell(track, "update") for track in self._tracker.open)
        return tuple(events)

    def _wait(self, t_s: float) -> tuple[PlumeEvent, ...]:
        ends = tuple(self._tell(track, "end") for track in self._tracker.wait(t_s))
        self._open_events = tuple(self._tell(track, "update") for track in self._tracker.open)
        return ends

    def _protect(self) -> None:
        """The background does not learn an open plume."""
        slow = np.zeros(self._watcher.stats.slow.shape, np.float32)
        cell = int(CELL_PX)
        for track in self._tracker.open:
            slow = np.maximum(slow, np.kron(track.area, np.ones((cell, cell), np.float32)))
        self._watcher.stats.slow = slow

    def _worth_telling(self, track: Track, t_s: float) -> bool:
        plume_class = classify(track, self._weather)[0]
        if plume_class == track.told_class and t_s - track.told_s < UPDATE_S:
            return False
        track.told_s = t_s
        return True

    def _tell(self, track: Track, phase: Phase) -> PlumeEvent:
        event = tell(track, phase, self._scale, self._watcher.stats, self._model.calibration, self._weather)
        track.told_class = event.plume_class
        return event

    def _cause(self) -> str | None:
        if self._health.cause is not None:
            return self._health.cause
        return "starting up" if self._watcher.stats.age_s < READY_S else None

    def _verdict(self) -> Verdict:
        if any(event.plume_class in ("smoke", "unresolved") for event in self._open_events):
            return "suspected"
        return "cannot_judge" if self._cause() is not None else "not_suspected"

    def _result(self, events: tuple[PlumeEvent, ...]) -> FrameResult:
        verdict = self._verdict()
        return FrameResult(verdict, self._cause() if verdict == "cannot_judge" else None, events, self._open_events)
