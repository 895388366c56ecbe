"""Pictures for a town that has no cameras: drawn by hand, plainly no photographs."""

from __future__ import annotations

import cv2
import numpy as np


def night_picture(role: str, origin: list[float], seed: int) -> bytes:
    """A dark street drawn by hand: sky, roofs, lamps and, but for ``before``, a grey plume."""
    rng = np.random.default_rng(seed)
    frame = np.full((360, 640, 3), (26, 18, 12), np.uint8)
    frame[:170] = np.linspace(34, 60, 170).astype(np.uint8)[:, None, None] // np.array([1, 2, 3], np.uint8)
    for index in range(9):
        left = index * 74 - 10
        cv2.rectangle(frame, (left, 190 - 9 * (index % 3)), (left + 66, 360), (20 + 4 * (index % 3), 20, 18), -1)
        cv2.rectangle(frame, (left + 20, 240), (left + 34, 256), (70, 150, 200) if index % 2 else (30, 40, 40), -1)
    x, y = int(origin[0] / 2), int(origin[1] / 2)
    cv2.rectangle(frame, (x - 4, y), (x + 4, y + 24), (46, 50, 60), -1)
    if role != "before":
        veil = frame.copy()
        for step in range(14):
            cv2.circle(veil, (x + step * 4, y - step * 8), 6 + step * 2, (120, 120, 126), -1)
        frame[:] = cv2.addWeighted(cv2.GaussianBlur(veil, (21, 21), 8), 0.6, frame, 0.4, 0)
    noisy = np.clip(frame + rng.normal(0, 4, frame.shape), 0, 255).astype(np.uint8)
    if role == "drawn":
        cv2.rectangle(noisy, (x - 15, y - 125), (x + 85, y + 4), (40, 150, 255), 2)
        cv2.drawMarker(noisy, (x, y), (60, 220, 255), cv2.MARKER_CROSS, 16, 2)
    done, data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert done
    return data.tobytes()
