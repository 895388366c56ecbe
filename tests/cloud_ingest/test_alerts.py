"""Detections of two gateways → one alert a burning event, in the transaction that stores them."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from cloud_ingest.geotag.alerts import AlertBuilder
from cloud_ingest.ingest.accept import Accepted, accept_batch
from cloud_ingest.ingest.writer import Writer
from cloud_ingest.store.database import reading, writing
from cloud_ingest.store.footprints import import_footprints
from cloud_ingest.store.schema import alert_detections, alert_versions, alerts, changes

NOW = "2026-11-22T19:05:00.000Z"


@pytest.fixture
def cloud(engine, keys, town_text):
    """Takes messages in as the worker does, one transaction each."""

    class Cloud:
        def __init__(self) -> None:
            self.builder = AlertBuilder()
            with writing(engine) as connection:
                import_footprints(connection, "lab", "town.geojson", town_text(), NOW)

        def take(self, *messages, now=NOW):
            with writing(engine) as connection:
                writer = Writer(connection, now)
                for topic, raw in messages:
                    accepted = accept_batch(topic, raw, keys, frozenset({"lab"}))
                    assert isinstance(accepted, Accepted), accepted
                    assert not accepted.set_aside, accepted.set_aside
                    writer.add(accepted)
                outcome = writer.finish()
                self.builder.update(connection, outcome.detections, outcome.poses, now)
            return outcome

        def restart(self):
            self.builder = AlertBuilder()

        def alerts(self):
            with reading(engine) as connection:
                found = []
                for row in connection.execute(
                    select(alerts).order_by(alerts.c.raised_at, alerts.c.alert_id)
                ).mappings():
                    versions = connection.execute(
                        select(alert_versions)
                        .where(alert_versions.c.alert_id == row["alert_id"])
                        .order_by(alert_versions.c.version)
                    ).mappings()
                    members = connection.execute(
                        select(alert_detections.c.detection_id).where(alert_detections.c.alert_id == row["alert_id"])
                    ).scalars()
                    found.append({**row, "versions": [dict(v) for v in versions], "members": sorted(members)})
                return found

        def counter(self):
            with reading(engine) as connection:
                return connection.execute(select(changes.c.counter).where(changes.c.subject == "alerts")).scalar_one()

    return Cloud()


@pytest.fixture
def posed(cloud, east, south):
    cloud.take(east.batch("health", east.pose_notice()), south.batch("health", south.pose_notice()))
    return cloud


def test_two_gateways_that_see_one_roof_make_one_alert(posed, east, south, origin_of, houses):
    x, y = houses["r1c2"]
    posed.take(east.batch("detection", east.detection(1, origin_of(east, x + 1, y, 5.0))))
    posed.take(south.batch("detection", south.detection(1, origin_of(south, x + 1, y, 5.0), start_s=15)))
    (alert,) = posed.alerts()
    assert alert["state"] == "open"
    assert len(alert["members"]) == 2
    assert [v["reason"] for v in alert["versions"]] == ["raised", "joined"]
    newest = alert["versions"][-1]
    assert newest["candidates"][0]["rooftop"] == "r1c2"
    assert newest["candidates"][0]["probability"] > 0.8
    assert sum(c["probability"] for c in newest["candidates"]) + newest["elsewhere"] == pytest.approx(1, abs=1e-3)
    assert newest["confidence"] > alert["versions"][0]["confidence"]


def test_two_roofs_that_burn_at_once_are_two_alerts(posed, east, south, origin_of, houses):
    for number, (house, start) in enumerate((("r0c0", 0.0), ("r2c1", 5.0)), start=1):
        x, y = houses[house]
        for gateway in (east, south):
            posed.take(gateway.batch("detection", gateway.detection(number, origin_of(gateway, x, y, 5.0), start)))
    found = [alert for alert in posed.alerts() if alert["state"] == "open"]
    assert sorted(a["versions"][-1]["candidates"][0]["rooftop"] for a in found) == ["r0c0", "r2c1"]
    assert [len(a["members"]) for a in found] == [2, 2]
