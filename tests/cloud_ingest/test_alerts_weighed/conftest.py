"""The way from signed messages to alerts in the store, as the worker goes it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from cloud_ingest.geotag.alerts import AlertBuilder
from cloud_ingest.geotag.register_file import entries_of, is_column
from cloud_ingest.ingest.accept import Accepted, accept_batch
from cloud_ingest.ingest.writer import Writer
from cloud_ingest.places.spreadsheet import csv_table
from cloud_ingest.store.database import reading, writing
from cloud_ingest.store.footprints import import_footprints
from cloud_ingest.store.registers import store_register
from cloud_ingest.store.schema import alert_detections, alert_versions, alerts, roof_nights

NOW = "2026-11-22T19:05:00.000Z"


class Cloud:
    """Takes messages in as the worker does, one transaction each."""

    def __init__(self, engine, keys, town_text):
        self.engine, self.keys, self.builder = engine, keys, AlertBuilder()
        with writing(engine) as connection:
            import_footprints(connection, "lab", "town.geojson", town_text(), NOW)

    def take(self, *messages, now=NOW):
        for topic, raw in messages:
            with writing(self.engine) as connection:
                writer = Writer(connection, now)
                accepted = accept_batch(topic, raw, self.keys, frozenset({"lab"}))
                assert isinstance(accepted, Accepted) and not accepted.set_aside
                writer.add(accepted)
                outcome = writer.finish()
                self.builder.update(connection, outcome.detections, outcome.poses, now)

    def register(self, lines, columns="kind,rooftop,from_day,to_day,fuel"):
        with writing(self.engine) as connection:
            text = f"{columns}\n" + "\n".join(lines)
            entries = entries_of(csv_table(text.encode(), is_column))
            return store_register(connection, "lab", "register.csv", text[-71:], entries, NOW)

    def weigh_again(self, now=NOW):
        with writing(self.engine) as connection:
            self.builder.weigh_again(connection, now)

    def versions(self, alert_id):
        query = select(alert_versions).where(alert_versions.c.alert_id == alert_id).order_by(alert_versions.c.version)
        with reading(self.engine) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def newest(self):
        """Every alert's newest version, oldest alert first, with its members."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(alerts).order_by(alerts.c.first_at, alerts.c.alert_id)).mappings().all()
            members = connection.execute(select(alert_detections)).mappings().all()
        return [
            self.versions(row["alert_id"])[-1]
            | {"first_at": row["first_at"], "last_at": row["last_at"]}
            | {"members": sorted(m["detection_id"] for m in members if m["alert_id"] == row["alert_id"])}
            for row in rows
        ]

    def nights(self):
        """The roofs that are remembered of nights."""
        with reading(self.engine) as connection:
            return connection.execute(select(roof_nights.c.rooftop)).scalars().all()


@pytest.fixture
def fresh_cloud(engine, keys, town_text):
    """It has the footprints, and has heard of no gateway yet."""
    return Cloud(engine, keys, town_text)


@pytest.fixture
def cloud(fresh_cloud, east, south):
    """It knows where both gateways' cameras look."""
    fresh_cloud.take(east.batch("health", east.pose_notice()), south.batch("health", south.pose_notice()))
    return fresh_cloud
