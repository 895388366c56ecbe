"""Towns and views are made once, anew when a paper changes, and kept within bounds."""

from __future__ import annotations

import gc
import weakref

import msgspec
import numpy as np
import pytest

from cloud_ingest.geotag import towns as kept
from cloud_ingest.geotag.terrain import Terrain
from cloud_ingest.geotag.towns import Towns
from cloud_ingest.store.database import reading, writing
from cloud_ingest.store.footprints import import_footprints
from cloud_ingest.store.places import Provenance, store_terrain
from smokesentry.place import CameraPose, Place

NOW = "2026-11-22T18:04:05.678Z"


@pytest.fixture
def city(engine, town_text):
    with writing(engine) as connection:
        import_footprints(connection, "lab", "a.geojson", town_text(), NOW)
        import_footprints(connection, "elsewhere", "a.geojson", town_text(), NOW)
    return engine


def pose_in(town, height=9.0, east=0.0):
    lat, lon = town.frame.to_lat_lon(east, -80.0)
    return CameraPose(
        camera="cam", pose_version=1, place=Place(lat, lon), height_m=height, heading_deg=0.0, tilt_deg=-3.0,
        hfov_deg=60.0, frame_size=(1280, 720),
    )  # fmt: skip


def test_a_town_and_a_view_are_made_once(city):
    towns = Towns()
    with reading(city) as connection:
        town = towns.town(connection, "lab")
        assert towns.town(connection, "lab") is town
        assert towns.town(connection, "elsewhere") is not town
        assert towns.town(connection, "nowhere") is None
    pose = pose_in(town)
    view = towns.view(town, pose)
    assert towns.view(town, pose) is view
    assert towns.view(town, msgspec.structs.replace(pose, heading_deg=1.0)) is not view


def test_an_imported_terrain_lifts_the_town_and_nothing_of_the_flat_one_stays(city):
    towns = Towns()
    with reading(city) as connection:
        town = towns.town(connection, "lab")
    assert town.terrain is None
    pose = pose_in(town)
    flat = towns.view(town, pose).camera.position[2]
    lat, lon = town.frame.to_lat_lon(0, 0)
    hill = Terrain(np.full((21, 21), 120.0, np.float32), lon - 0.01, lat + 0.01, 0.001, 0.001)
    with writing(city) as connection:
        store_terrain(connection, "lab", hill, Provenance("dem.tif", "sha256:" + "1" * 64, "EPSG:4326", (), NOW))
    gone = weakref.ref(town.frame), weakref.ref(town.tree)
    with reading(city) as connection:
        town = towns.town(connection, "lab")
    gc.collect()
    assert [one() for one in gone] == [None, None]
    assert town.terrain is not None
    assert town.ground == pytest.approx(120.0)
    assert towns.view(town, pose).camera.position[2] == pytest.approx(flat + 120.0)


def test_what_is_kept_is_bounded(city, monkeypatch):
    towns = Towns()
    with reading(city) as connection:
        town = towns.town(connection, "lab")
        views = [towns.view(town, pose_in(town, east=float(n))) for n in range(3)]
        monkeypatch.setattr(kept, "_MAX_POINTS", views[0].size + views[1].size)
        latest = towns.view(town, pose_in(town, east=9.0))
        assert towns.view(town, pose_in(town, east=9.0)) is latest
        assert towns.view(town, pose_in(town, east=0.0)) is not views[0]
        monkeypatch.setattr(kept, "_MAX_ROOFS", len(town.roofs))
        other = towns.town(connection, "elsewhere")
        assert towns.town(connection, "elsewhere") is other
        assert towns.town(connection, "lab") is not town
