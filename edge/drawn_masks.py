"""Masks drawn on the installer's page: kept in the gateway's own folder, for the service may not write ``/etc``.

One rule says what is burnt in. What was drawn stands in place of the masks that the configuration had for the camera
then. Once the configuration, a person's or an ordered one, says something else for it, nobody has seen the two
together: both are burnt in, until somebody saves on the page again. Masks that cannot be read let no frame in at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from edge.files import sync_folder, write_whole
from edge.frames import Mask

FOLDER = "masks"

Pixel = Annotated[float, Meta(ge=0, le=16384)]
Polygons = Annotated[
    list[Annotated[list[tuple[Pixel, Pixel]], Meta(min_length=3, max_length=100)]], Meta(max_length=32)
]


class MasksUnreadable(Exception):
    """Whether this camera has drawn masks, or which, cannot be known; the message says why and what to do."""


class Drawn(msgspec.Struct, frozen=True):
    """``masks`` of one camera (pixels of the raw frame), drawn over those that the configuration had: ``over``."""

    camera: str
    masks: Polygons
    over: Polygons
    at: str  # UTC, as on the wire


class _Kept(msgspec.Struct):
    sha256: str  # of ``drawn`` as it stands: a flipped bit would put a mask elsewhere
    drawn: msgspec.Raw


@dataclass(frozen=True, slots=True)
class InForce:
    """What is burnt in; ``said`` in words where that is not simply what the configuration says."""

    masks: list[list[tuple[float, float]]]
    said: str | None = None


def masks_in_force(camera: str, configured: Sequence[Mask], drawn: Drawn | None) -> InForce:
    """The rule of this module."""
    plain = [list(polygon) for polygon in configured]
    if drawn is None:
        return InForce(plain)
    if drawn.over == plain:
        return InForce(drawn.masks, f"camera {camera}: the masks drawn at the gateway on {drawn.at[:10]} are in force")
    both = [*drawn.masks, *(polygon for polygon in plain if polygon not in drawn.masks)]
    return InForce(
        both,
        f"camera {camera}: its configured masks have changed since masks were drawn at the gateway on {drawn.at[:10]}:"
        " both are burnt in, until somebody saves masks on the installer's page",
    )


class DrawnMasks:
    """``folder`` is the gateway's own; one small file a camera."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / FOLDER

    def save(self, drawn: Drawn) -> None:
        """Replaces what was drawn for this camera. Raises ``OSError``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        raw = msgspec.json.encode(drawn)
        kept = _Kept(hashlib.sha256(raw).hexdigest(), msgspec.Raw(raw))
        write_whole(self._path(drawn.camera), msgspec.json.encode(kept))
        sync_folder(self.folder.parent)  # of the first one, the folder itself

    def of(self, camera: str) -> Drawn | None:
        """What was drawn for a camera; None where nothing was. Raises :class:`MasksUnreadable`."""
        path = self._path(camera)
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            try:
                next(self.folder.parent.iterdir(), None)  # a folder that is away has no files either
            except OSError as error:
                raise _unreadable(camera, path, error.strerror or "") from error
            return None
        except OSError as error:
            raise _unreadable(camera, path, error.strerror or "") from error
        try:
            kept = msgspec.json.decode(raw, type=_Kept)
            if hashlib.sha256(kept.drawn).hexdigest() != kept.sha256:
                raise _unreadable(camera, path, "is damaged")
            drawn = msgspec.json.decode(kept.drawn, type=Drawn)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _unreadable(camera, path, "is damaged") from error
        if drawn.camera != camera:
            raise _unreadable(camera, path, f"is of camera {drawn.camera}")
        return drawn

    def left_over(self, cameras: Sequence[str]) -> list[str]:
        """Names of cameras that have drawn masks but are not among ``cameras``: renamed, perhaps."""
        return sorted(path.stem for path in self.folder.glob("*.json") if path.stem not in cameras)

    def _path(self, camera: str) -> Path:
        return self.folder / f"{camera}.json"


def _unreadable(camera: str, path: Path, why: str) -> MasksUnreadable:
    return MasksUnreadable(
        f"the masks drawn for it cannot be read ({path}: {why}): no frame is taken until masks are saved for it on the"
        " installer's page, or the file is removed and the gateway started again"
    )
