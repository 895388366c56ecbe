"""The console's web application: the page, its files, the data interface and what a browser may do with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud_ingest.console.api import api_router
from cloud_ingest.console.assets import FILES, maplibre_folder, maplibre_prefix
from cloud_ingest.console.feed import ChangeFeed
from cloud_ingest.console.queries import ConsoleStore
from cloud_ingest.console.upkeep import upkeep_router
from cloud_ingest.console.words import LANGUAGES, choose_language, phrases, words
from cloud_ingest.settings import CloudSettings
from cloud_ingest.store.database import open_store

_HERE = Path(__file__).parent
_COOKIE = "smokesentry-lang"
_YEAR_S = 365 * 24 * 3600

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
        "form-action 'none'",
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


def create_app(settings: CloudSettings) -> FastAPI:
    """The console over the configured database, for the first tenant named. The caller binds it to an address
    (``settings.console``) and stops it with a bound on waiting, since live streams never end by themselves."""
    engine = open_store(settings.database_url)
    store = ConsoleStore(engine, settings.cloud.tenants[0])
    feed = ChangeFeed(store.counters)

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
    app.include_router(api_router(store, feed))
    app.include_router(upkeep_router(engine, store.tenant, settings.console.zone))
    _add_page(app, store.tenant, settings.console.zone)
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


def _add_page(app: FastAPI, tenant: str, zone: str) -> None:
    templates = Jinja2Templates(_HERE / "templates")

    @app.get("/")
    def page(request: Request, lang: str | None = None) -> Response:
        chosen = choose_language(lang, request.cookies.get(_COOKIE), request.headers.get("accept-language"))
        texts = words(chosen)
        context = {
            "lang": chosen,
            "other_lang": next(other for other in LANGUAGES if other != chosen),
            "words": texts,
            "tenant": tenant,
            "zone": zone,
            "maplibre": maplibre_prefix(),
            "page_data": {"lang": chosen, "zone": zone, "words": texts, "phrases": phrases(chosen)},
        }
        response = templates.TemplateResponse(request, "console.html", context)
        response.set_cookie(_COOKIE, chosen, max_age=_YEAR_S, samesite="lax", httponly=True)
        return response


def _add_files(app: FastAPI) -> None:
    folder = maplibre_folder()

    @app.get(maplibre_prefix() + "/{name}")
    def maplibre(name: str) -> FileResponse:
        if name not in FILES:
            raise HTTPException(404, f"there is no {name[:40]!r} here; there are {', '.join(FILES)}")
        lasting = {"Cache-Control": "public, max-age=31536000, immutable"}
        return FileResponse(folder / name, media_type=FILES[name], headers=lasting)

    app.mount("/static", StaticFiles(directory=_HERE / "static"))
