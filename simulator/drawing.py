"""The little of SVG that plans and charts need: shapes and two-language labels, in one document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

Spot = tuple[float, float]
INK, FAINT, PAPER = "#22303c", "#8796a5", "#ffffff"
#: Colours told apart also by people who see red and green alike (after Okabe and Ito).
COLOURS = {
    "raw_coal": "#d55e00", "wood": "#e69f00", "briquette": "#a6761d", "gas": "#0072b2", "electricity": "#009e73",
    "none": "#c3ccd4", "charcoal": "#882255",
}  # fmt: skip
FUEL_NAMES = {
    "raw_coal": "散煤 raw coal", "wood": "柴草 wood", "briquette": "洁净煤 clean briquettes",
    "gas": "煤改气 gas boiler", "electricity": "煤改电 heat pump", "none": "无人 nobody", "charcoal": "木炭 charcoal",
}  # fmt: skip


class Drawing:
    """Collects shapes; :meth:`text` gives the document. Lengths are pixels, y grows downwards."""

    def __init__(self, width: float, height: float) -> None:
        self._size, self._parts = (width, height), [f'<rect width="{width:g}" height="{height:g}" fill="{PAPER}"/>']

    def box(self, x: float, y: float, width: float, height: float, fill: str, opacity: float = 1.0) -> None:
        """A filled rectangle."""
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}" fill="{fill}" '
            f'fill-opacity="{opacity:.2f}"/>'
        )

    def area(self, spots: Iterable[Spot], fill: str, edge: str = "none", opacity: float = 1.0) -> None:
        """A filled polygon."""
        self._parts.append(
            f'<polygon points="{_points(spots)}" fill="{fill}" fill-opacity="{opacity:.2f}" stroke="{edge}"/>'
        )

    def line(self, spots: Iterable[Spot], colour: str, width: float = 1.0, dashes: str = "") -> None:
        """A line through spots."""
        self._parts.append(
            f'<polyline points="{_points(spots)}" fill="none" stroke="{colour}" stroke-width="{width:g}"'
            + (f' stroke-dasharray="{dashes}"' if dashes else "")
            + ' stroke-linejoin="round"/>'
        )

    def dot(self, x: float, y: float, radius: float, fill: str, edge: str = "none") -> None:
        """A circle."""
        self._parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{fill}" stroke="{edge}"/>')

    def label(self, x: float, y: float, words: str, size: float = 12, colour: str = INK, anchor: str = "start") -> None:
        """Words with their baseline's start (or ``middle``, ``end``) at a spot."""
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{colour}" text-anchor="{anchor}">'
            f"{escape(words)}</text>"
        )

    def text(self) -> str:
        """The whole document."""
        width, height = self._size
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
            f'height="{height:g}" font-family="Noto Sans CJK SC, Source Han Sans SC, PingFang SC, Microsoft YaHei, '
            'sans-serif">\n' + "\n".join(self._parts) + "\n</svg>\n"
        )


def legend(drawing: Drawing, x: float, y: float, rows: Sequence[tuple[str, str]]) -> None:
    """Coloured squares with words, one under another."""
    for index, (colour, words) in enumerate(rows):
        drawing.box(x, y + 18 * index - 9, 11, 11, colour)
        drawing.label(x + 17, y + 18 * index, words, 12)


def _points(spots: Iterable[Spot]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
