"""A picture strip that shows what each stage saw: the frame, a few statistics, the heat, the plumes. For looking,
and for manuals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.frames import HEIGHT, WIDTH, admit
from detector.maps import MAPS
from detector.types import PlumeEvent

SHOWN = ("deviation", "coherent", "shift20_local", "occlusion", "memory")


def strip(
    frame: NDArray[np.uint8],
    maps: NDArray[np.float32],
    heat: NDArray[np.float32] | None,
    events: Sequence[PlumeEvent] = (),
) -> NDArray[Any]:
    """Panels of 320×180 in two rows, BGR: frame with plumes, five maps, smoke origin, smoke, steam.

    ``maps`` as the network sees them (90, 160, n), ``heat`` its answer (45, 80, 3). Raises ``BadFrame`` for an
    unusable frame.
    """
    panels = [_frame_panel(frame, events)]
    panels += [_panel(maps[:, :, MAPS.index(name)], name) for name in SHOWN]
    if heat is not None:
        panels += [_panel(heat[:, :, k], name) for k, name in enumerate(("smoke origin", "smoke", "steam"))]
    while len(panels) % 3:
        panels.append(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    rows = [np.hstack(panels[i : i + 3]) for i in range(0, len(panels), 3)]
    return np.vstack(rows)


def _frame_panel(frame: NDArray[np.uint8], events: Sequence[PlumeEvent]) -> NDArray[Any]:
    grey, scale = admit(frame)
    panel = cv2.cvtColor(np.clip(grey, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)
    for event in events:
        outline = np.array([(x / scale.x, y / scale.y) for x, y in event.outline_px], np.int32)
        if len(outline) > 1:
            cv2.polylines(panel, [outline], True, (80, 200, 255), 1, cv2.LINE_AA)
        x, y = round(event.origin_px[0] / scale.x), round(event.origin_px[1] / scale.y)
        cv2.drawMarker(panel, (x, y), (60, 60, 255), cv2.MARKER_TILTED_CROSS, 9, 1, cv2.LINE_AA)
        text = f"{event.plume_class} {event.confidence:.2f}"
        cv2.putText(
            panel,
            text,
            (min(x + 6, WIDTH - 90), max(y - 4, 10)),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.35,
            (60, 60, 255),
            1,
            cv2.LINE_AA,
        )
    return panel


def _panel(values: NDArray[np.float32], name: str) -> NDArray[Any]:
    coded = np.clip(values * 255, 0, 255).astype(np.uint8)
    large = cv2.resize(coded, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    panel = cv2.applyColorMap(large, cv2.COLORMAP_VIRIDIS)
    cv2.putText(panel, name, (5, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
    return panel
