"""What every stage saw, as pictures: the registered frame, the background, the statistics, the heat, the plumes. For
looking, for manuals, and for arguing with the detector. :mod:`detector.explain_page` lays them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.frames import HEIGHT, WIDTH, Scale
from detector.maps import MAPS
from detector.seen import Seen
from detector.types import PlumeEvent

Picture = NDArray[Any]
GAMMA = 0.6  # nights are shown brightened
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_RED, _AMBER = (70, 70, 255), (60, 190, 255)


@dataclass(frozen=True, slots=True)
class Panel:
    """One stage's picture, (180, 320, 3) BGR, with its name and meaning in both languages."""

    name: str
    zh: str
    en: str
    picture: Picture


_MAPS = (
    ("deviation", "变动", "how much each pixel varies over 20 s, in units of a quiet pixel's noise"),
    ("coherent", "成片变动", "the same, smoothed: what varies together as smoke does, noise gone"),
    ("shift20_local", "局部亮度变化", "20 s mean against the background: brighter is yellow, darker is blue"),
    ("occlusion", "纹理遮挡", "how much of the background's texture is hidden"),
    ("memory", "持续性", "how long a change lives: flicker is dark, what drifts is bright"),
)


def panels(seen: Seen) -> list[Panel]:
    """The stages in order."""
    shown = [
        Panel("frame", "配准后的画面", "the frame, laid on the background; plumes drawn in", _marked(seen)),
        Panel("background", "背景", "what the place looks like without what moves", _grey(seen.background)),
        Panel("difference", "与背景之差", "this frame less the background, ten times stronger", _difference(seen)),
    ]
    for name, zh, en in _MAPS:
        shown.append(Panel(name, zh, en, _coded(seen.maps[:, :, MAPS.index(name)], cv2.COLORMAP_VIRIDIS)))
    if seen.heat is not None:
        layers = (
            ("smoke origin", "烟源热度", "the network: is the mouth of a plume here?"),
            ("smoke", "烟", "the network: smoke"),
            ("steam", "水汽", "the network: steam"),
        )
        shown += [Panel(name, zh, en, _heat(seen, seen.heat[:, :, k])) for k, (name, zh, en) in enumerate(layers)]
    if seen.score is not None:
        shown.append(Panel("score", "16 秒得分", "mean origin heat over 16 s: above the threshold it alarms",
                           _heat(seen, seen.score)))  # fmt: skip
    return shown


def strip(seen: Seen, columns: int = 4) -> Picture:
    """All panels of one moment in rows, each named: for a single PNG."""
    named = []
    for panel in panels(seen):
        picture = panel.picture.copy()
        cv2.rectangle(picture, (0, 0), (WIDTH, 17), (24, 20, 18), -1)
        cv2.putText(picture, panel.name, (6, 12), _FONT, 0.4, (235, 235, 235), 1, cv2.LINE_AA)
        named.append(cv2.copyMakeBorder(picture, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(24, 20, 18)))
    while len(named) % columns:
        named.append(np.full_like(named[0], (24, 20, 18)))
    return np.vstack([np.hstack(named[i : i + columns]) for i in range(0, len(named), columns)])


def brighten(picture: Picture) -> Picture:
    """Grey levels 0-255 with the dark half opened up, uint8."""
    return np.asarray(255 * (np.clip(picture, 0, 255) / 255) ** GAMMA, np.uint8)


def _grey(picture: Picture) -> Picture:
    return np.repeat(brighten(picture)[:, :, None], 3, axis=2)


def _marked(seen: Seen) -> Picture:
    return draw_events(_grey(seen.frame), seen.events, seen.scale)


def draw_events(panel: Picture, events: Sequence[PlumeEvent], scale: Scale) -> Picture:
    """Outlines, origins with their uncertainty, class and confidence, on a picture of the working size."""
    for event in events:
        outline = np.array([(x / scale.x, y / scale.y) for x, y in event.outline_px], np.int32)
        if len(outline) > 1:
            cv2.polylines(panel, [outline], True, _AMBER, 1, cv2.LINE_AA)
        x, y = round(event.origin_px[0] / scale.x), round(event.origin_px[1] / scale.y)
        spread = (max(round(event.origin_sigma_px[0] / scale.x), 2), max(round(event.origin_sigma_px[1] / scale.y), 2))
        cv2.ellipse(panel, (x, y), spread, 0, 0, 360, _RED, 1, cv2.LINE_AA)
        cv2.drawMarker(panel, (x, y), _RED, cv2.MARKER_TILTED_CROSS, 7, 1, cv2.LINE_AA)
        text = f"{event.plume_class} {event.confidence:.0%}"
        at = (min(x + 7, WIDTH - 95), min(max(y - 5, 26), HEIGHT - 6))
        cv2.putText(panel, text, at, _FONT, 0.38, (20, 20, 20), 3, cv2.LINE_AA)
        cv2.putText(panel, text, at, _FONT, 0.38, (255, 255, 255), 1, cv2.LINE_AA)
    return panel


def _difference(seen: Seen) -> Picture:
    change = np.clip(128 + 10 * (seen.frame - seen.background), 0, 255).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(change, cv2.COLORMAP_TWILIGHT_SHIFTED))


def _coded(values: NDArray[np.float32], colours: int) -> Picture:
    coded = np.clip(values * 255, 0, 255).astype(np.uint8)
    large = cv2.resize(coded, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.applyColorMap(large, colours))


def _heat(seen: Seen, heat: NDArray[np.float32]) -> Picture:
    """Heat laid over the dimmed frame, so that one sees where it is."""
    large = np.clip(cv2.resize(heat, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR), 0, 1)
    colour = cv2.applyColorMap((large * 255).astype(np.uint8), cv2.COLORMAP_INFERNO).astype(np.float32)
    share = np.minimum(large * 1.6, 0.9)[:, :, None]
    return np.asarray(0.45 * _grey(seen.frame) * (1 - share) + colour * share, np.uint8)
