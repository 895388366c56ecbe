"""Small plots as SVG text: axes, points with bounds, bars, steps. Nothing but strings."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT = 460, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 46, 66
INK, SOFT, BLUE, ORANGE = "#1f2933", "#d5dbe3", "#1d6fb8", "#c8641b"

Point = tuple[float, float]


class Plot:
    """One panel with linear axes. Values outside the ranges are drawn at the edge."""

    def __init__(self, title: str, x_name: str, y_name: str, x_range: Point, y_range: Point) -> None:
        self._x, self._y = x_range, y_range
        self._parts = [
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
            _text(_LEFT, 24, title, 15, "start", "600"),
            _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 10, x_name, 12),
            f'<g transform="translate(15 {(_TOP + _HEIGHT - _BOTTOM) / 2}) rotate(-90)">{_text(0, 0, y_name, 12)}</g>',
        ]

    def x_ticks(self, ticks: Sequence[tuple[float, str]]) -> None:
        """Marks below the horizontal axis."""
        for value, label in ticks:
            x = self._at((value, self._y[0]))[0]
            self._parts += [_line(x, _HEIGHT - _BOTTOM, x, _HEIGHT - _BOTTOM + 4, INK)]
            for row, word in enumerate(label.split("\n")):
                self._parts.append(_text(x, _HEIGHT - _BOTTOM + 17 + 13 * row, word, 11))

    def y_ticks(self, ticks: Sequence[tuple[float, str]]) -> None:
        """Marks and soft lines across."""
        for value, label in ticks:
            y = self._at((self._x[0], value))[1]
            self._parts += [_line(_LEFT, y, _WIDTH - _RIGHT, y, SOFT), _text(_LEFT - 7, y + 4, label, 11, "end")]

    def line(self, points: Sequence[Point], colour: str = BLUE, dashed: bool = False) -> None:
        """A line through points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(self._at, points))
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self._parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')

    def dot(self, at: Point, low: float, high: float, label: str = "", colour: str = BLUE) -> None:
        """A point with its bounds as a whisker."""
        (x, y), top, foot = self._at(at), self._at((at[0], high))[1], self._at((at[0], low))[1]
        self._parts.append(_line(x, top, x, foot, colour, 1.5))
        self._parts += [_line(x - 4, edge, x + 4, edge, colour, 1.5) for edge in (top, foot)]
        self._parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}"/>')
        if label:
            self._parts.append(_text(x + 8, y + 4, label, 11, "start"))

    def note(self, text: str) -> None:
        """A line under the title."""
        self._parts.append(_text(_LEFT, 39, text, 11, "start"))

    def svg(self) -> str:
        """The whole picture, with the axes on top."""
        axes = [
            _line(_LEFT, _TOP, _LEFT, _HEIGHT - _BOTTOM, INK),
            _line(_LEFT, _HEIGHT - _BOTTOM, _WIDTH - _RIGHT, _HEIGHT - _BOTTOM, INK),
        ]
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}"'
        font = ' font-family="Noto Sans CJK SC, Microsoft YaHei, DejaVu Sans, Arial, sans-serif">'
        return "\n".join([head + font, *self._parts, *axes, "</svg>", ""])

    def _at(self, point: Point) -> Point:
        def placed(value: float, span: Point, start: float, end: float) -> float:
            share = (value - span[0]) / (span[1] - span[0])
            return start + min(max(share, 0.0), 1.0) * (end - start)

        x = placed(point[0], self._x, _LEFT, _WIDTH - _RIGHT)
        return x, placed(point[1], self._y, _HEIGHT - _BOTTOM, _TOP)


def _text(x: float, y: float, text: str, size: int, anchor: str = "middle", weight: str = "400") -> str:
    style = f'font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="{INK}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'


def _line(x0: float, y0: float, x1: float, y1: float, colour: str, width: float = 1.0) -> str:
    return f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{colour}" stroke-width="{width}"/>'
