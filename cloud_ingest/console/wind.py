"""The long-run view as a page and as files: over many nights, from which winds particulates come. Needs no script."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from sqlalchemy import Engine

from cloud_ingest.console.pages import Pages
from cloud_ingest.geotag.polar.asked import (
    QUANTITIES,
    STATISTICS,
    UNITS,
    Asked,
    AskedError,
    hours_text,
    parse_day,
    parse_hours,
)
from cloud_ingest.geotag.polar.command import table
from cloud_ingest.geotag.polar.paint import texts
from cloud_ingest.geotag.polar.plan import map_of, sheet
from cloud_ingest.geotag.polar.plot import polar
from cloud_ingest.geotag.polar.report import Report, make_report
from cloud_ingest.geotag.polar.stored import sites_of
from cloud_ingest.store.database import reading

_NIGHTS = 30
_HOURS = "17:00-07:00"
_AT_FIRST = 4  # gateways that are shown when nobody chose

Text = Annotated[str | None, Query(max_length=40)]


class Question:
    """What the address asks, as it came."""

    def __init__(
        self,
        gateway: Annotated[list[str] | None, Query(max_length=40)] = None,
        first: Annotated[str | None, Query(alias="from", max_length=40)] = None,
        last: Annotated[str | None, Query(alias="to", max_length=40)] = None,
        hours: Text = None,
        quantity: Text = None,
        statistic: Text = None,
    ) -> None:
        self.gateways = gateway or []
        self.first, self.last, self.hours = first, last, hours or _HOURS
        self.quantity = quantity or "pm25"
        self.statistic = statistic if statistic in STATISTICS else "mean"

    def asked(self, known: list[str], zone: str) -> Asked:
        """The last month of the first gateways, where nothing was chosen. Raises :class:`AskedError`."""
        chosen = [name for name in self.gateways if name in known] or known[:_AT_FIRST]
        yesterday = datetime.now(UTC).astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
        last = parse_day(self.last) if self.last else yesterday
        first = parse_day(self.first) if self.first else last - timedelta(days=_NIGHTS - 1)
        return Asked(tuple(dict.fromkeys(chosen)), first, last, *parse_hours(self.hours), self.quantity)


Asks = Annotated[Question, Depends()]


def wind_router(engine: Engine, pages: Pages) -> APIRouter:
    """``/wind``, and the same as files: ``/wind.svg``, ``/wind.csv``."""
    router = APIRouter()

    def report_of(town: str, question: Question) -> Report:
        with reading(engine) as connection:
            asked = question.asked(list(sites_of(connection, town)), pages.zone)
            return make_report(connection, town, asked, pages.zone)

    def file(town: str | None, question: Question) -> Report:
        try:
            return report_of(pages.towns.chosen(town), question)
        except AskedError as error:
            raise HTTPException(400, str(error)) from error

    @router.get("/wind")
    def page(request: Request, question: Asks, town: Text = None, lang: str | None = None) -> Response:
        tenant, language = pages.towns.chosen(town), pages.language(request, lang)
        with reading(engine) as connection:
            known = list(sites_of(connection, tenant))
        shown: dict[str, Any] = {"problem": None, "report": None}
        form: dict[str, Any] = {
            "gateways": question.gateways, "first": question.first, "last": question.last, "hours": question.hours,
        }  # fmt: skip
        try:
            if known:
                report = report_of(tenant, question)
                asked = report.asked
                form = {
                    "gateways": asked.gateways, "first": asked.first, "last": asked.last, "hours": hours_text(asked),
                }  # fmt: skip
                shown = {
                    "problem": None,
                    "report": report,
                    "plots": [polar(view, report, question.statistic, language) for view in report.views],
                    "map": map_of(report, language),
                }
        except AskedError as error:
            shown["problem"] = str(error)
        return pages.draw(
            request, "wind", town, lang, known=known, form=form, question=question, quantities=list(QUANTITIES),
            statistics=STATISTICS, drawn=texts(language), unit=UNITS.get(question.quantity, ""),
            query=request.url.query, **shown,
        )  # fmt: skip

    @router.get("/wind.svg")
    def picture(request: Request, question: Asks, town: Text = None, lang: str | None = None) -> Response:
        text = sheet(file(town, question), question.statistic, pages.language(request, lang))
        return Response(text, media_type="image/svg+xml", headers=_as_file("wind.svg"))

    @router.get("/wind.csv")
    def figures(question: Asks, town: Text = None) -> Response:
        return Response(table(file(town, question)), media_type="text/csv", headers=_as_file("wind.csv"))

    return router


def _as_file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
