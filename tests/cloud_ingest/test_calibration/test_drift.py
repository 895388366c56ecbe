"""A camera that moved: the detector's words are understood, the pose widens, a ticket stands until a new pose."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from sqlalchemy import select

from cloud_ingest.geotag.alerts import AlertBuilder
from cloud_ingest.geotag.calibration.drift import Drift, drift_in, drift_told, widened
from cloud_ingest.ingest.accept import Accepted, accept_batch
from cloud_ingest.ingest.writer import Writer
from cloud_ingest.store.database import reading, writing
from cloud_ingest.store.footprints import import_footprints
from cloud_ingest.store.schema import alert_versions, pose_tickets
from detector.frames import HEIGHT, WIDTH
from detector.remembered import View
from detector.sight import compare
from smokesentry.messages import records as wire
from smokesentry.place import CameraPose, Place

NOW = "2026-11-22T19:05:00.000Z"
POSE = CameraPose(
    camera="cam-1", pose_version=2, place=Place(38.0, 114.0), height_m=12.0, heading_deg=90.0, tilt_deg=-5.0,
    hfov_deg=60.0, frame_size=(1280, 720),
)  # fmt: skip
MOVED = "the camera has moved by 40 px and turned by 0.5° against its reference"
OTHER = "the camera shows another view than its reference (likeness 0.12)"


def test_the_detectors_own_words_are_understood():
    rng = np.random.default_rng(1)
    rough = rng.uniform(0, 200, (HEIGHT // 4 + 20, WIDTH // 4 + 20))
    scene = np.kron(rough, np.ones((4, 4))).astype(np.float32)
    here, there = scene[40 : 40 + HEIGHT, 40 : 40 + WIDTH], scene[40 : 40 + HEIGHT, 50 : 50 + WIDTH]
    view = View(np.ascontiguousarray(here), (1280, 720))
    moved = compare(view, np.ascontiguousarray(there), (1280, 720))
    assert moved.displaced is not None
    drift = drift_in([f"{moved.displaced}: its places are not to be relied on"])
    assert drift is not None and drift.moved_px == pytest.approx(10 * 1280 / WIDTH, abs=2)
    other = np.kron(rng.uniform(0, 200, (HEIGHT // 4, WIDTH // 4)), np.ones((4, 4))).astype(np.float32)
    lost = compare(view, other, (1280, 720))
    assert lost.displaced is not None
    found = drift_in([lost.displaced])
    assert found is not None and found.moved_px is None


def test_other_words_are_no_drift():
    assert drift_in(["veiled: fog, frost or an obstruction", "starting up", ""]) is None
    worst = drift_in([MOVED, OTHER])
    assert worst is not None and worst.moved_px is None


def test_figures_go_before_words_and_say_the_same_words():
    told = drift_told({"moved_px": 40.4, "turned_deg": 0.52, "frame_width": 1920}, [OTHER])
    assert told == Drift(MOVED, 40.4, 0.52, 1920)
    lost = drift_told({"moved_px": None, "turned_deg": 0.0, "frame_width": 1920}, [])
    assert lost is not None and lost.moved_px is None and drift_in([lost.said]) is not None
    assert drift_told(None, [MOVED], 1280) == Drift(MOVED, 40.0, 0.5, 1280)
    assert drift_told(None, ["starting up"]) is None


def test_a_moved_pose_is_known_as_well_as_its_picture_moved():
    wide = widened(POSE, Drift(MOVED, 40.0, 0.5))
    assert wide is not None
    one_px = np.degrees(np.arctan(np.tan(np.radians(30)) / 640))
    assert wide.sigma_heading_deg == pytest.approx(np.hypot(0.5, 40 * one_px), rel=0.01)
    assert widened(POSE, Drift(MOVED, 20.0, 0.0, 640)).sigma_heading_deg == pytest.approx(
        wide.sigma_heading_deg, rel=0.01
    )
    assert widened(POSE, Drift(OTHER, None)) is None
    calibrated = msgspec.structs.replace(POSE, covariance=np.diag([1.0, 1, 1, 0.01, 0.01, 0.01, 0.1]).tolist())
    both = widened(calibrated, Drift(MOVED, 40.0, 0.5))
    assert both is not None and both.covariance is not None
    assert both.covariance[3][3] == pytest.approx(0.01 + (40 * one_px) ** 2, rel=0.01)
    assert both.covariance[0][0] == 1.0


@pytest.fixture
def cloud(engine, keys, town_text):
    builder = AlertBuilder()
    with writing(engine) as connection:
        import_footprints(connection, "lab", "town.geojson", town_text(), NOW)

    def take(*messages):
        with writing(engine) as connection:
            writer = Writer(connection, NOW)
            for topic, raw in messages:
                accepted = accept_batch(topic, raw, keys, frozenset({"lab"}))
                assert isinstance(accepted, Accepted) and not accepted.set_aside
                writer.add(accepted)
            outcome = writer.finish()
            builder.update(connection, outcome.detections, outcome.poses, NOW)

    return take


def _newest(engine):
    with reading(engine) as connection:
        return connection.execute(select(alert_versions).order_by(alert_versions.c.version.desc())).mappings().first()


def _tickets(engine):
    with reading(engine) as connection:
        return [dict(row) for row in connection.execute(select(pose_tickets)).mappings()]


def _health(east, cause):
    one = wire.CameraHealth(camera=east.pose.camera, verdict="cannot_judge", cause=cause)
    return wire.Health(software="1", uptime_s=1.0, spool_depth={}, cameras=[one])


def test_a_moved_camera_raises_a_ticket_and_names_its_roofs_less_surely(cloud, engine, east, origin_of, houses):
    cloud(east.batch("health", east.pose_notice()))
    x, y = houses["r1c2"]
    cloud(east.batch("detection", east.detection(1, origin_of(east, x + 1, y, 5.0))))
    before = _newest(engine)
    assert before["candidates"] and _tickets(engine) == []
    cloud(east.batch("health", _health(east, MOVED)))
    (ticket,) = _tickets(engine)
    assert (ticket["moved_px"], ticket["closed_at"], ticket["pose_version"]) == (40.0, None, east.pose.pose_version)
    cloud(east.batch("detection", east.detection(2, origin_of(east, x + 1, y, 5.0), start_s=7200)))
    after = _newest_of(engine, east.detection(2, (0.0, 0.0)).detection_id)
    assert after["candidates"][0]["probability"] < before["candidates"][0]["probability"]
    (factor,) = [one for one in after["factors"] if one["factor"] == "pose_moved"]
    assert "has moved by 40 pixels" in factor["text"]
    # A new pose closes the ticket, and detections under it are sure again.
    east.pose = msgspec.structs.replace(east.pose, pose_version=east.pose.pose_version + 1)
    cloud(east.batch("health", east.pose_notice()))
    assert _tickets(engine)[0]["closed_at"] == NOW
    cloud(east.batch("detection", east.detection(3, origin_of(east, x + 1, y, 5.0), start_s=14400)))
    fresh = _newest_of(engine, east.detection(3, (0.0, 0.0)).detection_id)
    assert all(one["factor"] != "pose_moved" for one in fresh["factors"])


def test_a_ticket_holds_the_figures_that_a_gateway_sends_whatever_its_words(cloud, engine, east, origin_of, houses):
    cloud(east.batch("health", east.pose_notice()))
    moved = wire.Displaced(moved_px=61.5, turned_deg=-1.25, frame_width=1920)
    one = wire.CameraHealth(camera=east.pose.camera, verdict="not_suspected", cause="any words", displaced=moved)
    cloud(east.batch("health", wire.Health(software="1", uptime_s=1.0, spool_depth={}, cameras=[one])))
    (ticket,) = _tickets(engine)
    assert (ticket["moved_px"], ticket["turned_deg"], ticket["frame_width"]) == (61.5, -1.25, 1920)
    x, y = houses["r1c2"]
    farther = wire.Displaced(moved_px=80.0, frame_width=1280)
    cloud(east.batch("detection", east.detection(1, origin_of(east, x + 1, y, 5.0), displaced=farther)))
    assert _tickets(engine)[0]["moved_px"] == 80.0
    assert any("has moved by 80 pixels" in one["text"] for one in _newest(engine)["factors"])


def test_word_of_an_old_pose_that_comes_with_a_new_one_is_not_held_against_the_new_one(
    cloud, engine, east, origin_of, houses
):
    """A link that was down: one batch tells that the camera was knocked askew, and that it was surveyed anew since."""
    lost = wire.Displaced(moved_px=None, frame_width=1280)
    camera = wire.CameraHealth(camera=east.pose.camera, verdict="cannot_judge", cause="any words", displaced=lost)
    askew = wire.Health(software="1", uptime_s=1.0, spool_depth={}, cameras=[camera])
    stray = east.record("health", askew, -14400)  # of a pose that nobody has told of
    first = east.record("health", east.pose_notice(), -10800)
    old = east.record("health", askew, -7200)
    east.pose = msgspec.structs.replace(east.pose, pose_version=east.pose.pose_version + 1)
    surveyed = east.record("health", east.pose_notice(), -600)
    fine = east.record("health", east.health(), -300)
    records = [wire.encode_record(record) for record in (stray, first, old, surveyed, fine)]
    cloud(east.sealed("health", records))
    (ticket,) = _tickets(engine)
    assert (ticket["pose_version"], ticket["since"]) == (1, east.at(-7200))
    assert ticket["closed_at"] == NOW
    x, y = houses["r1c2"]
    cloud(east.batch("detection", east.detection(1, origin_of(east, x + 1, y, 5.0))))
    newest = _newest(engine)
    assert newest["candidates"]
    assert all(one["factor"] != "pose_moved" for one in newest["factors"])


def test_another_view_names_no_roof(cloud, engine, east, origin_of, houses):
    cloud(east.batch("health", east.pose_notice()))
    x, y = houses["r1c2"]
    said = east.detection(1, origin_of(east, x + 1, y, 5.0), reasons=[f"{OTHER}: its places are not to be relied on"])
    cloud(east.batch("detection", said))
    newest = _newest(engine)
    assert newest["candidates"] == []
    assert any("shows another view" in one["text"] for one in newest["factors"])
    assert _tickets(engine)[0]["moved_px"] is None


def _newest_of(engine, detection_id):
    from cloud_ingest.store.schema import alert_detections

    with reading(engine) as connection:
        alert = connection.execute(
            select(alert_detections.c.alert_id).where(alert_detections.c.detection_id == detection_id)
        ).scalar_one()
        query = select(alert_versions).where(alert_versions.c.alert_id == alert)
        return connection.execute(query.order_by(alert_versions.c.version.desc())).mappings().first()
