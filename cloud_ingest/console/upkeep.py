"""Two pages about the data itself: how good each device's days were, and what was set aside. Neither needs a script."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, get_args
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection, Engine, or_, select

from cloud_ingest.console.pages import Pages
from cloud_ingest.console.words import translated
from cloud_ingest.ingest.accept import Cause
from cloud_ingest.ingest.letters import Choice, chosen, tallies
from cloud_ingest.ingest.quality_store import GATEWAY, list_days
from cloud_ingest.store.database import reading
from cloud_ingest.store.footprints import current_version
from cloud_ingest.store.places import Doubt, FootprintDoubts, versions_in_force
from cloud_ingest.store.places_schema import place_versions
from cloud_ingest.store.schema import dead_letters, footprint_versions, gateways
from cloud_ingest.store.telemetry_schema import jobs

_DAYS = 14
_LETTERS = 200

Json = dict[str, Any]


def upkeep_router(engine: Engine, pages: Pages) -> APIRouter:
    """``/quality`` and ``/dead-letters``."""
    router = APIRouter()
    zone = pages.zone
    doubts = FootprintDoubts()

    @router.get("/quality")
    def quality(request: Request, town: str | None = None, lang: str | None = None) -> Response:
        tenant, language = pages.towns.chosen(town), pages.language(request, lang)
        today = datetime.now(UTC).astimezone(ZoneInfo(zone)).date()
        days = [str(today - timedelta(days=age)) for age in range(_DAYS)]  # the newest first
        with reading(engine) as connection:
            reports = list_days(connection, [tenant], days[-1], days[0])
            rows = connection.execute(select(gateways).where(gateways.c.tenant == tenant)).mappings().all()
            ran_at = connection.execute(select(jobs.c.ran_at).where(jobs.c.job == "quality")).scalar()
            layers = _layers(connection, tenant, doubts)
        return pages.draw(
            request, "quality", town, lang, said=lambda text: translated(text, language),
            days=days, devices=_devices(reports, days), notable=[one for one in reports if _is_notable(one)],
            nights=_nights(rows), clocks=_clocks(rows), layers=layers, ran_at=ran_at, gateway_itself=GATEWAY,
        )  # fmt: skip

    @router.get("/dead-letters")
    def letters(
        request: Request,
        cause: Annotated[str | None, Query(max_length=24)] = None,
        town: str | None = None,
        lang: str | None = None,
    ) -> Response:
        tenant = pages.towns.chosen(town)
        mine = select(gateways.c.gateway).where(gateways.c.tenant == tenant)
        columns = [column for column in dead_letters.c if column.name != "raw"]  # never the bytes, which may be large
        query = chosen(select(*columns), Choice(cause=cause)).where(
            or_(dead_letters.c.gateway.is_(None), dead_letters.c.gateway.in_(mine))
        )
        with reading(engine) as connection:
            found = connection.execute(query.order_by(dead_letters.c.id.desc()).limit(_LETTERS)).mappings().all()
            counts = tallies(connection)
        return pages.draw(
            request, "dead_letters", town, lang,
            letters=found, counts=sorted(counts.items()), cause=cause, most=_LETTERS, causes=get_args(Cause),
        )  # fmt: skip

    return router


def _layers(connection: Connection, tenant: str, doubts: FootprintDoubts) -> list[Json]:
    """Footprints with what is in doubt about them now, and each layer with what was doubtful at its import."""
    found: list[Json] = []
    version = current_version(connection, tenant)
    if version is not None:
        row = connection.execute(select(footprint_versions).where(footprint_versions.c.version == version)).one()
        found.append(
            {
                "kind": "footprints", "version": version, "source": row.source, "imported_at": row.imported_at,
                "crs": None, "doubts": doubts.of(connection, tenant),
            }
        )  # fmt: skip
    for kind, newest in sorted(versions_in_force(connection, tenant).items()):
        layer = connection.execute(select(place_versions).where(place_versions.c.version == newest)).one()
        found.append(
            {
                "kind": kind, "version": newest, "source": layer.source, "imported_at": layer.imported_at,
                "crs": layer.crs, "doubts": [Doubt(text, False) for text in layer.warnings],
            }
        )  # fmt: skip
    return found


def _devices(reports: list[Json], days: list[str]) -> list[Json]:
    """A row a sensor: its cell of each day, None where the day was not judged."""
    cells: dict[tuple[str, str], dict[str, Json]] = {}
    for one in reports:
        if one["sensor"] != GATEWAY:
            cells.setdefault((one["gateway"], one["sensor"]), {})[one["day"]] = one["report"]
    return [
        {"gateway": gateway, "sensor": sensor, "cells": [of_day.get(day) for day in days]}
        for (gateway, sensor), of_day in sorted(cells.items())
    ]


def _is_notable(one: Json) -> bool:
    report = one["report"]
    doubtful = any(count for state, count in report["clock"].items() if state != "synchronised")
    return bool(report["flagged"] or report["hints"] or report["late"] or doubtful)


def _nights(rows: Any) -> list[Json]:
    """What each camera could judge of its newest nights, by its own account."""
    found: list[Json] = []
    for row in rows:
        for night in (row["health"] or {}).get("coverage", []):
            if night["scheduled_s"] > 0:
                causes = sorted(night.get("causes", {}).items(), key=lambda pair: -pair[1])
                share = min(1.0, night["judged_s"] / night["scheduled_s"])
                found.append({**night, "gateway": row["gateway"], "share": share, "causes": causes[:3]})
    newest: Callable[[Json], tuple[str, str, str]] = lambda one: (one["night"], one["gateway"], one["camera"])  # noqa: E731
    return sorted(found, key=newest, reverse=True)[:60]


def _clocks(rows: Any) -> list[Json]:
    return [{"gateway": row["gateway"], **(row["clock"] or {})} for row in sorted(rows, key=lambda r: r["gateway"])]
