"""The console's web application: the page, its files, the data interface and what a browser may do with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud_ingest.console.api import api_router
from cloud_ingest.console.assets import FILES, maplibre_folder, maplibre_prefix
from cloud_ingest.console.feed import ChangeFeed
from cloud_ingest.console.pages import Pages, towns_of
from cloud_ingest.console.queries import ConsoleStore
from cloud_ingest.console.upkeep import upkeep_router
from cloud_ingest.console.wind import wind_router
from cloud_ingest.console.words import phrases, words
from cloud_ingest.settings import CloudSettings
from cloud_ingest.store.database import open_store

_HERE = Path(__file__).parent

# Only what this server sends itself; MapLibre starts its worker from a blob of its own script.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def create_app(settings: CloudSettings, tenants: Sequence[str] | None = None) -> FastAPI:
    """The console over the configured database: the towns named, or all of the configuration, the first of them where
    nobody chooses. The caller binds it to an address (``settings.console``) and stops it with a bound on waiting, since
    live streams never end by themselves."""
    engine = open_store(settings.database_url)
    towns = towns_of(tenants if tenants is not None else settings.cloud.tenants)
    stores = {name: ConsoleStore(engine, name) for name in towns.names}
    pages = Pages(towns, settings.console.zone)
    feed = ChangeFeed(stores[towns.names[0]].counters)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(feed.run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        engine.dispose()

    app = FastAPI(title="Smoke Sentry console", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(_Guard)
    app.include_router(api_router(towns, stores, feed))
    app.include_router(upkeep_router(engine, pages))
    app.include_router(wind_router(engine, pages))
    _add_page(app, pages)
    _add_files(app)
    return app


class _Guard:
    """Adds the headers that say what a browser may do; plain ASGI, so that streams pass through untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                # Live data is never kept; our own files may be, but are asked for again each time (they carry an ETag).
                headers.setdefault("Cache-Control", "no-cache" if scope["path"].startswith("/static/") else "no-store")
            await send(message)

        await self._app(scope, receive, guarded if scope["type"] == "http" else send)


def _add_page(app: FastAPI, pages: Pages) -> None:
    @app.get("/")
    def page(request: Request, town: str | None = None, lang: str | None = None) -> Response:
        chosen = pages.language(request, lang)
        data = {
            "lang": chosen,
            "zone": pages.zone,
            "town": pages.towns.chosen(town),
            "words": words(chosen, "common", "console"),
            "phrases": phrases(chosen),
        }
        return pages.draw(request, "console", town, lang, maplibre=maplibre_prefix(), page_data=data)


def _add_files(app: FastAPI) -> None:
    folder = maplibre_folder()

    @app.get(maplibre_prefix() + "/{name}")
    def maplibre(name: str) -> FileResponse:
        if name not in FILES:
            raise HTTPException(404, f"there is no {name[:40]!r} here; there are {', '.join(FILES)}")
        lasting = {"Cache-Control": "public, max-age=31536000, immutable"}
        return FileResponse(folder / name, media_type=FILES[name], headers=lasting)

    app.mount("/static", StaticFiles(directory=_HERE / "static"))
