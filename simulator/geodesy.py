"""Local metres (east, north) around an origin to WGS-84 and back, good to centimetres within a kilometre."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, degrees, radians, sin, sqrt

_A_M, _E2 = 6378137.0, 6.69437999014e-3  # WGS-84 ellipsoid


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the street's (0, 0) lies; ``lat`` and ``lon`` in WGS-84 degrees."""

    lat: float
    lon: float

    def _metres_per_radian(self) -> tuple[float, float]:
        curve = 1 - _E2 * sin(radians(self.lat)) ** 2
        meridian = _A_M * (1 - _E2) / (curve * sqrt(curve))
        parallel = _A_M / sqrt(curve) * cos(radians(self.lat))
        return parallel, meridian

    def lon_lat(self, east_m: float, north_m: float) -> tuple[float, float]:
        """Longitude, latitude of a local point, rounded to 1e-8 degrees (a millimetre)."""
        parallel, meridian = self._metres_per_radian()
        return round(self.lon + degrees(east_m / parallel), 8), round(self.lat + degrees(north_m / meridian), 8)

    def metres(self, lon: float, lat: float) -> tuple[float, float]:
        """The inverse of :meth:`lon_lat`."""
        parallel, meridian = self._metres_per_radian()
        return radians(lon - self.lon) * parallel, radians(lat - self.lat) * meridian
