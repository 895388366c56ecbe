from __future__ import annotations

import pytest
from hypothesis import settings

from simulator.stage import Stage, set_stage

settings.register_profile("untimed", deadline=None)  # the machine may be busy
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def burning() -> Stage:
    """Scene burn of one seed, 80 s in, the stove alight for 70 of them. Building it takes seconds: tests share it."""
    stage = set_stage("burn", 5)
    stage.night.advance(10)
    stage.night.light_stove()
    stage.night.advance(80)
    return stage
