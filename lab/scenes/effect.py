"""The one shape that every look-alike has."""

from __future__ import annotations

from collections.abc import Callable

from lab.scenes.noise import Array

Effect = Callable[[Array, float], Array]  # picture (H, W) in grey levels, time in seconds → picture
