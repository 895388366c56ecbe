"""Figures as DESIGN §6 fixes them: a JSON list, and a Markdown page generated from it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number beside its target and, where there is one, a peer measured in the same run.

    ``ratio`` is value / peer_value; below 1 is better where ``unit`` is a cost. ``value`` is None for what cannot be
    measured yet: the row stands there all the same. ``low`` and ``high`` are 95 % bounds, ``n`` what they rest on;
    they are written only where they are given.
    """

    name: str
    value: float | None
    unit: str
    target: float | None = None
    peer: str | None = None
    peer_value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None

    @property
    def ratio(self) -> float | None:
        """Value over the peer's, None where there is no peer."""
        return None if not self.peer_value or self.value is None else self.value / self.peer_value

    def row(self) -> dict[str, object]:
        """As DESIGN §6 has it, with the bounds behind where there are any."""
        found = asdict(self) | {"ratio": self.ratio}
        bounds = {key: found.pop(key) for key in ("low", "high", "n")}
        return found if self.n is None else found | bounds


def write_figures(figures: list[Figure], folder: Path, name: str, title: str) -> None:
    """``FOLDER/NAME.json`` and the page ``FOLDER/NAME.md`` made from the same list."""
    folder.mkdir(parents=True, exist_ok=True)
    write_list(figures, folder / f"{name}.json")
    (folder / f"{name}.md").write_text(page(figures, title), encoding="utf-8")


def write_list(figures: list[Figure], path: Path) -> None:
    """The JSON list alone."""
    rows = [figure.row() for figure in figures]
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def read_list(path: Path) -> list[Figure]:
    """The inverse of :func:`write_list`. Raises ``OSError``, ``ValueError``."""
    known = {field.name for field in fields(Figure)}
    return [
        Figure(**{key: value for key, value in row.items() if key in known}) for row in json.loads(path.read_bytes())
    ]


def page(figures: list[Figure], title: str) -> str:
    """The Markdown page."""
    head = ["figure", "value", "target", "peer", "peer's value", "ratio"]
    lines = [f"# {title}", "", f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    lines += [
        f"| {f.name} | {number(f.value)} {f.unit} | {number(f.target)} | {f.peer or '–'} | {number(f.peer_value)} "
        f"| {number(f.ratio)} |"
        for f in figures
    ]
    return "\n".join(lines) + "\n"


def number(value: float | None) -> str:
    """Three digits that count; a dash for nothing."""
    return "–" if value is None else f"{value:.3g}"
