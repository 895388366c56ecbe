"""The detector as the gateway uses it: frames in, a verdict and plume events out. No clock, no I/O but the model's
file."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.events import tell
from detector.favour import favour
from detector.frames import HEIGHT, WIDTH, BadFrame, Grey, Scale, admit
from detector.health import Health
from detector.maps import MAPS
from detector.memory import SHAPE as MEMORY_SHAPE
from detector.model import Model
from detector.pace import SAMPLE_S, Pace
from detector.presence import present
from detector.remembered import NotUsable, View, check
from detector.seen import Seen
from detector.settings import DetectorSettings
from detector.sight import ChimneySight, Sight, chimney_sights, compare
from detector.snapshot import VIEW_KEPT_S, Snapshot, take
from detector.tracks import Track, Tracker
from detector.types import FrameResult, Phase, PlumeEvent, Verdict
from detector.watcher import Watcher
from smokesentry.weather import Weather

THINK_S = 1.9  # the network runs this often; asked twice as often, it parted smoke from the rest no better
READY_S = 10.0
_REMEMBER_AFTER_S = 20.0  # a background younger than this is not worth keeping
UPDATE_S = 10.0
_POSE_EVERY_S = 60.0
_HELD_S = 4500.0  # a stove smokes for 15 to 40 minutes
_MARGIN = np.ones((3, 3), np.uint8)  # a plume's thin edge, in cells


class Detector:
    """One camera's detector. Not thread-safe; feed it frames in order of time."""

    def __init__(self, settings: DetectorSettings | None = None, model: Model | None = None) -> None:
        self.settings = settings or DetectorSettings()
        self._model = model or Model()
        self.model_name = self._model.name
        stated = self._model.digest + self.settings.model_dump_json()
        self.model_digest = "sha256:" + hashlib.sha256(stated.encode()).hexdigest()
        self.counts: dict[str, int] = Counter(frames=0, bad_frames=0, skipped_frames=0)
        self.threshold = self.settings.alarm_threshold or self._model.calibration.alarm_threshold
        self._tracker = Tracker(self.threshold)
        self._health = Health()
        self._scale = Scale(1.0, 1.0)
        self._pace = Pace(self.counts)
        self._grey: Grey | None = None
        self._thought_t = -math.inf
        self._weather: Weather | None = None
        self._open_events: tuple[PlumeEvent, ...] = ()
        self.heat: NDArray[np.float32] | None = None  # the network's last answer, for explanations
        self._watcher = Watcher()
        self._earlier: tuple[Snapshot, float] | None = None
        self._reference_view: View | None = None
        self._moved: Sight | None = None  # against the reference view, where the pose no longer holds
        self._pose_checked_t = -math.inf
        self._raised: NDArray[np.float32] | None = None
        self._stirred = np.zeros(MEMORY_SHAPE, np.float32)
        self.restored = "nothing was remembered"  # what became of an earlier process's state, for people

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
        dt_s, back_s = self._pace.step(t_s)
        if dt_s is None:
            self.counts["skipped_frames"] += 1
            return self._result(())
        if back_s:
            self._thought_t = -math.inf
            self._tracker.shift(back_s)
        if scale != self._scale or self._tracker.favour is None:
            self._scale = scale
            self._tracker.favour = favour(self.settings.chimneys_px, scale, self._raised)
        return self._result(self._see(grey, t_s, dt_s))

    def finish(self) -> FrameResult:
        """The stream has ended: closes what is open."""
        ends = tuple(self._tell(track, "end") for track in self._tracker.finish())
        self._open_events = ()
        return FrameResult(self._verdict(), self._cause(), ends, ())

    def state(self) -> dict[str, object] | None:
        """What a successor needs to go on (:mod:`detector.snapshot`): JSON-able, some 30 kB. None while there is
        nothing worth keeping. Ask every half minute or so and at the end."""
        if self._pace.last_t is None or self._watcher.watched_s < _REMEMBER_AFTER_S:
            return None
        return take(self._view(), self._tracker.open, self._pace.last_t).to_data()

    def restore(self, data: object, gone_s: float) -> None:
        """Goes on where the process before left off ``gone_s`` seconds ago; before the first frame. The first usable
        frame decides whether the state fits; ``restored`` says what became of it, and why if it was refused."""
        try:
            if not 0 <= gone_s <= VIEW_KEPT_S:
                raise NotUsable(f"it is {gone_s:.0f} s old, at most {VIEW_KEPT_S:.0f} s are of use")
            self._earlier = Snapshot.from_data(data), gone_s
        except NotUsable as reason:
            self.restored = f"refused what was remembered: {reason}"

    def refer(self, data: object) -> None:
        """Sets the view (:meth:`View.to_data`) that focus, veil and pose are measured against. Raises
        :class:`NotUsable`."""
        self._reference_view = View.from_data(data)

    def view(self) -> dict[str, object] | None:
        """The present background, to be kept as a reference; None while it is too young."""
        return self._view().to_data() if self._watcher.watched_s >= _REMEMBER_AFTER_S else None

    def sight(self) -> Sight | None:
        """How well the camera sees now against its reference; None without one or before the first frames."""
        if self._reference_view is None or self._grey is None or self._watcher.watched_s < READY_S:
            return None
        return compare(self._reference_view, self._grey, self._frame_size())

    def displaced(self) -> Sight | None:
        """How the background lay against the reference when it was last compared, if the pose no longer holds."""
        return self._moved

    def chimney_sights(self) -> tuple[ChimneySight, ...]:
        """At which known chimneys smoke could be seen now; empty without chimneys or before there is a background."""
        if self._watcher.watched_s < READY_S:
            return ()
        stats = self._watcher.stats
        scale = (self._scale.x, self._scale.y)
        return chimney_sights(self.settings.chimneys_px, stats.background, stats.sigma, scale)

    def seen(self) -> Seen | None:
        """What every stage holds now, for looking at; None before there is anything. Costs one set of maps."""
        if self._pace.last_t is None or self._watcher.laid is None or not self._watcher.ready:
            return None
        stats = self._watcher.stats
        maps, _ = self._watcher.network_input(SAMPLE_S)
        return Seen(
            self._pace.last_t, self._watcher.laid, stats.background.copy(), maps, self.heat, self.score(),
            self._open_events, self._scale,
        )  # fmt: skip

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The open tracks, for judging; they go on changing."""
        return tuple(self._tracker.open)

    def raise_at(self, factors: NDArray[np.float32] | None) -> None:
        """By how much scores must exceed the threshold in each cell of the site's memory; at each full hour."""
        self._raised = factors
        self._tracker.favour = favour(self.settings.chimneys_px, self._scale, factors)

    def stirred(self) -> NDArray[np.float32]:
        """The highest score in each cell of the site's memory since this was last asked."""
        highest, self._stirred = self._stirred, np.zeros(MEMORY_SHAPE, np.float32)
        return highest

    def score(self) -> NDArray[np.float32] | None:
        """Mean origin heat over the last 16 s, (HEIGHT/4, WIDTH/4) in 0-1, for judging and explanations;
        None before there is any."""
        return self._tracker.score()

    def _view(self) -> View:
        return View(self._watcher.stats.background.copy(), self._frame_size())

    def _frame_size(self) -> tuple[int, int]:
        return round(self._scale.x * WIDTH), round(self._scale.y * HEIGHT)

    def _go_on(self, grey: Grey, t_s: float) -> tuple[PlumeEvent, ...]:
        """Takes up the earlier process's state if this first frame agrees with it; its open plumes begin again."""
        if self._earlier is None:
            return ()
        (snapshot, gone_s), self._earlier = self._earlier, None
        try:
            check(snapshot.view, grey, self._frame_size())
        except NotUsable as reason:
            self.restored = f"refused what was remembered: {reason}"
            return ()
        self._watcher.adopt(snapshot.view.picture)
        tracks = snapshot.tracks_at(t_s, gone_s, t_s + READY_S)
        self._tracker.take_over(tracks)
        self._protect()
        self.restored = f"went on after {gone_s:.0f} s with its background and {len(tracks)} open plumes"
        starts = tuple(self._tell(track, "start") for track in tracks)
        self._open_events = starts
        return starts

    def _check_pose(self, t_s: float) -> None:
        """Every minute: a camera that was knocked still sees smoke, but not where it says."""
        if self._reference_view is None or abs(t_s - self._pose_checked_t) < _POSE_EVERY_S:
            return
        if self._watcher.watched_s >= READY_S:
            # The background, not the frame: what registration undoes is in its place again.
            background = self._watcher.stats.background
            sight = compare(self._reference_view, background, self._frame_size())
            self._moved = None if sight.displaced is None else sight
            self._pose_checked_t = t_s

    def _bad(self, reason: str) -> FrameResult:
        self.counts["bad_frames"] += 1
        self.counts[f"bad: {reason}"] = self.counts.get(f"bad: {reason}", 0) + 1
        return self._result(())

    def _see(self, grey: Grey, t_s: float, dt_s: float) -> tuple[PlumeEvent, ...]:
        self._grey = grey
        cause = self._health.look(grey, t_s, dt_s, self._watcher.unrest_px, self._weather)
        if cause in ("black picture", "white picture"):
            return self._wait(t_s)
        again = self._go_on(grey, t_s)
        self._check_pose(t_s)
        return again + self._look(grey, t_s, dt_s)

    def _look(self, grey: Grey, t_s: float, dt_s: float) -> tuple[PlumeEvent, ...]:
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
        maps, figures = self._watcher.network_input(dt_s)
        self.heat = self._model(maps, figures).copy()
        self.heat[:, :, 0] *= present(self._watcher.stats, self.heat.shape[:2])
        if self._watcher.watched_s < READY_S or self._health.cause is not None:
            return self._wait(t_s)
        opened, closed = self._tracker.step(self.heat, t_s, period_s)
        self._note_stirring()
        self._note_drift(maps)
        self._protect()
        events = [self._tell(track, "start") for track in opened]
        events += [self._tell(track, "end") for track in closed]
        before = {event.track: event.plume_class for event in self._open_events}
        fresh = {track.number for track in opened}
        self._open_events = tuple(self._tell(track, "update") for track in self._tracker.open)
        for track, event in zip(self._tracker.open, self._open_events, strict=True):
            changed = event.plume_class != before.get(track.number) or t_s - track.told_s >= UPDATE_S
            if changed and track.number not in fresh:
                track.told_s = t_s
                events.append(event)
        return tuple(events)

    def _note_drift(self, maps: NDArray[np.float32]) -> None:
        for track in self._tracker.open:
            seen = maps[1::2, 1::2][track.area]
            up, right = (2 * float(seen[:, MAPS.index(name)].mean()) - 1 for name in ("up", "right"))
            track.course.note_drift(up, right)

    def _note_stirring(self) -> None:
        score = self._tracker.score()
        if score is not None:
            rows, columns = MEMORY_SHAPE
            blocks = score.reshape(rows, score.shape[0] // rows, columns, score.shape[1] // columns)
            np.maximum(self._stirred, blocks.max(axis=(1, 3)), out=self._stirred)

    def _wait(self, t_s: float) -> tuple[PlumeEvent, ...]:
        ends = tuple(self._tell(track, "end") for track in self._tracker.wait(t_s))
        self._open_events = tuple(self._tell(track, "update") for track in self._tracker.open)
        return ends

    def _protect(self) -> None:
        """The background does not learn an open plume; after more than an hour it may have been no plume."""
        slow, now_s = self._watcher.stats.slow, self._pace.last_t or 0.0
        slow[:] = 0
        for track in self._tracker.open:
            area = cv2.dilate(track.area.astype(np.uint8), _MARGIN)
            held = 1.0 if now_s - track.alarm_s < _HELD_S else 0.9
            slow[cv2.resize(area, slow.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0] = held

    def _tell(self, track: Track, phase: Phase) -> PlumeEvent:
        event = tell(
            track, phase, self._scale, self._watcher.stats, self._model.calibration, self._weather,
            self.settings.heading_deg,
        )  # fmt: skip
        track.told_class = event.plume_class
        if self._moved is None:
            return event
        return replace(event, reasons=(*event.reasons, f"{self._moved.displaced}: its places are not to be relied on"))

    def _cause(self) -> str | None:
        if self._health.cause is not None:
            return self._health.cause
        if self._watcher.watched_s < READY_S:
            return "starting up"
        return None if self._moved is None else self._moved.displaced

    def _verdict(self) -> Verdict:
        if any(event.plume_class in ("smoke", "unresolved") for event in self._open_events):
            return "suspected"
        return "cannot_judge" if self._cause() is not None else "not_suspected"

    def _result(self, events: tuple[PlumeEvent, ...]) -> FrameResult:
        verdict = self._verdict()
        return FrameResult(verdict, self._cause() if verdict == "cannot_judge" else None, events, self._open_events)
