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

from math import ceil, exp, sqrt

import cv2
import numpy as np

from simulator.draughts import Draughts, Mouth, Point, Regime
from simulator.filters import Picture, blur, pick
from simulator.pinhole import Floats
from simulator.sheet_fields import cell_grid, eddies, fading_edges, poisson
from simulator.weather import Wind

ENTRAINMENT = 0.11
_NODES = 7, 10  # rows, columns of the grid on which the night's wind is asked
_VORTEX_LIFE_S = 2.5
_STIRRED = 0.16  # velocity of the stirring eddies, share of the wind's speed
_CONFINEMENT = 0.3
_SUB_GRID = 0.5  # share of the widening that eddies too small for the grid do
_BOX_VARIANCE = 2.0  # of a mean over 5 x 5 cells, in cells
_MIXINGS = 2  # a step: one mean can do only so much
_BAROCLINIC = 0.6
_RISE = 0.64  # of Briggs' 1.07: the sheet's own vortices do the rest
_JET_S = 0.5
_FAR = 0.4  # smoke this share of the way to the mouth nearer or farther than it begins to be forgotten
_WIDEST_M = 8.0
_NOTHING_M = 1e-4  # gas column that is not worth carrying
_TRACE_M = (
    1e-7  # gas column that is none: below it numbers lose their digits, and sums with them take many times as long
)
_PORTIONS_A_S, _STAMPS = 4, 4  # flickering portions of gas a second, and in how many places each is laid on its way
_REPLICATE = cv2.BORDER_REPLICATE
_NO_MAP: Picture = np.empty(0, np.float32)


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
        half = rows // 2, columns // 2
        self.stuff: Picture = np.zeros((rows, columns, 4), np.float32)
        self._vortices: Picture = np.zeros(half, np.float32)
        self._velocity: Picture = np.zeros((*half, 3), np.float32)
        mean = np.mean([wind.steady(t + later) for later in np.linspace(0, 60, 9)], axis=0)
        sideways = float(np.tanh(self.across @ mean / 0.5))
        self._row, self._column = 0.68 * rows, (0.5 - 0.34 * sideways) * columns
        self._coarse_grid, self._fine_grid = cell_grid(half), cell_grid(cells)
        self._poisson, self._fade = poisson(half, 2 * cell_m), fading_edges(cells)
        self._noise = eddies(half, 2 * cell_m, self._rng)
        self._draughts = Draughts(mouth, wind, regime, mean, self._rng.uniform(0, 2 * np.pi, 3))
        row = (np.arange(_NODES[0]) + 0.5) * rows / _NODES[0] - 0.5
        column = (np.arange(_NODES[1]) + 0.5) * columns / _NODES[1] - 0.5
        self._nodes = np.meshgrid(column, row)
        self._axes = np.stack([self.across, [0.0, 0.0, 1.0], self.view], axis=1)
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

    def step(self, t: float, dt: float, gas_m3_s: float, extinction_m2_s: float, where: Point | None = None) -> None:
        """Moves the air on from ``t`` by ``dt`` while so much gas and extinction cross-section leave the mouth.

        ``where`` the mouth is now, if it has left :attr:`Mouth.place`.
        """
        if self.stuff[..., 0].max() > _NOTHING_M:
            gas, _, deep, wide = _planes(blur(_halved(self.stuff), 1.0))
            thick = np.maximum(gas, np.float32(1e-7))
            radius = np.asarray(np.clip(wide / thick, self.mouth.radius_m, _WIDEST_M), np.float32)
            behind = np.asarray(deep / thick, np.float32)
            speed = max(self._wind.speed(t), 0.3)
            usual = np.float32(0.1 * self.mouth.flow_m3_s / (2 * speed)) / radius
            presence = np.asarray(gas / (gas + usual), np.float32)
            self._stir(dt, speed, gas, radius, presence)
            moved = cv2.add(self._air(t, behind), self._own(speed, radius, presence))
            self._velocity = np.asarray(moved, np.float32)
            self._carry(self._velocity, behind, radius, dt)
        self._let_out(t, dt, gas_m3_s, extinction_m2_s, where or self.mouth.place)

    def _air(self, t: float, behind: Picture) -> Picture:
        """The night's wind on the sheet (h, w, 3): across, up, along the view; with what the house does to it."""
        nodes_behind = cv2.resize(behind, _NODES[::-1], interpolation=cv2.INTER_AREA)
        places = self.place(*self._nodes, np.asarray(nodes_behind)).reshape(-1, 3)
        nodes = (self._draughts.at(places, t) @ self._axes).reshape(*_NODES, 3).astype(np.float32)
        return np.asarray(cv2.resize(nodes, behind.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)

    def _stir(self, dt: float, speed: float, gas: Picture, radius: Picture, presence: Picture) -> None:
        """Makes and wears out vorticity: buoyancy's torque, stirring where there is plume, confinement."""
        share = np.minimum(gas / (np.float32(1.6) * radius), np.float32(1))
        lift = 9.81 * self.mouth.warm_k / (273 + self.mouth.warm_k) * _BAROCLINIC * dt / (4 * self.cell_m)
        vortices = self._vortices
        vortices *= np.float32(exp(-dt / _VORTEX_LIFE_S))
        vortices[:, 1:-1] += (share[:, 2:] - share[:, :-2]) * np.float32(lift)
        rows, columns = vortices.shape
        down, across = self._rng.integers(0, vortices.shape)
        noise = self._noise[rows - down : 2 * rows - down, columns - across : 2 * columns - across]
        strength = _STIRRED * (speed + 0.2) * self._regime.turbulence * sqrt(2 * dt / _VORTEX_LIFE_S)
        vortices += noise * presence * np.float32(strength)
        self._confine(dt)

    def _confine(self, dt: float) -> None:
        """Vorticity confinement: turns air about each vortex's middle as much as interpolation has slowed it."""
        spin = self._vortices
        strong = np.abs(spin)
        east, south = cv2.Sobel(strong, cv2.CV_32F, 1, 0), cv2.Sobel(strong, cv2.CV_32F, 0, 1)
        push = spin / (np.sqrt(east * east + south * south) + np.float32(1e-5))
        curl = cv2.add(cv2.Sobel(east * push, cv2.CV_32F, 1, 0), cv2.Sobel(south * push, cv2.CV_32F, 0, 1))
        self._vortices = np.clip(spin - np.float32(_CONFINEMENT * dt / 8) * curl, -30, 30)

    def _own(self, speed: float, radius: Picture, presence: Picture) -> Picture:
        """What the plume itself moves (h, w, 3): its vortices, its rise, and the jet before air has stopped it."""
        turning = np.fft.irfft2(np.fft.rfft2(self._vortices) * self._poisson, s=radius.shape).astype(np.float32)
        mouth, step = self.mouth, np.float32(1 / (4 * self.cell_m))
        age = (radius - np.float32(mouth.radius_m)) * np.float32(1 / (ENTRAINMENT * 0.5 * (speed + mouth.exit_m_s)))
        jet = presence * np.exp(age * np.float32(-1 / _JET_S))
        across, up, along = (jet * np.float32(mouth.exit_m_s * share) for share in self._jet)
        across[1:-1] += (turning[2:] - turning[:-2]) * step
        up[:, 1:-1] += (turning[:, 2:] - turning[:, :-2]) * step
        flux = 9.81 * mouth.exit_m_s * mouth.radius_m**2 * mouth.warm_k / (273 + mouth.warm_k)
        slower = np.exp(np.log(age + np.float32(0.3)) * np.float32(-1 / 3))
        up += presence * slower * np.float32(_RISE * (flux / speed) ** (1 / 3))
        return np.asarray(cv2.merge([across, up, along]), np.float32)

    def _carry(self, velocity: Picture, behind: Picture, radius: Picture, dt: float) -> None:
        """Carries columns and vortices with the air as it looks in perspective, and mixes what the grid cannot show."""
        across, up, along = _planes(velocity)
        column, row = self._coarse_grid[..., 0], self._coarse_grid[..., 1]
        nearer = 1 / (1 + behind * np.float32(1 / self.away_m))
        towards = along * np.float32(dt / self.away_m)
        cells = np.float32(dt / (2 * self.cell_m))
        eye_row = (self._row - self._eye_up / self.cell_m) / 2
        move_x = (across * cells - (column - np.float32(self._column / 2)) * towards) * nearer
        move_y = (up * cells + (row - np.float32(eye_row)) * towards) * -nearer
        moves = self._way_back(np.asarray(cv2.merge([move_x, move_y]), np.float32))
        self._vortices = pick(self._vortices, self._coarse_grid - moves)
        speed = np.sqrt(across * across + up * up + along * along)
        widened = speed * np.float32(ENTRAINMENT * dt)
        share = _SUB_GRID * self._regime.turbulence / (_MIXINGS * _BOX_VARIANCE * self.cell_m**2)
        mixed = np.minimum(radius * widened * np.float32(share), np.float32(1))
        # where the sheet's air runs together columns grow; the air itself makes way across the sheet
        apart = cv2.subtract(cv2.Sobel(across, cv2.CV_32F, 1, 0), cv2.Sobel(up, cv2.CV_32F, 0, 1))
        apart = np.clip(apart * np.float32(dt / (16 * self.cell_m)), -2 * dt, 2 * dt)
        too_far = np.maximum(np.abs(behind) * np.float32(1 / self.away_m) - np.float32(_FAR), 0)
        kept = np.exp(-apart - too_far * np.float32(4 * dt))
        rates = cv2.merge([along * np.float32(dt), widened, mixed, kept])
        self._take(moves, np.asarray(rates, np.float32))

    def _way_back(self, moves: Picture) -> Picture:
        """From where in a step each coarse cell's air came (h, w, 2; cells), in two halves by the midpoint rule."""
        first = _sampled(moves, self._coarse_grid - np.float32(0.25) * moves) * np.float32(0.5)
        half_way = self._coarse_grid - first
        again = _sampled(moves, half_way) * np.float32(0.25)
        return first + _sampled(moves, half_way - again) * np.float32(0.5)

    def _take(self, moves: Picture, rates: Picture) -> None:
        """The fine grid's part of a step, where there is anything: ``moves`` in coarse cells, ``rates`` a step."""
        box = self._busy(float(np.abs(moves).max()))
        half = slice(box[0].start // 2, box[0].stop // 2), slice(box[1].start // 2, box[1].stop // 2)
        size = box[1].stop - box[1].start, box[0].stop - box[0].start
        from_ = np.asarray(cv2.scaleAdd(cv2.resize(moves[half], size), -2.0, self._fine_grid[box]), np.float32)
        deeper, wider, mixed, kept = _planes(cv2.resize(rates[half], size))
        gas, extinction, behind, radius = (pick(plane, from_) for plane in _planes(self.stuff))  # faster one by one
        behind += gas * deeper
        radius += gas * wider
        kept = kept * self._fade[box] * (gas > np.float32(_TRACE_M))
        new = cv2.merge([gas, extinction, behind, radius])
        shares = cv2.merge([mixed] * 4)
        for _ in range(_MIXINGS):
            new = cv2.add(new, cv2.multiply(cv2.subtract(cv2.blur(new, (5, 5)), new), shares))
        self.stuff = np.zeros_like(self.stuff)
        self.stuff[box] = cv2.multiply(new, cv2.merge([kept] * 4))

    def _busy(self, moves: float) -> tuple[slice, slice]:
        """Rows and columns (multiples of four) outside of which there will be nothing after a move of so many cells."""
        there = self.stuff[::4, ::4, 0] > _NOTHING_M
        margin = ceil(moves / 2) + 2
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
        column, row, behind = self._cell_of(where)
        x0, y0 = int(column), int(row)
        way = self._way_out(t, y0 // 2, x0 // 2) * dt / self.cell_m
        reach = int(4 * sigma + 2 + np.abs(way).max())
        rows, columns = self.stuff.shape[:2]
        if not (reach < x0 < columns - reach - 1 and reach < y0 < rows - reach - 1):
            return
        portions = np.repeat(self._rng.lognormal(-0.03, 0.25, max(round(_PORTIONS_A_S * dt), 1)), _STAMPS)
        stamps = len(portions)
        shares = (np.arange(stamps) + 0.5) / stamps
        shifts = shares[:, None] * way + self._rng.normal(0, 0.25 * sigma, (stamps, 2))
        cells = np.arange(-reach, reach + 1)
        across = np.exp(-((cells + x0 - column - shifts[:, :1]) ** 2) / (2 * sigma**2))
        down = np.exp(-((cells + y0 - row + shifts[:, 1:]) ** 2) / (2 * sigma**2))
        weights = portions * dt / (down.sum(axis=1) * across.sum(axis=1) * stamps * self.cell_m**2)
        stamp = ((weights[:, None] * down).T @ across).astype(np.float32)
        new = np.array([gas_m3_s, extinction_m2_s, gas_m3_s * behind, gas_m3_s * mouth.radius_m], np.float32)
        self.stuff[y0 - reach : y0 + reach + 1, x0 - reach : x0 + reach + 1] += stamp[..., None] * new

    def _way_out(self, t: float, row: int, column: int) -> Floats:
        """Velocity (m/s across, up) of what leaves now: as the air about the mouth moved what left before it."""
        inside = 0 <= row < self._velocity.shape[0] and 0 <= column < self._velocity.shape[1]
        if inside and self._velocity[row, column].any():
            return np.asarray(self._velocity[row, column, :2], np.float64)
        blown = float(self.across @ self._wind.steady(t))
        return np.array([self._jet[0] * self.mouth.exit_m_s + blown, self._jet[1] * self.mouth.exit_m_s])

    def _cell_of(self, place: Point) -> tuple[float, float, float]:
        """Column and row at which a world place shows, and how far it lies behind the mouth's plane."""
        away = np.array(place) - np.array(self.mouth.place)
        behind = float(away @ self.view)
        wider = 1 + behind / self.away_m
        column = self._column + float(away @ self.across) / wider / self.cell_m
        up = (float(away[2]) - self._eye_up) / wider + self._eye_up
        return column, self._row - up / self.cell_m, behind


def _sampled(moves: Picture, at: Picture) -> Picture:
    return np.asarray(cv2.remap(moves, at, _NO_MAP, cv2.INTER_LINEAR, borderMode=_REPLICATE), np.float32)


def _planes(picture: cv2.typing.MatLike) -> tuple[Picture, ...]:
    return tuple(np.asarray(plane, np.float32) for plane in cv2.split(picture))


def _halved(picture: Picture) -> Picture:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.float32)
