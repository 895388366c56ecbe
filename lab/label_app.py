"""The page on which a person marks what a town's own clips show: ``smokesentry lab label FOLDER``. Loopback only."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import cv2
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware

from detector.clip import ClipError, read_clip
from lab.labels import KINDS, ClipLabels, LabelsError, clips_in, load, parse, save

_MOST_FRAMES = 7200  # an hour at 2 frames/s; the rest of a longer video is not shown
_WIDEST_PX = 1280
_TYPES = {"label.js": "text/javascript", "label.css": "text/css"}


def make_app(folder: Path, fps: float) -> FastAPI:
    """The application over one folder of clips. Raises :class:`LabelsError` when there is nothing to mark."""
    return _App(folder, fps).app


class _App:
    def __init__(self, folder: Path, fps: float) -> None:
        self.folder, self.fps = folder, fps
        self.clips = {path.name: path for path in clips_in(folder)}
        self.labels = load(folder)
        self._open: tuple[str, list[bytes]] = ("", [])
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        # A page elsewhere must not reach this one through a name that points to 127.0.0.1.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
        app.get("/")(self.page)
        app.get("/{name}.{kind}")(self.asset)
        app.get("/api/clips")(self.list)
        app.get("/api/clips/{name}")(self.clip)
        app.get("/api/clips/{name}/{number}")(self.frame)
        app.put("/api/clips/{name}")(self.put)
        self.app = app

    def page(self) -> HTMLResponse:
        """The page itself."""
        return HTMLResponse(_asset("label.html"))

    def asset(self, name: str, kind: str) -> Response:
        """Its script and style."""
        file = f"{name}.{kind}"
        if file not in _TYPES:
            raise HTTPException(404)
        return Response(_asset(file), media_type=_TYPES[file])

    def list(self) -> dict[str, Any]:
        """All clips and how many labels each has (-1: not looked at)."""
        return {
            "folder": str(self.folder),
            "kinds": KINDS,
            "clips": [
                {"name": n, "labels": len(self.labels[n].labels) if n in self.labels else -1} for n in self.clips
            ],
        }

    def clip(self, name: str) -> dict[str, Any]:
        """One clip's frames and labels."""
        frames = self._frames(name)
        entry = self.labels.get(name, ClipLabels(fps=self.fps))
        rows = [
            {"kind": label.kind, "from_s": label.from_s, "to_s": label.to_s, "origin": label.origin}
            for label in entry.labels
        ]
        return {
            "name": name, "frames": len(frames), "fps": self.fps, "labels": rows,
            "temp_c": entry.temp_c, "rh_percent": entry.rh_percent,
        }  # fmt: skip

    def frame(self, name: str, number: int) -> Response:
        """One frame as JPEG."""
        frames = self._frames(name)
        if not 0 <= number < len(frames):
            raise HTTPException(404, f"{name} has frames 0 to {len(frames) - 1}")
        return Response(frames[number], media_type="image/jpeg", headers={"Cache-Control": "max-age=3600"})

    async def put(self, name: str, request: Request) -> JSONResponse:
        """Keeps one clip's labels, at once on disk."""
        if name not in self.clips:
            raise HTTPException(404, f"no clip {name!r}")
        try:
            self.labels[name] = parse(await request.json(), name)
            save(self.folder, self.labels)
        except (LabelsError, ValueError) as error:
            return JSONResponse({"problem": str(error)}, status_code=422)
        except OSError as error:
            return JSONResponse({"problem": f"{self.folder}: cannot be written ({error.strerror})"}, status_code=500)
        return JSONResponse({"labels": len(self.labels[name].labels)})

    def _frames(self, name: str) -> Sequence[bytes]:
        """The open clip's frames as JPEG; the one before it is let go."""
        if name not in self.clips:
            raise HTTPException(404, f"no clip {name!r}")
        if self._open[0] != name:
            try:
                self._open = (name, _encoded(self.clips[name], self.fps))
            except ClipError as error:
                raise HTTPException(422, str(error)) from error
        return self._open[1]


def _encoded(path: Path, fps: float) -> list[bytes]:
    out: list[bytes] = []
    for _, frame in read_clip(path, fps):
        if frame is None:
            out.append(out[-1] if out else b"")  # an unreadable frame shows the one before it
            continue
        if frame.shape[1] > _WIDEST_PX:
            height = round(frame.shape[0] * _WIDEST_PX / frame.shape[1])
            frame = cv2.resize(frame, (_WIDEST_PX, height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        done, jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 88])
        out.append(jpeg.tobytes() if done else b"")
        if len(out) == _MOST_FRAMES:
            break
    return out


def _asset(name: str) -> str:
    return (resources.files("lab") / "label_page" / name).read_text(encoding="utf-8")
