"""What weather, lenses and wires do to a night: fog, falls, cloud, frost, dirt, insects, switching, failing sensors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.climate import STEP_S, NightWeather
from simulator.happenings import Happening, Kind
from simulator.households import draw_seed
from simulator.season import NIGHT_S, Sky

_FAULTS = ("stuck", "zero", "spikes", "ceiling", "drift")


def weather_events(weather: NightWeather, rng: np.random.Generator) -> list[Happening]:
    """The night's weather where it hides, imitates or washes out smoke: one happening a spell."""
    found = []
    for start, end, inside in _spells(weather.foggy):
        found.append(_event("fog", start, end, float(weather.visibility_m[inside].min()), rng))
    falls: tuple[tuple[Kind, NDArray[np.float64]], ...] = (("rain", weather.rain_mm_h), ("snow", weather.snow_mm_h))
    for kind, fall in falls:
        for start, end, inside in _spells(fall > 0):
            found.append(_event(kind, start, end, float(fall[inside].max()), rng))
    for start, end, inside in _spells((weather.cloud > 0.75) & (weather.rain_mm_h + weather.snow_mm_h == 0)):
        found.append(_event("low_cloud", start, end, float(0.6 * weather.cloud[inside].mean()), rng))
    for start, end, inside in _spells((weather.wind_speed_m_s > 6) & (weather.rh_percent < 55)):
        found.append(_event("dust", start, end, float(25 * (weather.wind_speed_m_s[inside].max() - 5)), rng))
    return found


def camera_events(
    gateways: Iterable[str], weather: NightWeather, sky: Sky, rng: np.random.Generator
) -> list[Happening]:
    """What befalls each camera, as the weather has it."""
    found: list[Happening] = []
    for gateway in gateways:
        found += _seen_by_one(gateway, weather, sky, rng)
    return found


def sensor_events(sensors: Sequence[tuple[str, str]], rng: np.random.Generator) -> list[Happening]:
    """A failing sensor in one night of a hundred: (gateway, sensor) and what it does instead of measuring."""
    found = []
    for gateway, sensor in sensors:
        if rng.random() < 0.01:
            start, what = float(rng.uniform(0, NIGHT_S - 3600)), _FAULTS[int(rng.integers(len(_FAULTS)))]
            found.append(
                Happening(
                    "sensor_fault", start, min(start + 3600 * float(rng.uniform(0.5, 8)), NIGHT_S), 1.0,
                    gateway=gateway, sensor=sensor, detail=what, seed=draw_seed(rng),
                )
            )  # fmt: skip
    return found


def _seen_by_one(gateway: str, weather: NightWeather, sky: Sky, rng: np.random.Generator) -> list[Happening]:
    found = []
    for edge in (sky.dark_from_s, sky.dark_to_s):  # the infrared filter goes out at dusk and in at dawn
        at = float(np.clip(edge + 120 * rng.standard_t(4), 0, NIGHT_S - 10))
        found.append(_event("infrared_switch", at, at + 4, 1.0, rng, gateway))
    for _ in range(int(rng.poisson(2.0))):
        at = float(rng.uniform(0, NIGHT_S - 120))
        found.append(
            _event("exposure_pumping", at, at + float(rng.uniform(20, 90)), rng.uniform(0.1, 0.6), rng, gateway)
        )
    warm = weather.temp_c > 9
    for start, end, _ in _spells(warm & (weather.rain_mm_h == 0)):
        found.append(_event("insects", start, end, float(rng.uniform(1, 15)), rng, gateway))
    for start, end, inside in _spells((weather.temp_c < -2) & (weather.rh_percent > 88)):
        if rng.random() < 0.5 and end - start > 3600:  # half the housings are heated
            found.append(
                _event("frost", start + 1800, end, min(0.9, 0.1 * (inside.stop - inside.start) / 3), rng, gateway)
            )
    for start, end, _ in _spells(weather.rain_mm_h > 0.3):
        found.append(_event("lens_drops", start, end, float(rng.uniform(0.02, 0.25)), rng, gateway))
    if rng.random() < 0.08:
        found.append(_event("lens_dirt", 0.0, NIGHT_S, float(rng.uniform(0.02, 0.3)), rng, gateway))
    if rng.random() < 0.03:
        found.append(_event("web", 0.0, NIGHT_S, float(rng.uniform(0.03, 0.3)), rng, gateway))
    if rng.random() < 0.01:
        at = float(rng.uniform(0, NIGHT_S - 60))
        found.append(_event("bump", at, NIGHT_S, float(rng.uniform(0.3, 8)), rng, gateway))
    return found


def _event(
    kind: Kind, start: float, end: float, strength: float, rng: np.random.Generator, gateway: str | None = None
) -> Happening:
    return Happening(kind, start, end, float(strength), gateway=gateway, seed=draw_seed(rng))


def _spells(holds: NDArray[np.bool_]) -> list[tuple[float, float, slice]]:
    """Runs of steps at which something holds: from, to (seconds into the night) and the steps themselves."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], holds, [False]]).astype(np.int8)))
    runs = zip(edges[::2], edges[1::2], strict=True)
    return [(a * STEP_S, min(b * STEP_S, NIGHT_S), slice(a, b)) for a, b in runs if a * STEP_S < NIGHT_S]
