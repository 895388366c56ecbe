"""Figures as DESIGN §6 fixes them: a JSON list, and a Markdown page generated from it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number beside its target and, where there is one, a peer measured in the same run.

    ``ratio`` is value / peer_value; below 1 is better where ``unit`` is a cost.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    peer: str | None = None
    peer_value: float | None = None

    @property
    def ratio(self) -> float | None:
        """Value over the peer's, None where there is no peer."""
        return None if not self.peer_value else self.value / self.peer_value


def write_figures(figures: list[Figure], folder: Path, name: str, title: str) -> None:
    """``FOLDER/NAME.json`` and the page ``FOLDER/NAME.md`` made from the same list."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [asdict(figure) | {"ratio": figure.ratio} for figure in figures]
    (folder / f"{name}.json").write_text(json.dumps(rows, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text(page(figures, title), encoding="utf-8")


def page(figures: list[Figure], title: str) -> str:
    """The Markdown page."""
    head = ["figure", "value", "target", "peer", "peer's value", "ratio"]
    lines = [f"# {title}", "", f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    lines += [
        f"| {f.name} | {_number(f.value)} {f.unit} | {_number(f.target)} | {f.peer or '–'} | {_number(f.peer_value)} "
        f"| {_number(f.ratio)} |"
        for f in figures
    ]
    return "\n".join(lines) + "\n"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
