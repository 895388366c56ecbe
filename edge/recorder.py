"""The recorder: rings of frames in memory, clips of what happened on the disk. Its own loop: a slow disk costs
evidence, never a frame that is judged or a fact that is told."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edge.clips import BEFORE_S, Clip, Segment
from edge.evidence_store import EvidenceStore, Upload
from edge.frames import Frame
from edge.readings_log import ReadingsLog
from edge.ring import KEEP_S, Kept, Ring
from smokesentry.clock import from_wire
from smokesentry.messages.clips import NDJSON_GZIP, ClipFile, digest_of
from smokesentry.messages.records import Detection, Model

_log = logging.getLogger("edge.recorder")
_MOST_WAITING_BYTES = 40_000_000
_SETTLE_EVERY_S = 30.0
_READINGS_EVERY_S = 10.0
_PATIENCE_S = 1.0


@dataclass(slots=True)
class _Eye:
    """One camera as the recorder sees it."""

    ring: Ring
    clip: Clip | None = None
    pose_version: int = 1
    model: Model | None = None
    done: deque[str] = field(default_factory=lambda: deque(maxlen=64))  # evidence whose clip is complete


@dataclass(slots=True)
class Recorder:
    """``offer`` and ``note`` never wait for the disk; :meth:`run` in a loop of its own."""

    store: EvidenceStore
    readings: ReadingsLog
    ring_bytes: int
    upload: Upload
    problem: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    _eyes: dict[str, _Eye] = field(default_factory=dict)
    _waiting: deque[Segment] = field(default_factory=deque)
    _wanted: deque[str] = field(default_factory=deque)  # evidence ids that somebody asked for
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def watch(self, camera: str, pose_version: int) -> None:
        """A camera whose frames will come."""
        self._eyes[camera] = _Eye(Ring(self.ring_bytes), pose_version=pose_version)

    # -- from other loops ----------------------------------------------------------------------------------------------

    def offer(self, camera: str, frame: Frame) -> None:
        """Every frame, masked, from the capture loop."""
        kept = Kept(frame.t_s, frame.stamp, frame.size, frame.jpeg())
        with self._changed:
            eye = self._eyes[camera]
            eye.ring.offer(kept)
            if eye.clip is not None:
                self._put(eye.clip.add(kept))
                if eye.clip.over(kept.t_s):
                    self._put(eye.clip.cut(last=True))
                    eye.done.extend(eye.clip.evidence_ids)
                    eye.clip = None

    def note(self, detections: Sequence[Detection], t_s: float) -> None:
        """What the inference loop tells, ``t_s`` being the detector's time of its frame."""
        for detection in detections:
            with self._changed:
                eye = self._eyes[detection.camera]
                eye.model = detection.model
                if detection.phase == "end":
                    if eye.clip is not None:
                        eye.clip.end(detection.evidence_id, t_s)
                    continue
                if detection.evidence_id in eye.done:
                    continue  # a plume that goes on for longer than a clip may
                if eye.clip is None:
                    since_s = _seconds_between(detection.started_at, detection.last_seen_at)
                    # An event of before a restart began where the ring does not reach.
                    eye.clip = Clip(detection.camera, t_s - min(max(since_s, 0.0), KEEP_S))
                    first_s = eye.clip.started_s - BEFORE_S
                    eye.clip.begin(detection.evidence_id, t_s, detection.bbox_px)
                    for kept in eye.ring.since(first_s):
                        self._put(eye.clip.add(kept))
                else:
                    eye.clip.begin(detection.evidence_id, t_s, detection.bbox_px)

    def forget(self, camera: str) -> None:
        """A camera's frames in memory go: they show what shall be hidden from now on."""
        with self._changed:
            self._eyes[camera].ring.clear()

    def request(self, evidence_id: str) -> None:
        """Somebody who may asks for a detection's whole clip and the readings around it: they go to the outbox."""
        with self._changed:
            self._wanted.append(evidence_id)
            self._changed.notify()

    def _put(self, segments: list[Segment]) -> None:
        for segment in segments:
            self._waiting.append(segment)
            while sum(_size(one) for one in self._waiting) > _MOST_WAITING_BYTES and len(self._waiting) > 1:
                self._waiting.popleft()
                self.counts["evidence_dropped"] += 1
        if segments:
            self._changed.notify()

    # -- the loop ------------------------------------------------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        """Writes what comes until ``stop`` is set; then what is open is cut and written, too."""
        self.store.open(list(self._eyes))
        due = {"settle": 0.0, "readings": 0.0}
        while not stop.is_set():
            self._turn(_PATIENCE_S)
            for name, every_s, task in (
                ("settle", _SETTLE_EVERY_S, self.store.settle),
                ("readings", _READINGS_EVERY_S, self.readings.flush),
            ):
                if time.monotonic() >= due[name]:
                    due[name] = time.monotonic() + every_s
                    self._try(task)
        with self._changed:
            for eye in self._eyes.values():
                if eye.clip is not None:
                    self._put(eye.clip.cut(last=True))
                    eye.clip = None
        while self._waiting or self._wanted:
            self._turn(0.0)
        self._try(self.readings.flush)

    def _turn(self, patience_s: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting or self._wanted), patience_s)
            segment = self._waiting.popleft() if self._waiting else None
            wanted = self._wanted.popleft() if self._wanted and segment is None else None
        if segment is not None:
            eye = self._eyes[segment.camera]
            travels = segment.preview or self.upload == "all"
            self._try(lambda: self.store.add(segment, eye.pose_version, eye.model, travels=travels))
        elif wanted is not None:
            self._try(lambda: self._release(wanted))

    def _release(self, evidence_id: str) -> None:
        camera, files = self.store.camera_of(evidence_id), self.store.files_of(evidence_id)
        if camera is None:
            _log.warning("a clip of %s was asked for, but nothing of it is kept here", evidence_id)
            self.counts["evidence_unknown"] += 1
            return
        self.store.release(evidence_id)
        self.readings.flush()
        from_at, to_at = min(one.from_at for one in files), max(one.to_at for one in files)
        data = self.readings.around(from_at, to_at)
        if not data:
            return
        described = ClipFile(
            role="readings",
            digest=digest_of(data),
            size=len(data),
            content_type=NDJSON_GZIP,
            evidence_ids=[evidence_id],
            from_at=from_at,
            to_at=to_at,
        )
        if described.digest not in self.store.chain(camera).files:
            self.store.put(camera, described, data, travels=True)

    def _try(self, task: Callable[[], object]) -> None:
        try:
            task()
            self.problem = None
        except OSError as error:
            self.counts["evidence_refused"] += 1
            if self.problem is None:
                _log.error("evidence cannot be written: %s", error)
            self.problem = f"evidence cannot be written ({error.strerror or error})"


def _size(segment: Segment) -> int:
    return sum(len(frame.jpeg) for frame in segment.frames)


def _seconds_between(start: str, end: str) -> float:
    return (from_wire(end) - from_wire(start)).total_seconds()
