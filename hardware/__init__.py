"""What a gateway and its broker are made of: parts, wiring, units, rules and broker configuration, as package data."""

from __future__ import annotations

from importlib.resources import files


def text_of(path: str) -> str:
    """A data file of this package as text, ``text_of("mosquitto/mosquitto.conf")``. Raises ``FileNotFoundError``."""
    return files(__package__).joinpath(path).read_text(encoding="utf-8")
