"""Small still nights that several tests look at."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lab.scenes.backgrounds import draw


@pytest.fixture(scope="session")
def still() -> NDArray[np.float32]:
    return draw(np.random.default_rng(4_000_001)).picture


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(4_000_002)
