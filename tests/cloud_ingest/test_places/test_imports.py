"""A file into both databases: one version or none, chimneys on the roofs that are there, and the command around it."""

from __future__ import annotations

import threading
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import openpyxl
import pytest
import shapely
from sqlalchemy import func, insert, select

from cloud_ingest.commands import main
from cloud_ingest.geotag.lies import place_lies
from cloud_ingest.ingest.housekeeping import Housekeeper
from cloud_ingest.ingest.retention import Keep
from cloud_ingest.places.shifted import wgs84_to_gcj02
from cloud_ingest.places.table import PlaceError
from cloud_ingest.store.database import open_store, reading, writing
from cloud_ingest.store.footprints import current_version, load_footprints
from cloud_ingest.store.imports import Wish, prepare
from cloud_ingest.store.places import LayerCache, gateways_of, load_terrain, versions_in_force
from cloud_ingest.store.schema import camera_poses, footprint_versions, gateways, place_versions, rooftops
from lab.places_borders import grid
from lab.places_datum import town as lab_town
from smokesentry.clock import from_wire

NOW = "2026-11-22T19:05:00.000Z"
ZONE = ZoneInfo("Asia/Shanghai")
IDS = [f"b{n:02d}" for n in range(40)]


def shifted_cells():
    """One cell along the lanes of ``lab.places_datum.town(0, 1, 0.35, 80)``, drawn on a Chinese map."""
    cells = grid(0, 1, along_lanes=True, town=80)
    return shapely.transform(cells, lambda p: np.column_stack(wgs84_to_gcj02(p[:, 0], p[:, 1])))


def _take(engine, kind, path, dry=False, **said):
    with reading(engine) as connection:
        prepared = prepare(connection, "lab", Wish(kind, path, **said), ZONE, lambda _: None)
    if dry:
        return prepared.report
    with writing(engine) as connection:
        return prepared.put_in_force(connection, NOW)


def _stand(engine, *places):
    """Gateways that announced these places (lon, lat)."""
    with writing(engine) as connection:
        for number, (lon, lat) in enumerate(places):
            name = f"gw-{number}"
            connection.execute(
                insert(gateways).values(gateway=name, tenant="lab", last_seen_at=NOW, online=True, state_since=NOW)
            )
            connection.execute(
                insert(camera_poses).values(
                    gateway=name, camera="cam", pose_version=1, captured_at=NOW, received_at=NOW,
                    pose={"place": {"lat": lat, "lon": lon, "crs": "WGS-84"}},
                )
            )  # fmt: skip


def _sheet(path, *rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def test_a_dry_run_says_everything_and_changes_nothing(engine, written, squares):
    path = written("a.zip", squares, {"编号": IDS, "地址": IDS, "备注": IDS}, encoding="GBK")
    report = _take(engine, "footprints", path, dry=True)
    assert report.version is None
    assert report.summary == "40 roofs, 0 chimneys; 0 roofs with a height"
    assert report.columns == {"rooftop": "编号", "name": "地址"}
    assert report.unused == ["备注"]
    with reading(engine) as connection:
        assert current_version(connection, "lab") is None
    assert _take(engine, "footprints", path).version == 1
    again = _take(engine, "footprints", path)
    assert (again.version, again.unchanged) == (1, True)


def test_chimneys_come_by_themselves_and_stay_when_footprints_are_renewed(engine, written, squares, tmp_path):
    roofs = written("a.gpkg", squares, {"id": IDS, "name": IDS})
    with pytest.raises(PlaceError, match="import the footprints first"):
        _take(engine, "chimneys", roofs)
    _take(engine, "footprints", roofs)
    inside = shapely.get_coordinates(shapely.point_on_surface(squares))
    rows = [["烟囱编号", "经度", "纬度", "高度"], *([f"c{n}", *map(float, inside[n]), 5.5] for n in range(10))]
    mouths = _sheet(tmp_path / "c.xlsx", *rows)
    report = _take(engine, "chimneys", mouths, crs="WGS-84")
    assert report.version == 2
    with reading(engine) as connection:
        found, flues = load_footprints(connection, 2)
        assert load_footprints(connection, 1)[1] == [], "the version before keeps what it had"
        assert connection.execute(select(func.count()).select_from(rooftops)).scalar_one() == 40, "roofs are shared"
    assert sorted((flue.chimney, flue.rooftop) for flue in flues) == [(f"c{n}", IDS[n]) for n in range(10)]
    assert len(found) == 40
    newer = written("b.gpkg", squares[5:], {"id": IDS[5:], "name": IDS[5:]})
    report = _take(engine, "footprints", newer)
    assert report.version == 3
    assert "5 of the 10 chimneys in force go with their roofs, which are not in this file" in report.warnings
    assert not any("off the roofs" in one for one in report.warnings)
    with reading(engine) as connection:
        assert sorted(flue.chimney for flue in load_footprints(connection, 3)[1]) == [f"c{n}" for n in range(5, 10)]
    renumbered = written("n.gpkg", squares, {"id": [f"new-{one}" for one in IDS], "name": IDS})
    (said,) = [one for one in _take(engine, "footprints", renumbered, dry=True).warnings if "in force" in one]
    assert said == "5 of the 5 chimneys in force go with their roofs, which are not in this file"
    stray = _sheet(tmp_path / "d.xlsx", ["经度", "纬度"], [106.5, 38.47])
    with pytest.raises(PlaceError, match="row 2: no roof is under it"):
        _take(engine, "chimneys", stray, crs="WGS-84")
    with pytest.raises(PlaceError, match="does not say in which system"):
        _take(engine, "chimneys", mouths)


def test_renewed_footprints_keep_no_chimney_that_now_lies_elsewhere_and_say_so(engine, written, squares, tmp_path):
    """Roofs and chimneys drawn on a Chinese map went in unlabelled; then the roofs come again, labelled."""
    drawn = shapely.transform(squares, lambda p: np.column_stack(wgs84_to_gcj02(p[:, 0], p[:, 1])))
    path = written("a.geojson", drawn, {"id": IDS, "name": IDS})
    inside = shapely.get_coordinates(shapely.point_on_surface(drawn))
    rows = [["烟囱编号", "经度", "纬度"], *([f"c{n}", *map(float, inside[n])] for n in range(10))]
    mouths = _sheet(tmp_path / "c.xlsx", *rows)
    _take(engine, "footprints", path)
    _take(engine, "chimneys", mouths, crs="WGS-84")
    said = (
        "10 of the 10 chimneys in force lie more than 5 m off the roofs of this file that they were registered on and "
        "are dropped: import the chimneys again, with the --crs that is right for them"
    )
    assert said in _take(engine, "footprints", path, dry=True, crs="GCJ-02").warnings
    report = _take(engine, "footprints", path, crs="GCJ-02")
    assert said in report.warnings
    with reading(engine) as connection:
        assert load_footprints(connection, report.version)[1] == []
        assert len(load_footprints(connection, report.version - 1)[1]) == 10, "old alerts keep what they were told by"
    report = _take(engine, "chimneys", mouths, crs="GCJ-02")
    with reading(engine) as connection:
        assert len(load_footprints(connection, report.version)[1]) == 10


def test_chimneys_stay_within_five_metres_of_their_roof_east_as_well_as_north(engine, written, squares, tmp_path):
    """A degree of longitude is 87 km here, one of latitude 111 km."""
    _, south, east, north = squares[0].bounds
    per_lon, per_lat = 111_320 * np.cos(np.radians(north)), 110_950
    places = {
        "wall": (east + 3 / per_lon, (south + north) / 2),
        "east": (east + 4.8 / per_lon, (south + north) / 2),
        "far east": (east + 5.3 / per_lon, (south + north) / 2),
        "north": (east, north + 4.8 / per_lat),
        "far north": (east, north + 5.3 / per_lat),
    }
    rows = [[name, IDS[0], float(lon), float(lat)] for name, (lon, lat) in places.items()]
    mouths = _sheet(tmp_path / "c.xlsx", ["烟囱编号", "房屋编号", "经度", "纬度"], *rows)
    _take(engine, "footprints", written("a.gpkg", squares, {"id": IDS, "name": IDS}))
    _take(engine, "chimneys", mouths, crs="WGS-84")
    redrawn = shapely.transform(squares, lambda p: p + np.array([1e-8, -1e-8]))
    report = _take(engine, "footprints", written("b.gpkg", redrawn, {"id": IDS, "name": IDS}))
    assert any(one.startswith("2 of the 5 chimneys in force lie more than 5 m off") for one in report.warnings)
    with reading(engine) as connection:
        kept = load_footprints(connection, report.version)[1]
    assert sorted(one.chimney for one in kept) == ["east", "north", "wall"]


def test_a_town_drawn_on_a_chinese_map_is_refused_then_converted(engine, written, squares):
    shifted = shapely.transform(squares, lambda p: np.column_stack(wgs84_to_gcj02(p[:, 0], p[:, 1])))
    path = written("a.geojson", shifted, {"id": IDS, "name": IDS})
    _stand(engine, *(shapely.centroid(squares[n]).coords[0] for n in (3, 17, 30)))
    with reading(engine) as connection:
        assert len(gateways_of(connection, "lab")) == 3
    with pytest.raises(PlaceError, match="--crs GCJ-02"):
        _take(engine, "footprints", path)
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(footprint_versions)).scalar_one() == 0
    report = _take(engine, "footprints", path, crs="GCJ-02")
    assert (report.crs, report.warnings) == ("GCJ-02", [])
    with reading(engine) as connection:
        (first, *_), _ = load_footprints(connection, report.version)
    assert shapely.hausdorff_distance(first.polygon, squares[0]) < 1e-6


def test_zones_of_a_chinese_map_are_refused_by_the_houses_that_they_cut(engine, written, tmp_path):
    roofs, cells = lab_town(0, 1, 0.35, 80)[0], shifted_cells()
    ids = [f"r{n}" for n in range(len(roofs))]
    zones = written("z.geojson", cells, {"id": ["z0"], "name": ["禁煤区"]})
    assert any("could not be checked" in one for one in _take(engine, "zones", zones, dry=True).warnings)
    _take(engine, "footprints", written("a.gpkg", roofs, {"id": ids, "name": ids}))
    with pytest.raises(PlaceError, match="Say --crs GCJ-02"):
        _take(engine, "zones", zones)
    report = _take(engine, "zones", zones, crs="GCJ-02")
    assert report.version == 1 and not any("cut" in one for one in report.warnings)
    stations = _sheet(tmp_path / "s.xlsx", ["编号", "名称", "经度", "纬度"], ["s", "站", 106.295, 38.475])
    assert any("nothing tells" in one for one in _take(engine, "stations", stations, crs="WGS-84").warnings)
    lon, lat = (float(one) for one in wgs84_to_gcj02(106.295, 38.475))
    moved = written("s.geojson", np.array([shapely.Point(lon, lat)]), {"id": ["s"], "name": ["站"]})
    with pytest.raises(PlaceError, match="those in force would lie in GCJ-02"):
        _take(engine, "stations", moved)


def test_gateways_that_announce_themselves_later_show_that_a_file_in_force_is_shifted(engine, written, squares, caplog):
    shifted = shapely.transform(squares, lambda p: np.column_stack(wgs84_to_gcj02(p[:, 0], p[:, 1])))
    _take(engine, "footprints", written("a.geojson", shifted, {"id": IDS, "name": IDS}))
    keeper = Housekeeper(engine, Keep(90, 400, 90, 180), "UTC")
    keeper.round(from_wire(NOW), threading.Event())
    assert "IN THE WRONG PLACE" not in caplog.text
    _stand(engine, *(shapely.centroid(squares[n]).coords[0] for n in (3, 17, 30)))
    keeper.round(from_wire(NOW) + timedelta(hours=2), threading.Event())
    assert "IN THE WRONG PLACE: 0 of 3 gateways would stand on a roof of it, but 3 of 3" in caplog.text


def test_layers_are_versions_and_the_newest_holds(engine, written, squares, tmp_path):
    cells = np.array([shapely.box(106.28, 38.46, 106.30, 38.48)], dtype=object)
    first = _take(engine, "grids", written("g.gpkg", cells, {"编号": ["g-1"], "名称": ["一格"], "网格员": ["张三"]}))
    strange = _sheet(tmp_path / "s.xlsx", ["网格编号", "网格员"], ["g-1", "李四"], ["g-9", "王五"])
    assert (
        "1 of its cells are not in the grids in force: g-9" in _take(engine, "responsible", strange, dry=True).warnings
    )
    people = _sheet(tmp_path / "p.xlsx", ["网格编号", "网格员", "电话"], ["g-1", "李四", 13800000000])
    second = _take(engine, "responsible", people)
    cache = LayerCache()
    with reading(engine) as connection:
        layers = cache.of(connection, "lab")
        assert versions_in_force(connection, "lab") == {"grids": first.version, "responsible": second.version}
        assert cache.of(connection, "elsewhere") == {}
    (cell,) = place_lies(layers, 38.47, 106.29, NOW)["grids"]
    assert (cell["person"], cell["phone"]) == ("李四", "13800000000")
    bad = _sheet(tmp_path / "q.xlsx", ["网格编号", "网格员"], ["g-1", "王五"], [None, "赵六"])
    with pytest.raises(PlaceError, match="row 3: 网格编号 is empty"):
        _take(engine, "responsible", bad)
    assert _take(engine, "responsible", people).unchanged
    renewed = _sheet(tmp_path / "r.xlsx", ["网格编号", "网格员"], ["g-1", "王五"])
    _take(engine, "responsible", renewed)
    with reading(engine) as connection:
        assert place_lies(cache.of(connection, "lab"), 38.47, 106.29, NOW)["grids"][0]["person"] == "王五"
        assert connection.execute(select(func.count()).select_from(place_versions)).scalar_one() == 3
    assert place_lies(layers, 38.47, 106.29, NOW)["grids"][0]["person"] == "李四", "what was in force then"


def test_terrain_is_stored_and_comes_back_as_it_was(engine, tmp_path):
    import rasterio
    from rasterio.transform import from_origin

    heights = np.arange(400, dtype="float32").reshape(1, 20, 20)
    heights[0, 0, 0] = np.nan
    with rasterio.open(
        tmp_path / "d.tif", "w", driver="GTiff", width=20, height=20, count=1, dtype="float32", crs="EPSG:4490",
        transform=from_origin(106.2, 38.5, 0.001, 0.001),
    ) as file:  # fmt: skip
        file.write(heights)
    report = _take(engine, "terrain", tmp_path / "d.tif")
    with reading(engine) as connection:
        terrain = load_terrain(connection, report.version)
    assert np.array_equal(terrain.heights_m, heights[0], equal_nan=True)
    assert _take(engine, "terrain", tmp_path / "d.tif").unchanged
    assert (terrain.west, terrain.north) == pytest.approx((106.2005, 38.4995))


CONFIG = """
[cloud]
folder = "cloud"
tenants = ["lab"]
[broker]
plaintext = true
[ca]
folder = "ca"
[signing]
key = "cloud.key"
certificate = "cloud.crt"
"""


def test_the_command_tells_what_it_took_draws_it_and_names_the_file_when_it_refuses(tmp_path, written, squares, capsys):
    (tmp_path / "cloud.toml").write_text(CONFIG)
    config = ["--config", str(tmp_path / "cloud.toml")]
    path = written("房屋.zip", squares, {"编号": IDS, "地址": IDS, "备注": IDS}, encoding="GBK")
    assert main(["import", *config, "--dry-run", "--picture", str(tmp_path / "a.svg"), "footprints", str(path)]) == 0
    said = capsys.readouterr().out
    assert "columns: name from '地址', rooftop from '编号'" in said
    assert "doubtful: no gateway has announced its place yet" in said
    assert "would be a new version; nothing was changed" in said
    svg = (tmp_path / "a.svg").read_text()
    assert svg.count("<polygon") == 40
    assert main(["import", *config, "footprints", str(path)]) == 0
    assert main(["import", *config, "zones", str(tmp_path / "nothing.csv")]) == 2
    assert "nothing.csv: cannot be read" in capsys.readouterr().err
    _sheet(tmp_path / "z.xlsx", ["名称", "生效日期"], ["x", "soon"])
    assert main(["import", *config, "exemptions", str(tmp_path / "z.xlsx")]) == 2
    assert "z.xlsx: has no column for kind" in capsys.readouterr().err
    engine = open_store(f"sqlite:///{tmp_path / 'cloud' / 'cloud.db'}")
    with reading(engine) as connection:
        assert current_version(connection, "lab") == 1
    engine.dispose()


def test_workers_that_start_together_put_the_configured_roofs_in_force_once(engine, town_text, tmp_path):
    path = tmp_path / "town.geojson"
    path.write_text(town_text(), encoding="utf-8")
    all_have_read, reports = threading.Barrier(3), []

    def start() -> None:
        with reading(engine) as connection:
            prepared = prepare(connection, "lab", Wish("footprints", path), ZONE, lambda _: None)
        all_have_read.wait(120)
        with writing(engine) as connection:
            reports.append(prepared.put_in_force(connection, NOW))

    workers = [threading.Thread(target=start) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert sorted((report.version, report.unchanged) for report in reports) == [(1, False), (1, True), (1, True)]
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(footprint_versions)).scalar_one() == 1
        assert connection.execute(select(func.count()).select_from(rooftops)).scalar_one() == 9
