"""From the store to the picture and the table: minutes of both databases, whose wind it is, the command's files."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree

import numpy as np
import pytest
from shapely.geometry import Point
from sqlalchemy import delete, insert, update

from cloud_ingest.commands import main
from cloud_ingest.geotag.polar.asked import Asked, AskedError, parse_day, parse_hours
from cloud_ingest.geotag.polar.crossings import Station, crossings, heat, wedge
from cloud_ingest.geotag.polar.plan import sheet
from cloud_ingest.geotag.polar.plot import polar
from cloud_ingest.geotag.polar.report import make_report
from cloud_ingest.geotag.polar.stored import read_nights
from cloud_ingest.ingest import aggregates
from cloud_ingest.store.database import open_store, reading, writing
from cloud_ingest.store.schema import camera_poses, telemetry
from cloud_ingest.store.telemetry_schema import telemetry_aggregates, telemetry_writes
from lab.showcase.alerts import Town
from lab.showcase.town import TENANT
from lab.showcase.winter import Winter, write_winter
from smokesentry.clock import to_wire

LAST = date(2026, 11, 20)
ZONE = "Asia/Shanghai"
GATEWAYS = {"gw-west": (-95.0, 0.0), "gw-north": (30.0, 75.0), "gw-south": (20.0, -90.0)}
FIRE = (10.0, 12.0)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def winter(engine):
    """Thirty nights of three gateways about one fire, and a fourth that has no sensor."""
    town = Town(engine)
    town.add_street()
    for name, (east, north) in {**GATEWAYS, "gw-mute": (0.0, 40.0)}.items():
        town.add_gateway(name, east, north, 90)
    with writing(engine) as connection:
        write_winter(connection, Winter(GATEWAYS, (FIRE,)), LAST)
    return engine


def asked(*names, nights=30, **changes):
    return Asked(names or tuple(GATEWAYS), LAST - timedelta(days=nights - 1), LAST, **changes)


def test_a_fire_that_no_camera_sees_is_pointed_at_by_all_and_lies_where_sectors_cross(winter):
    with reading(winter) as connection:
        report = make_report(connection, TENANT, asked(), ZONE)
    for view in report.views:
        east, north = GATEWAYS[view.site.gateway]
        bearing = np.degrees(np.arctan2(FIRE[0] - east, FIRE[1] - north)) % 360
        first = view.rose.sectors[0]
        assert abs((first.peak_deg - bearing + 180) % 360 - 180) < 16, view.site.gateway
        assert first.holds(bearing), view.site.gateway
        assert view.wind_of == "gw-west"
    assert report.together == 3
    hottest, roofs = report.crossings[0]
    lat, lon = 38.4700 + FIRE[1] / 111_320, 106.2900 + FIRE[0] / (111_320 * np.cos(np.radians(38.47)))
    x, y = report.frame.to_xy(lat, lon)
    assert hottest.area.buffer(12).contains(Point(x, y)) and roofs >= 1
    row, column = np.unravel_index(np.argmax(report.heat.values), report.heat.values.shape)
    away = np.hypot(report.heat.west_m + 10 * (column + 0.5) - x, report.heat.south_m + 10 * (row + 0.5) - y)
    assert away < 60


def test_without_a_vane_nothing_is_guessed_and_a_gateway_without_data_says_so(winter):
    with writing(winter) as connection:
        connection.execute(delete(telemetry_aggregates).where(telemetry_aggregates.c.sensor == "wind-1"))
    with reading(winter) as connection:
        report = make_report(connection, TENANT, asked("gw-north", "gw-mute", "gw-unheard-of"), ZONE)
    assert [(view.site.gateway, view.problem) for view in report.views] == [
        ("gw-north", "no_wind"), ("gw-mute", "no_level"),
    ]  # fmt: skip
    assert report.stations == [] and report.heat is None and report.crossings == []
    assert "wind sensor" in sheet(report, "mean", "en").replace("</text>", " ") or "no wind" in sheet(
        report, "mean", "en"
    )


def test_a_neighbours_vane_counts_within_three_kilometres_and_no_further(winter):
    far = 0.05  # degrees of latitude: five kilometres
    with writing(winter) as connection:
        pose = connection.execute(camera_poses.select().where(camera_poses.c.gateway == "gw-west")).mappings().one()
        place = {**pose["pose"]["place"], "lat": pose["pose"]["place"]["lat"] + far}
        connection.execute(
            update(camera_poses).where(camera_poses.c.id == pose["id"]).values(pose={**pose["pose"], "place": place})
        )
    with reading(winter) as connection:
        stored = read_nights(connection, TENANT, asked("gw-north", nights=3), ZONE)
    assert stored.winds == {} and set(stored.levels) == {"gw-north", "gw-south"}


def test_minutes_that_ingest_made_are_read_into_their_night_and_block(engine):
    town = Town(engine)
    town.add_gateway("gw-west", 0, 0, 0)
    start = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)  # 17:00 in Shanghai
    rows = []
    for minute, values in enumerate(
        [{"pm25_ug_m3": 40.0, "wind_speed_m_s": 2.0, "wind_from_deg": 350.0},
         {"pm25_ug_m3": 60.0, "wind_speed_m_s": 4.0, "wind_from_deg": 10.0}]
    ):  # fmt: skip
        at = start + timedelta(minutes=minute)
        quantities = {name: {"mean": mean, "low": mean, "high": mean, "count": 6} for name, mean in values.items()}
        rows.append({
            "tenant": TENANT, "gateway": "gw-west", "sensor": "s-1", "model": "X", "from_at": to_wire(at),
            "to_at": to_wire(at + timedelta(minutes=1)), "quantities": quantities, "readings": 6, "marks": {"ok": 6},
            "received_at": to_wire(at), "spool": "a" * 16, "seq": minute + 1, "written": 1,
        })  # fmt: skip
    with writing(engine) as connection:
        connection.execute(insert(telemetry), rows)
        span = {"first_from_at": rows[0]["from_at"], "last_from_at": rows[-1]["from_at"]}
        connection.execute(insert(telemetry_writes).values(change=1, written=1, rows=2, **span))
        assert aggregates.follow(connection, to_wire(start)) == 2
        hour = connection.execute(telemetry_aggregates.select().where(telemetry_aggregates.c.step_s == 3600)).one()
    assert hour.quantities["wind_from_deg"]["mean"] == pytest.approx(0.0, abs=1e-6) or hour.quantities["wind_from_deg"][
        "mean"
    ] == pytest.approx(360.0)
    with reading(engine) as connection:
        stored = read_nights(connection, TENANT, asked("gw-west", nights=2), ZONE)
    assert stored.levels["gw-west"][1, 0] == pytest.approx(50.0)
    assert np.isfinite(stored.levels["gw-west"]).sum() == 1
    _, speed, direction = stored.winds["gw-west"]
    assert speed[1, 0] == pytest.approx(3.0)
    assert min(direction[1, 0], 360 - direction[1, 0]) == pytest.approx(0.0, abs=1e-6)


def test_the_pictures_are_whole_svg_in_both_languages_and_hostile_names_stay_text(winter):
    with reading(winter) as connection:
        report = make_report(connection, TENANT, asked("gw-west", "gw-north"), ZONE)
    for lang, word in (("zh", "风速"), ("en", "wind speed")):
        for statistic in ("share", "mean", "weighted"):
            text = sheet(report, statistic, lang)
            root = ElementTree.fromstring(text)
            assert len(root.findall(f".//{SVG}path")) > 300
            assert word in text and "style=" not in text
    site = replace(report.views[0].site, gateway="<script>alert(1)</script>")
    assert "<script" not in polar(replace(report.views[0], site=site), report, "mean", "en")


def test_crossings_are_of_two_gateways_and_heat_is_greatest_where_more_point(winter):
    with reading(winter) as connection:
        report = make_report(connection, TENANT, asked(), ZONE)
    assert all(len(set(one.gateways)) == 2 for one, _ in report.crossings)
    alone = heat([report.stations[0]])
    assert crossings([report.stations[0]]) == []
    assert alone.values.max() == 1.0
    quiet = Station("gw-q", 0, 0, replace(report.stations[0].rose, sectors=()))
    assert heat([quiet]) is None
    sector = report.stations[0].rose.sectors[0]
    whole = wedge(report.stations[0], sector, 100.0).area
    assert whole == pytest.approx(np.radians(sector.wide_deg) / 2 * 100**2, rel=0.01)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: parse_hours("evening"), "17:00-07:00"),
        (lambda: parse_hours("25:00-07:00"), "17:00-07:00"),
        (lambda: parse_day("22.11.2026"), "2026-11-22"),
        (lambda: Asked(("g",), LAST, LAST - timedelta(days=1)), "the first before the last"),
        (lambda: Asked(("g",), LAST - timedelta(days=900), LAST), "400 nights"),
        (lambda: Asked((), LAST, LAST), "gateways"),
        (lambda: Asked(("g",), LAST, LAST, quantity="radon"), "pm25"),
        (lambda: Asked(("g",), LAST, LAST, *parse_hours("17:00-17:30")), "an hour"),
    ],
)
def test_a_question_that_cannot_be_answered_says_what_was_expected(make, said):
    with pytest.raises(AskedError, match=re.escape(said)):
        make()


def test_hours_after_midnight_belong_to_the_evening_before():
    early = asked("g", nights=1, begin=parse_hours("04:00-07:00")[0], end=parse_hours("04:00-07:00")[1])
    assert early.blocks == 18
    assert early.start_of(LAST, ZONE) == datetime(2026, 11, 20, 20, 0, tzinfo=UTC)  # 04:00 on the 21st
    assert asked("g", nights=1).start_of(LAST, ZONE) == datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


CONFIG = """
[cloud]
folder = "."
tenants = ["lijing", "other"]
[broker]
plaintext = true
[ca]
folder = "ca"
[signing]
key = "k"
certificate = "c"
"""


def test_the_command_writes_a_picture_and_a_table_and_says_what_it_found(tmp_path, capsys):
    config = tmp_path / "cloud.toml"
    config.write_text(CONFIG)
    engine = open_store(f"sqlite:///{tmp_path / 'cloud.db'}")
    Town(engine).add_gateway("gw-west", -95, 0, 90)
    Town(engine).add_gateway("gw-north", 30, 75, 90)
    with writing(engine) as connection:
        two = {name: GATEWAYS[name] for name in ("gw-west", "gw-north")}
        write_winter(connection, Winter(two, (FIRE,), nights=12, every_min=10), LAST)
    engine.dispose()
    common = ["polar", "--config", str(config), "--from", "2026-11-09", "--to", "2026-11-20", "--gateway", "gw-west"]
    picture, table = tmp_path / "wind.svg", tmp_path / "wind.csv"
    assert main([*common, "--tenant", "lijing", "--out", str(picture), "--lang", "en"]) == 0
    assert "gw-west: 12 nights" in capsys.readouterr().out
    assert ElementTree.fromstring(picture.read_text()).tag == f"{SVG}svg"
    assert main([*common, "--tenant", "lijing", "--out", str(table)]) == 0
    lines = list(csv.DictReader(table.open()))
    assert len(lines) == 72 * 13 and {line["gateway"] for line in lines} == {"gw-west"}
    shares = [float(line["share_high"]) for line in lines if line["wind_speed_m_s"] == "" and line["share_high"]]
    assert shares and all(0 <= share <= 1 for share in shares)
    capsys.readouterr()
    for wrong, said in (
        ([*common, "--out", str(table)], "--tenant is needed"),
        ([*common, "--tenant", "nowhere", "--out", str(table)], "not in [cloud] tenants"),
        ([*common, "--tenant", "lijing", "--out", "wind.png"], ".svg or .csv"),
        ([*common, "--tenant", "other", "--out", str(table)], "never heard in other"),
        ([*common, "--tenant", "lijing", "--hours", "late", "--out", str(table)], "17:00-07:00"),
    ):
        assert main(wrong) == 2
        assert said in capsys.readouterr().err
