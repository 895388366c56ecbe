"""What a sensor's history tells about its next reading: stuck, spike, warming up, at odds with its twin, stale.

Raw values are never changed; only ``quality``, ``mark`` and ``reason`` of a reading that looked fine by itself. Sources
of the limits: docs/firmware_bridge.md.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from statistics import fmean, median

from firmware_bridge.driver import MARK_OF_QUALITY, NOT_QUANTITIES
from firmware_bridge.reading import Quality, Reading

#: Where a reading's PM2.5 stands, in order of preference; the SDS198 has total dust only.
PM25_NAMES = ("pm25_atm_ug_m3", "pm25_ug_m3", "pm100_ug_m3")

_STUCK_FINE_S = 3600.0  # counts or tenths: air never repeats them for an hour
_STUCK_COARSE_S = 12 * 3600.0  # whole µg/m³ can stand still all night in clean air
_SPIKE_WINDOW = 5
_SPIKE_SIGMAS = 6.0
_SPIKE_LEAST_UG_M3 = 20.0
_SIGMA_OF_MAD = 1.4826
_GAP_S = 60.0
_TWIN_WINDOW_S = 60.0
_TWIN_LEAST_READINGS = 15
_TWIN_DIFFERENCE_UG_M3 = 5.0
_TWIN_RATIO = 0.7


def pm25_of(reading: Reading) -> float | None:
    """The reading's uncorrected PM2.5 in µg/m³, if it has one."""
    return next((reading.values[name] for name in PM25_NAMES if name in reading.values), None)


def judged(reading: Reading, quality: Quality, reason: str) -> Reading:
    """The same values with another judgement."""
    return replace(reading, quality=quality, mark=MARK_OF_QUALITY[quality], reason=reason)


class SensorHistory:
    """One sensor's recent past. Readings without an arrival time are passed through."""

    def __init__(self, warm_up_s: float) -> None:
        self._warm_up_s = warm_up_s
        self._woken_ns: int | None = None
        self._last_ns = 0
        self._same_since_ns = 0
        self._same: tuple[float, ...] = ()
        self._recent: deque[float] = deque(maxlen=_SPIKE_WINDOW)

    def woken(self, mono_ns: int) -> None:
        """Fan and light source were switched on at this moment."""
        self._woken_ns = mono_ns

    def judge(self, reading: Reading) -> Reading:
        """The reading as it is, or with a quality that its history suggests."""
        now_ns, pm25 = reading.arrived_mono_ns, pm25_of(reading)
        if now_ns is None:
            return reading
        if self._woken_ns is not None and now_ns - self._woken_ns < self._warm_up_s * 1e9:
            if reading.quality in ("ok", "zero"):
                return judged(reading, "warming_up", f"switched on less than {self._warm_up_s:g} s ago")
            return reading
        if pm25 is None:
            return reading
        stuck_s = self._unchanged_s(reading, now_ns)
        spike = self._is_spike(pm25)
        self._last_ns = now_ns
        if reading.quality not in ("ok", "zero"):
            return reading
        if stuck_s is not None:
            return judged(reading, "stuck", f"not one value has changed for {stuck_s / 3600:.1f} hours")
        if spike:
            return judged(reading, "spike", f"far from the median of the last {_SPIKE_WINDOW}; it may be the fire")
        return reading

    def _unchanged_s(self, reading: Reading, now_ns: int) -> float | None:
        """Seconds for which every quantity has been the same, once that is longer than air allows."""
        quantities = tuple(value for name, value in reading.values.items() if name not in NOT_QUANTITIES)
        if quantities != self._same or now_ns - self._last_ns > _GAP_S * 1e9:
            self._same, self._same_since_ns = quantities, now_ns
            return None
        fine = any(name.endswith("_per_cm3") for name in reading.values) or any(value % 1 for value in quantities)
        unchanged_s = (now_ns - self._same_since_ns) / 1e9
        return unchanged_s if unchanged_s > (_STUCK_FINE_S if fine else _STUCK_COARSE_S) else None

    def _is_spike(self, pm25: float) -> bool:
        spike = False
        if len(self._recent) == _SPIKE_WINDOW:
            middle = median(self._recent)
            spread = _SIGMA_OF_MAD * median(abs(value - middle) for value in self._recent)
            spike = abs(pm25 - middle) > max(_SPIKE_LEAST_UG_M3, _SPIKE_SIGMAS * spread)
        self._recent.append(pm25)
        return spike


@dataclass(frozen=True, slots=True)
class _Moment:
    mono_ns: int
    pm25: float


class TwinWatch:
    """Two sensors side by side: where their last minutes differ by more than 5 µg/m³ and 70 %, both are doubted."""

    def __init__(self) -> None:
        self._past: dict[str, deque[_Moment]] = {}

    def judge(self, sensor: str, reading: Reading) -> Reading:
        """``sensor`` names which of the two it came from. Raises ``ValueError`` at a third name."""
        now_ns, pm25 = reading.arrived_mono_ns, pm25_of(reading)
        if now_ns is None or pm25 is None or reading.mark != "N":
            return reading
        if sensor not in self._past and len(self._past) == 2:
            raise ValueError(f"twins are two; {sensor!r} came beside {sorted(self._past)}")
        self._past.setdefault(sensor, deque()).append(_Moment(now_ns, pm25))
        means = []
        for past in self._past.values():
            while past and now_ns - past[0].mono_ns > _TWIN_WINDOW_S * 1e9:
                past.popleft()
            if len(past) >= _TWIN_LEAST_READINGS:
                means.append(fmean(moment.pm25 for moment in past))
        if len(means) < 2:
            return reading
        difference, middle = abs(means[0] - means[1]), fmean(means)
        if difference > _TWIN_DIFFERENCE_UG_M3 and difference > _TWIN_RATIO * middle:
            reason = f"its twin's last minute differs by {difference:.0f} µg/m³ around {middle:.0f}"
            return judged(reading, "disagrees", reason)
        return reading


def aged(reading: Reading, now_mono_ns: int, every_s: float) -> Reading:
    """The last reading as it must be shown now: stale once three more should have followed it."""
    if reading.arrived_mono_ns is None:
        return reading
    age_s = (now_mono_ns - reading.arrived_mono_ns) / 1e9
    limit_s = max(3 * every_s, 5.0)
    return reading if age_s <= limit_s else judged(reading, "stale", f"nothing newer for {age_s:.0f} s")
