"""Weather at a site, as far as it is known. Null means not known, never zero."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weather:
    """Air temperature (°C), relative humidity (%), wind speed (m/s) and where it comes from (degrees, true north)."""

    temp_c: float | None = None
    rh_percent: float | None = None
    wind_speed_m_s: float | None = None
    wind_from_deg: float | None = None

    @property
    def steam_can_be_told(self) -> bool:
        """Whether steam must evaporate within a few plume widths: above -5 °C and below 70 % humidity (DESIGN §2,
        computed in the project's steam table). Unknown weather answers no."""
        return self.temp_c is not None and self.rh_percent is not None and self.temp_c > -5 and self.rh_percent < 70
