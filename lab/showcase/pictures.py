"""The pictures of the console in docs: ``python -m lab.showcase.pictures docs/pictures`` (needs Chromium).

Town, fires and figures are made up, the pictures of cameras drawn by hand; pages and browser are the real ones.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cloud_ingest.store.database import open_store, writing
from lab.browser import launch
from lab.showcase.alerts import Town
from lab.showcase.serving import settings_for, start
from lab.showcase.town import TENANT, place
from lab.showcase.winter import Winter, write_winter

TOWNS = (TENANT, "ningdong")
#: Gateways with their places; the first has the vane.
GATEWAYS = {"gw-west": (-95.0, 0.0), "gw-north": (30.0, 75.0), "gw-south": (45.0, -95.0)}
_FIRES = ((28.0, 14.0), (-26.0, -12.0))
_DESKTOP, _PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def furnish(town: Town, nights: int = 45) -> None:
    """A street, three gateways, one of them in fog, a lead with all that a lead may say, and a winter behind it."""
    town.add_street()
    today = town.now.astimezone(ZoneInfo("Asia/Shanghai")).date()
    judged = [
        {
            "camera": "cam-1",
            "night": str(today - timedelta(days=age)),
            "scheduled_s": 50400.0,
            "judged_s": 50400.0 - lost,
        }
        for age, lost in ((1, 5400.0), (2, 900.0), (3, 21600.0))
    ]
    calm = [
        "no smoke in view now; a stove that burns steadily shows none",
        "wind unknown: drift was not compared with it",
    ]
    seen = ["camera cam-1 suspects smoke", "the air confirms: a rise against the site's own background"]
    foggy = ["camera cam-1 cannot judge: veiled: fog, frost or an obstruction"]
    for (name, spot), heading, verdict, cause, said in zip(
        GATEWAYS.items(), (90, 195, 350), ("suspected", "not_suspected", "cannot_judge"),
        (None, None, "veiled: fog, frost or an obstruction"), (seen, calm, foggy), strict=True,
    ):  # fmt: skip
        town.add_gateway(
            name, *spot, heading, verdict=verdict, cause=cause, coverage=[{**one, "causes": {}} for one in judged],
            verdict_reasons=said,
        )  # fmt: skip
    town.add_telemetry("gw-west", "pm-1", lambda m: 38 + 4 * math.sin(m / 9) + (22 * math.exp(-((m + 3) ** 2) / 6)))
    town.add_alert(
        "a1", [("roof-5", 0.71), ("roof-4", 0.16), ("roof-13", 0.06)], gateways=("gw-west", "gw-north"),
        reasons=["moves and stays at one origin: score 0.91", "visible for 240 s"],
        gases=[{"sensor": "co-1", "quantity": "co_ppm", "rise": 2.4, "background": 0.6, "at": town.at(-4)}],
        factors=_factors(), coal=_coal(), lies=_lies(town), region=region_around(1, 35, 5, 19),
        suggestions=[{"class": "exhaust", "kind": "kitchen", "text": "A kitchen is registered 40 m away"}],
    )  # fmt: skip
    town.add_alert(
        "a0", [("roof-10", 0.55), ("roof-11", 0.3)], state="closed", begin_min=-150, end_min=-118, pictures=False
    )
    with writing(town.engine) as connection:
        write_winter(connection, Winter(GATEWAYS, _FIRES, nights=nights), today - timedelta(days=1))


def photograph(browser: Any, address: str, folder: Path) -> Iterator[Path]:
    """Every picture, written as it is taken."""
    for lang in ("zh", "en"):
        with _page(browser, f"{address}/?lang={lang}#a1", _DESKTOP) as page:
            page.wait_for_selector("figure.drawn img")
            page.wait_for_timeout(2500)
            yield _shot(page, folder / f"console-{lang}.png")
        locale = {"zh": "zh-CN", "en": "en-GB"}[lang]  # in which the browser writes dates
        with _page(browser, f"{address}/wind?lang={lang}", _DESKTOP, locale=locale) as page:
            yield _shot(page, folder / f"console-wind-{lang}.png", whole=True)
    with _page(browser, f"{address}/?lang=zh#a1", _PHONE, is_mobile=True, device_scale_factor=2) as page:
        page.wait_for_selector("figure.drawn img")
        page.wait_for_timeout(2500)
        yield _shot(page, folder / "console-phone-zh.png")


def main(argv: Sequence[str] | None = None) -> None:
    """Makes them all."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("to", type=Path)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        engine = open_store(settings_for(folder).database_url)
        furnish(Town(engine, datetime.now(UTC)))
        server, thread, address = start(folder, tenants=TOWNS)
        browser = launch(playwright)
        for picture in photograph(browser, address, options.to):
            print(picture, flush=True)
        browser.close()
        server.should_exit = True
        thread.join()
        engine.dispose()


@contextmanager
def _page(browser: Any, address: str, size: dict[str, int], **options: Any) -> Iterator[Any]:
    context = browser.new_context(viewport=size, reduced_motion="reduce", **options)
    page = context.new_page()
    page.set_default_timeout(300_000)
    page.goto(address)
    yield page
    context.close()


def _shot(page: Any, path: Path, whole: bool = False) -> Path:
    page.screenshot(path=path, full_page=whole, timeout=300_000)
    return path


def _factors() -> list[dict[str, Any]]:
    def one(word: str, weight: float, text: str, about: str, before: float, after: float) -> dict[str, Any]:
        return {"factor": word, "weight": weight, "text": text, "about": about, "before": before, "after": after}

    return [
        one("cameras", 1.9, "Another camera saw it, too", "smoke", 0.6, 0.91),
        one("history", 0.5, "Smoke was seen here on 3 earlier nights", "rooftop", 0.6, 0.71),
        {"factor": "terrain", "weight": 0.0, "text": "The ground is taken to be flat", "about": "said"},
    ]


def _coal() -> dict[str, Any]:
    parts = [
        {"factor": "coal_point", "weight": 0.85, "text": "Known places of coal use hold 71% of it", "about": "coal",
         "before": 0.5, "after": 0.7},
        {"factor": "co", "weight": 0.2, "text": "CO rose by 2.4 ppm: a poor fire, of whatever fuel", "about": "coal",
         "before": 0.7, "after": 0.74},
    ]  # fmt: skip
    return {"estimate": 0.74, "score": 1.05, "factors": parts, "text": ""}


def _lies(town: Town) -> dict[str, Any]:
    grid = {"place": "g7", "name": "东巷第七网格", "person": "李建国", "phone": "0951-5550100", "unit": "丽景街道"}
    zone = {
        "place": "z1",
        "name": "城区禁煤区",
        "document": "银政发〔2026〕14号",
        "valid_until": "2027-03-15T16:00:00.000Z",
    }
    station = {"place": "s1", "name": "国控站点（丽景）", "distance_m": 640}
    here = {"grids": [grid], "zones": [zone], "stations": [station], "areas": [], "exemptions": []}
    return {
        "at": town.at(-6),
        "layers": {"grids": 3, "zones": 2, "stations": 1},
        "rooftops": {"roof-5": here, "roof-4": here},
    }


def region_around(west: float, east: float, south: float, north: float) -> dict[str, Any]:
    """A credible region (geotag.region) that is a box of the street, in metres."""
    corners = [
        place(x, y)[::-1] for x, y in ((west, south), (east, south), (east, north), (west, north), (west, south))
    ]
    about = {"share": 0.9, "holds": 0.87, "rooftops": ["roof-5", "roof-4"], "drawn": "roofs"}
    ring = [[list(corner) for corner in corners]]
    return {"type": "Feature", "geometry": {"type": "MultiPolygon", "coordinates": [ring]}, "properties": about}


if __name__ == "__main__":
    main()
