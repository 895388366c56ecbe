"""One gateway's camera in the night: still picture, switching windows, headlights, plumes, then the image chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp

import numpy as np
from numpy.typing import NDArray

from simulator.camera import Sensor, draw_exposure
from simulator.filters import Picture
from simulator.headlights import Headlights
from simulator.night import Night
from simulator.nuisances import NUISANCES
from simulator.pinhole import Floats
from simulator.puffs import Puffs
from simulator.scenery import Face
from simulator.still import take_still
from simulator.street import Street
from simulator.truth import PlumeTruth, measure, unseen
from simulator.veil import DROPLETS, SMOKE, Cloud, Matter, Painter, Veil, source_radiance

_EXPOSURE_LAG_S = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One frame with its truth: ``smoke`` and ``steam`` are None when nothing of the kind comes out anywhere."""

    frame: NDArray[np.uint8]
    smoke: PlumeTruth | None
    steam: PlumeTruth | None


class Eye:
    """Renders one camera. Building it takes seconds (the still picture); a frame takes some hundredths of one."""

    def __init__(
        self,
        gateway: str,
        street: Street,
        faces: list[Face],
        fields: list[Picture],
        nuisances: Sequence[str],
        size: tuple[int, int] | None = None,
    ) -> None:
        camera = street.cameras[gateway]
        self.gateway, self.camera = gateway, camera if size is None else replace(camera, size=size)
        self._street = street
        rng = np.random.default_rng([street.seed, *gateway.encode()])
        self._still = take_still(street, faces, self.camera)
        view = self._still.view
        self._ambient = 0.5 * self._still.sky + 0.5 * float(np.minimum(self._still.light, 1.0).mean())
        self.sensor = Sensor(draw_exposure(self._still.light, rng), self._still.light, fields, rng)
        self._painter = Painter(self.camera, view.depth_m, street.seed)
        self._headlights = Headlights(street, faces, view)
        self._nuisances = [NUISANCES[name](self._still, street.seed) for name in nuisances]
        self._usual = float(np.minimum(self._still.light[::16, ::16, 1], 2 * self.sensor.exposure.white).mean())
        self._gain, self._exposed_at = 1.0, 0.0
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
        steam = self._lay_steam(night, picture)
        smoke = self._lay_smoke(night, picture)
        for nuisance in self._nuisances:
            nuisance.change(picture, night.t)
        gain = float(np.prod([nuisance.gain(night.t) for nuisance in self._nuisances]))
        shift = self._shake(night) + sum(np.array(nuisance.shift_px(night.t)) for nuisance in self._nuisances)
        return Shot(
            self.sensor.expose(picture, (shift[0], shift[1]), gain * self._exposed(picture, night.t)), smoke, steam
        )

    def _exposed(self, picture: Picture, t: float) -> float:
        """Automatic exposure: answers what is brighter than the still street, partly and within some seconds."""
        mean = float(np.minimum(picture[::16, ::16, 1], 2 * self.sensor.exposure.white).mean())
        wanted = (self._usual / mean) ** 0.5
        self._gain += (wanted - self._gain) * (1 - exp(-max(t - self._exposed_at, 0.0) / _EXPOSURE_LAG_S))
        self._exposed_at = t
        return self._gain

    def judge_smoke(self, smoke: Puffs, opacity: float) -> PlumeTruth:
        """How well smoke can be seen against the still street, as :class:`PlumeTruth`; nothing is rendered."""
        veil, origin = self._paint_smoke(smoke), self.origin_px(smoke.mouth)
        if veil is None:
            return unseen(origin, opacity)
        before = self._still.light[veil.box]
        after = before.copy()
        veil.over(after)
        return measure(veil, before[..., 1], after[..., 1], self.sensor, origin, opacity)

    def smoke_veil(self, night: Night) -> Veil | None:
        """The stove's smoke as this camera sees it now."""
        return None if night.smoke is None else self._paint_smoke(night.smoke)

    def _paint_smoke(self, smoke: Puffs) -> Veil | None:
        if not len(smoke.age_s):
            return None
        return self._painter.paint(self._cloud(SMOKE, smoke.place, smoke.radii, smoke.load, smoke.texture))

    def _lay_smoke(self, night: Night, picture: Picture) -> PlumeTruth | None:
        if night.smoke is None or not len(night.smoke.age_s):
            return None
        return self._lay(self.smoke_veil(night), picture, night.t, self.origin_px(night.smoke.mouth), night.opacity())

    def _lay_steam(self, night: Night, picture: Picture) -> PlumeTruth | None:
        if night.steam is None or not len(night.steam.age_s):
            return None
        steam, cross = night.steam, night.steam_cross_m2()
        wet = cross > 0
        if not wet.any():
            return None
        cloud = self._cloud(DROPLETS, steam.place[wet], steam.radii[wet], cross[wet], steam.texture[wet])
        return self._lay(self._painter.paint(cloud), picture, night.t, self.origin_px(steam.mouth), 0.0)

    def _cloud(self, matter: Matter, place: Picture, radii: Picture, cross: Picture, texture: Picture) -> Cloud:
        source = source_radiance(matter, self._street.lamps, place, np.array(self.camera.place), self._ambient)
        return Cloud(place, radii / np.sqrt(2), cross, source, texture)

    def _lay(
        self, veil: Veil | None, picture: Picture, t: float, origin: tuple[float, float], opacity: float
    ) -> PlumeTruth:
        """Lays a plume over the picture and measures what that changed."""
        if veil is None:
            return unseen(origin, opacity)
        before = self._through(picture, veil, t)
        veil.over(picture[veil.box])
        return measure(veil, before, self._through(picture, veil, t), self.sensor, origin, opacity)

    def _through(self, picture: Picture, veil: Veil, t: float) -> Picture:
        """A copy of the veil's box as it looks through all nuisances; green stands for brightness."""
        if self._nuisances:
            picture = picture.copy()
            for nuisance in self._nuisances:
                nuisance.change(picture, t)
        return np.array(picture[veil.box][..., 1])

    def _shake(self, night: Night) -> Floats:
        """A mast in light wind: a third of a pixel, more with gusts."""
        strength = 0.08 * night.wind.speed(night.t)
        swing = np.sin(night.t * np.array([[2.1, 1.7], [5.3, 4.6], [0.4, 0.3]]) + self._shake_phase).sum(axis=0)
        return np.asarray(strength * swing * (1.0, 0.6))
