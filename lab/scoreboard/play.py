"""Plays one window: cameras and sensors through detector, fusion, the gateway's judge and the cloud, beside the truth.

Everything is the product's own code, called in one process, on the window's time. Only transport is left out.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from detector.settings import DetectorSettings
from detector.types import Verdict
from edge.frames import Image, frame_from_image
from edge.fusion import SiteAir
from edge.judge import Judge
from firmware_bridge.models import driver_for
from firmware_bridge.reading import Reading
from firmware_bridge.stream import FrameHunter
from lab.scoreboard.cloud import AlertSeen, Cloud
from lab.scoreboard.installed import installed_pose
from lab.scoreboard.reckon import BURNING_CAUSE, Heard, reckon
from lab.scoreboard.rows import Alert, Row, Watch
from lab.scoreboard.sampling import Window
from lab.scoreboard.scene import FRAME_SIZE, Scene
from lab.scoreboard.sights import Sights
from lab.scoreboard.strips import Claimed, Moment, write_strip
from simulator.happenings import between
from simulator.papers import footprints
from simulator.stage import CAMERA
from simulator.truth import LEAST_CONTRAST_KEPT, contrast_kept
from smokesentry.clock import Stamp
from smokesentry.messages.records import Detection
from smokesentry.messages.topics import Address

_AIR_BEFORE_S = 300.0  # of sensor readings before the window, so that the site's background is known
_CHIMNEYS_AWAY_M = 75.0  # the distance at which a camera's light is asked to do


@dataclass(slots=True)
class _Station:
    """One gateway with its camera and sensors, and the truth about what its camera sees."""

    gateway: str
    address: Address
    judge: Judge
    sights: Sights
    air: SiteAir = field(default_factory=SiteAir)
    _hunters: dict[str, FrameHunter] = field(default_factory=dict)
    _sent: dict[str, list[bytes]] = field(default_factory=dict)
    last: dict[str, Detection] = field(default_factory=dict)
    verdict: Verdict = "cannot_judge"
    shown: list[Moment] = field(default_factory=list)

    def wire_up(self, sent: dict[str, tuple[str, list[bytes]]]) -> None:
        """Takes the sensors' bytes of the whole window, a frame a second."""
        for name, (model, frames) in sent.items():
            self.air.expect(name)
            self._hunters[name] = FrameHunter(driver_for(model))
            self._sent[name] = frames

    def sense(self, second: int, t_s: float) -> None:
        """One second's bytes through the bridge's decoder into the site's air."""
        for name, hunter in self._hunters.items():
            for item in hunter.feed(self._sent[name][second]):
                if isinstance(item, Reading):
                    self.air.add(name, t_s, item)

    def look(self, image: Image, stamp: Stamp, t_s: float) -> list[Detection]:
        """One frame through the gateway's own judge; what it wants to say."""
        outcome = self.judge.see(frame_from_image(image, (), stamp, t_s), self.air.look(t_s, stamp))
        self.verdict = outcome.result.verdict
        for detection in outcome.detections:
            self.last[detection.detection_id] = detection
        return list(outcome.detections)


def play(window: Window, scene: Scene, cloud: Cloud, name: str, fps: float, pictures: Path | None = None) -> Row:
    """Plays a window in a town called ``name`` (unique in ``cloud``); answers what came of it.

    Where a folder for ``pictures`` is given, each false alert leaves one there of what fired.
    """
    began_cpu_s = time.process_time()
    stations = [_station(scene, gateway, f"{name}-{gateway}", name, fps) for gateway in scene.gateways]
    opened = scene.stamp(window.from_s)
    cloud.open_town(name, footprints(scene.street), opened.captured_at)
    for station in stations:
        assert station.judge.pose is not None
        cloud.announce(station.address, station.judge.pose, opened)
        station.wire_up(scene.bytes_of(station.gateway, window.from_s - _AIR_BEFORE_S, window.to_s + 1))
    seconds: Counter[tuple[str, bool, bool]] = Counter()
    frames = [scene.frames(s.gateway, window.from_s, window.to_s - window.from_s, fps) for s in stations]
    sensed, count = 0, 0
    for moment in zip(*frames, strict=True):
        t_s = moment[0][0]
        while (second_s := window.from_s - _AIR_BEFORE_S + sensed) <= t_s:
            for station in stations:
                station.sense(sensed, second_s)
            sensed += 1
        here = between(scene.happenings, t_s, t_s + 1e-3)
        for station, (_, image, seen) in zip(stations, moment, strict=True):
            count += 1
            station.sights.note(t_s, seen)
            if pictures is not None:
                station.shown.append((t_s, image))
            stamp = scene.stamp(t_s)
            said = station.look(image, stamp, t_s)
            if said:
                cloud.take(station.address, "detection", list(said), stamp)
            if t_s >= window.counted_from_s:
                fair = contrast_kept(here, station.gateway, _CHIMNEYS_AWAY_M) >= LEAST_CONTRAST_KEPT
                seconds[station.gateway, fair, station.verdict != "cannot_judge"] += 1
    watches = [
        Watch(
            gateway=station.gateway,
            light=scene.light,
            judged_s=seconds[station.gateway, True, True] / fps,
            refused_s=seconds[station.gateway, True, False] / fps,
            blind_refused_s=seconds[station.gateway, False, False] / fps,
            blind_judged_s=seconds[station.gateway, False, True] / fps,
        )
        for station in stations
    ]
    heard = [Heard(s.gateway, s.sights, tuple(s.last.values())) for s in stations]
    raised = cloud.alerts(name)
    events, alerts, claims = reckon(window, scene, heard, raised, fps)
    if pictures is not None:
        alerts = [
            _pictured(alert, seen, window, scene, stations, pictures)
            for alert, seen in zip(alerts, raised, strict=True)
        ]
    weather = scene.weather((window.from_s + window.to_s) / 2)
    return Row(
        night=window.night,
        from_s=window.from_s,
        to_s=window.to_s,
        counted_from_s=window.counted_from_s,
        stratum=window.stratum,
        weight=window.weight,
        weather=scene.weather_word(window.from_s, window.to_s),
        temp_c=weather.temp_c,
        present=sorted({event.kind for event in between(scene.happenings, window.from_s, window.to_s)}),
        frames=count,
        cpu_s=time.process_time() - began_cpu_s,
        events=events,
        alerts=alerts,
        claims=claims,
        watches=watches,
    )


def _pictured(
    alert: Alert, seen: AlertSeen, window: Window, scene: Scene, stations: list[_Station], pictures: Path
) -> Alert:
    """The alert with its picture written, where it is false: what the camera of its first detection showed."""
    said = [(s, s.last[i]) for s in stations for i in seen.detections if i in s.last]
    if alert.cause == BURNING_CAUSE or alert.at_s < window.counted_from_s or not said:
        return alert
    station, first = min(said, key=lambda one: one[1].alarmed_at)
    claimed = Claimed(
        station.gateway, first.origin_px, scene.seconds(first.started_at), scene.seconds(first.alarmed_at)
    )
    name = f"{alert.cause.replace(' ', '-')}/n{window.night}-{alert.at_s:.0f}-{station.gateway}.jpg"
    said_of_it = f"{first.plume_class}, {first.confidence:.2f}"
    title = f"{alert.cause}: night {window.night}, {alert.at_s:.0f} s, {station.gateway}, {scene.light}; {said_of_it}"
    write_strip(station.shown, claimed, title, pictures / name)
    return msgspec.structs.replace(alert, picture=name)


def _station(scene: Scene, gateway: str, address: str, tenant: str, fps: float) -> _Station:
    pose = installed_pose(scene.street, gateway, FRAME_SIZE)
    judge = Judge(address, CAMERA, pose.pose_version, DetectorSettings(), pose=pose)
    return _Station(gateway, Address(tenant, address), judge, Sights(gateway, scene.camera(gateway), fps))
