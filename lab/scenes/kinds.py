"""The kinds of nights that a network is trained on, each from one seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from lab.scenes.night import Night, start_up_recipe
from lab.scenes.street_nights import StreetWindow, windows_of

#: Whatever comes; smoke that is there from the first frame and seethes; some windows of a simulated street's winter.
Kind = Literal["any", "start-up", "street"]
_WINDOWS = 8


def nights_of(kind: Kind, seed: int) -> Iterator[Night | StreetWindow]:
    """The nights of a seed: one, or the windows of one street."""
    if kind == "street":
        yield from windows_of(seed, _WINDOWS)
    elif kind == "start-up":
        yield Night(seed, start_up_recipe(np.random.default_rng(seed)))
    else:
        yield Night(seed)
