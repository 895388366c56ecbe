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
    zh_says: str
    en_says: str
    picture: Picture


# Map, name and meaning in Chinese, meaning in English, the value of a quiet pixel, and whether it goes both ways.
_MAPS = (
    ("deviation", "变动", "20 秒内每个像素的变化，以安静像素的噪声为单位",
     "how much each pixel varies over 20 s, in units of a quiet pixel's noise", 0.4, False),
    ("coherent", "成片变动", "平滑后的变化：烟成片变化，噪声消失",
     "the same, smoothed: what varies together as smoke does, noise gone", 0.4, False),
    ("shift20_local", "局部亮度变化", "20 秒均值与背景之差：橙色变亮，蓝色变暗",
     "20 s mean against the background: orange is brighter, blue darker", 0.5, True),
    ("occlusion", "纹理遮挡", "背景纹理被遮住的程度", "how much of the background's texture is hidden", 0.5, True),
    ("memory", "持续性", "变化能维持多久：闪烁为暗，飘移为亮",
     "how long a change lives: flicker is dark, drift bright", 0.5, False),
)  # fmt: skip
_LAYERS = (
    ("smoke origin", "烟源热度", "网络：这里是烟羽的出口吗？", "the network: is the mouth of a plume here?"),
    ("smoke", "烟", "网络：烟", "the network: smoke"),
    ("steam", "水汽", "网络：水汽", "the network: steam"),
)


def panels(seen: Seen) -> list[Panel]:
    """The stages in order."""
    shown = [
        Panel("frame", "配准后的画面", "对齐到背景的当前帧，标出烟羽",
              "the frame, laid on the background; plumes drawn in", _marked(seen)),
        Panel("background", "背景", "除去活动之物后的样子",
              "what the place looks like without what moves", _grey(seen.background)),
        Panel("difference", "与背景之差", "当前帧减去背景，放大十倍",
              "this frame less the background, ten times stronger", _difference(seen)),
    ]  # fmt: skip
    for name, zh, zh_says, en_says, quiet, both in _MAPS:
        if name not in MAPS:
            continue  # another version's network sees other maps
        shown.append(Panel(name, zh, zh_says, en_says, _coded(seen.maps[:, :, MAPS.index(name)] - quiet, both)))
    if seen.heat is not None:
        for k, words in enumerate(_LAYERS):
            shown.append(Panel(*words, _heat(seen, seen.heat[:, :, k])))
    if seen.score is not None:
        words = (
            "score",
            "16 秒得分",
            "烟源热度的 16 秒均值，超过阈值即报警",
            "mean origin heat over 16 s; above the threshold it alarms",
        )
        shown.append(Panel(*words, _heat(seen, seen.score)))
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
    return _two_sided(cv2.GaussianBlur(seen.frame - seen.background, (0, 0), 0.8) * (10 / 128))


def _coded(values: NDArray[np.float32], both: bool) -> Picture:
    """Values about 0, where a quiet pixel lies: dark there, bright where something is."""
    if both:
        return _two_sided(cv2.resize(values, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR) * 3)
    coded = np.clip(30 + values * 450, 0, 255).astype(np.uint8)
    large = cv2.resize(coded, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.applyColorMap(large, cv2.COLORMAP_VIRIDIS))


def _two_sided(values: Picture) -> Picture:
    """-1 to 1 as blue over near black to orange, BGR."""
    up, down = np.clip(values, 0, 1)[:, :, None], np.clip(-values, 0, 1)[:, :, None]
    colour = np.array([46, 38, 34]) + up * np.array([30, 130, 221]) + down * np.array([209, 140, 30])
    return np.asarray(np.clip(colour, 0, 255), np.uint8)


def _heat(seen: Seen, heat: NDArray[np.float32]) -> Picture:
    """Heat laid over the dimmed frame, so that one sees where it is."""
    large = np.clip(cv2.resize(heat, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR), 0, 1)
    colour = cv2.applyColorMap((large * 255).astype(np.uint8), cv2.COLORMAP_INFERNO).astype(np.float32)
    share = np.minimum(large * 1.6, 0.9)[:, :, None]
    return np.asarray(0.45 * _grey(seen.frame) * (1 - share) + colour * share, np.uint8)
