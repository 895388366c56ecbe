"""Do simulated stills look like real night pictures? Spatial statistics of both, and a page that shows both.

python -m simulator.looks --real ../shared/data/smoke --to build/looks     the page
python -m simulator.looks --strip docs/pictures/simulated-plumes.png       our own frames: a plume
python -m simulator.looks --lights docs/pictures/simulated-lights.jpg      our own frames: a street in every light

The real pictures are third parties' and stay where they are: the page is for the developer's own eyes. They are
streets, roofs and chimneys seen by many cameras, one picture each, so that nothing can be said about time.
"""

from __future__ import annotations

import argparse
import csv
import sys
from html import escape
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.camera import noise_fields, to_jpeg
from simulator.eye import Eye
from simulator.filters import Picture
from simulator.lighting import LightType
from simulator.night import Night
from simulator.scenery import faces_of
from simulator.street import build_street
from simulator.weather import draw_weather

WIDTH_PX = 512  # the real pictures' usual width; all are brought to it
_SATURATED = 240
_HALO_PX = 24
_SEEDS = (3, 5, 8)
_SHOWN = 24
_STRIP_SEED, _STRIP_COUNT, _STRIP_CROP = 5, 3, (180, 120)
_STRIP_LIGHTS: tuple[LightType, ...] = ("lamps", "infrared")
_LIGHTS_SEED, _LIGHTS_SIZE = 8, (640, 360)

Grey = NDArray[np.uint8]


def statistics(picture: Grey) -> dict[str, float]:
    """Spatial statistics of a grey picture (h, w uint8) brought to :data:`WIDTH_PX`; grey levels unless said.

    Dark end, middle, bright end, spread; ``grain`` (what a small blur takes away in the darker part); gradients by
    their middle, 90th and 99th percentile; saturated share; ``halo`` (pixels from a lamp's edge to half of its glow).
    """
    width, height = WIDTH_PX, round(picture.shape[0] * WIDTH_PX / picture.shape[1])
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    grey = np.asarray(small, np.float32)
    grain = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1.0))
    even = grey <= np.percentile(grey, 60)
    slope = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)) / 8
    found = {
        "dark end": float(np.percentile(grey, 5)),
        "middle": float(np.median(grey)),
        "bright end": float(np.percentile(grey, 95)),
        "spread": float(grey.std()),
        "grain": float(np.median(grain[even])),
        "gradient, middle": float(np.median(slope)),
        "gradient, 90 %": float(np.percentile(slope, 90)),
        "gradient, 99 %": float(np.percentile(slope, 99)),
        "saturated": float((grey > _SATURATED).mean()),
    }
    halo = _halo(grey)
    if halo is not None:
        found["halo"] = halo
    return found


def _halo(grey: Picture) -> float | None:
    """Pixels from saturated spots to where half of the glow around them is gone; None without such spots."""
    bright = (grey > _SATURATED).astype(np.uint8)
    if not 0 < bright.mean() < 0.1:
        return None
    away = cv2.distanceTransform(1 - bright, cv2.DIST_L2, 5)
    profile = np.array([np.median(grey[(away > r - 0.5) & (away <= r + 0.5)]) for r in range(1, _HALO_PX + 1)])
    drop = profile - profile[-1]
    if drop[0] <= 5:
        return None
    return float(1 + np.argmax(drop < 0.5 * drop[0]))


def real_nights(folder: Path) -> list[Path]:
    """The real night pictures that ``index.csv`` in the folder names."""
    with (folder / "index.csv").open(encoding="utf-8") as rows:
        return [
            folder / row["file"] for row in csv.DictReader(rows) if row["light"] == "night" and row["synthetic"] == "no"
        ]


def simulated(seed: int, gateway: str, light: LightType) -> Grey:
    """One still of a quiet street, as its camera's JPEG shows it."""
    street = build_street(seed)
    fields = noise_fields((1280, 720), np.random.default_rng([seed, 0x40]))
    eye = Eye(gateway, street, faces_of(street), fields, light=light)
    jpeg = to_jpeg(eye.shoot(Night(street, draw_weather(seed), "quiet", None, None)).frame)
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


def strip() -> NDArray[np.uint8]:
    """One stove by street lamps and by infrared (rows), two seconds apart (columns), magnified."""
    street, weather = build_street(_STRIP_SEED), draw_weather(_STRIP_SEED)
    faces = faces_of(street)
    width, height = _STRIP_CROP
    fields = noise_fields((1280, 720), np.random.default_rng([_STRIP_SEED, 0x40]))
    rows = []
    for light in _STRIP_LIGHTS:
        eye = Eye("gw-east", street, faces, fields, light=light)
        night = Night(street, weather, "burn", street.roofs[0], street.terminals[0])
        night.light_stove()
        x, y = (int(value) for value in eye.origin_px(street.roofs[0].chimney.mouth))
        crops = []
        for t in range(60, 60 + 2 * _STRIP_COUNT, 2):
            night.advance(t)
            crop = eye.shoot(night).frame[y - 2 * height // 3 : y + height // 3, x - width // 2 : x + width // 2]
            large = cv2.resize(crop, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
            crops.append(large if large.ndim == 3 else cv2.cvtColor(large, cv2.COLOR_GRAY2BGR))
        cv2.putText(crops[0], light, (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
        rows.append(np.hstack(crops))
    return np.asarray(np.vstack(rows), np.uint8)


def lights() -> NDArray[np.uint8]:
    """One quiet street in each light, two beside two."""
    street, weather = build_street(_LIGHTS_SEED), draw_weather(_LIGHTS_SEED)
    faces, tiles = faces_of(street), []
    fields = noise_fields((1280, 720), np.random.default_rng([_LIGHTS_SEED, 0x40]))
    for light in get_args(LightType):
        eye = Eye("gw-east", street, faces, fields, light=light)
        frame = eye.shoot(Night(street, weather, "quiet", None, None)).frame
        small = cv2.resize(frame, _LIGHTS_SIZE, interpolation=cv2.INTER_AREA)
        tiles.append(small if small.ndim == 3 else cv2.cvtColor(small, cv2.COLOR_GRAY2BGR))
    return np.asarray(np.vstack([np.hstack(tiles[:2]), np.hstack(tiles[2:])]), np.uint8)


def read_grey(path: Path) -> Grey:
    """A picture file in grey. Raises ``OSError`` where it is none."""
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise OSError(f"{path} is no picture that OpenCV can read; expected a JPEG or PNG")
    return np.asarray(picture, np.uint8)


def main(argv: list[str]) -> int:
    """Writes a page with simulated and real night pictures side by side, and their statistics."""
    parser = argparse.ArgumentParser(prog="python -m simulator.looks", description=main.__doc__)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--real", type=Path, help="folder with index.csv and the real pictures")
    task.add_argument("--strip", type=Path, help="write one stove's plume, two seconds apart, as a picture")
    task.add_argument("--lights", type=Path, help="write one street in every light as a picture")
    parser.add_argument(
        "--to", type=Path, default=Path("build/looks"), help="where the page goes (default build/looks)"
    )
    options = parser.parse_args(argv)
    if options.strip is not None:
        cv2.imwrite(str(options.strip), strip())
        return 0
    if options.lights is not None:
        cv2.imwrite(str(options.lights), lights())
        return 0
    if not (options.real / "index.csv").is_file():
        parser.error(f"--real {options.real}: no index.csv there; expected the folder of real night pictures")
    options.to.mkdir(parents=True, exist_ok=True)
    ours = {}
    for light in get_args(LightType):
        for seed in _SEEDS:
            ours[f"{light}-{seed}"] = simulated(seed, "gw-east", light)
            cv2.imwrite(str(options.to / f"{light}-{seed}.jpg"), ours[f"{light}-{seed}"])
    real = {path: read_grey(path) for path in real_nights(options.real)}
    (options.to / "index.html").write_text(_page(ours, real), encoding="utf-8")
    print(f"{len(ours)} simulated and {len(real)} real pictures: {options.to / 'index.html'}")
    return 0


def _page(ours: dict[str, Grey], real: dict[Path, Grey]) -> str:
    measured = [statistics(picture) for picture in real.values()]
    rows = []
    mine = {name: statistics(picture) for name, picture in ours.items()}
    for name in measured[0]:
        values = [one[name] for one in measured if name in one]
        low, middle, high = min(values), float(np.median(values)), max(values)
        cells = []
        for one in mine.values():
            inside = name not in one or low <= one[name] <= high
            cells.append(f"<td class='{'in' if inside else 'out'}'>{f'{one[name]:.3g}' if name in one else '–'}</td>")
        rows.append(f"<tr><th>{name}<td>{low:.3g}<td>{middle:.3g}<td>{high:.3g}{''.join(cells)}</tr>")
    heads = "".join(f"<th>{escape(name)}" for name in mine)
    every = max(len(real) // _SHOWN, 1)
    shown = "".join(f"<img src='{escape(path.resolve().as_uri())}'>" for path in list(real)[::every][:_SHOWN])
    made = "".join(f"<figure><img src='{name}.jpg'><figcaption>{name}</figcaption></figure>" for name in ours)
    return (
        "<!doctype html><meta charset=utf-8><title>Simulated and real nights</title><style>body{font:14px sans-serif;"
        "margin:2em}td,th{padding:2px 8px;text-align:right}.out{background:#fbb}img{width:300px;margin:3px}"
        "figure{display:inline-block;margin:3px}</style><h1>Simulated and real nights 模拟与实拍夜景</h1>"
        f"<table><tr><th><th>real: least<th>middle<th>most{heads}</tr>{''.join(rows)}</table>"
        f"<h2>Simulated 模拟</h2>{made}<h2>Real 实拍 (third parties' pictures, not to be passed on)</h2>{shown}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
