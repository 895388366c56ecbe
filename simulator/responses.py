"""How each sensor model answers to the air: lag, noise, spread between units, humidity, ceiling, what it cannot see.

Ranges and accuracies are the data sheets' as the domain's sheet of wire formats has them; an accuracy is taken for
twice the spread between units. Noise and lag are orders of magnitude, not measured. Effect of humidity: κ-Köhler with κ
about 0.3 (QC sheet), and droplets of fog counted as particles (Jayaratne 2018, same sheet).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simulator.atmosphere import Breath


@dataclass(frozen=True, slots=True)
class Response:
    """What is common to a family's units.

    ``spread``: relative standard deviation of gain between units. ``offset``: the same of the zero, in the quantity's
    unit. ``noise`` and ``noise_share``: of one reading, absolute and relative. ``lag_s``: time constant. ``kappa``:
    growth of particles with humidity as this optics sees it; 0 where it does not see particles.
    """

    measures: frozenset[str]
    lag_s: float
    spread: float
    offset: float
    noise: float
    noise_share: float
    ceiling: float
    kappa: float = 0.0
    sees_coarse: float = 0.0  # how much of the truly coarse mass PM10 shows: these optics extrapolate from fine


_DUST = frozenset({"pm"})
RESPONSES: Mapping[str, Response] = {
    "plantower": Response(_DUST, 8.0, 0.07, 1.5, 0.5, 0.02, 1000.0, 0.3, 0.1),
    "plantower_climate": Response(_DUST | {"temp", "rh"}, 8.0, 0.07, 1.5, 0.5, 0.02, 1000.0, 0.3, 0.1),
    "nova": Response(_DUST, 10.0, 0.08, 1.5, 0.4, 0.03, 999.9, 0.4, 0.4),
    "sensirion": Response(_DUST, 4.0, 0.05, 1.0, 0.2, 0.015, 1000.0, 0.2, 0.1),
    "honeywell": Response(_DUST, 6.0, 0.08, 3.0, 0.8, 0.03, 1000.0, 0.3, 0.1),
    "winsen": Response(_DUST, 10.0, 0.08, 3.0, 1.0, 0.03, 1000.0, 0.35, 0.1),
    "cubic_led": Response(_DUST, 20.0, 0.15, 5.0, 2.5, 0.06, 1000.0, 0.35, 0.1),
    "cubic": Response(_DUST, 8.0, 0.07, 3.0, 0.8, 0.02, 1000.0, 0.3, 0.1),
    "co": Response(frozenset({"co"}), 60.0, 0.1, 0.3, 0.08, 0.02, 500.0),
    "co2": Response(frozenset({"co2"}), 60.0, 0.03, 25.0, 4.0, 0.005, 5000.0),
    "climate": Response(frozenset({"temp", "rh"}), 30.0, 0.0, 0.4, 0.08, 0.0, 100.0),
    "wind_speed": Response(frozenset({"speed"}), 2.0, 0.03, 0.1, 0.08, 0.02, 40.0),
    "wind_vane": Response(frozenset({"direction"}), 2.0, 0.0, 0.0, 0.0, 0.0, 360.0),
    "station": Response(frozenset({"speed", "direction"}), 2.0, 0.04, 0.1, 0.1, 0.02, 40.0),
}
#: Vane and cups need this much wind; below it the vane points anywhere.
STARTS_AT_M_S = 0.4
_CO_PPM_A_MG_M3 = 24.45 / 28.01
_DRY_RH = 35.0  # at which the maker's calibration was


def response_of(model: str) -> Response:
    """The response of a configured model. Raises ``ValueError`` for a model whose readings the simulator cannot make
    (SDS198 counts coarse dust only, bare registers have no meaning)."""
    folded = model.upper().split("@")[0]
    for beginnings, family in _FAMILIES:
        if folded.startswith(beginnings):
            return RESPONSES[family]
    known = ", ".join(sorted(name for beginnings, _ in _FAMILIES for name in beginnings))
    raise ValueError(f"the simulator has no response for sensor model {model!r}; it has those beginning with: {known}")


_FAMILIES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("PMS5003T", "PMS5003ST"), "plantower_climate"),
    (("PMS", "PMX"), "plantower"),
    (("SDS01", "SDS021"), "nova"),
    (("SPS30",), "sensirion"),
    (("HPMA115",), "honeywell"),
    (("ZH0",), "winsen"),
    (("PM1006",), "cubic_led"),
    (("PM2007", "PM2008"), "cubic"),
    (("ZE07", "ZE15"), "co"),
    (("MHZ19",), "co2"),
    (("MCU680", "RS-WS", "SRTH", "KINCONY", "XY-MD02", "MODBUS-TEMP"), "climate"),
    (("RS-FS", "PR-3000-FSJT", "SEN0483", "ADTEK"), "wind_speed"),
    (("RS-FX", "SEN0482"), "wind_vane"),
    (("SEN0657",), "station"),
)


def growth(rh_percent: float, kappa: float) -> float:
    """How much more mass wet particles seem to have than at calibration (κ-Köhler; humidity capped at 97 %)."""

    def wet(rh: float) -> float:
        return 1 + kappa / 1.65 / (100 / rh - 1)

    return wet(min(max(rh_percent, 5.0), 97.0)) / wet(_DRY_RH)


def droplets(visibility_m: float) -> tuple[float, float]:
    """By how much fog lifts PM2.5 and PM10 of such optics: +28 % and +46 % in the fogs that Jayaratne met."""
    thick = float(np.clip((1000 - visibility_m) / 800, 0, 1))
    return 1 + 0.28 * thick, 1 + 0.46 * thick


def sensed(response: Response, breath: Breath, index: int) -> dict[str, float]:
    """What a faultless unit of this family would settle at in the air of ``breath`` at ``index``."""
    rh, found = float(breath.rh_percent[index]), {}
    if "pm" in response.measures:
        fine_fog, coarse_fog = droplets(float(breath.visibility_m[index]))
        wet = growth(rh, response.kappa)
        fine = float(breath.pm25_ug_m3[index])
        coarse = float(breath.pm10_ug_m3[index]) - fine
        found["pm25"] = fine * wet * fine_fog
        # what it shows as PM10 follows the fine particles; of truly coarse dust it sees a part
        seen_coarse = 0.18 * fine * (1 - response.sees_coarse) + response.sees_coarse * coarse
        found["pm10"] = (found["pm25"] + seen_coarse * wet) * coarse_fog / fine_fog
    if "co" in response.measures:
        found["co"] = float(breath.co_mg_m3[index]) * _CO_PPM_A_MG_M3
    if "co2" in response.measures:
        found["co2"] = 425.0 + 20 * float(breath.co_mg_m3[index])
    if "temp" in response.measures:
        found |= {"temp": float(breath.temp_c[index]), "rh": rh}
    if "speed" in response.measures:
        found["speed"] = float(breath.wind_speed_m_s[index])
    if "direction" in response.measures:
        found["direction"] = float(breath.wind_from_deg[index])
    return found
