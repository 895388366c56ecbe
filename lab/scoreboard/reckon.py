"""What was said beside what was true: events with how they were found, alerts and claims with what they were about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.scoreboard.cloud import AlertSeen
from lab.scoreboard.rows import Alert, CameraView, Claim, Event
from lab.scoreboard.sampling import AFTER_S, Window
from lab.scoreboard.scene import Scene
from lab.scoreboard.sights import BURNING, NOTHING, Sight, Sights
from simulator.happenings import Happening
from simulator.truth import Source
from smokesentry.messages.records import Detection

BURNING_CAUSE = "burning"


@dataclass(frozen=True, slots=True)
class Heard:
    """One gateway: what its camera truly saw, and the last revision of all that it said."""

    gateway: str
    sights: Sights
    detections: tuple[Detection, ...]


@dataclass(frozen=True, slots=True)
class _About:
    """What one detection was truly about: a plume, or the kind of something else."""

    source: Source | None
    cause: str


def reckon(
    window: Window, scene: Scene, heard: Sequence[Heard], alerts: Sequence[AlertSeen], fps: float
) -> tuple[list[Event], list[Alert], list[Claim]]:
    """Events (the window's targets), alerts and claims, each judged by what was there."""
    about = {detection.detection_id: _about(scene, one, detection) for one in heard for detection in one.detections}
    said = {detection.detection_id: detection for one in heard for detection in one.detections}
    claims = [
        Claim(
            one.gateway,
            scene.seconds(detection.alarmed_at),
            detection.plume_class,
            detection.confidence,
            about[detection.detection_id].cause,
        )
        for one in heard
        for detection in one.detections
    ]
    events = [_event(target, scene, heard, about, alerts, said, fps) for target in window.targets]
    return events, [_alert(alert, scene, about, said) for alert in alerts], claims


def _about(scene: Scene, one: Heard, detection: Detection) -> _About:
    from_s, to_s = scene.seconds(detection.started_at), scene.seconds(detection.last_seen_at)
    source = one.sights.source_at(detection.origin_px, from_s, to_s, scene.happenings)
    if source is not None:
        return _About(source, BURNING_CAUSE if source.kind in BURNING else source.kind)
    return _About(None, one.sights.other_at(detection.origin_px, scene.happenings, from_s, to_s))


def _event(
    target: Happening,
    scene: Scene,
    heard: Sequence[Heard],
    about: dict[str, _About],
    alerts: Sequence[AlertSeen],
    said: dict[str, Detection],
    fps: float,
) -> Event:
    source = Source(target.rooftop or "", target.kind, target.fuel)
    until_s = target.t0_s + AFTER_S
    mine = [
        i
        for i, what in about.items()
        if what.source == source
        and said[i].plume_class in ("smoke", "unresolved")
        and target.t0_s <= scene.seconds(said[i].alarmed_at) <= until_s
    ]
    views = []
    for one in heard:
        sight = one.sights.of(source, target.t0_s, until_s)
        alarms = [scene.seconds(d.alarmed_at) for d in one.detections if d.detection_id in mine]
        if sight is not None:
            views.append(_view(one.gateway, sight, scene, target, min(alarms, default=None), fps))
    of_it = [alert for alert in alerts if set(alert.detections) & set(mine)]
    # An alert that was raised on something else is one on this fire from when the fire's own detection joined it.
    told_s = []
    for alert in of_it:
        joined_s = min(scene.seconds(said[i].alarmed_at) for i in alert.detections if i in mine)
        told_s.append(max(scene.seconds(alert.raised_at), joined_s))
    ranks = [_rank(alert, source.rooftop) for alert in of_it]
    return Event(
        kind=target.kind,
        fuel=target.fuel,
        rooftop=source.rooftop,
        t0_s=target.t0_s,
        views=views,
        alert_s=min(told_s, default=None),
        rank=min((rank for rank in ranks if rank), default=0) if of_it else None,
        particulates=any(said[i].particulates for i in mine),
    )


def _view(gateway: str, sight: Sight, scene: Scene, target: Happening, alarm_s: float | None, fps: float) -> CameraView:
    return CameraView(
        gateway=gateway,
        judgeable_s=sight.judgeable_s(fps),
        first_judgeable_s=sight.first_judgeable_s(fps),
        contrast_to_noise=sight.typical("contrast_to_noise"),
        across_px=sight.typical("across_px"),
        opacity=sight.peak_opacity(fps),
        distance_m=scene.distance_m(gateway, target),
        light=scene.light,
        alarm_s=alarm_s,
    )


def _alert(alert: AlertSeen, scene: Scene, about: dict[str, _About], said: dict[str, Detection]) -> Alert:
    members = [i for i in alert.detections if i in about]
    burning = [about[i] for i in members if about[i].cause == BURNING_CAUSE]
    causes = sorted({about[i].cause for i in members} - {NOTHING})
    first = alert.candidates[0] if alert.candidates else None
    roofs = {what.source.rooftop for what in burning if what.source is not None}
    return Alert(
        at_s=scene.seconds(alert.raised_at),
        state=alert.state,
        cause=BURNING_CAUSE if burning else causes[0] if causes else NOTHING,
        confidence=alert.confidence,
        first_probability=first[1] if first else None,
        first_right=first[0] in roofs if first and burning else None,
        particulates=any(said[i].particulates for i in members),
    )


def _rank(alert: AlertSeen, rooftop: str) -> int:
    named = [roof for roof, _ in alert.candidates]
    return named.index(rooftop) + 1 if rooftop in named else 0
