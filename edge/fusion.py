"""What the air says about a detection: rises of PM2.5, CO and SO2 against the site's own background, the weather. Pure.

The camera finds, particulates confirm: a rise is attached as a cue with its figures, its absence proves nothing, and
each cue says whether it counted or why it was off. The detector's confidence is left alone: it is calibrated for the
camera, and the cloud weighs the cues of all gateways together.
"""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass, field, replace

from edge.background import LEAST_HISTORY_S, STALE_S, Background, Rise
from firmware_bridge.aggregates import Fold
from firmware_bridge.corrections import with_corrections
from firmware_bridge.quality import TwinWatch
from firmware_bridge.reading import Reading
from smokesentry.clock import Stamp
from smokesentry.messages.records import GasCue, ParticulateCue
from smokesentry.weather import Weather

#: Gases of combustion by the bridge's names: how people call them, their unit, the least rise that may count.
GASES = {"co_ppm": ("CO", "ppm", 1.0), "so2_ppb": ("SO2", "ppb", 20.0)}
_PM25_NAMES = ("pm25_atm_ug_m3", "pm25_ug_m3", "pm25_cf1_ug_m3")
_LEAST_RISE_UG_M3 = 3.0  # of a cheap optical sensor
_DAMP_RH_PERCENT = 85.0
_CLIMATE_AGE_S = 300.0
_CALM_M_S = 0.5
_FITS_DEG = 45.0  # between wind and plume: a roof turns the wind about
_WIND_MEAN_S = 120.0  # a single second turns a vane by tens of degrees
_WIND = ("wind_speed_m_s", "wind_from_deg")


@dataclass(frozen=True, slots=True)
class AirView:
    """What the air says at one moment: weather, the cues that count, and a sentence on each cue."""

    weather: Weather = field(default_factory=Weather)
    cues: tuple[ParticulateCue, ...] = ()
    reasons: tuple[str, ...] = ("no particulate sensor: the camera judges alone",)
    gases: tuple[GasCue, ...] = ()

    def towards(self, bearing_deg: float | None) -> AirView:
        """The same air for a plume that lies in one direction (true north, clockwise; None: unknown). A rise that the
        wind brings from elsewhere is not this plume's."""
        wind = self.weather
        if bearing_deg is None or not (self.cues or self.gases):
            return self
        if wind.wind_speed_m_s is None or wind.wind_from_deg is None or wind.wind_speed_m_s < _CALM_M_S:
            return replace(self, reasons=(*self.reasons, "calm or wind unknown: where the rise comes from is open"))
        apart = abs((wind.wind_from_deg - bearing_deg + 180.0) % 360.0 - 180.0)
        figures = f"wind from {wind.wind_from_deg:.0f}°, plume at {bearing_deg:.0f}°"
        if apart <= _FITS_DEG:
            return replace(self, reasons=(*self.reasons, f"the rise fits the wind: {figures}"))
        reason = f"the rise does not count for this plume: {figures}"
        return replace(self, cues=(), gases=(), reasons=(*self.reasons, reason))


@dataclass(slots=True)
class SiteAir:
    """All sensors of one site. One thread at a time; the gateway guards it by a lock."""

    assumed: Weather = field(default_factory=Weather)  # what a site file says; sensors know better
    _backgrounds: dict[str, Background] = field(default_factory=dict)
    _climate: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)  # name -> sensor -> (t_s, value)
    _gases: dict[tuple[str, str], Background] = field(default_factory=dict)  # (sensor, quantity)
    _wind: deque[tuple[float, Reading]] = field(default_factory=deque)  # (t_s, reading) of the last two minutes
    _without_dust: set[str] = field(default_factory=set)  # sensors of climate, wind, gas: no cue is expected of them
    _twins: dict[str, TwinWatch] = field(default_factory=dict)  # both sensors of a pair have the same watch
    _doubts: dict[str, tuple[float, str]] = field(default_factory=dict)  # sensor -> (t_s, why its last was not valid)

    def expect(self, sensor: str, twin: str | None = None) -> None:
        """A configured sensor: until it speaks, the reasons say that it does not. Twins are judged by each other."""
        self._backgrounds.setdefault(sensor, Background(_LEAST_RISE_UG_M3))
        if twin is not None:
            self._twins[sensor] = self._twins.get(twin) or TwinWatch()

    def add(self, sensor: str, t_s: float, reading: Reading) -> Reading:
        """One reading; gives it back as the site knows it: doubted where its twin differs, with corrected values beside
        the raw ones where a humidity is known. Only valid ones (mark N) speak.

        A sensor's own humidity goes before the site's: it is that of the air that it counts particles in.
        """
        self.expect(sensor)
        if sensor in self._twins:
            reading = self._twins[sensor].judge(sensor, reading)
        self._listen(sensor, t_s, reading)
        own = "rh_percent" in reading.values
        return with_corrections(reading, None if own else self._humidity(t_s))

    def _listen(self, sensor: str, t_s: float, reading: Reading) -> None:
        if reading.mark != "N":
            self._doubts[sensor] = (t_s, reading.reason or reading.quality)
            return
        self._doubts.pop(sensor, None)
        for name in _PM25_NAMES:
            if name in reading.values:
                self._backgrounds[sensor].add(t_s, reading.values[name])
                self._without_dust.discard(sensor)
                break
        else:
            if self._backgrounds[sensor].is_empty:  # it has never given any
                self._without_dust.add(sensor)
        for name, (_, _, least_rise) in GASES.items():
            if name in reading.values:
                key = (sensor, name)
                self._gases[key] = self._gases.get(key) or Background(least_rise)
                self._gases[key].add(t_s, reading.values[name])
        for name in ("temp_c", "rh_percent"):
            if name in reading.values:
                self._climate.setdefault(name, {})[sensor] = (t_s, reading.values[name])
        if any(name in reading.values for name in _WIND):
            self._wind.append((t_s, reading))
            while t_s - self._wind[0][0] > _WIND_MEAN_S:
                self._wind.popleft()

    def weather(self, t_s: float) -> Weather:
        """As the sensors give it, else as assumed: temperature and humidity from the middle one of several, wind as the
        mean of two minutes (in calm air a vane points nowhere, and there is no direction)."""
        temp_c, wind = self._middle("temp_c", t_s), self._mean_wind(t_s)
        return Weather(
            self.assumed.temp_c if temp_c is None else temp_c,
            self._humidity(t_s),
            wind.get("wind_speed_m_s", self.assumed.wind_speed_m_s),
            wind.get("wind_from_deg", self.assumed.wind_from_deg),
        )

    def _humidity(self, t_s: float) -> float | None:
        rh_percent = self._middle("rh_percent", t_s)
        return self.assumed.rh_percent if rh_percent is None else min(100.0, max(0.0, rh_percent))

    def _mean_wind(self, t_s: float) -> dict[str, float]:
        fold = Fold()
        for at_s, reading in self._wind:
            if t_s - at_s <= _WIND_MEAN_S:
                fold.add(reading)
        return {name: summary.mean for name, summary in fold.summaries().items()}

    def _middle(self, name: str, t_s: float) -> float | None:
        fresh = [value for at_s, value in self._climate.get(name, {}).values() if t_s - at_s <= _CLIMATE_AGE_S]
        return statistics.median(fresh) if fresh else None

    def look(self, t_s: float, stamp: Stamp) -> AirView:
        """Weather, cues and reasons at ``t_s`` (``stamp`` is the same moment)."""
        weather = self.weather(t_s)
        cues: list[ParticulateCue] = []
        reasons: list[str] = []
        damp = weather.rh_percent is not None and weather.rh_percent > _DAMP_RH_PERCENT
        dust = {name: one for name, one in self._backgrounds.items() if name not in self._without_dust}
        for sensor, background in dust.items():
            rise = background.rise(t_s)
            doubted_s, doubt = self._doubts.get(sensor, (t_s, None))
            if rise is None and doubt is not None and t_s - doubted_s <= STALE_S:
                reasons.append(f"PM2.5 at {sensor} off: {doubt}")
                continue
            reasons.append(_reason(sensor, background, rise, damp, weather.rh_percent))
            if rise is not None and rise.counts and not damp:
                cues.append(ParticulateCue(sensor, round(rise.rise, 1), round(rise.background, 1), stamp.captured_at))
        if not dust:
            reasons.extend(AirView().reasons)
        gases, said = self._gas_cues(t_s, stamp)
        reasons += said
        if weather.wind_speed_m_s is None or weather.wind_from_deg is None:
            reasons.append("wind unknown: drift was not compared with it")
        return AirView(weather, tuple(cues[:8]), tuple(reasons), tuple(gases[:8]))

    def _gas_cues(self, t_s: float, stamp: Stamp) -> tuple[list[GasCue], list[str]]:
        cues, reasons = list[GasCue](), list[str]()
        for (sensor, quantity), background in self._gases.items():
            gas, unit, _ = GASES[quantity]
            rise = background.rise(t_s)
            if rise is None:
                reasons.append(f"{gas} at {sensor} off: {_why_off(background)}")
                continue
            figures = f"{rise.now:.1f} {unit} against a background of {rise.background:.1f} (noise {rise.noise:.1f})"
            if rise.counts:
                reasons.append(f"{gas} at {sensor} counts: {figures}")
                grown, before, at = round(rise.rise, 2), round(rise.background, 2), stamp.captured_at
                cues.append(GasCue(sensor=sensor, quantity=quantity, rise=grown, background=before, at=at))
            else:
                reasons.append(f"{gas} at {sensor} shows no rise: {figures}; that proves nothing")
        return cues, reasons


def _reason(sensor: str, background: Background, rise: Rise | None, damp: bool, rh_percent: float | None) -> str:
    if rise is None:
        return f"PM2.5 at {sensor} off: {_why_off(background)}"
    if damp:
        limit = f"above {_DAMP_RH_PERCENT:.0f} % droplets count as particles"
        return f"PM2.5 at {sensor} off: humidity {rh_percent:.0f} %, {limit}"
    figures = f"{rise.now:.0f} µg/m³ against a background of {rise.background:.0f} (noise {rise.noise:.1f})"
    if rise.counts:
        return f"PM2.5 at {sensor} counts: {figures}"
    return f"PM2.5 at {sensor} shows no rise: {figures}; that proves nothing"


def _why_off(background: Background) -> str:
    if background.known_s >= LEAST_HISTORY_S:
        return "the sensor is silent"
    return f"{background.known_s:.0f} s of background known, {LEAST_HISTORY_S:.0f} s needed"
