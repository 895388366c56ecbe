"""Colours, words and the small pieces of SVG that the plots and the map are made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files

import numpy as np

_FONT = "system-ui, Noto Sans CJK SC, Microsoft YaHei, DejaVu Sans, Arial, sans-serif"
# Stops of ramps of our own, even in lightness: dark to bright on a dark ground, bright to dark on paper.
_RAMP_DARK = ((27, 38, 54), (49, 74, 126), (124, 78, 140), (204, 88, 92), (247, 150, 58), (255, 226, 140))
_RAMP_LIGHT = ((238, 242, 246), (176, 203, 226), (170, 150, 205), (208, 96, 120), (214, 84, 32), (120, 30, 10))


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours of one theme."""

    ground: str
    ink: str
    soft: str
    line: str
    sector: str
    gateway: str
    roof: str
    ramp: tuple[tuple[int, int, int], ...]


DARK = Paint("#101824", "#dbe5f0", "#93a5b8", "#33465c", "#ff8a2a", "#8fd8e8", "#2a3a4e", _RAMP_DARK)
LIGHT = Paint("#ffffff", "#1f2933", "#5b6876", "#c3ccd6", "#d9480f", "#0b6e8a", "#dfe5ec", _RAMP_LIGHT)


@cache
def texts(lang: str) -> dict[str, str]:
    """Key -> text in one language, ``zh`` or ``en``."""
    table = json.loads(files("cloud_ingest.geotag.polar").joinpath("words.json").read_text(encoding="utf-8"))
    return {key: text[lang] for key, text in table.items()}


def colour(share: float, paint: Paint) -> str:
    """A place on the ramp, 0 to 1."""
    place = float(np.clip(share, 0, 1)) * (len(paint.ramp) - 1)
    low = min(int(place), len(paint.ramp) - 2)
    part = place - low
    mixed = (
        round(one * (1 - part) + other * part) for one, other in zip(paint.ramp[low], paint.ramp[low + 1], strict=True)
    )
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def wrapped(sentence: str, x: float, y: float, colour: str, wide: int) -> list[str]:
    """A sentence in lines of about ``wide`` characters; Chinese breaks anywhere."""
    lines, line = [], ""
    for piece in sentence.split(" ") if " " in sentence else list(sentence):
        joined = f"{line} {piece}".strip() if " " in sentence else line + piece
        if len(joined) > wide and line:
            lines.append(line)
            joined = piece
        line = joined
    lines.append(line)
    return [text(x, y + 20 * number, one, colour, 14) for number, one in enumerate(lines)]


def text(x: float, y: float, said: str, colour: str, size: float, anchor: str = "middle", weight: str = "400") -> str:
    """Words at a place; escaped."""
    style = f'font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="{colour}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(said)}</text>'


def svg(width: int, height: int, parts: Sequence[str], label: str) -> str:
    """The whole picture, with its name for those who do not see it."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'{head} role="img" aria-label="{escape(label)}" font-family="{_FONT}">{"".join(parts)}</svg>'
