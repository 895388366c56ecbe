"""The console's HTTP interface for data (docs/console.md): thin, every answer comes from :class:`ConsoleStore`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from fastapi.responses import StreamingResponse

from cloud_ingest.console.feed import ChangeFeed
from cloud_ingest.console.pages import Towns
from cloud_ingest.console.queries import ConsoleStore
from smokesentry.clock import from_wire

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
LONGEST_CURVE = timedelta(hours=48)
RECENT = timedelta(hours=2)


def api_router(towns: Towns, stores: Mapping[str, ConsoleStore], feed: ChangeFeed) -> APIRouter:
    """Routes under ``/api``; ``?town=`` says which town, the first where it is left out."""
    router = APIRouter(prefix="/api")

    def store_of(town: str | None = None) -> ConsoleStore:
        return stores[towns.chosen(town)]

    chosen = Depends(store_of)

    @router.get("/town")
    def town(store: ConsoleStore = chosen) -> dict[str, Any]:
        """Footprints, chimneys, gateways and cameras."""
        return store.town(datetime.now(UTC))

    @router.get("/alerts")
    def alerts(store: ConsoleStore = chosen) -> dict[str, Any]:
        """The newest alerts."""
        return {"alerts": store.alerts()}

    @router.get("/alerts/{alert_id}")
    def alert(alert_id: str, store: ConsoleStore = chosen) -> dict[str, Any]:
        """One alert in full."""
        found = store.alert(alert_id)
        if found is None:
            raise HTTPException(404, f"there is no alert {alert_id[:40]!r} in {store.tenant}")
        return found

    @router.get("/pictures/{name}")
    def picture(name: str, store: ConsoleStore = chosen) -> Response:
        """A preview, by the digest over its bytes."""
        digest = name.removesuffix(".jpg")
        if not _DIGEST.fullmatch(digest) or name == digest:
            raise HTTPException(404, "a picture's address is /api/pictures/sha256:<64 hex digits>.jpg")
        data = store.picture(digest)
        if data is None:
            raise HTTPException(404, f"there is no picture {digest}; it may not have arrived, or its time has run out")
        return Response(data, media_type="image/jpeg")

    @router.get("/particulates")
    def particulates(
        begin: Annotated[str | None, Query(alias="from")] = None,
        to: str | None = None,
        alert: str | None = None,
        store: ConsoleStore = chosen,
    ) -> dict[str, Any]:
        """PM2.5 around an alert, between two moments, or of the last two hours."""
        return store.particulates(*_window(store, begin, to, alert))

    @router.get("/health")
    def health(store: ConsoleStore = chosen) -> dict[str, Any]:
        """Counts and the state of every gateway."""
        return store.health(datetime.now(UTC))

    @router.get("/stream")
    async def stream() -> StreamingResponse:
        """Server-sent events; each names the counters of all subjects."""
        events: AsyncIterator[str] = feed.events()
        return StreamingResponse(events, media_type="text/event-stream")

    return router


def _window(store: ConsoleStore, begin: str | None, end: str | None, alert: str | None) -> tuple[datetime, datetime]:
    if alert is not None:
        found = store.window_of(alert)
        if found is None:
            raise HTTPException(404, f"there is no alert {alert[:40]!r} in {store.tenant}")
        return found
    try:
        last = datetime.now(UTC) if end is None else from_wire(end)
        first = last - RECENT if begin is None else from_wire(begin)
    except ValueError as error:
        raise HTTPException(400, str(error)) from error
    if not timedelta() < last - first <= LONGEST_CURVE:
        hours = LONGEST_CURVE // timedelta(hours=1)
        raise HTTPException(400, f"'from' must come before 'to', and at most {hours} hours lie between them")
    return first, last
