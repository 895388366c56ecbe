"""The page on which a person marks points: the still beside the map, solved at each mark. Loopback by default."""

from __future__ import annotations

import ipaddress
import json
import threading
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from shapely.geometry import mapping
from starlette.middleware.trustedhost import TrustedHostMiddleware

from cloud_ingest.console.assets import FILES, maplibre_folder, maplibre_prefix
from cloud_ingest.geotag.calibration.known import Known
from cloud_ingest.geotag.calibration.marks import CannotCalibrate, Mark
from cloud_ingest.geotag.calibration.run import Calibrated, by_marks
from cloud_ingest.geotag.footprints import read_footprints
from cloud_ingest.places.table import PlaceError
from smokesentry.sentences import LANGUAGES, choose_language, translated

_REACH_DEG = 0.009  # about a kilometre: what a camera may see
_MOST_ROOFS = 5000
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self';"
    " worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_KINDS = {
    "page.js": "text/javascript",
    "picture.js": "text/javascript",
    "town.js": "text/javascript",
    "page.css": "text/css",
}
Number = Annotated[float, Field(allow_inf_nan=False)]


class MarkIn(BaseModel):
    """One mark as the page sends it."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=80)]
    x_px: Number
    y_px: Number
    lat: Number
    lon: Number
    height_m: Number


class MarksIn(BaseModel):
    """All marks of the page."""

    model_config = ConfigDict(extra="forbid")
    marks: Annotated[list[MarkIn], Field(max_length=200)]


@dataclass(slots=True)
class Desk:
    """What the page is about: a camera, its still, the town around it, and where the result goes."""

    known: Known
    still: Path
    frame_size: tuple[int, int]
    roofs: list[dict[str, Any]] = field(default_factory=list)
    out: Path | None = None
    report: Path | None = None

    def solve(self, marks: list[MarkIn]) -> Calibrated:
        """Raises :class:`CannotCalibrate`."""
        return by_marks(self.known, [Mark(**one.model_dump()) for one in marks], self.frame_size)


def roofs_around(path: Path, lat: float, lon: float) -> list[dict[str, Any]]:
    """Footprints and chimneys near a place as GeoJSON features. Raises :class:`CannotCalibrate`."""
    try:
        town = read_footprints(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, PlaceError) as error:
        raise CannotCalibrate(f"{path}: {error}") from error
    near = [
        roof
        for roof in town.roofs
        if abs(roof.polygon.centroid.y - lat) < _REACH_DEG and abs(roof.polygon.centroid.x - lon) < 1.5 * _REACH_DEG
    ]
    if not near:
        raise CannotCalibrate(
            f"{path}: no footprint within a kilometre of {lat:.5f}, {lon:.5f}; is it of this town, and the camera's"
            " place right?"
        )
    kept = {roof.rooftop for roof in near[:_MOST_ROOFS]}
    found: list[dict[str, Any]] = [
        {
            "type": "Feature",
            "geometry": mapping(roof.polygon),
            "properties": {"kind": "roof", "name": roof.name, "height_m": roof.height_m, "known": roof.height_known},
        }
        for roof in near[:_MOST_ROOFS]
    ]
    return found + [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [chimney.lon, chimney.lat]},
            "properties": {"kind": "chimney", "name": chimney.chimney, "height_m": chimney.height_m, "known": True},
        }
        for chimney in town.chimneys
        if chimney.rooftop in kept
    ]


def create_app(desk: Desk, hosts: list[str], saved: threading.Event) -> FastAPI:
    """The application; ``saved`` is set once the result is written."""
    app = FastAPI(title="Smoke Sentry calibration", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)  # another site's name must not lead here

    @app.middleware("http")
    async def guard(request: Request, call: Any) -> Any:
        response = await call(request)
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.get("/")
    def page(request: Request, lang: str | None = None) -> Response:
        chosen = choose_language(request.headers.get("accept-language"), lang)
        other = next(one for one in LANGUAGES if one != chosen)
        text = _file("page.html").replace("@lang@", chosen).replace("@other@", other)
        return Response(text.replace("@maplibre@", maplibre_prefix()), media_type="text/html")

    @app.get("/page/{name}")
    def part(name: str) -> Response:
        if name not in _KINDS:
            return Response("no such file", 404)
        return Response(_file(name), media_type=_KINDS[name])

    @app.get(maplibre_prefix() + "/{name}")
    def maplibre(name: str) -> Response:
        if name not in FILES:
            return Response("no such file", 404)
        return FileResponse(maplibre_folder() / name, media_type=FILES[name])

    @app.get("/still")
    def still() -> Response:
        return FileResponse(desk.still)

    @app.get("/data")
    def data(lang: str = "en") -> Any:
        known = desk.known
        words = {
            key: text[choose_language(None, lang, default="en")]
            for key, text in json.loads(_file("words.json")).items()
        }
        return {
            "words": words, "roofs": desk.roofs, "frame_size": desk.frame_size,
            "camera": {
                "name": known.camera, "lat": known.place.lat, "lon": known.place.lon, "height_m": known.height_m,
                "heading_deg": known.heading_deg, "hfov_deg": known.hfov_deg,
            },
            "out": None if desk.out is None else str(desk.out),
        }  # fmt: skip

    @app.post("/solve")
    def solve(given: MarksIn, lang: str = "en") -> Any:
        try:
            return {"report": desk.solve(given.marks).report}
        except CannotCalibrate as error:
            return {"problem": translated(str(error), choose_language(None, lang, default="en"))}

    @app.post("/save")
    def save(given: MarksIn, lang: str = "en") -> Any:
        from cloud_ingest.geotag.calibration.commands import save as write

        if desk.out is None:
            return JSONResponse(
                {
                    "problem": translated(
                        "no --out was given: nothing is written", choose_language(None, lang, default="en")
                    )
                }
            )
        try:
            write(desk.solve(given.marks), desk.known.table, desk.out, desk.report)
        except CannotCalibrate as error:
            return {"problem": translated(str(error), choose_language(None, lang, default="en"))}
        saved.set()
        return {"saved": [str(path) for path in (desk.out, desk.report) if path is not None]}

    return app


def serve(
    known: Known,
    still: Path,
    frame_size: tuple[int, int],
    footprints: Path | None,
    listen: str,
    out: Path | None,
    report: Path | None,
) -> int:
    """Serves the page until the result is saved or the process is stopped. Raises :class:`CannotCalibrate`."""
    host, port = _address(listen)
    if footprints is None:
        raise CannotCalibrate(
            "the map needs the town: give --footprints FILE.geojson (or marks in a file with --points)"
        )
    roofs = roofs_around(footprints, known.place.lat, known.place.lon)
    saved = threading.Event()
    hosts = ["*"] if ipaddress.ip_address(host).is_unspecified else [host, "localhost"]
    app = create_app(Desk(known, still, frame_size, roofs, out, report), hosts, saved)
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_level="warning"))

    def stop_when_saved() -> None:
        saved.wait()
        server.should_exit = True

    threading.Thread(target=stop_when_saved, daemon=True).start()
    print(f"open http://{host}:{port}/ in a browser; it ends once you save", flush=True)
    server.run()
    if saved.is_set():
        print(f"pose: {out}\nreport: {report}")
        return 0
    return 1


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    try:
        ipaddress.ip_address(host)
        number = int(port)
    except ValueError:
        number = -1
    if not 0 < number < 65536:
        raise CannotCalibrate(f"--listen {listen[:60]!r}: expected an address and a port, as 127.0.0.1:8790")
    return host, number


@cache
def _file(name: str) -> str:
    return (files("cloud_ingest.geotag.calibration") / name).read_text(encoding="utf-8")
