"""A small fluid solver for one plume as one camera sees it: a sheet of air that faces the camera.

The sheet is the vertical plane through the mouth, square to the line of sight, seen in the camera's perspective. What
is carried are *columns*: how much lies along each line of sight, so that two cameras see the same plume from two sides,
alike in wind, rise and width and each with its own eddies. Vorticity ω obeys Dω/Dt = ∂b/∂x + stirring - ω/τ with b
the buoyancy of the gas; the velocity it induces follows from ∇²ψ = ω by fast Fourier transform; semi-Lagrangian steps
carry everything, with cubic interpolation and vorticity confinement against their smearing. On top of that come the
night's wind with its gusts and swirls (the same for both cameras), the draught behind the house, the jet, and the rise
of a bent-over plume (Briggs), which takes place across the sheet and cannot come out of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.filters import Picture, blur, pick
from simulator.pinhole import Floats
from simulator.weather import Wind

Point = tuple[float, float, float]

ENTRAINMENT = 0.11
#: Seconds a step. Semi-Lagrangian steps are stable whatever their length; longer ones would lose eddies.
STEP_S = 0.25
_NODES = 7, 10  # rows, columns of the grid on which the night's wind is asked
_EDGE_CELLS = 6
_VORTEX_LIFE_S = 2.5
_STIRRED = 0.16  # velocity of the stirring eddies, share of the wind's speed
_CONFINEMENT = 0.3
_SUB_GRID = 0.5  # share of the widening that eddies too small for the grid do
_BOX_VARIANCE = 2.0  # of a mean over 5 x 5 cells, in cells
_BAROCLINIC = 0.6
_RISE = 0.64  # of Briggs' 1.07: the sheet's own vortices do the rest
_JET_S = 0.5
_FAR = 0.4  # smoke this share of the way to the mouth nearer or farther than it begins to be forgotten
_NOTHING_M = 1e-4  # gas column that is not worth carrying
_REPLICATE = cv2.BORDER_REPLICATE


@dataclass(frozen=True, slots=True)
class Regime:
    """How the night's air mixes: ``turbulence`` scales eddies, ``looping`` adds large slow ones up and down.

    ``calm`` air (0.3) lets a plume lie flat and thin over the roofs; 1 is an ordinary winter night; looping ones have
    eddies of tens of metres.
    """

    turbulence: float = 1.0
    looping: float = 0.0

    @classmethod
    def drawn(cls, seed: int) -> Regime:
        """A quarter of the nights is calm, a quarter looping."""
        rng = np.random.default_rng([seed, 0xF1])
        kind = rng.random()
        if kind < 0.25:
            return cls(float(rng.uniform(0.2, 0.45)))
        return cls(float(rng.uniform(0.7, 1.3)), float(rng.uniform(0.2, 0.5)) if kind > 0.75 else 0.0)


@dataclass(frozen=True, slots=True)
class Mouth:
    """Where gas leaves: metres east, north, up; ``out`` is its direction, ``warm_k`` its excess temperature.

    ``shelter_m`` is the height of the house that it stands on, whose lee draws the plume down; 0 where there is none.
    """

    place: Point
    out: Point
    exit_m_s: float
    radius_m: float
    warm_k: float
    shelter_m: float = 0.0

    @property
    def flow_m3_s(self) -> float:
        """Volume that leaves each second."""
        return float(np.pi * self.radius_m**2 * self.exit_m_s)


class Sheet:
    """The air in front of one camera around one mouth. ``cells`` is rows, columns; ``cell_m`` at the mouth's distance.

    It is laid out for the wind of the minute after ``t``. Row 0 is the top. :attr:`stuff` (h, w, 4) holds columns: gas
    volume (m), extinction (optical depth), and gas x its distance behind the mouth's plane, gas x radius of the plume
    there.
    """

    def __init__(
        self, mouth: Mouth, eye: Point, wind: Wind, regime: Regime, cell_m: float,
        cells: tuple[int, int] = (112, 176), seed: int = 0, t: float = 0.0,
    ) -> None:  # fmt: skip
        self.mouth, self.cell_m, self._wind, self._regime = mouth, cell_m, wind, regime
        towards = np.array(mouth.place) - np.array(eye)
        self.away_m = float(np.hypot(towards[0], towards[1]))
        self.view = np.array([towards[0], towards[1], 0.0]) / self.away_m
        self.across = np.array([self.view[1], -self.view[0], 0.0])
        self._eye_up = float(-towards[2])  # the eye above the mouth
        self._rng = np.random.default_rng([seed, 0xF1D])
        rows, columns = cells
        self.stuff: Picture = np.zeros((rows, columns, 4), np.float32)
        self._vortices: Picture = np.zeros((rows // 2, columns // 2), np.float32)
        self._mean = np.mean([wind.steady(t + later) for later in np.linspace(0, 60, 9)], axis=0)
        sideways = float(np.tanh(self.across @ self._mean / 0.5))
        self._row, self._column = 0.68 * rows, (0.5 - 0.34 * sideways) * columns
        self._grid = np.meshgrid(np.arange(columns // 2, dtype=np.float32), np.arange(rows // 2, dtype=np.float32))
        self._coarse_grid: Picture = np.dstack(self._grid)
        fine = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
        self._fine_grid: Picture = np.dstack(fine)
        self._poisson = _poisson((rows // 2, columns // 2), 2 * cell_m)
        self._fade = _fade((rows, columns))
        self._noise = _noise(self._vortices.shape, 2 * cell_m, self._rng)
        self._loops = self._rng.uniform(0, 2 * np.pi, 3)
        out = np.array(mouth.out)
        self._jet: Picture = np.array([self.across @ out, out[2], self.view @ out], np.float32)

    @property
    def corners(self) -> Floats:
        """World places (4, 3) of the sheet's corners: top left, top right, bottom right, bottom left cell edges."""
        rows, columns = self.stuff.shape[:2]
        ends = [(0, 0), (columns, 0), (columns, rows), (0, rows)]
        return np.array([self.place(np.array(x - 0.5), np.array(y - 0.5)) for x, y in ends])

    def place(self, column: Floats, row: Floats, behind_m: Floats | float = 0.0) -> Floats:
        """World places (..., 3) that show at the given cells and lie ``behind_m`` behind the mouth's plane."""
        wider = 1 + np.asarray(behind_m) / self.away_m
        side = (column - self._column) * self.cell_m * wider
        up = ((self._row - row) * self.cell_m - self._eye_up) * wider + self._eye_up
        parts = (side[..., None] * self.across, up[..., None] * np.array([0.0, 0.0, 1.0]))
        return np.asarray(
            np.array(self.mouth.place) + parts[0] + parts[1] + np.asarray(behind_m)[..., None] * self.view
        )

    def step(
        self,
        t: float,
        dt: float,
        gas_m3_s: float,
        extinction_m2_s: float,
        where: Point | None = None,
    ) -> None:
        """Moves the air on from ``t`` by ``dt`` while so much gas and extinction cross-section leave the mouth.

        ``where`` the mouth is now, if it has left :attr:`Mouth.place`.
        """
        if self.stuff[..., 0].max() > _NOTHING_M:
            coarse = blur(_halved(self.stuff), 1.0)
            thick = np.maximum(coarse[..., 0], np.float32(1e-7))
            radius = np.asarray(np.clip(coarse[..., 3] / thick, self.mouth.radius_m, 8.0), np.float32)
            behind = np.asarray(coarse[..., 2] / thick, np.float32)
            speed = max(self._wind.speed(t), 0.3)
            usual = np.float32(self.mouth.flow_m3_s / (2 * speed)) / radius
            presence = np.asarray(coarse[..., 0] / (coarse[..., 0] + np.float32(0.1) * usual), np.float32)
            self._stir(dt, speed, coarse[..., 0], radius, presence)
            velocity = np.asarray(self._air(t, behind) + self._own(speed, radius, presence), np.float32)
            self._carry(velocity, behind, radius, dt)
        self._let_out(t, dt, gas_m3_s, extinction_m2_s, where or self.mouth.place)

    def _air(self, t: float, behind: Picture) -> Picture:
        """The night's wind on the sheet (h, w, 3): across, up, along the view; with what the house does to it."""
        rows, columns = self.stuff.shape[:2]
        row = (np.arange(_NODES[0]) + 0.5) * rows / _NODES[0] - 0.5
        column = (np.arange(_NODES[1]) + 0.5) * columns / _NODES[1] - 0.5
        nodes_behind = np.asarray(cv2.resize(behind, _NODES[::-1], interpolation=cv2.INTER_AREA), np.float32)
        columns_of, rows_of = np.meshgrid(column, row)
        places = self.place(columns_of, rows_of, nodes_behind).reshape(-1, 3)
        steady = self._wind.steady(t)
        wind = steady + self._regime.turbulence * (self._wind.at(places, t) - steady)
        wind[:, 2] += self._behind_house(places, steady, t) + self._loop(places, t)
        axes = np.stack([self.across, [0.0, 0.0, 1.0], self.view], axis=1)
        nodes = (wind @ axes).reshape(*_NODES, 3).astype(np.float32)
        return np.asarray(cv2.resize(nodes, behind.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)

    def _behind_house(self, places: Floats, steady: Floats, t: float) -> Floats:
        """Downdraught (m/s) in the lee of the house, which sheds its eddies at a Strouhal number of 0.2."""
        speed = float(np.hypot(steady[0], steady[1]))
        if self.mouth.shelter_m <= 0 or speed < 0.3:
            return np.zeros(len(places))
        from_mouth = places - np.array(self.mouth.place)
        lee = (from_mouth @ steady) / speed / (1.5 * self.mouth.shelter_m)
        height = np.exp(-((from_mouth[:, 2] / (0.5 * self.mouth.shelter_m)) ** 2))
        shed = 0.6 + 0.7 * np.sin(2 * np.pi * 0.2 * speed / self.mouth.shelter_m * t + self._loops[0])
        inside = np.where((lee > 0) & (lee < 1), np.sin(np.pi * np.clip(lee, 0, 1)), 0.0)
        # a plume that leaves fast enough jumps over the wake (Briggs' tip downwash ends at exit = 1.5 x wind)
        caught = float(np.clip(1.5 - self.mouth.exit_m_s / speed, 0.15, 1.0))
        return np.asarray(-0.3 * speed * caught * shed * inside * height)

    def _loop(self, places: Floats, t: float) -> Floats:
        """Large eddies that carry the whole plume up and down, and travel with the wind."""
        if self._regime.looping <= 0:
            return np.zeros(len(places))
        speed = float(np.hypot(self._mean[0], self._mean[1]))
        along = places @ (self._mean / max(speed, 0.3)) - speed * t
        waves = np.sin(2 * np.pi * along[:, None] / np.array([9.0, 17.0, 31.0]) + self._loops)
        return np.asarray(self._regime.looping * (0.3 + 0.5 * speed) * waves.mean(axis=1) * 1.5)

    def _stir(self, dt: float, speed: float, gas: Picture, radius: Picture, presence: Picture) -> None:
        """Makes and wears out vorticity: buoyancy's torque, stirring where there is plume, confinement."""
        share = np.minimum(gas / (1.6 * radius), 1.0)
        lift = 9.81 * self.mouth.warm_k / (273 + self.mouth.warm_k) * share
        vortices = self._vortices
        vortices *= np.float32(np.exp(-dt / _VORTEX_LIFE_S))
        vortices[:, 1:-1] += (lift[:, 2:] - lift[:, :-2]) * np.float32(_BAROCLINIC * dt / (4 * self.cell_m))
        noise = np.roll(self._noise, self._rng.integers(0, self._noise.shape), (0, 1))
        strength = _STIRRED * (speed + 0.2) * self._regime.turbulence * np.sqrt(2 * dt / _VORTEX_LIFE_S)
        vortices += noise * presence * np.float32(strength)
        self._confine(dt)

    def _confine(self, dt: float) -> None:
        """Vorticity confinement: turns air about each vortex's middle as much as interpolation has slowed it."""
        spin = self._vortices
        strong = np.abs(spin)
        east, south = cv2.Sobel(strong, cv2.CV_32F, 1, 0), cv2.Sobel(strong, cv2.CV_32F, 0, 1)
        push = spin / (np.sqrt(east**2 + south**2) + np.float32(1e-5))
        curl = -cv2.Sobel(east * push, cv2.CV_32F, 1, 0) - cv2.Sobel(south * push, cv2.CV_32F, 0, 1)
        self._vortices = np.clip(spin + np.float32(_CONFINEMENT * dt / 8) * curl, -30, 30)

    def _own(self, speed: float, radius: Picture, presence: Picture) -> Picture:
        """What the plume itself moves (h, w, 3): its vortices, its rise, and the jet before air has stopped it."""
        turning = np.fft.irfft2(np.fft.rfft2(self._vortices) * self._poisson, s=radius.shape).astype(np.float32)
        mouth, step = self.mouth, np.float32(4 * self.cell_m)
        age = (radius - np.float32(mouth.radius_m)) / np.float32(ENTRAINMENT * 0.5 * (speed + mouth.exit_m_s))
        jet = presence * np.exp(-age / np.float32(_JET_S)) * np.float32(mouth.exit_m_s)
        own = jet[..., None] * self._jet
        own[1:-1, :, 0] += (turning[2:] - turning[:-2]) / step
        own[:, 1:-1, 1] += (turning[:, 2:] - turning[:, :-2]) / step
        flux = 9.81 * mouth.exit_m_s * mouth.radius_m**2 * mouth.warm_k / (273 + mouth.warm_k)
        own[..., 1] += presence * np.float32(_RISE * (flux / speed) ** (1 / 3)) / np.cbrt(age + np.float32(0.3))
        return np.asarray(own)

    def _carry(self, velocity: Picture, behind: Picture, radius: Picture, dt: float) -> None:
        """Carries columns and vortices with the air as it looks in perspective, and mixes what the grid cannot show."""
        across, down = self._grid
        nearer = 1 / (1 + behind / np.float32(self.away_m))
        towards = velocity[..., 2] * np.float32(dt / self.away_m)
        cells = np.float32(dt / (2 * self.cell_m))
        eye_row = (self._row - self._eye_up / self.cell_m) / 2
        move_x = (velocity[..., 0] * cells - (across - np.float32(self._column / 2)) * towards) * nearer
        move_y = -(velocity[..., 1] * cells + (down - np.float32(eye_row)) * towards) * nearer
        middle_x, middle_y = across - 0.5 * move_x, down - 0.5 * move_y
        both = cv2.merge([move_x, move_y])
        moves = np.asarray(cv2.remap(both, middle_x, middle_y, cv2.INTER_LINEAR, borderMode=_REPLICATE), np.float32)
        self._vortices = pick(self._vortices, self._coarse_grid - moves)
        speed = np.sqrt((velocity**2).sum(axis=2))
        grown = radius * speed * np.float32(ENTRAINMENT * _SUB_GRID * dt) * np.float32(self._regime.turbulence)
        mixed = np.minimum(grown / np.float32(_BOX_VARIANCE * self.cell_m**2), 1)
        kept = np.exp(-np.maximum(np.abs(behind) / np.float32(self.away_m) - _FAR, 0) * np.float32(4 * dt))
        # where the sheet's air runs together columns grow; the air itself makes way across the sheet
        apart = cv2.Sobel(velocity[..., 0], cv2.CV_32F, 1, 0) - cv2.Sobel(velocity[..., 1], cv2.CV_32F, 0, 1)
        kept *= np.exp(-np.clip(apart * np.float32(dt / (16 * self.cell_m)), -0.5, 0.5))
        widened = speed * np.float32(ENTRAINMENT * dt)
        rates = cv2.merge([velocity[..., 2] * np.float32(dt), widened, mixed, kept])
        self._take(moves, np.asarray(rates, np.float32))

    def _take(self, moves: Picture, rates: Picture) -> None:
        """The fine grid's part of a step, where there is anything: ``moves`` in coarse cells, ``rates`` a step."""
        box = self._busy(float(np.abs(moves).max()))
        half = slice(box[0].start // 2, box[0].stop // 2), slice(box[1].start // 2, box[1].stop // 2)
        size = box[1].stop - box[1].start, box[0].stop - box[0].start
        from_ = self._fine_grid[box] - 2 * np.asarray(cv2.resize(moves[half], size))
        gas, extinction, behind, radius = cv2.split(pick(self.stuff, from_))
        deeper, wider, mixed, kept = cv2.split(cv2.resize(rates[half], size))
        behind += gas * deeper
        radius += gas * wider
        kept *= self._fade[box] * (gas > 0)
        planes = [
            (plane + mixed * (cv2.blur(plane, (5, 5)) - plane)) * kept for plane in (gas, extinction, behind, radius)
        ]
        self.stuff = np.zeros_like(self.stuff)
        self.stuff[box] = np.dstack(planes)

    def _busy(self, moves: float) -> tuple[slice, slice]:
        """Rows and columns (multiples of four) outside of which there will be nothing after a move of so many cells."""
        there = self.stuff[::4, ::4, 0] > _NOTHING_M
        margin = int(np.ceil(moves / 2)) + 2
        spans = []
        for axis in (1, 0):
            filled = np.nonzero(there.any(axis=axis))[0]
            low, high = (int(filled[0]), int(filled[-1]) + 1) if len(filled) else (0, 1)
            spans.append(slice(4 * max(low - margin, 0), 4 * min(high + margin, there.shape[1 - axis])))
        return spans[0], spans[1]

    def _let_out(self, t: float, dt: float, gas_m3_s: float, extinction_m2_s: float, where: Point) -> None:
        """Adds what leaves the mouth, along the way it takes within the step, in flickering portions."""
        if gas_m3_s <= 0:
            return
        mouth = self.mouth
        sigma = max(mouth.radius_m / 1.5 / self.cell_m, 0.7)
        drift = self._wind.steady(t)
        way = (self._jet[:2] * mouth.exit_m_s + np.array([self.across @ drift, 0.0])) * dt / self.cell_m
        reach = int(4 * sigma + 2 + np.abs(way).max())
        column, row, behind = self._cell_of(where)
        x0, y0 = int(column), int(row)
        rows, columns = self.stuff.shape[:2]
        if not (reach < x0 < columns - reach - 1 and reach < y0 < rows - reach - 1):
            return
        shifts = np.linspace(0.05, 0.95, 5)[:, None] * way + self._rng.normal(0, 0.25 * sigma, (5, 2))
        cells = np.arange(-reach, reach + 1)
        across = np.exp(-((cells + x0 - column - shifts[:, :1]) ** 2) / (2 * sigma**2))
        down = np.exp(-((cells + y0 - row + shifts[:, 1:]) ** 2) / (2 * sigma**2))
        stamp = (down.T @ across).astype(np.float32)
        stamp *= np.float32(self._rng.lognormal(-0.03, 0.25) * dt / (stamp.sum() * self.cell_m**2))
        new = np.array([gas_m3_s, extinction_m2_s, gas_m3_s * behind, gas_m3_s * mouth.radius_m], np.float32)
        self.stuff[y0 - reach : y0 + reach + 1, x0 - reach : x0 + reach + 1] += stamp[..., None] * new

    def _cell_of(self, place: Point) -> tuple[float, float, float]:
        """Column and row at which a world place shows, and how far it lies behind the mouth's plane."""
        away = np.array(place) - np.array(self.mouth.place)
        behind = float(away @ self.view)
        wider = 1 + behind / self.away_m
        column = self._column + float(away @ self.across) / wider / self.cell_m
        up = (float(away[2]) - self._eye_up) / wider + self._eye_up
        return column, self._row - up / self.cell_m, behind


def _halved(picture: Picture) -> Picture:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.float32)


def _poisson(shape: tuple[int, int], cell_m: float) -> NDArray[np.float32]:
    """Fourier multipliers that turn vorticity into its stream function; the mean stays out."""
    down = 2 * np.pi * np.fft.fftfreq(shape[0], cell_m)[:, None]
    across = 2 * np.pi * np.fft.rfftfreq(shape[1], cell_m)
    squared = down**2 + across**2
    squared[0, 0] = 1.0
    multipliers = -1 / squared
    multipliers[0, 0] = 0.0
    return np.asarray(multipliers, np.float32)


def _fade(shape: tuple[int, int]) -> Picture:
    """1 inside, falling to 0 at the edges: what leaves the sheet is gone."""
    rows, columns = (np.minimum(np.arange(size), size - 1 - np.arange(size)) for size in shape)
    nearest = np.minimum(rows[:, None], columns)
    return np.asarray(np.clip((nearest + 0.5) / _EDGE_CELLS, 0, 1) ** 0.25, np.float32)


def _noise(shape: tuple[int, int], cell_m: float, rng: np.random.Generator) -> Picture:
    """Random vorticity (1/s) of eddies 0.25-1.5 m wide whose velocity has unit spread."""
    field = np.zeros(shape)
    for size_m in (0.25, 0.5, 1.0, 1.6):
        sigma = size_m / 2.5 / cell_m
        layer = cv2.GaussianBlur(rng.standard_normal(shape), (0, 0), max(sigma, 0.4), borderType=cv2.BORDER_REFLECT)
        field += layer / layer.std() * (size_m ** (1 / 3) / size_m)
    return np.asarray(field * 3.0 / np.sqrt(4), np.float32)
