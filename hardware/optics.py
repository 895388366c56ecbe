"""Can this lens judge that chimney? Pixels across, light on the sensor, and the plume's signal over its noise.

Plain physics: a thin lens far from its subject, a scene that shines evenly, photon noise and read noise. It compares
lenses and finds what is hopeless; it does not promise a detection.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan, degrees, pi, sqrt

#: Photons a second and square metre in one lux of green light (555 nm): 1 lm is 1/683 W, a photon carries 3.58e-19 J.
PHOTONS_PER_LUX = 4.09e15


@dataclass(frozen=True, slots=True)
class Camera:
    """Sensor and lens. ``width_px`` are used pixels across, ``pixel_um`` their pitch, ``quantum_efficiency`` 0 to 1."""

    name: str
    width_px: int
    pixel_um: float
    focal_mm: float
    f_number: float
    quantum_efficiency: float = 0.6
    read_noise_e: float = 1.5
    transmission: float = 0.85  # of lens and window

    @property
    def hfov_deg(self) -> float:
        """Horizontal field of view."""
        return degrees(2 * atan(self.width_px * self.pixel_um / 1000 / (2 * self.focal_mm)))

    def pixels_per_m(self, distance_m: float) -> float:
        """Sensor pixels on one metre across the line of sight."""
        return self.focal_mm * 1000 / (self.pixel_um * distance_m)

    def electrons(self, luminance_cd_m2: float, exposure_s: float) -> float:
        """Photoelectrons in one pixel that looks at an evenly shining surface."""
        lux = pi * luminance_cd_m2 * self.transmission / (4 * self.f_number**2)
        return lux * PHOTONS_PER_LUX * (self.pixel_um * 1e-6) ** 2 * exposure_s * self.quantum_efficiency


def plume_snr(
    camera: Camera,
    distance_m: float,
    *,
    opacity: float,
    luminance_cd_m2: float,
    exposure_s: float,
    frames: int,
    width_m: float,
    height_m: float,
) -> float:
    """Signal to noise of a plume against a background of the given luminance, averaged over its area and some frames.

    The plume is taken as darker than the background by ``opacity`` (0 to 1); one lit by a lamp differs by more. The
    frames are compared with as many without the plume, which doubles the noise power.
    """
    electrons = camera.electrons(luminance_cd_m2, exposure_s)
    pixels = width_m * height_m * camera.pixels_per_m(distance_m) ** 2
    noise = sqrt(2 * (electrons + camera.read_noise_e**2))
    return opacity * electrons * sqrt(pixels * frames) / noise


#: Lenses that the bill of materials allows, and one that it does not (a common f/2.0 camera with small pixels).
CAMERAS = (
    Camera("IMX585, 12 mm f/1.0", 3840, 2.9, 12.0, 1.0),
    Camera("IMX585, 12 mm f/1.6", 3840, 2.9, 12.0, 1.6),
    Camera("IMX462, 6 mm f/1.0", 1920, 2.9, 6.0, 1.0),
    Camera("IMX462, 6 mm f/1.6", 1920, 2.9, 6.0, 1.6),
    Camera("IMX462, 8 mm f/1.2", 1920, 2.9, 8.0, 1.2),
    Camera('plain 1/4" 1.4 µm, 3 mm f/2.0', 2592, 1.4, 3.0, 2.0, read_noise_e=3.0),
)
DISTANCES_M = (50, 100, 200, 300)
DETECTOR_WIDTH_PX = 1280  # the gateway looks at 1280 x 720


def table() -> str:
    """The Markdown table of docs/hardware.md: view, detector pixels across a plume of 0.5 m, light, signal to noise."""
    across_heads = [f"plume at {d} m" for d in DISTANCES_M]
    head = ["camera and lens", "view", *across_heads, "e⁻ a pixel", "SNR at 100 m", "SNR at 200 m"]
    rows = [head, ["---"] * len(head)]
    for camera in CAMERAS:
        scale = min(1.0, DETECTOR_WIDTH_PX / camera.width_px)
        snr = [f"{_dim_snr(camera, d):.1f}" for d in (100, 200)]
        across = [f"{0.5 * camera.pixels_per_m(d) * scale:.1f} px" for d in DISTANCES_M]
        light = f"{camera.electrons(0.02, 0.25):.0f}"
        rows.append([camera.name, f"{camera.hfov_deg:.0f}°", *across, light, *snr])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def _dim_snr(camera: Camera, distance_m: float) -> float:
    """The hard case: 3 % opacity before a moonless village sky (0.02 cd/m²), exposure 1/4 s, four frames averaged."""
    return plume_snr(
        camera, distance_m, opacity=0.03, luminance_cd_m2=0.02, exposure_s=0.25, frames=4, width_m=0.5, height_m=1.0
    )
