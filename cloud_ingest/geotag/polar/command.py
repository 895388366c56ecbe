"""``smokesentry cloud polar``: the long-run view as a picture or a table."""

from __future__ import annotations

import argparse
import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from smokesentry.settings import SettingsError

if TYPE_CHECKING:
    from cloud_ingest.geotag.polar.report import Report
    from cloud_ingest.settings import CloudSettings


def add(words: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to ``smokesentry cloud``."""
    text = "from which winds particulates come, over many nights: a picture (.svg) or a table (.csv)"
    command = words.add_parser("polar", help=text, description=text)
    command.add_argument("--config", type=Path, required=True, help="the cloud's TOML file (docs/cloud_ingest.md)")
    command.add_argument("--tenant", help="the town; may be left out when the file names only one")
    command.add_argument("--gateway", action="append", required=True, help="may be given several times")
    command.add_argument("--from", dest="first", required=True, metavar="DAY", help="the first evening, 2026-11-15")
    command.add_argument("--to", dest="last", required=True, metavar="DAY", help="the last evening")
    command.add_argument("--hours", default="17:00-07:00", help="local hours of each night (17:00-07:00)")
    command.add_argument("--quantity", default="pm25", help="pm25, pm10 or co (pm25)")
    command.add_argument(
        "--statistic", default="mean", choices=("share", "mean", "weighted"), help="of the picture (mean)"
    )
    command.add_argument("--lang", default="zh", choices=("zh", "en"), help="of the picture (zh)")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="ends in .svg or .csv")


def run(arguments: argparse.Namespace, settings: CloudSettings) -> int:
    """Does it. Raises ``SettingsError`` for a question that cannot be answered as it was put."""
    from cloud_ingest.geotag.polar.asked import Asked, AskedError, parse_day, parse_hours
    from cloud_ingest.geotag.polar.plan import sheet
    from cloud_ingest.geotag.polar.report import make_report
    from cloud_ingest.store.database import open_store, reading

    if arguments.out.suffix not in (".svg", ".csv"):
        raise SettingsError(f"--out {arguments.out}: expected a name that ends in .svg or .csv")
    tenants = settings.cloud.tenants
    if arguments.tenant is None and len(tenants) > 1:
        raise SettingsError(f"--tenant is needed: the file serves {', '.join(tenants)}")
    tenant = arguments.tenant or tenants[0]
    if tenant not in tenants:
        raise SettingsError(f"--tenant {tenant}: not in [cloud] tenants ({', '.join(tenants)})")
    try:
        days = parse_day(arguments.first), parse_day(arguments.last)
        asked = Asked(tuple(dict.fromkeys(arguments.gateway)), *days, *parse_hours(arguments.hours), arguments.quantity)
    except AskedError as error:
        raise SettingsError(str(error)) from error
    engine = open_store(settings.database_url)
    try:
        with reading(engine) as connection:
            report = make_report(connection, tenant, asked, settings.console.zone)
    finally:
        engine.dispose()
    unknown = set(asked.gateways) - {view.site.gateway for view in report.views}
    if unknown:
        raise SettingsError(f"--gateway {', '.join(sorted(unknown))}: never heard in {tenant}")
    picture = arguments.out.suffix == ".svg"
    text = sheet(report, arguments.statistic, arguments.lang) if picture else table(report)
    arguments.out.write_text(text, encoding="utf-8")
    for line in summary(report):
        print(line)
    return 0


def summary(report: Report) -> list[str]:
    """What was found, in English lines."""
    from cloud_ingest.geotag.polar.paint import texts

    words, lines = texts("en"), []
    for view in report.views:
        if view.rose is None:
            lines.append(f"{view.site.gateway}: {words[view.problem or 'no_overlap']}")
            continue
        told = [
            f"{one.peak_deg:.0f}° ({one.from_deg:.0f}-{one.to_deg:.0f}°), {one.share:.0%} high, {one.usual:.0%} usual"
            for one in view.rose.sectors
        ]
        lines.append(f"{view.site.gateway}: {view.rose.nights} nights; {'; '.join(told) or words['sectors.none']}")
    if report.crossings:
        lines.append(f"{len(report.crossings)} crossings of sectors; {words['map.caution']}")
    return lines


def table(report: Report) -> str:
    """CSV: a line for each gateway, direction and wind speed; the speed is empty where it stands for all of them."""
    from cloud_ingest.geotag.polar.sectors import DIRECTIONS

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["gateway", "wind_from_deg", "wind_speed_m_s", "share_high", "share_error", "mean_excess", "mean_error",
         "blocks", "nights", "standing", "in_sector"]
    )  # fmt: skip
    for view in report.views:
        if view.rose is None or view.share is None or view.rise is None or view.speeds_m_s is None:
            continue
        name = view.site.gateway
        for number, direction in enumerate(DIRECTIONS):
            inside = any(one.holds(float(direction)) for one in view.rose.sectors)
            one, other = view.rose.share, view.rose.rise
            figures = [part[number] for part in (one.mean, one.error, other.mean, other.error, one.blocks, one.nights)]
            writer.writerow(
                [name, f"{direction:g}", "", *map(_figure, [*figures, view.rose.standing[number]]), int(inside)]
            )
            for ring, speed in enumerate(view.speeds_m_s):
                at = number, ring
                share, rise = view.share, view.rise
                figures = [
                    part[at] for part in (share.mean, share.error, rise.mean, rise.error, share.blocks, share.nights)
                ]
                writer.writerow([name, f"{direction:g}", f"{speed:.2f}", *map(_figure, figures), "", ""])
    return text.getvalue()


def _figure(value: float) -> str:
    return f"{value:.4g}" if abs(value) < float("inf") else ""
