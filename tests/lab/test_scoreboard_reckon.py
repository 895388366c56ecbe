"""What was said beside what was true, where alerts are not simply one a fire: joined late, or merged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import msgspec
import numpy as np

from lab.scoreboard.cloud import AlertSeen, Cloud
from lab.scoreboard.installed import installed_pose
from lab.scoreboard.reckon import Heard, reckon
from lab.scoreboard.sampling import Window
from lab.scoreboard.scene import FRAME_SIZE, Scene
from lab.scoreboard.sights import Sights
from simulator.happenings import Happening
from simulator.papers import footprints
from simulator.pinhole import Pinhole
from simulator.street import build_street
from simulator.truth import PlumeTruth, Source
from smokesentry.clock import Stamp, from_wire, to_wire
from smokesentry.messages.records import Detection, Model
from smokesentry.messages.topics import Address

BEGAN = datetime(2027, 1, 1, 12, tzinfo=UTC)
CAMERA = Pinhole((0.0, 0.0, 12.0), 0.0, -5.0, 0.0, 50.0, FRAME_SIZE)
FIRE = Happening("stove", 100.0, 900.0, 0.25, "r-01", (0.0, 60.0, 5.0), fuel="raw_coal")
STOVE = Source("r-01", "stove", "raw_coal")


class _Hour:
    """A scene, as far as reckoning asks it."""

    happenings = ()
    light = "lamps"

    def seconds(self, wire_time: str) -> float:
        return (from_wire(wire_time) - BEGAN).total_seconds()

    def distance_m(self, *_: object) -> float:
        return 60.0


SCENE = cast(Scene, _Hour())


def _at(t_s: float) -> str:
    return to_wire(BEGAN + timedelta(seconds=t_s))


def _stamp(t_s: float) -> Stamp:
    return Stamp((BEGAN + timedelta(seconds=t_s)).timestamp(), round((t_s + 3600) * 1e9))


def _detection(name: str, x: float, y: float, alarmed_s: float, last_s: float) -> Detection:
    return Detection(
        detection_id=name, revision=1, phase="start", camera="cam-1", pose_version=1, frame_size=FRAME_SIZE,
        origin_px=(x, y), origin_sigma_px=(3.0, 3.0), bbox_px=(0.0, 0.0, 1.0, 1.0), plume_class="smoke", confidence=0.9,
        started_at=_at(alarmed_s - 20), alarmed_at=_at(alarmed_s), last_seen_at=_at(last_s), visible_s=20.0,
        model=Model("plume", "sha256:" + "0" * 64), evidence_id="0" * 32,
    )  # fmt: skip


def _smoke(gateway: str, camera: Pinhole, x: float, y: float, source: Source = STOVE) -> Sights:
    found = Sights(gateway, camera, 1.0)
    for t in range(100, 260):
        found.note(float(t), [PlumeTruth((x, y), 0.3, (20, 30), 300, 6.0, 8.0, source)])
    return found


def test_an_alert_on_something_else_is_one_on_the_fire_from_when_its_detection_joined() -> None:
    other = _detection("town-gw/cam-1/" + "1" * 16, 500.0, 100.0, 80.0, 95.0)
    of_it = _detection("town-gw/cam-1/" + "2" * 16, 200.0, 150.0, 130.0, 200.0)
    heard = Heard("gw-east", _smoke("gw-east", CAMERA, 200.0, 150.0), (other, of_it))
    both = AlertSeen("a", "open", 0.9, "smoke", (("r-01", 0.9),), _at(80), (other.detection_id, of_it.detection_id))
    window = Window(0, 55.0, 295.0, 85.0, "around a fire", 1.0, (FIRE,))
    (event,), _, _ = reckon(window, SCENE, [heard], [both], 1.0)
    assert event.alert_s == 130
    assert [view.alarm_s for view in event.views] == [130]
    assert event.rank == 1


def test_what_was_said_before_the_fire_was_lit_finds_nothing() -> None:
    early = _detection("town-gw/cam-1/" + "1" * 16, 200.0, 150.0, 80.0, 200.0)
    heard = Heard("gw-east", _smoke("gw-east", CAMERA, 200.0, 150.0), (early,))
    said = AlertSeen("a", "open", 0.9, "smoke", (("r-01", 0.9),), _at(80), (early.detection_id,))
    (event,), _, _ = reckon(Window(0, 55.0, 295.0, 85.0, "around a fire", 1.0, (FIRE,)), SCENE, [heard], [said], 1.0)
    assert event.alert_s is None
    assert [view.alarm_s for view in event.views] == [None]


def test_an_alert_that_was_merged_into_another_is_no_false_one(tmp_path: Path) -> None:
    """One fire, two cameras, whose poses come late: the cloud raises two alerts, then makes one of them."""
    street = build_street(4)
    roof = next(roof for roof in street.roofs if roof.chimney.registered)
    source = Source(roof.rooftop, "stove", "raw_coal")
    cloud, heard = Cloud(tmp_path), []
    cloud.open_town("town", footprints(street), _stamp(0).captured_at)
    for gateway, whole in street.cameras.items():
        camera = replace(whole, size=FRAME_SIZE)
        (x, y), *_ = camera.project(np.array([roof.chimney.mouth]))[0]
        said = _detection(f"town-{gateway}/cam-1/" + "0" * 16, float(x), float(y), 130.0, 140.0)
        heard.append(Heard(gateway, _smoke(gateway, camera, float(x), float(y), source), (said,)))
        cloud.take(Address("town", f"town-{gateway}"), "detection", [said], _stamp(140))
    assert len(cloud.alerts("town")) == 2
    for gateway in street.cameras:
        pose = msgspec.structs.replace(installed_pose(street, gateway, FRAME_SIZE), camera="cam-1")
        cloud.announce(Address("town", f"town-{gateway}"), pose, _stamp(150))
    seen = cloud.alerts("town")
    cloud.close()
    assert sorted(alert.state for alert in seen) == ["open", "withdrawn"]
    _, booked, _ = reckon(Window(0, 55.0, 295.0, 85.0, "quiet", 1.0), SCENE, heard, seen, 1.0)
    assert [alert.cause for alert in booked] == ["burning", "burning"]
