"""How bright things are by night (cd/m²): lamps with shadows, sky glow, haze.

Argument: a street lamp of some 3000 lm gives 10-20 lux below it, so asphalt shows about 0.5 cd/m² and a lit wall more;
the sky over a lit town in winter haze is 0.02-0.05 cd/m²; unlit roofs reflect that sky and stray lamp light only.
Surfaces are Lambertian, lamps are points, houses cast shadows as their bounding boxes, air adds a little haze.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.filters import Picture, blur
from simulator.lighting import Lighting
from simulator.pinhole import Floats, Pinhole
from simulator.raster import GROUND, SKY, Samples
from simulator.scenery import Face
from simulator.street import Lamp, Roof, Street

_REACH_M = 45.0  # beyond this a lamp adds less than 0.02 lux to a surface
_LEAST_LUX = 0.012
_HAZE_PER_M = 1 / 1800.0
_MOON_SHADOWS_M = 200.0
_OWN_BEAM = 0.16  # 1 - cosine at which the illuminator has fallen to a third: some 33 degrees
_WINDOW_INFRARED = 0.5
_GREYNESS = 0.55  # how much night colour the camera takes away
_ROUGHNESS = {"wall": 0.12, "roof": 0.3, "brick": 0.25, "glass": 0.0, "block": 0.05, "pole": 0.0}
_GROUND_ALBEDO, _GROUND_ROUGHNESS, _PAVED_ALBEDO, _PAVED_HALF_M = 0.14, 0.15, 0.2, 2.1


def tint(colour: tuple[float, float, float]) -> Floats:
    """A lamp's colour as the camera shows it, blue first: mostly grey, one unit of luminance."""
    bgr = np.array(colour[::-1], dtype=np.float32)
    bgr = _GREYNESS + (1 - _GREYNESS) * bgr / bgr.mean()
    return np.asarray(bgr / bgr.mean())


def lamp_candela(lamp: Lamp, down: Floats) -> Floats:
    """Intensity towards directions whose downward cosine is ``down``: a wide beam plus stray light all round."""
    return np.asarray(lamp.candela * (lamp.spill + (1 - lamp.spill) * np.clip(down, 0, None) ** 0.6))


@dataclass(frozen=True, slots=True, eq=False)
class Surfaces:
    """The look of all faces; SKY and GROUND are the last two entries, so that their negative numbers index them."""

    albedo: Picture
    roughness: Picture
    normal: Picture
    glow: Picture  # what windows that never switch emit, blue first
    texture: Picture  # (512, 512) unit noise

    @classmethod
    def of(cls, faces: list[Face], rng: np.random.Generator) -> Surfaces:
        """Collects the faces and draws a texture."""
        texture = blur(rng.standard_normal((512, 512), np.float32), 1.2)
        texture += 2.5 * blur(rng.standard_normal((512, 512), np.float32), 8)
        nothing = (0.0, 0.0, 0.0)
        glow = [nothing if face.window is not None else face.glow[::-1] for face in faces]
        return cls(
            np.array([*(face.albedo for face in faces), 0.0, _GROUND_ALBEDO], np.float32),
            np.array([*(_ROUGHNESS[face.surface] for face in faces), 0.0, _GROUND_ROUGHNESS], np.float32),
            np.array([*(face.normal for face in faces), nothing, (0, 0, 1)], np.float32),
            np.array([*glow, nothing, nothing], np.float32),
            texture / np.float32(texture.std()),
        )


def shade(street: Street, surfaces: Surfaces, samples: Samples, lighting: Lighting, camera: Pinhole) -> Picture:
    """Luminance (n, 3), blue first, of each sample as the camera meets it, haze included; no lens, no bulbs."""
    sky = lighting.sky
    albedo, normal = _albedo(street, surfaces, samples), surfaces.normal[samples.face].T
    light = np.asarray((albedo * 0.5 * sky * (1.2 + normal[2]))[:, None] * np.ones(3), np.float32)
    for lamp in lighting.lamps:
        _add_lamp(light, lamp, street.roofs, samples, albedo, normal)
    if lighting.moon is not None:
        _add_moon(light, lighting.moon, street.roofs, samples, albedo, normal)
    if lighting.own is not None:
        _add_own(light, lighting.own, camera, samples, albedo, normal)
    light += surfaces.glow[samples.face] * np.float32(_WINDOW_INFRARED if lighting.own is not None else 1.0)
    clear = np.exp(-np.minimum(samples.depth_m, 2000.0) * _HAZE_PER_M)[:, None]
    light = np.asarray(light * clear + sky * 0.9 * (1 - clear), np.float32)
    above = samples.face == SKY
    glow = sky * (0.45 + 0.55 * np.exp(-np.clip(samples.rise[above], 0, 1) / 0.12))
    light[above] = glow[:, None] * np.array([1.0, 0.99, 1.01], np.float32)
    return np.asarray(light, np.float32)


def _add_moon(
    light: Picture, moon: Lamp, roofs: tuple[Roof, ...], samples: Samples, albedo: Picture, normal: Picture
) -> None:
    towards = np.array(moon.place) / np.linalg.norm(moon.place)
    lux = moon.candela / float(np.square(moon.place).sum()) * np.clip(towards @ normal, 0, None)
    faced = np.nonzero((lux > 0) & (samples.face != SKY) & (samples.depth_m < _MOON_SHADOWS_M))[0]
    points = samples.place[:, faced] + 0.06 * normal[:, faced]
    lux[faced[shadowed(points.astype(np.float32), moon.place, roofs)]] = 0
    lux[samples.face == SKY] = 0
    light += (albedo * lux / np.pi).astype(np.float32)[:, None]


def _add_own(light: Picture, own: Lamp, camera: Pinhole, samples: Samples, albedo: Picture, normal: Picture) -> None:
    """The camera's illuminator: it stands beside the lens, so that what the camera sees has no shadow."""
    to = np.asarray(samples.place - np.array(own.place, np.float32)[:, None])
    away = np.maximum(np.sqrt((to**2).sum(axis=0)), 1.0)
    beam = np.exp(((camera.axes[2] @ to / away).clip(-1, 1) - 1) / _OWN_BEAM)
    cosine = np.clip(-(to * normal).sum(axis=0) / away, 0, None)
    lux = np.where(samples.face == SKY, 0.0, own.candela * beam * cosine / away**2)
    light += (albedo * lux / np.pi).astype(np.float32)[:, None]


def _albedo(street: Street, surfaces: Surfaces, samples: Samples) -> Picture:
    x, y, z = samples.place
    rows = (np.int32(6 * (y + 0.3 * x)) + np.int32(6 * z)) % 512
    columns = (np.int32(6 * (x - 0.3 * y)) - np.int32(3 * z)) % 512
    texture = surfaces.texture[rows, columns]
    albedo = surfaces.albedo[samples.face] * np.clip(1 + surfaces.roughness[samples.face] * texture, 0.3, 2.0)
    cosine, sine = np.float32(np.cos(street.turn_rad)), np.float32(np.sin(street.turn_rad))
    across, along = y * cosine - x * sine, x * cosine + y * sine
    paved = np.zeros(len(x), bool)
    for alley in street.alleys_m:
        paved |= np.abs(across - alley) < _PAVED_HALF_M
    paved &= (samples.face == GROUND) & (np.abs(along) < street.half_length_m + 40)
    albedo[paved] = _PAVED_ALBEDO * (1 + 0.05 * texture[paved])
    return np.asarray(albedo, np.float32)


def _add_lamp(
    light: Picture, lamp: Lamp, roofs: tuple[Roof, ...], samples: Samples, albedo: Picture, normal: Picture
) -> None:
    x, y, z = samples.place
    east, north, up = (np.float32(value) for value in lamp.place)
    near = np.nonzero((np.abs(x - east) < _REACH_M) & (np.abs(y - north) < _REACH_M) & (samples.face != SKY))[0]
    to = np.stack([east - x[near], north - y[near], up - z[near]])
    squared = np.maximum(to[0] ** 2 + to[1] ** 2 + to[2] ** 2, 0.05)
    reach = np.sqrt(squared)
    facing = normal[:, near]
    cosine = (to[0] * facing[0] + to[1] * facing[1] + to[2] * facing[2]) / reach
    lux = lamp_candela(lamp, to[2] / reach) * np.clip(cosine, 0, None) / squared
    bright = lux > _LEAST_LUX
    near, lux = near[bright], lux[bright]
    points = np.array(lamp.place, np.float32)[:, None] - to[:, bright] + 0.06 * facing[:, bright]
    houses = [roof for roof in roofs if np.hypot(roof.centre[0] - east, roof.centre[1] - north) < _REACH_M]
    lux[shadowed(points, lamp.place, houses)] = 0
    light[near] += (albedo[near] * lux / np.pi)[:, None] * tint(lamp.colour)


def shadowed(points: Picture, lamp: tuple[float, float, float], roofs: Sequence[Roof]) -> NDArray[np.bool_]:
    """Whether a house's walls stand between each point (3, n) and the lamp (slab test in the house's own axes)."""
    dark = np.zeros(points.shape[1], bool)
    for roof in roofs:
        cosine, sine = np.float32(np.cos(roof.turn_rad)), np.float32(np.sin(roof.turn_rad))
        enter, leave = np.zeros(len(dark), np.float32), np.ones(len(dark), np.float32)
        x, y = points[0] - np.float32(roof.centre[0]), points[1] - np.float32(roof.centre[1])
        lamp_x, lamp_y = lamp[0] - roof.centre[0], lamp[1] - roof.centre[1]
        slabs = (
            (cosine * x + sine * y, cosine * lamp_x + sine * lamp_y, roof.width_m / 2),
            (cosine * y - sine * x, cosine * lamp_y - sine * lamp_x, roof.depth_m / 2),
            (points[2] - np.float32(roof.eave_m / 2), lamp[2] - roof.eave_m / 2, roof.eave_m / 2),
        )
        for start, end, half in slabs:
            step = np.float32(end) - start
            step[np.abs(step) < 1e-6] = 1e-6
            wall = np.float32(half - 0.02)
            one, two = (-wall - start) / step, (wall - start) / step
            np.maximum(enter, np.minimum(one, two), out=enter)
            np.minimum(leave, np.maximum(one, two), out=leave)
        dark |= enter < leave
    return dark
