"""What stands beside a lead, and what a gateway says of itself, in a real browser; and when the cloud does not know."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from cloud_ingest.store import schema
from cloud_ingest.store.database import bump, writing
from lab.showcase.pictures import furnish
from lab.showcase.town import LAT, LON

pytestmark = pytest.mark.chromium

HOSTILE = '<img src=x onerror="window.pwned=1">'


@pytest.fixture
def furnished(town: Any) -> Any:
    furnish(town, nights=0)
    return town


def open_lead(browse: Any, query: str) -> Any:
    page = browse(f"{query}#a1", webgl=False)
    page.wait_for_selector(".detail-head")
    return page


def test_a_lead_says_which_fuel_where_it_lies_and_what_moved_it(furnished: Any, browse: Any) -> None:
    page = open_lead(browse, "?lang=en")
    head = page.locator(".detail-head").inner_text()
    assert "Certainty that it is solid-fuel smoke 87%" in head and "not the chance of coal" in head
    fuel = page.locator(".block.fuel").inner_text()
    assert "Coal is the fuel with 74%" in fuel and "if it is solid-fuel smoke" in fuel and "×2.3" in fuel
    lies = page.locator(".block.lies").inner_text()
    for part in ("东巷第七网格 · 李建国", "城区禁煤区", "银政发〔2026〕14号", "640 m away", "0951-5550100"):
        assert part in lies, part
    assert page.locator(".lies a").first.get_attribute("href") == "tel:0951-5550100"
    assert "Exhaust" in page.locator(".block.suggestions").inner_text()
    assert "CO +2.4 ppm" in page.locator(".rises").first.inner_text()
    weighed = page.locator(".block", has_text="What was weighed").inner_text()
    assert "Whether it is smoke" in weighed and "60% → 91%" in weighed and "weighs nothing" in weighed


def test_a_fire_in_the_open_has_a_place_and_names_no_household(street: Any, browse: Any) -> None:
    place = {"lat": 38.4698, "lon": 106.2901, "radius_m": 14.2, "near_m": 80.0, "far_m": 135.0, "probability": 0.83}
    region = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [106.2901, 38.4698]},
        "properties": {"share": 0.9, "holds": 0.83, "rooftops": [], "drawn": "ground", "place": place},
    }
    who = {"grids": [{"place": "g", "name": "东巷第七网格", "person": "李建国"}]}
    street.add_alert(
        "a1", [], plume_class="open_burning", region=region, coal=None,
        lies={"at": street.at(-6), "layers": {"grids": 1}, "rooftops": {}, "place": who},
    )  # fmt: skip
    page = open_lead(browse, "?lang=en")
    assert "In the open, half of it within 14 m" in page.locator("#lead-a1").inner_text()
    panel = page.locator("#panel").inner_text()
    for part in ("something burns in the open 87%", "80 to 135 m", "no household", "东巷第七网格 · 李建国", "38.46980"):
        assert part in panel, part
    assert page.locator(".bars").count() == 0 and page.locator(".block.fuel").count() == 0
    assert page.locator(".ways a").count() == 4
    assert "疑似露天焚烧" in open_lead(browse, "?lang=zh").locator("#panel").inner_text()


def test_footprints_in_doubt_are_said_beside_the_roofs_that_they_name(furnished: Any, browse: Any) -> None:
    def move(north_deg: float) -> None:
        """All gateways announce that they stand in the street's middle, so far to the north."""
        with writing(furnished.engine) as connection:
            rows = connection.execute(select(schema.camera_poses).order_by(schema.camera_poses.c.id)).mappings().all()
            for row in {row["gateway"]: row for row in rows}.values():
                there = {"lat": LAT + north_deg, "lon": LON, "crs": "WGS-84"}
                version = row["pose_version"] + 1
                pose = {**row["pose"], "pose_version": version, "place": there}
                values = {**row, "pose_version": version, "pose": pose}
                del values["id"]
                connection.execute(schema.camera_poses.insert().values(values))
            bump(connection, "alerts")

    assert "footprints" not in open_lead(browse, "?lang=en").locator("#panel").inner_text()
    move(0.0)
    panel = open_lead(browse, "?lang=en").locator("#panel").inner_text()
    assert "The footprints are in doubt: none of the 3 gateways stands on a roof of it" in panel
    move(0.1)
    panel = open_lead(browse, "?lang=en").locator("#panel").inner_text()
    assert "lie in the wrong place; do not rely on these roofs: no roof of them lies within 2 km" in panel
    panel = open_lead(browse, "?lang=zh").locator("#panel").inner_text()
    assert "房屋轮廓位置有误" in panel and "2 公里内都没有" in panel


def test_ways_lead_into_the_map_services_in_their_own_coordinates(furnished: Any, browse: Any) -> None:
    page = open_lead(browse, "?lang=zh")
    first = page.locator(".bars li").first
    assert first.locator(".ways a").all_inner_texts() == ["高德", "腾讯", "百度", "手机地图"]
    amap = first.locator(".ways a").first
    address = amap.get_attribute("href")
    lon, lat = (float(part) for part in address.split("position=")[1].split("&")[0].split(","))
    roof = page.evaluate("fetch('/api/alerts/a1').then((answer) => answer.json())")["candidates"][0]
    assert 0.003 < lon - roof["lon"] < 0.009 and abs(lat - roof["lat"]) < 0.005  # GCJ-02, some 500 m off
    assert amap.get_attribute("rel") == "noopener noreferrer"
    text = page.locator("#panel").inner_text()
    assert "煤的可能" in text and "属地" in text and "国控站点" in text and "不是烧煤的概率" in text


def test_an_old_lead_shows_what_it_has_and_nothing_is_made_up(street: Any, browse: Any) -> None:
    street.add_alert("a1", [("roof-4", 0.62)])
    page = open_lead(browse, "?lang=en")
    for block in (".block.fuel", ".block.lies", ".block.suggestions", ".rises", ".weight"):
        assert page.locator(block).count() == 0, block
    assert "A chimney is registered" in page.locator("#panel").inner_text()


def test_coal_that_cannot_be_told_is_said_so_and_strange_contexts_stay_text(furnished: Any, browse: Any) -> None:
    lies = {
        "at": furnished.at(-6),
        "layers": {},
        "rooftops": {"roof-5": {"grids": [{"name": HOSTILE, "phone": HOSTILE}]}},
    }
    coal = {"estimate": None, "score": 0.0, "factors": [], "text": ""}
    with writing(furnished.engine) as connection:
        connection.execute(
            update(schema.alert_versions)
            .where(schema.alert_versions.c.alert_id == "a1")
            .values(lies=lies, coal=coal, suggestions=[{"class": HOSTILE, "text": HOSTILE}], region={"odd": True})
        )
        bump(connection, "alerts")
    page = open_lead(browse, "?lang=en")
    assert "Cannot be told from wood or straw" in page.locator(".block.fuel").inner_text()
    assert HOSTILE in page.locator(".block.lies").inner_text()
    assert page.evaluate("window.pwned") is None


def test_a_gateway_says_its_verdict_its_night_and_its_maintenance(furnished: Any, browse: Any) -> None:
    furnished.add_gateway(
        "gw-work", 0, 60, 180, verdict="cannot_judge", cause="under maintenance",
        maintenance={"until": furnished.at(60), "reason": "lens is cleaned"},
        verdict_reasons=["no camera: the air alone names nobody"],
    )  # fmt: skip
    furnished.add_ticket("gw-north", "the camera has moved by 31 px and turned by 0.4° against its reference")
    page = browse("?lang=en#", webgl=False)
    page.wait_for_selector(".detail-head")
    page.locator("#back").click()
    page.wait_for_selector(".gateway-card")
    west = page.locator(".gateway-card", has_text="gw-west").inner_text()
    assert "Suspected smoke" in west and "camera cam-1 suspects smoke" in west
    assert "12.5 of 14.0 h judged" in west
    work = page.locator(".gateway-card", has_text="gw-work").inner_text()
    assert "Cannot judge" in work and "Under maintenance" in work and "lens is cleaned" in work
    north = page.locator(".gateway-card", has_text="gw-north").inner_text()
    assert "must be calibrated anew, since" in north and "moved by 31 px" in north
