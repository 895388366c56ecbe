"""Every format, as GDAL and openpyxl write it, comes to the same roofs; what is damaged is refused in words."""

from __future__ import annotations

import csv
import sqlite3
import zipfile
from datetime import date

import numpy as np
import openpyxl
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_ingest.geotag.footprints import FOOTPRINT_COLUMNS, footprints_of
from cloud_ingest.places.columns import Columns, normal
from cloud_ingest.places.crs import to_wgs84
from cloud_ingest.places.kinds import wanted
from cloud_ingest.places.read import read_table
from cloud_ingest.places.table import PlaceError

NAMES = [f"丽景街{n}号" for n in range(40)]
IDS = [f"b{n:02d}" for n in range(40)]


def _roofs(path, crs=None, layer=None, swapped=False):
    table = read_table(path, FOOTPRINT_COLUMNS, layer)
    return footprints_of(table, to_wgs84(table, crs, swapped).shapes), table


def _same(found, squares, tolerance_deg=1e-7):
    by_id = {roof.rooftop: roof for roof in found.roofs}
    assert sorted(by_id) == IDS
    for name, key, square in zip(NAMES, IDS, squares, strict=True):
        assert by_id[key].name == name
        assert shapely.hausdorff_distance(by_id[key].polygon, square) < tolerance_deg


SYSTEMS = ("EPSG:4326", "EPSG:4490", "EPSG:4544", "EPSG:4523", "EPSG:32648", "EPSG:3857")


@pytest.mark.parametrize(
    ("name", "crs"),
    [
        ("a.geojson", "EPSG:4326"),
        ("a.geojson", "EPSG:3857"),
        *((name, crs) for name in ("a.gpkg", "a.shp", "a.zip") for crs in SYSTEMS),
    ],
)
def test_every_format_and_system_gives_the_same_roofs(written, squares, name, crs):
    move = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform
    shapes = shapely.transform(squares, lambda points: np.column_stack(move(points[:, 0], points[:, 1])))
    more = {"encoding": "UTF-8"} if name in {"a.shp", "a.zip"} else {}
    path = written(name, shapes, {"编号": IDS, "地址": NAMES, "高度": [4.5] * 40}, crs, **more)
    found, _ = _roofs(path)
    _same(found, squares, 2e-6 if name == "a.geojson" else 1e-7)
    assert all(roof.height_known and roof.height_m == 4.5 for roof in found.roofs)
    assert found.warnings == ()


@pytest.mark.parametrize("cpg", [True, False])
def test_chinese_in_gbk_is_read_whether_or_not_the_file_says_so(written, squares, cpg, tmp_path):
    path = written("a.shp", squares, {"id": IDS, "地址": NAMES}, encoding="GBK")
    if not cpg:
        (tmp_path / "a.cpg").unlink()
        data = bytearray((tmp_path / "a.dbf").read_bytes())
        data[29] = 0
        (tmp_path / "a.dbf").write_bytes(data)
    found, table = _roofs(path)
    _same(found, squares)
    assert bool(table.notes) == (not cpg)


def test_a_cpg_that_lies_is_said(written, squares, tmp_path):
    path = written("a.shp", squares, {"id": IDS, "地址": NAMES}, encoding="GBK")
    (tmp_path / "a.cpg").write_text("UTF-8")
    found, table = _roofs(path)
    _same(found, squares)
    assert "GBK, not utf-8, as its .cpg says" in table.notes[0]


def test_floors_make_a_height_and_say_so(written, squares):
    found, _ = _roofs(written("a.gpkg", squares, {"id": IDS, "name": NAMES, "层数": [1, 2] * 20}))
    assert {(roof.height_m, roof.height_known) for roof in found.roofs} == {(4.5, False), (7.5, False)}


def test_a_file_that_does_not_name_its_system_is_refused_and_told_how_to_say_it(written, squares, tmp_path):
    path = written("a.shp", squares, {"id": IDS, "name": NAMES}, encoding="UTF-8")
    (tmp_path / "a.prj").unlink()
    with pytest.raises(PlaceError, match=r"does not say in which system.*--crs.*GCJ-02"):
        _roofs(path)
    found, _ = _roofs(path, crs="WGS-84")
    _same(found, squares)


def test_a_layer_of_several_is_asked_for(written, squares):
    path = written("a.gpkg", squares, {"id": IDS, "name": NAMES}, layer="房屋")
    written("a.gpkg", squares[:3], {"id": IDS[:3], "name": NAMES[:3]}, layer="other", append=True)
    with pytest.raises(PlaceError, match="--layer NAME; its layers are: other, 房屋"):
        _roofs(path)
    _same(_roofs(path, layer="房屋")[0], squares)
    with pytest.raises(PlaceError, match="layer 'x' is not in it"):
        _roofs(path, layer="x")


def _sheet(path, rows, merge=(), title="网格"):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    for one in merge:
        sheet.merge_cells(one)
    book.save(path)
    return path


def test_a_workbook_with_title_and_merged_cells_is_read_by_its_own_row_numbers(tmp_path):
    rows = [
        ["丽景街街道网格员台账", None, None, None, None],
        ["序号", "网格编号", "网格员（姓名）", "所属社区", "联系电话"],
        [1, "g-1", "张三", "白马社区", 13800000000],
        [2, "g-2", "李四", None, "139 0000 0000"],
        [None] * 5,
        [3, "g-3", "王五", "墨斗社区", None],
    ]
    path = _sheet(tmp_path / "台账.xlsx", rows, ["A1:E1", "D3:D4"])
    table = read_table(path, wanted("responsible"))
    columns = Columns.of(table, wanted("responsible"))
    assert [columns.text("person", n) for n in range(3)] == ["张三", "李四", "王五"]
    assert [columns.text("unit", n) for n in range(3)] == ["白马社区", "白马社区", "墨斗社区"]
    assert [columns.text("phone", n) for n in range(3)] == ["13800000000", "139 0000 0000", None]
    assert [table.where(n) for n in range(3)] == ["row 3", "row 4", "row 6"]
    assert columns.unused == ["序号"]


@pytest.mark.parametrize(("encoding", "comma"), [("utf-8-sig", ","), ("gbk", ","), ("utf-16", "\t"), ("utf-8", ";")])
def test_text_tables_of_any_office(tmp_path, encoding, comma):
    path = tmp_path / "a.csv"
    with path.open("w", encoding=encoding, newline="") as stream:
        rows = csv.writer(stream, delimiter=comma)
        rows.writerow(["站点名称", "经度", "纬度", "起始日期"])
        rows.writerow(["河医大，国控", "106.29", "38.47", "2026年1月1日"])
    table = read_table(path, wanted("stations"))
    columns = Columns.of(table, wanted("stations"))
    assert columns.text("name", 0) == "河医大，国控"
    assert columns.day("valid_from", 0) == date(2026, 1, 1)
    assert (table.shapes[0].x, table.shapes[0].y) == (106.29, 38.47)
    assert table.crs is None, "a table of numbers does not say which map they were picked on"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["a", "b"], ["c", "d"]], "no row has names of columns that are known"),
        ([["名称", "名称"], ["x", "y"]], "row 1: two columns are named '名称'"),
        ([["名称", "经度", "纬度"], ["x", "106,3", 38]], "row 2: 经度 is '106,3'; expected a longitude"),
        ([["名称", "经度", "纬度"], ["x", 106.3, None]], "row 2: has one coordinate of two"),
        ([["名称", "边界"], ["x", "POLYGON ((0 0, 1"]], "row 2: 边界 is no shape in WKT"),
        ([["名称", "经度", "纬度"], ["x", "#N/A", 38]], "row 2, column 经度: a formula that failed"),
        (
            [["名称", "经度", "纬度"], ["x", "=105+1.3", 38]],
            "row 2, column 经度: a formula whose value is not in the file",
        ),
    ],
)
def test_a_faulty_sheet_is_refused_by_row_and_column(tmp_path, rows, said):
    with pytest.raises(PlaceError) as caught:
        read_table(_sheet(tmp_path / "a.xlsx", rows), wanted("stations"))
    assert said in str(caught.value)


def test_two_sheets_are_asked_for(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["名称"])
    book.create_sheet("第二张").append(["名称"])
    book.create_sheet("空")
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(PlaceError, match="--layer NAME; its sheets are: Sheet, 第二张"):
        read_table(tmp_path / "a.xlsx", wanted("stations"))
    assert len(read_table(tmp_path / "a.xlsx", wanted("stations"), "第二张")) == 0


def test_a_package_that_would_unpack_without_end_is_refused(tmp_path):
    path = _sheet(tmp_path / "a.xlsx", [["名称"], ["x"]])
    package = zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED)
    with package, package.open("xl/media/big.bin", "w", force_zip64=True) as member:
        for _ in range(500):
            member.write(bytes(1_000_000))
    assert path.stat().st_size < 2_000_000
    with pytest.raises(PlaceError, match="unpacked it would take more") as refused:
        read_table(path, wanted("stations"))
    assert "password" not in str(refused.value)


def test_external_entities_bring_nothing_in(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP SECRET")
    path = _sheet(tmp_path / "a.xlsx", [["名称"], ["x"]])
    other = tmp_path / "b.xlsx"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, "w") as target:
        for info in source.infolist():
            data = source.read(info)
            if info.filename == "xl/sharedStrings.xml":
                head = f'<!DOCTYPE sst [<!ENTITY xx SYSTEM "file://{secret}">]>'.encode()
                data = data.replace(b"<sst", head + b"<sst", 1).replace(b"<t>x</t>", b"<t>&xx;</t>")
                assert b"&xx;" in data
            target.writestr(info, data)
    try:
        table = read_table(other, wanted("stations"))
    except PlaceError:
        return
    assert "SECRET" not in str(table.columns)


@pytest.mark.parametrize("name", ["a.geojson", "a.gpkg", "a.zip", "a.xlsx", "a.csv"])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(cut=st.floats(0, 1), flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=12))
def test_a_damaged_file_is_read_or_refused_in_words(written, squares, tmp_path, name, cut, flips):
    good = tmp_path / name
    if not good.exists():
        if name == "a.xlsx":
            _sheet(good, [["编号", "名称", "经度", "纬度"], *(["b", "x", 106.3, 38.4] for _ in range(5))])
        elif name == "a.csv":
            good.write_text("编号,名称,经度,纬度\n1,x,106.3,38.4\n", encoding="gbk")
        else:
            written(name, squares, {"id": IDS, "name": NAMES})
    data = bytearray(good.read_bytes())
    for at, value in flips:
        data[int(at * len(data))] = value
    bad = tmp_path / f"bad{good.suffix}"
    bad.write_bytes(data[: max(1, int(cut * len(data)))] if cut < 0.9 else data)
    try:
        table = read_table(bad, FOOTPRINT_COLUMNS)
        footprints_of(table, to_wgs84(table, "WGS-84", False).shapes)
    except PlaceError as error:
        assert str(error)


def test_a_geometry_that_is_no_text_is_refused_by_its_feature(tmp_path):
    path = tmp_path / "a.geojson"
    path.write_bytes(
        b'{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, '
        b'"geometry": {"type": "Pol\x80gon", "coordinates": []}}]}'
    )
    with pytest.raises(PlaceError, match="feature 0"):
        read_table(path, FOOTPRINT_COLUMNS)


def test_a_view_in_a_geopackage_is_not_run(written, squares):
    path = written("a.gpkg", squares, {"id": IDS, "name": NAMES})
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE VIEW endless AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n)"
            " SELECT x, x AS geom FROM n"
        )
        connection.execute("INSERT INTO gpkg_contents(table_name, data_type) VALUES ('endless', 'features')")
        connection.execute("INSERT INTO gpkg_geometry_columns VALUES ('endless', 'geom', 'POLYGON', 4326, 0, 0)")
    with pytest.raises(PlaceError, match="is not a table"):
        _roofs(path, layer="endless")


def test_names_of_columns_are_taken_without_what_people_add():
    assert {normal(name) for name in ("建筑高度（米）", "建筑高度 (m)", " 建筑 高度*", "建筑高度")} == {"建筑高度"}
