"""Where MapLibre GL comes from: the installed package ``maplibre``. Nothing of it is kept in this repository."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

FILES = {"maplibre-gl.js": "text/javascript", "maplibre-gl.css": "text/css"}


def maplibre_folder() -> Path:
    """The folder with the files named in :data:`FILES`. The package is found without being imported: its Python side
    warns about frameworks that are of no use here. Raises ``FileNotFoundError`` when the package has moved them."""
    spec = find_spec("maplibre")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the package 'maplibre' is not installed", name="maplibre")
    folder = Path(spec.origin).parent / "srcjs"
    for name in FILES:
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name}: this release of the package 'maplibre' does not bring it")
    return folder


def maplibre_prefix() -> str:
    """The address under which the files are served; it changes with their version, so browsers may keep them."""
    return f"/assets/maplibre-{version('maplibre')}"
