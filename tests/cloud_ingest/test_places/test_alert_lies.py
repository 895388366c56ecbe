"""Alerts say where their rooftops lie, by the layers that were in force and valid when the fire began."""

from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import Point, box
from sqlalchemy import select

from cloud_ingest.geotag.alerts import AlertBuilder
from cloud_ingest.geotag.terrain import Terrain
from cloud_ingest.ingest.accept import accept_batch
from cloud_ingest.ingest.writer import Writer
from cloud_ingest.places.kinds import Place
from cloud_ingest.store.database import reading, writing
from cloud_ingest.store.footprints import import_footprints
from cloud_ingest.store.places import Provenance, store_places, store_terrain
from cloud_ingest.store.schema import alert_versions

NOW = "2026-11-22T19:05:00.000Z"
HERE = box(114.49, 38.04, 114.51, 38.06)
BEFORE, AFTER = "2026-11-22T16:00:00.000Z", "2026-11-23T16:00:00.000Z"


@pytest.fixture
def cloud(engine, keys, town_text, east, south):
    """Takes messages in as the worker does; both gateways have said where they stand."""

    class Cloud:
        def __init__(self):
            self.builder = AlertBuilder()
            with writing(engine) as connection:
                import_footprints(connection, "lab", "town.geojson", town_text(), NOW)
            self.take(east.batch("health", east.pose_notice()), south.batch("health", south.pose_notice()))

        def take(self, *messages):
            with writing(engine) as connection:
                writer = Writer(connection, NOW)
                for topic, raw in messages:
                    writer.add(accept_batch(topic, raw, keys, frozenset({"lab"})))
                outcome = writer.finish()
                self.builder.update(connection, outcome.detections, outcome.poses, NOW)

        def layer(self, kind, *places):
            with writing(engine) as connection:
                return store_places(
                    connection, "lab", kind, places, Provenance("x", str(hash(kind)), "WGS-84", [], NOW)
                )

        def versions(self):
            with reading(engine) as connection:
                return connection.execute(select(alert_versions).order_by(alert_versions.c.version)).mappings().all()

    return Cloud()


def test_an_alert_says_whose_cell_and_which_zone_it_is_and_names_the_versions(cloud, east, origin_of, houses):
    cells = cloud.layer(
        "grids", Place("g-1", "丽景街一格", HERE, None, None, {"person": "李四", "phone": "13800000000"})
    )
    zones = cloud.layer(
        "zones",
        Place("old", "去年的禁煤区", HERE, None, BEFORE, {}),
        Place("now", "禁煤区", HERE, BEFORE, AFTER, {"document": "〔2026〕1号"}),
        Place("next", "明年的禁煤区", HERE, AFTER, None, {}),
    )
    stations = cloud.layer("stations", Place("s", "河医大", Point(114.5, 38.0545), None, None, {"radius_m": 1000.0}))
    x, y = houses["r1c2"]
    cloud.take(east.batch("detection", east.detection(1, origin_of(east, x + 1, y, 5.0))))
    (first,) = cloud.versions()
    assert first["lies"]["layers"] == {"grids": cells, "zones": zones, "stations": stations}
    assert set(first["lies"]["rooftops"]) == {one["rooftop"] for one in first["candidates"]}
    best = first["lies"]["rooftops"][first["candidates"][0]["rooftop"]]
    assert best["grids"] == [{"place": "g-1", "name": "丽景街一格", "person": "李四", "phone": "13800000000"}]
    assert [zone["name"] for zone in best["zones"]] == ["禁煤区"]
    assert ["禁煤区" in one["text"] for one in first["coal"]["factors"] if one["factor"] == "zone"] == [True]
    assert best["stations"][0]["distance_m"] == pytest.approx(500, abs=40)
    assert best["exemptions"] == []


def test_a_newer_layer_counts_from_the_next_version_on_and_the_old_one_keeps_its_own(
    cloud, east, south, origin_of, houses
):
    x, y = houses["r1c2"]
    assert cloud.versions() == []
    cloud.take(east.batch("detection", east.detection(1, origin_of(east, x + 1, y, 5.0))))
    assert cloud.versions()[0]["lies"] is None, "nothing was imported"
    version = cloud.layer("grids", Place("g-1", "一格", HERE, None, None, {"person": "王五"}))
    cloud.take(south.batch("detection", south.detection(1, origin_of(south, x + 1, y, 5.0))))
    first, *_, last = cloud.versions()
    assert first["lies"] is None
    assert last["lies"]["layers"] == {"grids": version}


def test_a_terrain_that_comes_later_moves_the_town_onto_it(cloud, engine, east, south, origin_of, houses):
    x, y = houses["r1c2"]
    cloud.take(east.batch("detection", east.detection(1, origin_of(east, x + 1, y, 5.0))))
    hill = Terrain(np.full((3, 3), 80.0, np.float32), 114.4, 38.15, 0.1, 0.1)
    with writing(engine) as connection:
        store_terrain(connection, "lab", hill, Provenance("x", "d", "WGS 84", [], NOW))
    cloud.take(south.batch("detection", south.detection(1, origin_of(south, x + 1, y, 5.0))))
    first, last = (
        {factor["factor"] for factor in version["factors"]} for version in (cloud.versions()[0], cloud.versions()[-1])
    )
    assert "flat_ground" in first and "terrain" not in first
    assert "terrain" in last and "flat_ground" not in last
    assert cloud.versions()[-1]["candidates"][0]["rooftop"] == "r1c2"
