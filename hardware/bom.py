"""The bill of materials as data: reading it, and adding up what it draws."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache

from hardware import text_of

BUILDS = ("uart", "usb")


@dataclass(frozen=True, slots=True)
class Part:
    """One line of ``bom.toml``, which explains the fields; None where a part has no supply or no signal."""

    id: str
    quantity: int
    name_en: str
    name_zh: str
    builds: tuple[str, ...]
    interface: str
    note: str
    supply_v: float | None = None
    signal_v: float | None = None
    power_w: float = 0.0


@cache
def load_bom() -> dict[str, Part]:
    """Part by id, in the file's order. Raises ``ValueError`` for a file that breaks its own rules."""
    parts = dict[str, Part]()
    for row in tomllib.loads(text_of("bom.toml"))["part"]:
        try:
            part = Part(**{**row, "builds": tuple(row["builds"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"bom.toml: part {row.get('id', row)!r}: {error}") from error
        if part.id in parts or part.quantity < 1 or not part.builds or not set(part.builds) <= set(BUILDS):
            raise ValueError(f"bom.toml: part {part.id!r}: stands twice, or quantity or builds make no sense")
        parts[part.id] = part
    return parts


def power_budget_w(build: str) -> float:
    """What everything in a build draws at most, heaters and converter losses included, in watts."""
    return sum(part.power_w * part.quantity for part in load_bom().values() if build in part.builds)
