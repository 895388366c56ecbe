"""From the detector's plumes to the wire's detections: stable ids, revisions, events that survive a restart. Pure."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Iterable
from dataclasses import InitVar, dataclass, field

from msgspec.structs import replace

from detector.types import FrameResult, PlumeEvent
from edge.fusion import AirView
from smokesentry.clock import Stamp, from_unix, from_wire, to_wire
from smokesentry.messages.records import Detection, Displaced, Model, Phase
from smokesentry.place import CameraPose

_TELL_EVERY_S = 30.0
_CONFIDENCE_STEP = 0.1
_ADOPT_GAP_S = 1800.0  # an event last seen longer ago than this is another one
_ADOPT_WAIT_S = 300.0  # how long a camera must look before a lost event is closed
_SAME_PLACE_SHARE = 0.025  # of the frame's width
_MOST_REASONS = 20
_MOST_OPEN = 64
_CLOCK_STEP_S = 0.25  # a wall clock that moved by more against the monotonic one was set


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame's circumstances: ``t_s`` is the detector's time of the frame, ``stamp`` the gateway's."""

    stamp: Stamp
    t_s: float
    size: tuple[int, int]  # raw frame: width, height
    scale: tuple[float, float]  # from the detector's pixels to the raw frame's
    air: AirView
    notes: tuple[str, ...] = ()  # more reasons, said with every detection of this moment
    pose: CameraPose | None = None
    displaced: Displaced | None = None

    def air_towards(self, origin_px: tuple[float, float]) -> AirView:
        """The air as far as it concerns a plume at these pixels of the raw frame."""
        return self.air.towards(None if self.pose is None else bearing_deg(self.pose, origin_px[0]))

    @property
    def offset_s(self) -> float:
        """What the wall clock has ahead of the monotonic one."""
        return self.stamp.unix_s - self.stamp.mono_ns / 1e9

    def wire_time(self, t_s: float) -> str:
        """A detector time as UTC, by its distance from this frame."""
        return to_wire(from_unix(self.stamp.unix_s + t_s - self.t_s))


@dataclass(frozen=True, slots=True)
class _Told:
    """An event as it was told last. ``offset_s``: what the wall clock by which its times are told had ahead of the
    monotonic one; None where an earlier process told them, by a clock that nobody here has seen."""

    last: Detection
    at_s: float = -math.inf
    offset_s: float | None = None
    notes: tuple[str, ...] = ()

    def by_the_clock_of(self, moment: Moment) -> _Told:
        """The same by the wall clock of this moment: one that was set since has shown its times to be wrong."""
        step_s = 0.0 if self.offset_s is None else moment.offset_s - self.offset_s
        if abs(step_s) <= _CLOCK_STEP_S:
            return self
        last = self.last
        moved = replace(
            last,
            started_at=_moved(last.started_at, step_s),
            alarmed_at=_moved(last.alarmed_at, step_s),
            last_seen_at=_moved(last.last_seen_at, step_s),
        )
        way = "ahead" if step_s > 0 else "back"
        note = (
            f"the gateway's clock was set {way} by {abs(step_s):.1f} s while this event was open: start and alarm are "
            f"told by the clock as it is now; before, the start was given as {last.started_at}"
        )
        return _Told(moved, self.at_s, moment.offset_s, (note,))


@dataclass(slots=True)
class EventBook:
    """One camera's open events. ``lost`` are those of an earlier process or detector, which may come back."""

    gateway: str
    camera: str
    pose_version: int
    model: Model
    new_id: Callable[[], str] = lambda: secrets.token_hex(8)
    lost: InitVar[Iterable[Detection]] = ()
    _lost: list[_Told] = field(default_factory=list)
    _open: dict[int, _Told] = field(default_factory=dict)
    _looking_since_s: float | None = None

    def __post_init__(self, lost: Iterable[Detection]) -> None:
        self._lost.extend(_Told(detection) for detection in lost)

    def restarted(self) -> None:
        """The detector begins anew: its track numbers mean nothing any more."""
        self._lost.extend(self._open.values())
        self._open.clear()
        self._looking_since_s = None

    def take(self, result: FrameResult, moment: Moment) -> list[Detection]:
        """The detections that this frame's result makes worth telling, in order."""
        told = [self._of(event, moment) for event in result.events if event.phase != "update"]
        told += [self._of(event, moment) for event in result.open_events if self._worth_telling(event, moment)]
        if result.verdict != "cannot_judge":
            if self._looking_since_s is None:
                self._looking_since_s = moment.t_s
            if self._lost and moment.t_s - self._looking_since_s >= _ADOPT_WAIT_S:
                told += self._close_lost(moment)
        return [detection for detection in told if detection is not None]

    # -- one event -------------------------------------------------------------------------------------------------

    def _of(self, event: PlumeEvent, moment: Moment) -> Detection | None:
        known = self._open.get(event.track)
        if known is None:
            if event.phase == "end" or len(self._open) >= _MOST_OPEN:
                return None
            return self._begin(event, moment)
        return self._revise(event, known.by_the_clock_of(moment), "end" if event.phase == "end" else "update", moment)

    def _begin(self, event: PlumeEvent, moment: Moment) -> Detection:
        old = self._match_lost(event, moment)
        if old is None:
            return self._tell(event, f"{self.gateway}/{self.camera}/{self.new_id()}", 1, "start", None, moment)
        note = "continues the event that was open before a restart"
        return self._revise(event, old, "update", moment, note)

    def _revise(self, event: PlumeEvent, before: _Told, phase: Phase, moment: Moment, *notes: str) -> Detection:
        last = before.last
        return self._tell(event, last.detection_id, last.revision + 1, phase, before, moment, *notes)

    def _tell(
        self,
        event: PlumeEvent,
        identity: str,
        revision: int,
        phase: Phase,
        before: _Told | None,
        moment: Moment,
        *notes: str,
    ) -> Detection:
        (x, y), (sigma_x, sigma_y), (x0, y0, x1, y1) = event.origin_px, event.origin_sigma_px, event.bbox_px
        (across, down), weather = moment.scale, moment.air.weather
        air = moment.air_towards((x * across, y * down))
        last, said = (None, ()) if before is None else (before.last, before.notes)
        detection = Detection(
            detection_id=identity,
            revision=revision,
            phase=phase,
            camera=self.camera,
            pose_version=self.pose_version,
            frame_size=moment.size,
            origin_px=(round(x * across, 1), round(y * down, 1)),
            origin_sigma_px=(round(sigma_x * across, 1), round(sigma_y * down, 1)),
            bbox_px=(round(x0 * across, 1), round(y0 * down, 1), round(x1 * across, 1), round(y1 * down, 1)),
            plume_class=event.plume_class,
            class_scores={name: round(score, 3) for name, score in event.class_scores.items()},
            confidence=round(event.confidence, 3),
            opacity=None if event.opacity is None else round(event.opacity, 3),
            started_at=moment.wire_time(event.started_s) if last is None else last.started_at,
            alarmed_at=moment.wire_time(event.alarm_s) if last is None else last.alarmed_at,
            last_seen_at=moment.wire_time(event.last_seen_s),
            visible_s=round(event.visible_s, 1),
            reasons=_reasons(event.reasons, air.reasons, moment.notes, notes, said),
            particulates=list(air.cues),
            gases=list(air.gases),
            temp_c=weather.temp_c,
            rh_percent=weather.rh_percent,
            wind_speed_m_s=weather.wind_speed_m_s,
            wind_from_deg=weather.wind_from_deg,
            displaced=moment.displaced,
            model=self.model,
            evidence_id=secrets.token_hex(16) if last is None else last.evidence_id,
        )
        if phase == "end":
            self._open.pop(event.track, None)
        else:
            offset_s = moment.offset_s if before is None else before.offset_s
            self._open[event.track] = _Told(detection, moment.t_s, offset_s, said)
        return detection

    def _worth_telling(self, event: PlumeEvent, moment: Moment) -> bool:
        """An open event is told again when its class changes, its confidence makes a step, the air joins in, or after
        half a minute."""
        known = self._open.get(event.track)
        if known is None or known.at_s == moment.t_s:
            return False
        told = known.last
        return (
            event.plume_class != told.plume_class
            or abs(event.confidence - told.confidence) >= _CONFIDENCE_STEP
            or self._air_joined(event, told, moment)
            or moment.t_s - known.at_s >= _TELL_EVERY_S
        )

    @staticmethod
    def _air_joined(event: PlumeEvent, told: Detection, moment: Moment) -> bool:
        x, y = event.origin_px
        air = moment.air_towards((x * moment.scale[0], y * moment.scale[1]))
        return bool(air.cues and not told.particulates) or bool(air.gases and not told.gases)

    # -- events of before a restart --------------------------------------------------------------------------------

    def _match_lost(self, event: PlumeEvent, moment: Moment) -> _Told | None:
        """The lost event nearest to this one, if it is near enough in place and time; it is lost no more."""
        x, y = event.origin_px[0] * moment.scale[0], event.origin_px[1] * moment.scale[1]
        self._lost = [told.by_the_clock_of(moment) for told in self._lost]
        best: tuple[float, _Told] | None = None
        for told in self._lost:
            old = told.last
            gap_s = abs(moment.stamp.unix_s - from_wire(old.last_seen_at).timestamp())
            distance = math.hypot(x - old.origin_px[0], y - old.origin_px[1])
            near = max(_SAME_PLACE_SHARE * moment.size[0], 3 * max(old.origin_sigma_px))
            if gap_s <= _ADOPT_GAP_S and distance <= near and (best is None or distance < best[0]):
                best = (distance, told)
        if best is None:
            return None
        self._lost.remove(best[1])
        return best[1]

    def _close_lost(self, moment: Moment) -> list[Detection]:
        reason = (
            f"closed after a restart: nothing was seen at its origin for {_ADOPT_WAIT_S / 60:.0f} minutes of looking; "
            "when it really ended is not known"
        )
        lost, self._lost = [told.by_the_clock_of(moment) for told in self._lost], []
        return [close(told.last, reason, *told.notes) for told in lost]


def bearing_deg(pose: CameraPose, x_px: float) -> float:
    """The direction of a column of pixels, true north, clockwise; exact enough to compare with the wind (tilt and roll
    are left out)."""
    half_px = pose.frame_size[0] / 2
    off = math.atan((x_px - half_px) / half_px * math.tan(math.radians(pose.hfov_deg) / 2))
    return (pose.heading_deg + math.degrees(off)) % 360.0


def close(old: Detection, *why: str) -> Detection:
    """The last revision of an event that nobody follows any more."""
    reasons = [reason for reason in old.reasons if reason not in why]
    reasons = [*reasons[: _MOST_REASONS - len(why)], *why]
    return replace(old, revision=old.revision + 1, phase="end", reasons=reasons)


def _moved(wire_time: str, step_s: float) -> str:
    return to_wire(from_unix(round(from_wire(wire_time).timestamp() + step_s, 3)))


def _reasons(*groups: Iterable[str]) -> list[str]:
    return [text[:400] for group in groups for text in group][:_MOST_REASONS]
