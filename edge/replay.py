"""Recorded material through the gateway's own code: the same sources, frames, detector, fusion and bridge decoder.

Time comes from the material: a folder's frames are ``1/fps`` apart, a video brings its own time stamps. A sensor's raw
bytes carry no times; they are taken as recorded over the same time as the frames, and fed in step with them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from detector.clip import clip_verdict
from detector.settings import DetectorSettings
from detector.types import Verdict
from edge.capture import read_frame
from edge.frames import Frame, UnreadableFrame
from edge.fusion import SiteAir
from edge.judge import Judge, MakeDetector, Outcome, real_detector
from edge.site import Site
from edge.sources import FolderSource, VideoSource
from edge.taken import Source, SourceEnded, SourceError, Taken
from firmware_bridge.models import driver_for
from firmware_bridge.reading import Reading
from firmware_bridge.stream import FrameHunter
from smokesentry.clock import Stamp, from_wire
from smokesentry.messages.records import Detection, Evidence

Progress = Callable[[int, float], None]  # frames done, share of the material in 0-1


@dataclass(slots=True)
class SerialBytes:
    """One sensor's recorded bytes on their way through the bridge's decoder."""

    name: str
    model: str
    raw: bytes
    _at: int = 0
    _hunter: FrameHunter | None = None

    def up_to(self, share: float) -> list[Reading]:
        """Readings complete once this share (0-1) of the bytes has come in."""
        self._hunter = self._hunter or FrameHunter(driver_for(self.model))
        end = round(min(max(share, 0.0), 1.0) * len(self.raw))
        found = self._hunter.feed(self.raw[self._at : end]) if end > self._at else []
        self._at = max(self._at, end)
        return [item for item in found if isinstance(item, Reading)]

    def words(self) -> str:
        """What the decoder made of the bytes."""
        if self._hunter is None:
            return f"sensor {self.name}: nothing was read"
        self._hunter.finish()
        counts = self._hunter.counts
        causes = "".join(f", {cause} {count}" for cause, count in sorted(counts.causes.items()))
        return (
            f"sensor {self.name} ({self.model}): {counts.frames} frames, {counts.rejected} rejected,"
            f" {counts.skipped_bytes} bytes skipped{causes}"
        )


@dataclass(slots=True)
class Replayed:
    """What came out. ``began_unix_s`` is the moment that the material's second 0 was given."""

    began_unix_s: float
    frames: int = 0
    unreadable: int = 0
    suspected: bool = False
    judged_s: float = 0.0
    not_judged_s: float = 0.0
    causes: dict[str, int] = field(default_factory=dict)  # why frames could not be judged, and how many
    detections: dict[str, Detection] = field(default_factory=dict)  # the newest revision of each
    revisions: list[tuple[Detection, Stamp]] = field(default_factory=list)
    evidence: list[tuple[Evidence, Stamp]] = field(default_factory=list)
    best_frame: Frame | None = None  # of the strongest detection; without one, the last frame
    strongest: Detection | None = None
    judge_s: float = 0.0
    decode_s: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """Over the whole clip."""
        return clip_verdict(self.suspected, self.judged_s, self.not_judged_s)

    def as_json(self) -> dict[str, object]:
        """The output that DESIGN fixes, and behind it what else is worth knowing."""
        readable = max(1, self.frames - self.unreadable)
        return {
            "verdict": self.verdict,
            "detections": [self._detection(detection) for detection in self.detections.values()],
            "frames": self.frames,
            "ms_per_frame": round(1000 * self.judge_s / readable, 3),
            "decode_ms_per_frame": round(1000 * self.decode_s / max(1, self.frames), 3),
            "unreadable": self.unreadable,
            "judged_s": round(self.judged_s, 1),
            "not_judged_s": round(self.not_judged_s, 1),
            "causes": self.causes,
        }

    def _detection(self, detection: Detection) -> dict[str, object]:
        return {
            "start_s": self.seconds(detection.started_at),
            "end_s": self.seconds(detection.last_seen_at),
            "alarm_s": self.seconds(detection.alarmed_at),
            "origin_px": list(detection.origin_px),
            "confidence": detection.confidence,
            "class": detection.plume_class,
            "reasons": detection.reasons,
        }

    def seconds(self, wire_time: str) -> float:
        """A record's time as seconds of the material."""
        return round(from_wire(wire_time).timestamp() - self.began_unix_s, 3)


def open_material(path: Path, fps: float) -> tuple[Source, float]:
    """A folder's or video file's frames and how many seconds they last. Raises :class:`SourceError`."""
    if path.is_dir():
        folder = FolderSource(path)
        if len(folder) == 0:
            raise SourceError(f"{path} holds no pictures (.jpg, .png, …)")
        return folder, len(folder) / fps
    video = VideoSource(str(path), fps)
    return video, video.duration_s


def replay(
    source: Source,
    fps: float,
    length_s: float,
    *,
    gateway: str,
    site: Site,
    serials: list[SerialBytes],
    began_unix_s: float,
    progress: Progress,
    make_detector: MakeDetector = real_detector,
) -> Replayed:
    """Runs everything through. ``began_unix_s`` should be whole seconds, so that times of records are exact."""
    air = SiteAir(site.weather.weather())
    for serial in serials:
        air.expect(serial.name)
    chimneys = tuple(site.chimneys_px)
    judge = Judge(
        gateway=gateway,
        camera=site.camera,
        pose_version=site.pose.pose_version if site.pose is not None else 1,
        settings=DetectorSettings(chimneys_px=chimneys),
        make_detector=make_detector,
        pose=site.pose,
    )
    done = Replayed(began_unix_s)
    stamp = Stamp(began_unix_s, 0)
    for taken, t_s in _timed(source, fps, done):
        stamp = Stamp(began_unix_s + t_s, round(t_s * 1e9))
        share = t_s / length_s if length_s > 0 else 0.0
        for serial in serials:
            for reading in serial.up_to(share):
                air.add(serial.name, t_s, reading)
        began_s = time.perf_counter()
        try:
            frame = read_frame(taken, site.masks, stamp, t_s)
        except UnreadableFrame:
            done.unreadable += 1
            done.decode_s += time.perf_counter() - began_s
            continue
        decoded_s = time.perf_counter()
        outcome = judge.see(frame, air.look(t_s, stamp))
        done.decode_s += decoded_s - began_s
        done.judge_s += time.perf_counter() - decoded_s
        _note(done, outcome, stamp, frame)
        progress(done.frames, share)
    for serial in serials:
        serial.up_to(1.0)  # nothing looks at these any more, but they are counted
    last = judge.finish()
    if last is not None:
        _note(done, last, stamp, None)
    done.judged_s, done.not_judged_s = judge.judged_s, judge.seen_s - judge.judged_s
    return done


def _timed(source: Source, fps: float, done: Replayed) -> Iterator[tuple[Taken, float]]:
    """Frames with their time in seconds; counts them and what it took to get them."""
    while True:
        began_s = time.perf_counter()
        try:
            taken = source.read()
        except SourceEnded:
            return
        done.decode_s += time.perf_counter() - began_s
        t_s = done.frames / fps if taken.at_s is None else taken.at_s
        done.frames += 1
        yield taken, t_s


def _note(done: Replayed, outcome: Outcome, stamp: Stamp, frame: Frame | None) -> None:
    result = outcome.result
    done.suspected |= result.verdict == "suspected"
    if result.verdict == "cannot_judge" and result.cause is not None and frame is not None:
        done.causes[result.cause] = done.causes.get(result.cause, 0) + 1
    if frame is not None and done.strongest is None:
        done.best_frame = frame
    for detection in outcome.detections:
        done.detections[detection.detection_id] = detection
        done.revisions.append((detection, stamp))
        if frame is not None and (done.strongest is None or detection.confidence > done.strongest.confidence):
            done.strongest, done.best_frame = detection, frame
    done.evidence.extend((evidence, stamp) for evidence in outcome.evidence)
