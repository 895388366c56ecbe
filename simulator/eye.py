"""One gateway's camera in the night: still picture, switching windows, headlights, plumes, then the image chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp
from typing import Protocol
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from simulator.camera import Sensor, draw_exposure, draw_habits
from simulator.draughts import Regime
from simulator.filters import Picture
from simulator.fluid import Sheet
from simulator.headlights import Car, Headlights
from simulator.lighting import LightType, lighting_of
from simulator.nuisances import Trouble, make_nuisance
from simulator.outlets import Outlet
from simulator.pinhole import Floats
from simulator.plume import Plume
from simulator.scenery import Face
from simulator.still import take_still
from simulator.street import Street
from simulator.truth import PlumeTruth, measure, unseen
from simulator.veil import Veil, veil_of
from simulator.weather import Wind
from smokesentry.weather import Weather

_EXPOSURE_LAG_S = 2.5
_ROWS_READ = 7  # rows whose moment is asked for; those between follow
_REHEARSAL_S, _REHEARSAL_STEP_S, _REHEARSAL_LOOK_S = 12.0, 0.25, 3.0
_REHEARSAL_CELLS, _REHEARSAL_COARSER = (48, 72), 2.5


class Sight(Protocol):
    """What there is to see at a night's present time ``t``."""

    t: float
    wind: Wind
    weather: Weather
    cars: tuple[Car, ...]

    @property
    def outlets(self) -> Sequence[Outlet]:
        """Everything that may let out a plume about now."""
        ...

    @property
    def regime(self) -> Regime:
        """How the air mixes."""
        ...

    def window_share(self, window: int, t: float) -> float:
        """How lit a switchable window is (0-1)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One frame (h, w, 1 or 3 uint8) with its truth: each plume as it shows, and as it would without nuisances."""

    frame: NDArray[np.uint8]
    plumes: tuple[PlumeTruth, ...]
    clear: tuple[PlumeTruth, ...]

    @property
    def smoke(self) -> PlumeTruth | None:
        """The stove's plume; None when nothing has come out of any."""
        return next((plume for plume in self.plumes if plume.source.kind == "stove"), None)

    @property
    def steam(self) -> PlumeTruth | None:
        """The boiler's plume; None when nothing has come out of any."""
        return next((plume for plume in self.plumes if plume.source.kind == "boiler"), None)


class Eye:
    """Renders one camera. Building it takes seconds (the still picture); a frame takes some hundredths of one."""

    def __init__(
        self, gateway: str, street: Street, faces: list[Face], fields: list[Picture], nuisances: Sequence[str] = (),
        size: tuple[int, int] | None = None, light: LightType = "lamps", colour: bool = True, fps: float = 2.0,
    ) -> None:  # fmt: skip
        camera = street.cameras[gateway]
        self.gateway, self.camera = gateway, camera if size is None else replace(camera, size=size)
        rng = np.random.default_rng([street.seed, *gateway.encode()])
        self.lighting = lighting_of(light, street, camera)
        self.still = take_still(street, faces, self.camera, self.lighting, colour and light != "infrared")
        bright = self.still.light
        self._ambient = 0.5 * self.lighting.sky + 0.5 * float(np.minimum(bright, 1.0).mean())
        exposure = draw_exposure(bright, rng)
        # a smaller frame's pixels collect the light of several
        exposure = replace(exposure, electrons=exposure.electrons / self.still.scale**2)
        self._shake_phase = rng.uniform(0, 6.28, (3, 2))
        self.sensor = Sensor(exposure, bright, fields, rng, draw_habits(rng), fps)
        self._headlights = Headlights(street, faces, self.still.view)
        self.nuisances: list[Trouble] = [make_nuisance(name, self.still, street.seed) for name in nuisances]
        self._usual = float(np.minimum(bright[::16, ::16].mean(axis=2), 2 * exposure.white).mean())
        self._gain, self._exposed_at = 1.0, 0.0
        self._base, self._shares = bright, tuple[float, ...]()
        self._plumes: dict[Outlet, Plume] = {}

    def origin_px(self, place: tuple[float, float, float]) -> tuple[float, float]:
        """Where a world point lies in the frame."""
        pixel = self.camera.project(np.array([place]))[0][0]
        return float(pixel[0]), float(pixel[1])

    def shoot(self, night: Sight) -> Shot:
        """The frame at the night's present time."""
        self._switch(tuple(night.window_share(number, night.t) for number, _ in self.still.windows))
        picture = self._base.copy()
        driven = self._headlights.add(picture, night.cars, night.t)
        laid = self._lay(night, picture)
        without = picture.copy() if laid and self.nuisances else None
        changes = []
        for outlet, veil in laid:
            before = picture[veil.box].copy() if veil is not None else None
            if veil is not None:
                veil.over(picture[veil.box])
            changes.append((outlet, veil, before, None if veil is None else picture[veil.box].copy()))
        clear = tuple(self._measured(night.t, *change) for change in changes)
        seen = clear
        clean = picture if without is None else picture.copy()
        for nuisance in self.nuisances:
            nuisance.change(picture, night.t)
            if without is not None:
                nuisance.change(without, night.t)
        if without is not None:
            seen = tuple(self._measured(night.t, *_through(change, clean, without, picture)) for change in changes)
        gain = float(np.prod([nuisance.gain(night.t) for nuisance in self.nuisances]))
        gain *= self._exposed(picture, night.t)
        touched = [veil.box for _, veil in laid if veil is not None]
        base = None if driven or self.nuisances else self._base
        return Shot(self.sensor.expose(picture, self._shifts_px(night), gain, base, touched), seen, clear)

    def _switch(self, shares: tuple[float, ...]) -> None:
        """The still street with its windows as they are lit now."""
        if shares == self._shares:
            return
        self._shares, self._base = shares, self.still.light.copy()
        for (_, (box, patch)), share in zip(self.still.windows, shares, strict=True):
            if share:
                self._base[box] += share * patch

    def rehearse(self, outlet: Outlet, wind: Wind, opacity: float) -> float:
        """Contrast-to-noise near the mouth that smoke of ``opacity`` would have here on the average of some seconds.

        A coarse fluid against the still street; nothing is rendered.
        """
        plume = Plume(outlet, self.camera, 0)
        cell = plume.cell_m(outlet.mouth) * _REHEARSAL_COARSER
        sheet = Sheet(outlet.mouth, self.camera.place, wind, Regime(), cell, _REHEARSAL_CELLS)
        contrasts, t = [], 0.0
        while t < _REHEARSAL_S:
            sheet.step(t, _REHEARSAL_STEP_S, outlet.gas_m3_s(t), outlet.extinction_m2_s(t))
            t += _REHEARSAL_STEP_S
            if t % _REHEARSAL_LOOK_S == 0:
                veil = self._veil(outlet, sheet, sheet.stuff[..., 1])
                before = None if veil is None else self.still.light[veil.box]
                after = None if before is None else before.copy()
                if veil is not None and after is not None:
                    veil.over(after)
                contrasts.append(self._measured(t, outlet, veil, before, after, opacity).contrast_to_noise)
        return float(np.mean(contrasts))

    def smoke_veil(self, night: Sight, outlet: Outlet) -> Veil | None:
        """One plume as this camera sees it now; None where there is nothing to be seen."""
        if outlet not in self._plumes:
            named = f"{outlet.source.rooftop} {outlet.source.kind} {self.gateway}"
            self._plumes[outlet] = Plume(outlet, self.camera, crc32(named.encode()))
        plume = self._plumes[outlet]
        plume.to(night.t, night.wind, night.regime, night.weather)
        if plume.sheet is None:
            return None
        return self._veil(outlet, plume.sheet, plume.optical_depth(night.weather))

    def _veil(self, outlet: Outlet, sheet: Sheet, depth: Picture) -> Veil | None:
        scene, lamps = self.still.view.depth_m, self.lighting.all_lamps
        return veil_of(sheet, depth, outlet.matter, self.camera, scene, lamps, self._ambient)

    def _lay(self, night: Sight, picture: Picture) -> list[tuple[Outlet, Veil | None]]:
        """Veils of all that has come out, the farthest first."""
        for gone in set(self._plumes) - set(night.outlets):
            del self._plumes[gone]
        eye = np.array(self.camera.place)
        found = []
        for outlet in night.outlets:
            if not self._could_show(outlet, night.t):
                continue
            veil = self.smoke_veil(night, outlet)
            if self._plumes[outlet].sheet is not None:
                found.append((float(np.linalg.norm(np.array(outlet.mouth.place) - eye)), outlet, veil))
        return [(outlet, veil) for _, outlet, veil in sorted(found, key=lambda item: -item[0])]

    def _could_show(self, outlet: Outlet, t: float) -> bool:
        """Whether a plume's mouth lies in the frame or less than half a frame beside it."""
        pixels, away = self.camera.project(np.array([outlet.mouth.place if outlet.where is None else outlet.where(t)]))
        beside = np.abs(pixels[0] / self.camera.size - 0.5)
        return bool(away[0] > 3 and beside.max() < 1)

    def _measured(
        self, t: float, outlet: Outlet, veil: Veil | None, before: Picture | None, after: Picture | None,
        opacity: float | None = None,
    ) -> PlumeTruth:  # fmt: skip
        place = outlet.mouth.place if outlet.where is None else outlet.where(t)
        origin, stated = self.origin_px(place), outlet.opacity(t) if opacity is None else opacity
        if veil is None or before is None or after is None:
            return unseen(origin, stated, outlet.source)
        grey = [part[..., 0] if part.shape[2] == 1 else part.mean(axis=2) for part in (before, after)]
        return measure(veil, grey[0], grey[1], self.sensor, origin, stated, outlet.source)

    def _exposed(self, picture: Picture, t: float) -> float:
        """Automatic exposure: answers what is brighter than the still street, partly and within some seconds."""
        mean = float(np.minimum(picture[::16, ::16].mean(axis=2), 2 * self.sensor.exposure.white).mean())
        wanted = (self._usual / mean) ** 0.5
        self._gain += (wanted - self._gain) * (1 - exp(-max(t - self._exposed_at, 0.0) / _EXPOSURE_LAG_S))
        self._exposed_at = t
        return self._gain

    def _shifts_px(self, night: Sight) -> Floats:
        """Shifts (n, 2) of rows from the first to the last, each at the moment at which the shutter reads it."""
        moments = night.t + np.linspace(0, self.sensor.habits.readout_s, _ROWS_READ)
        moved = [[nuisance.shift_px(t) for nuisance in self.nuisances] for t in moments]
        return np.array([self._shake(night, t) + np.sum(by, axis=0) for t, by in zip(moments, moved, strict=True)])

    def _shake(self, night: Sight, t: float) -> Floats:
        """A mast in light wind: a third of a pixel, more with gusts."""
        strength = 0.08 * night.wind.speed(night.t) * self.still.scale
        swing = np.sin(t * np.array([[2.1, 1.7], [5.3, 4.6], [0.4, 0.3]]) + self._shake_phase).sum(axis=0)
        return np.asarray(strength * swing * (1.0, 0.6))


_Change = tuple[Outlet, Veil | None, Picture | None, Picture | None]


def _through(change: _Change, clean: Picture, without: Picture, shown: Picture) -> _Change:
    """What nuisances leave of a plume's change: ``clean`` and ``shown`` are the picture with all plumes, before and
    after the nuisances; ``without`` is the picture without plumes, after them."""
    outlet, veil, before, after = change
    if veil is None or before is None or after is None:
        return change
    box = veil.box
    all_plumes = clean[box] - before
    left = np.divide(shown[box] - without[box], all_plumes, out=np.zeros_like(before), where=np.abs(all_plumes) > 1e-6)
    return outlet, veil, without[box], without[box] + (after - before) * np.clip(left, 0, 1)
