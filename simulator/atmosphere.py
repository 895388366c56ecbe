"""The air of a scheduled night at any place: every fire's meandering plume over the town's and the region's background.

After Gifford (1959): at each moment a plume narrower than the mean one is carried about by the gusts, and within it the
concentration fluctuates; over ten minutes and more this adds up to the Gaussian plume with Briggs' curves in
:mod:`simulator.air`. Parcels travel with the night's own wind: what a sensor smells has passed where a camera saw it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from simulator.air import LEAST_WIND_M_S, Stability, Terrain, spreads
from simulator.climate import STEP_S, STEPS, NightWeather, stability_at_night
from simulator.emissions import RISE_M, Emission, emission, emits
from simulator.happenings import Happening, Point
from simulator.season import NIGHT_S
from simulator.weather import NightWind

Array = NDArray[np.float64]
_NARROWEST = 0.35  # of the mean plume's width: the least that a plume of one moment has
_FLUTTER = 0.6  # standard deviation of the logarithm of the concentration within the plume
_DELAYS = np.geomspace(0.35, 3.0, 28)  # of the straight travel time: where along its way a parcel is looked for
_FORGOTTEN_S = 1800.0  # a parcel older than this is part of the background
_REACH_M = 800.0
_SHOT_UG_M3 = 0.06  # what one firework adds to the whole town's air at once
_HAZE_LEFT_S = 5400.0
_CO_MG_M3, _CO_A_UG, _SO2_UG_M3, _SO2_A_UG = 0.35, 0.009, 4.0, 0.08
_COARSE_SHARE = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Breath:
    """True air at one place over time; arrays ``(n,)``. ``pm10`` includes ``pm25``; ``visibility_m`` tells fog."""

    t_s: Array
    pm25_ug_m3: Array
    pm10_ug_m3: Array
    co_mg_m3: Array
    so2_ug_m3: Array
    temp_c: Array
    rh_percent: Array
    wind_speed_m_s: Array
    wind_from_deg: Array
    visibility_m: Array


@dataclass(frozen=True, slots=True)
class _Meeting:
    """How a place lies to a plume at the times asked: path, distance beside, when the smoke left."""

    downwind_m: Array
    beside_m: Array
    left_s: Array


class Atmosphere:
    """The air of one night. ``seed``, a street's, draws the background and the fluctuations within plumes."""

    def __init__(
        self,
        weather: NightWeather,
        happenings: Sequence[Happening],
        seed: int,
        terrain: Terrain = "urban",
        stability: Stability | None = None,
    ) -> None:
        """``stability`` holds the whole night in one Pasquill class; by itself it follows wind and cloud."""
        self._weather, self._terrain = weather, terrain
        self._fires = [event for event in happenings if emits(event)]
        self._area = [event for event in happenings if event.kind in ("regional_episode", "dust", "fireworks")]
        self._seed = seed
        each = zip(weather.wind_speed_m_s, weather.cloud, strict=True)
        self._classes = np.array([stability or stability_at_night(float(u), float(share)) for u, share in each])
        sideways = float(spreads(1.0, stability or weather.usual_stability, terrain)[0])
        self.wind = NightWind(weather, seed, sideways)
        self._grid = np.arange(-_FORGOTTEN_S, NIGHT_S + 1)
        self._way = np.cumsum(self.wind.along(self._grid), axis=0)
        rng = np.random.default_rng([seed, 0xA1, weather.evening.toordinal()])
        self._base = float(np.exp(rng.normal(np.log(42), 0.45)))
        self._periods, self._phases = rng.uniform(600, 7000, 5), rng.uniform(0, 2 * np.pi, 5)

    def breath(self, at: Point, t_s: Array) -> Breath:
        """What is in the air at ``at`` (m east, north, up) at times ``t_s`` (seconds into the night, ascending)."""
        fine, coarse = self.background(t_s)
        co, so2 = _CO_MG_M3 + _CO_A_UG * fine, _SO2_UG_M3 + _SO2_A_UG * fine
        for event in self._fires:
            near = self._reached(event, at, t_s)
            if near.any():
                thinned, out = self.plume(event, at, t_s[near])
                fine[near] += out.pm25_g_h * thinned
                coarse[near] += out.coarse_g_h * thinned
                co[near] += out.co_g_h * thinned / 1000
                so2[near] += out.so2_g_h * thinned
        weather, wind = self._weather, self.wind.along(t_s)
        grid = STEP_S * np.arange(STEPS)
        return Breath(
            t_s, fine, fine + coarse, co, so2,
            np.interp(t_s, grid, weather.temp_c), np.interp(t_s, grid, weather.rh_percent),
            np.hypot(wind[:, 0], wind[:, 1]), np.degrees(np.arctan2(-wind[:, 0], -wind[:, 1])) % 360,
            np.interp(t_s, grid, weather.visibility_m),
        )  # fmt: skip

    def background(self, t_s: Array) -> tuple[Array, Array]:
        """PM2.5 and coarse particles (µg/m³) far from any one fire: the town's hours, wind, rain, haze, fireworks."""
        grid = STEP_S * np.arange(STEPS)
        hour = 16.5 + t_s / 3600
        habits = 1 + 0.3 * np.exp(-(((hour - 20.5) / 2.0) ** 2)) + 0.2 * np.exp(-(((hour - 31) / 1.3) ** 2))
        wind = np.interp(t_s, grid, self._weather.wind_speed_m_s)
        swings = 1 + 0.03 * np.sin(2 * np.pi * t_s[:, None] / self._periods + self._phases).sum(axis=1)
        thick = np.clip(1.5 / np.maximum(wind, LEAST_WIND_M_S), 0.2, 2.2) ** 0.6
        fine = self._base * habits * swings * thick
        extra = np.zeros_like(fine)
        for event in self._area:
            if event.kind == "regional_episode":
                fine += event.strength * np.clip((t_s - event.t0_s) / 7200, 0, 1)
            elif event.kind == "dust":
                extra += event.strength * event_share(event, t_s)
            else:
                shots = event.strength * (event.t1_s - event.t0_s) / 60
                since = t_s - event.t0_s
                fades = np.clip(since / 600, 0, 1) * np.exp(-np.clip(since, 0, None) / _HAZE_LEFT_S)
                smoke = _SHOT_UG_M3 * shots * thick * fades
                fine += smoke
                extra += 0.4 * smoke
        washed = np.cumsum(self._weather.rain_mm_h + self._weather.snow_mm_h) / 6
        fine *= np.exp(-0.12 * np.interp(t_s, grid, washed))
        return fine, _COARSE_SHARE * fine + extra

    def plume(self, event: Happening, at: Point, t_s: Array) -> tuple[Array, Emission]:
        """For one fire: µg/m³ for each g/h (as it thins on its way to ``at``), and what it emitted back then."""
        assert event.place is not None
        meeting = self._meet(event.place, at, t_s)
        speed = np.maximum(np.hypot(*self.wind.mean_along(t_s).T), LEAST_WIND_M_S)
        across, upright = np.empty_like(t_s), np.empty_like(t_s)
        classes = self._classes[np.clip(np.rint(t_s / STEP_S), 0, STEPS - 1).astype(int)]
        for kind in get_args(Stability):
            holds = classes == kind
            across[holds], upright[holds] = spreads(np.maximum(meeting.downwind_m[holds], 1.0), kind, self._terrain)
        meander = self.wind.meander_m(t_s - meeting.left_s, speed)
        narrow = np.sqrt(np.maximum(across**2 - meander**2, (_NARROWEST * across) ** 2))
        height = event.place[2] + RISE_M[event.kind]
        layers = sum(np.exp(-((at[2] + side * height) ** 2) / (2 * upright**2)) for side in (-1, 1))
        thinned = np.exp(-((meeting.beside_m / narrow) ** 2) / 2) * layers / (2 * np.pi * speed * narrow * upright)
        thinned = np.where(meeting.downwind_m < 1, 0.0, thinned) * 1e6 / 3600
        return thinned * self._flutter(event, at, t_s), emission(event, meeting.left_s)

    def _reached(self, event: Happening, at: Point, t_s: Array) -> NDArray[np.bool_]:
        """Times at which this fire's smoke can be at ``at`` at all."""
        assert event.place is not None
        away = float(np.hypot(at[0] - event.place[0], at[1] - event.place[1]))
        if away > _REACH_M:
            return np.zeros(len(t_s), bool)
        return np.asarray((t_s > event.t0_s) & (t_s < event.t1_s + min(3 * away / LEAST_WIND_M_S, _FORGOTTEN_S)))

    def _meet(self, start: Point, at: Point, t_s: Array) -> _Meeting:
        """Which parcel from ``start`` comes nearest to ``at`` at each time, and how near."""
        goal = np.array([at[0] - start[0], at[1] - start[1]])
        away = float(np.hypot(*goal))
        straight = away / np.maximum(np.hypot(*self.wind.mean_along(t_s).T), LEAST_WIND_M_S)
        delays = np.minimum(np.multiply.outer(straight, _DELAYS), _FORGOTTEN_S - 1)
        here = self._been(t_s)[:, None, :]
        off = here - self._been(t_s[:, None] - delays) - goal
        nearest = np.argmin((off**2).sum(axis=2), axis=1)
        low = np.clip(nearest - 1, 0, len(_DELAYS) - 3)
        rows = np.arange(len(t_s))
        # between the neighbours of the nearest step the path is all but straight: its foot point is the meeting
        a, b = off[rows, low], off[rows, low + 2]
        leg = b - a
        share = np.clip(-(a * leg).sum(axis=1) / np.maximum((leg**2).sum(axis=1), 1e-9), 0, 1)
        beside = np.hypot(*(a + share[:, None] * leg).T)
        delay = delays[rows, low] * (1 - share) + delays[rows, low + 2] * share
        path = self._been(t_s) - self._been(t_s - delay)
        ahead = (path * goal).sum(axis=1) > 0
        return _Meeting(np.where(ahead, np.hypot(*path.T), 0.0), beside, t_s - delay)

    def _been(self, t_s: Array) -> Array:
        """Where the wind has carried a parcel that passed the origin at the night's beginning: ``(..., 2)``."""
        return np.stack([np.interp(t_s, self._grid, self._way[:, axis]) for axis in range(2)], axis=-1)

    def _flutter(self, event: Happening, at: Point, t_s: Array) -> Array:
        """Fluctuation within the plume, mean 1, log-normal, seconds to a minute: it is patchy."""
        rng = np.random.default_rng([self._seed, event.seed, *(int(abs(1000 * value)) for value in at)])
        periods = np.geomspace(4, 70, 7)
        waves = np.sin(2 * np.pi * t_s[:, None] / periods + rng.uniform(0, 2 * np.pi, 7)).sum(axis=1) * np.sqrt(2 / 7)
        return np.asarray(np.exp(_FLUTTER * waves - _FLUTTER**2 / 2))


def event_share(event: Happening, t_s: Array) -> Array:
    """0 before and after, 1 in the middle of a spell, with an hour's slope (less for short ones)."""
    slope = min(3600.0, (event.t1_s - event.t0_s) / 3)
    return np.asarray(np.clip(np.minimum(t_s - event.t0_s, event.t1_s - t_s) / slope, 0, 1))
