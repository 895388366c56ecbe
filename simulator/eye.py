"""One gateway's camera in the night: still picture, switching windows, headlights, plumes, then the image chain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.camera import Sensor, draw_exposure
from simulator.filters import Picture
from simulator.headlights import Headlights
from simulator.night import Night
from simulator.scenery import Face
from simulator.still import take_still
from simulator.street import Roof, Street
from simulator.truth import PlumeTruth, measure
from simulator.veil import DROPLETS, SMOKE, Cloud, Matter, Painter, Veil, source_radiance

#: A plume of this opacity decides whether a chimney's smoke could be seen (see :meth:`Eye.expected_contrast`).
_TYPICAL_OPACITY = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One frame with its truth: ``smoke`` and ``steam`` are None when nothing of the kind comes out anywhere."""

    frame: NDArray[np.uint8]
    smoke: PlumeTruth | None
    steam: PlumeTruth | None


class Eye:
    """Renders one camera. Building it takes seconds (the still picture); a frame takes some hundredths of one."""

    def __init__(self, gateway: str, street: Street, faces: list[Face], fields: list[Picture]) -> None:
        self.gateway, self.camera = gateway, street.cameras[gateway]
        self._street = street
        rng = np.random.default_rng([street.seed, *gateway.encode()])
        self._still = take_still(street, faces, self.camera)
        view = self._still.view
        self._ambient = 0.5 * self._still.sky + 0.5 * float(np.minimum(self._still.light, 1.0).mean())
        self.sensor = Sensor(draw_exposure(self._still.light, rng), self._still.light, fields, rng)
        self._painter = Painter(self.camera, view.depth_m, street.seed)
        self._headlights = Headlights(street, view)
        self._depth = view.depth_m
        self._shake_phase = rng.uniform(0, 6.28, (3, 2))

    def origin_px(self, place: tuple[float, float, float]) -> tuple[float, float]:
        """Where a world point lies in the frame."""
        pixel = self.camera.project(np.array([place]))[0][0]
        return float(pixel[0]), float(pixel[1])

    def shoot(self, night: Night) -> Shot:
        """The frame at the night's present time."""
        picture = self._still.light.copy()
        for number, (box, patch) in self._still.windows:
            share = night.window_share(number, night.t)
            if share:
                picture[box] += share * patch
        self._headlights.add(picture, night)
        steam = self._steam(night, picture)
        smoke = self._smoke(night, picture)
        return Shot(self.sensor.expose(picture, self._shake(night), 1.0), smoke, steam)

    def expected_contrast(self, roof: Roof) -> float:
        """Contrast-to-noise that smoke of 25 % opacity would have above a chimney; 0 where a house hides the mouth.

        Taken over the background that lies behind the first two metres above the mouth.
        """
        mouth = np.array(roof.chimney.mouth)
        places = mouth + np.array([[0.2, 0, 0.3], [-0.3, 0, 0.8], [0, 0.4, 1.3], [0, -0.4, 1.8]])
        pixels, away = self.camera.project(places)
        columns, rows = pixels.astype(int).T
        height, width = self.sensor.level.shape
        if (columns < 20).any() or (columns >= width - 20).any() or (rows < 20).any() or (rows >= height - 20).any():
            return 0.0
        if (self._depth[rows, columns] < away - 0.7).any():
            return 0.0
        source = source_radiance(SMOKE, self._street.lamps, places, np.array(self.camera.place), self._ambient)
        before = self._still.light[rows, columns][None]
        after = before * (1 - _TYPICAL_OPACITY) + _TYPICAL_OPACITY * source[None].astype(np.float32)
        change = np.abs(self.sensor.grey(after) - self.sensor.grey(before)).mean(axis=2)[0]
        return float(np.median(change / self.sensor.level[rows, columns]))

    def smoke_veil(self, night: Night) -> Veil | None:
        """The stove's smoke as this camera sees it now."""
        smoke = night.smoke
        if smoke is None or not len(smoke.age_s):
            return None
        return self._painter.paint(self._cloud(SMOKE, smoke.place, smoke.radii, smoke.load, smoke.texture))

    def _smoke(self, night: Night, picture: Picture) -> PlumeTruth | None:
        if night.smoke is None or night.burner is None or not len(night.smoke.age_s):
            return None
        return self._lay(self.smoke_veil(night), picture, night.burner.chimney.mouth, night.opacity())

    def _steam(self, night: Night, picture: Picture) -> PlumeTruth | None:
        if night.steam is None or night.steamer is None or not len(night.steam.age_s):
            return None
        steam, cross = night.steam, night.steam_cross_m2()
        wet = cross > 0
        if not wet.any():
            return None
        cloud = self._cloud(DROPLETS, steam.place[wet], steam.radii[wet], cross[wet], steam.texture[wet])
        return self._lay(self._painter.paint(cloud), picture, night.steamer.mouth, 0.0)

    def _cloud(self, matter: Matter, place: Picture, radii: Picture, cross: Picture, texture: Picture) -> Cloud:
        source = source_radiance(matter, self._street.lamps, place, np.array(self.camera.place), self._ambient)
        return Cloud(place, radii / np.sqrt(2), cross, source, texture)

    def _lay(
        self, veil: Veil | None, picture: Picture, mouth: tuple[float, float, float], opacity: float
    ) -> PlumeTruth:
        """Measures the plume against what lies behind it, then lays it over that."""
        truth = measure(veil, picture, self.sensor, self.origin_px(mouth), opacity)
        if veil is not None:
            veil.over(picture)
        return truth

    def _shake(self, night: Night) -> tuple[float, float]:
        """A mast in light wind: a third of a pixel, more with gusts."""
        strength = 0.08 * night.wind.speed(night.t)
        swing = np.sin(night.t * np.array([[2.1, 1.7], [5.3, 4.6], [0.4, 0.3]]) + self._shake_phase).sum(axis=0)
        return float(strength * swing[0]), float(0.6 * strength * swing[1])
