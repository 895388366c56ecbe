"""The fixed suite: which nights of which streets, and the windows drawn from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab.figures import Figure
from lab.scenes.seeds import JUDGE
from lab.scoreboard.compare import JUDGEABLE_ROW, SUITE_ROW
from lab.scoreboard.sampling import Dark, Population, Window, draw_windows
from lab.scoreboard.scene import FIRST_WINTER, WinterScene, scene_of
from lab.scoreboard.stretches import HOURS, draw_stretches
from simulator.happenings import Happening
from simulator.lighting import LightType
from simulator.season import evenings
from simulator.street import mouth_hidden
from simulator.truth import JUDGEABLE_VERSION

#: Streets, how many nights of each, and what is drawn from them; changing any of this makes another suite.
SUITE_VERSION = 1
STREETS, NIGHTS = 12, 2  # of each street's winter
FIRES, CELLS = 60, 120  # 8 and 12 camera-hours
_FIRST_SEED = JUDGE.start + 410_000  # far from the seeds on which single detectors are judged
_DRAW_SEED = 1
#: Nights watched by street lamps, by the cameras' own infrared lamps, by the moon, and with most lamps out.
_LIGHTS: tuple[LightType, ...] = ("lamps", "infrared", "moon", "dark")


@dataclass(frozen=True, slots=True)
class Suite:
    """Windows by night, what they stand for, and the hours of darkness of both cameras together."""

    windows: list[Window]
    population: Population
    camera_hours: float
    nights: int


def versions() -> list[Figure]:
    """What must be the same in two scoreboards that are compared."""
    return [Figure(SUITE_ROW, float(SUITE_VERSION), ""), Figure(JUDGEABLE_ROW, float(JUDGEABLE_VERSION), "")]


def night_of(number: int) -> WinterScene:
    """A night of the suite by its number."""
    street, which = divmod(number, NIGHTS)
    evening = (17 + 37 * street + 60 * which) % len(evenings(FIRST_WINTER))  # spread over the winter
    return scene_of(_FIRST_SEED + street, evening, _LIGHTS[number % len(_LIGHTS)])


def draw_suite(share: float, say: Callable[[str], None]) -> Suite:
    """The windows of ``share`` times the usual suite (0.05: a look whether it works; 6: the long one)."""
    darks = _darks(say)
    hours = sum(dark.cameras * (dark.to_s - dark.from_s) / 3600 for dark in darks)
    windows, population = draw_windows(
        darks, max(1, round(FIRES * share)), max(1, round(CELLS * share)), _in_sight, _DRAW_SEED
    )
    return Suite(windows, population, hours, len(darks))


def draw_unbroken(count: int, say: Callable[[str], None]) -> list[Window]:
    """``count`` stretches from the suite's nights. Raises ``ValueError`` for more than there are."""
    return draw_stretches(_darks(say), count, HOURS, _in_sight, _DRAW_SEED)


def _darks(say: Callable[[str], None]) -> list[Dark]:
    darks = []
    for number in range(STREETS * NIGHTS):
        scene = night_of(number)
        sky, cameras = scene.night.sky, len(scene.gateways)
        darks.append(Dark(number, sky.dark_from_s, sky.dark_to_s, scene.happenings, scene.light, cameras))
        if number % 6 == 5:
            say(f"nights drawn: {number + 1} of {STREETS * NIGHTS}")
    return darks


def _in_sight(number: int, event: Happening) -> bool:
    """Whether some camera has the place in its frame and no other house before it."""
    scene = night_of(number)
    roof = next((roof for roof in scene.street.roofs if roof.rooftop == event.rooftop), None)
    if roof is None:
        return False
    return any(not mouth_hidden(camera.place, roof, scene.street.roofs) for camera in scene.street.cameras.values())
