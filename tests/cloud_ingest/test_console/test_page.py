"""The page in a real browser: it draws, it lives, it speaks both languages, and nobody can run code in it."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest

from lab.showcase.pictures import region_around

pytestmark = pytest.mark.chromium

PATIENCE_S = 120.0
HOSTILE = '<img src=x onerror="window.pwned=1"><script>window.pwned=2</script>\'"`${window.pwned=3}'


def colours(page: Any, selector: str = "#map") -> Any:
    """The element as it is seen, BGR."""
    return cv2.imdecode(np.frombuffer(page.locator(selector).screenshot(), np.uint8), cv2.IMREAD_COLOR)


def share_of(picture: Any, bgr: tuple[int, int, int], slack: int = 25) -> float:
    return float(np.mean(np.all(np.abs(picture.astype(int) - bgr) <= slack, axis=2)))


def wait_for_map(page: Any, expected: tuple[int, int, int]) -> Any:
    """Waits until the colour shows on the map, and answers the picture."""
    deadline = time.monotonic() + PATIENCE_S
    while share_of(picture := colours(page), expected) <= 0.0002:
        has = np.unique(picture.reshape(-1, 3), axis=0)[:20]
        assert time.monotonic() < deadline, f"the map never showed {expected}; it has {has}"
        page.wait_for_timeout(100)
    return picture


CANDIDATE_EDGE = (0x66, 0xB0, 0xFF)
RAY = (0x7A, 0xD2, 0xFF)
ROOF_EDGE = (0x7B, 0x61, 0x4A)
REGION = (0x9A, 0xE2, 0xFF)


def test_the_map_draws_roofs_cameras_and_views(street: Any, browse: Any) -> None:
    page = browse()
    picture = wait_for_map(page, ROOF_EDGE)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 30
    assert share_of(picture, CANDIDATE_EDGE, 10) < 0.001
    assert page.locator(".map-label.gateway").all_inner_texts() == ["gw-north", "gw-west"]


def test_a_quiet_night_is_calm_and_says_what_it_watches(street: Any, browse: Any) -> None:
    page = browse(webgl=False)
    card = page.locator(".watch-card")
    assert "All quiet" in card.inner_text() and "no proof" in card.inner_text()
    assert "12 h covered · 30 min could not be judged" in card.inner_text()
    assert page.locator("#watch-count").inner_text() == "2 of 2 cameras can judge"
    assert page.locator(".camera.not_suspected").count() == 2
    assert page.locator("svg.curve polyline").count() == 1


def test_a_camera_that_cannot_judge_is_said_with_its_cause_and_quietness_is_not_claimed_for_it(
    street: Any, browse: Any
) -> None:
    street.add_gateway("gw-fog", 0, 60, 180, verdict="cannot_judge", cause="shaking")
    street.add_gateway("gw-gone", 0, -60, 0, online=False)
    page = browse("?lang=zh", webgl=False)
    assert "有 2 台摄像机现在无法判断" in page.locator(".watch-card").inner_text()
    fog = page.locator(".gateway-card", has_text="gw-fog").inner_text()
    assert "无法判断" in fog and "镜头晃动" in fog
    gone = page.locator(".gateway-card", has_text="gw-gone").inner_text()
    assert "离线" in gone and "网关离线，无法判断" in gone


def test_without_a_judging_camera_nothing_is_called_quiet(town: Any, browse: Any) -> None:
    town.add_street()
    town.add_gateway("gw-west", -95, 0, 90, verdict="cannot_judge", cause="black picture")
    page = browse(webgl=False)
    assert "Nothing can judge" in page.locator(".watch-card").inner_text()
    assert "All quiet" not in page.locator("body").inner_text()


def test_an_alert_appears_by_itself_and_cannot_be_missed(street: Any, browse: Any) -> None:
    page = browse()
    wait_for_map(page, ROOF_EDGE)
    assert page.locator(".lead").count() == 0
    street.add_alert("a1", [("roof-4", 0.62), ("roof-12", 0.21)], gateways=("gw-west", "gw-north"))
    page.wait_for_selector("#lead-a1.fresh")  # no reload: the stream brought it
    assert page.title().startswith("(1) new lead")
    assert "Suspected solid-fuel smoke" in page.locator("#lead-a1").inner_text()
    assert "New lead" in page.locator("#announcement").inner_text()
    wait_for_map(page, CANDIDATE_EDGE)
    assert page.locator(".pin.open.fresh").count() == 1
    labels = page.locator(".map-label.candidate").all_inner_texts()
    assert labels == ["东巷5号 62%", "西巷5号 21%"]
    wait_for_map(page, RAY)
    bars = page.locator(".bars li").all_inner_texts()
    ways = " Go there: Amap Tencent Baidu Own app"
    assert [re.sub(r"\s+", " ", bar).strip() for bar in bars] == [
        "东巷5号 62%" + ways,
        "西巷5号 21%" + ways,
        "Elsewhere none of these roofs 17%",
    ]


def test_an_alert_without_a_place_is_listed_and_the_map_keeps_the_town(street: Any, browse: Any) -> None:
    street.add_alert("a1", [], gateways=())
    page = browse()
    page.wait_for_selector(".detail-head")
    assert "Place not known" in page.locator("#lead-a1").inner_text()
    assert re.sub(r"\s+", " ", page.locator(".bars").inner_text()) == "Elsewhere none of these roofs >99%"
    wait_for_map(page, ROOF_EDGE)


def test_no_chance_is_rounded_to_a_certainty(street: Any, browse: Any) -> None:
    street.add_alert("a1", [("roof-4", 0.9996)], gateways=())
    page = browse(webgl=False)
    page.wait_for_selector(".detail-head")
    values = page.locator(".bar-value").all_inner_texts()
    assert values == [">99%", "<1%"]
    assert "100%" not in page.locator("body").inner_text()


def test_the_credible_region_of_the_chosen_lead_is_drawn_around_its_roofs(street: Any, browse: Any) -> None:
    region = region_around(1, 35, 5, 19)
    street.add_alert("a1", [("roof-5", 0.71), ("roof-4", 0.16)], gateways=(), region=region)
    page = browse()
    wait_for_map(page, REGION)
    assert "holds 87% of it: 2 roofs" in page.locator("#panel").inner_text()


def test_looking_at_an_alert_takes_its_newness_away_for_good(street: Any, browse: Any) -> None:
    street.add_alert("a1", [("roof-4", 0.62)])
    page = browse(webgl=False)
    page.locator("#lead-a1.fresh").click()
    page.wait_for_selector("#lead-a1:not(.fresh)")
    assert not page.title().startswith("(")
    page.reload()
    page.wait_for_selector("#lead-a1")
    assert page.locator(".fresh").count() == 0


def test_back_in_the_overview_no_ray_is_left_on_the_map(street: Any, browse: Any) -> None:
    street.add_alert("a1", [("roof-4", 0.62)], state="closed", begin_min=-90, end_min=-70)
    page = browse()
    page.locator("#lead-a1").click()
    wait_for_map(page, RAY)
    page.locator("#back").click()
    page.wait_for_selector(".watch-card")
    deadline = time.monotonic() + PATIENCE_S
    while share_of(colours(page), RAY, 15) >= 0.0001:  # the legend has a little of the colour, too
        assert time.monotonic() < deadline, "the ray is still there"
        page.wait_for_timeout(100)


def test_the_pictures_are_real_and_can_be_enlarged(street: Any, browse: Any) -> None:
    street.add_alert("a1", [("roof-4", 0.62)])
    page = browse(webgl=False)
    page.wait_for_selector("figure.drawn img")
    assert page.locator("figcaption b").all_inner_texts() == ["Detection drawn", "Frame", "Before"]
    page.wait_for_function("document.querySelector('figure.drawn img').naturalWidth === 640")
    page.evaluate("document.querySelector('figure.drawn img').dataset.same = 'yes'")
    street.revise("a1", "open", "smoke", "confidence", "The certainty changed")
    page.wait_for_selector(".history > li:nth-child(2)", state="attached")
    assert page.locator("figure.drawn img").get_attribute("data-same") == "yes"  # neither fetched again nor flickering
    page.locator("figure.drawn button").click()
    page.wait_for_selector("dialog[open] img")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")


def test_the_curve_marks_the_alerts_moments(street: Any, browse: Any) -> None:
    street.add_alert("a1", [("roof-4", 0.62)])
    page = browse(webgl=False)
    page.wait_for_selector("#detail-curve svg.curve")
    assert page.locator("#detail-curve .moment-label").all_text_contents() == ["first seen", "alarm", "last seen"]
    assert "PMS5003" in page.locator("#detail-curve .legend").inner_text()


def test_a_withdrawn_alert_says_so_at_once(street: Any, browse: Any) -> None:
    street.add_alert("a1", [("roof-4", 0.62)])
    page = browse(webgl=False)
    page.wait_for_selector("#lead-a1.open")
    street.revise("a1", "withdrawn", "steam", "withdrawn", "It was found to be no smoke")
    page.wait_for_selector("#lead-a1.withdrawn:not(.fresh)")
    page.wait_for_selector(".detail-head.withdrawn")
    head = page.locator(".detail-head").inner_text()
    assert "Withdrawn" in head and "Steam" in head and "Do not send anybody" in head
    assert page.locator("#open-count").inner_text() == ""
    assert not page.title().startswith("(")


def test_a_merged_alert_is_not_called_no_smoke(street: Any, browse: Any) -> None:
    street.add_alert("a1", [("roof-4", 0.62)])
    street.revise("a1", "withdrawn", "smoke", "merged", "It is the same fire as another alert")
    page = browse(webgl=False)
    page.locator("#lead-a1").click()
    page.wait_for_selector(".detail-head")
    assert "the same smoke as another lead" in page.locator(".detail-head").inner_text()
    assert "no smoke" not in page.locator(".detail-head").inner_text()


def test_times_are_the_sites_with_utc_on_hover(street: Any, browse: Any) -> None:
    street.add_alert("a1", [("roof-4", 0.62)])
    page = browse(timezone_id="America/New_York", webgl=False)  # the reader's machine may stand anywhere
    stamp = page.locator("#lead-a1 time")
    moment = datetime.fromisoformat(stamp.get_attribute("datetime"))
    assert moment.astimezone(ZoneInfo("Asia/Shanghai")).strftime("%H:%M:%S") in stamp.inner_text()
    assert moment.astimezone(UTC).strftime("UTC %Y-%m-%d %H:%M:%S") in stamp.get_attribute("title")


def test_both_languages_and_the_choice_is_remembered(street: Any, browse: Any) -> None:
    street.add_alert("a1", [("roof-4", 0.62)], reasons=["visible for 240 s", "a sentence nobody translated"])
    page = browse("?lang=zh", webgl=False)
    page.wait_for_selector(".reasons")
    text = page.locator("body").inner_text()
    for words in (
        "疑似固体燃料烟气",
        "线索，不是结论",
        "候选屋顶",
        "其他位置",
        "可见 240 秒",
        "a sentence nobody translated",
    ):
        assert words in text
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    page.locator(".language").click()
    page.wait_for_selector("html[lang=en] #lead-a1")
    assert "Suspected solid-fuel smoke" in page.locator("body").inner_text()
    page.goto(page.url.split("?")[0])
    page.wait_for_selector("#lead-a1")
    assert page.locator("html").get_attribute("lang") == "en"


def test_what_happened_to_a_lead_and_why_a_sensor_was_not_used_is_told_in_chinese(street: Any, browse: Any) -> None:
    doubt = "PM2.5 at pm-1 off: its twin's last minute differs by 31 µg/m³ around 24"
    street.add_alert("a1", [("roof-4", 0.62)], reasons=[doubt])
    street.revise("a1", "closed", "smoke", "closed", "Nothing was heard of it for an hour")
    page = browse("?lang=zh", webgl=False)
    page.locator("#lead-a1").click()
    page.wait_for_selector(".reasons")
    assert (
        "pm-1 的 PM2.5 未采用：与并排的另一只传感器最近一分钟相差 31 微克/立方米" in page.locator("#panel").inner_text()
    )
    page.locator("#history summary").click()
    assert "线索结束 · 一小时没有新消息" in page.locator("#history").inner_text()


def test_hostile_texts_are_shown_and_never_run(town: Any, browse: Any) -> None:
    town.add_street([HOSTILE] * 8)
    town.add_gateway("gw-west", -95, 0, 90, verdict="cannot_judge", cause=HOSTILE)
    town.add_alert("a1", [("roof-4", 0.6)], reasons=[HOSTILE], reason_text=HOSTILE, plume_class=HOSTILE[:16])
    town.add_dead_letter("malformed", HOSTILE)
    page = browse()
    page.wait_for_selector("#lead-a1")
    page.wait_for_selector(".reasons")
    page.locator("#history summary").click()
    assert HOSTILE in page.locator("#panel").inner_text()
    assert HOSTILE in page.locator(".map-label.candidate").inner_text()
    page.locator("#back").click()
    page.locator("#aside summary").click()
    assert HOSTILE in page.locator("#aside").inner_text()
    assert HOSTILE in page.locator(".camera .cause").inner_text()
    page.wait_for_timeout(300)
    assert page.evaluate("window.pwned") is None
    assert page.locator("img[src=x]").count() == 0


def test_a_phone_shows_everything_without_sideways_scrolling(street: Any, browse: Any) -> None:
    street.add_alert("a1", [("roof-4", 0.62), ("roof-12", 0.21)])
    page = browse("?lang=zh", width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2)
    wait_for_map(page, CANDIDATE_EDGE)
    page.wait_for_selector("figure.drawn img")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for selector in ("#lead-a1", ".bars", "figure.drawn img", "#detail-curve svg"):
        box = page.locator(selector).first.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390, selector
    assert page.locator(".detail-head").bounding_box()["y"] < page.locator("#leads").bounding_box()["y"]


def test_a_browser_without_webgl_still_shows_everything_but_the_map(street: Any, browse: Any) -> None:
    street.add_alert("a1", [("roof-4", 0.62)])
    page = browse(webgl=False)
    page.wait_for_selector("#lead-a1")
    assert page.locator("#map-trouble").is_visible()
    assert "62%" in page.locator(".bars").inner_text()
