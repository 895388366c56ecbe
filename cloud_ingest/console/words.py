"""Every word of the page in Chinese and English (``words.json``), and what the other rooms say, in Chinese."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

LANGUAGES = ("zh", "en")


@cache
def words(lang: str) -> dict[str, str]:
    """Key -> text in one language."""
    table = json.loads(_file("words.json"))
    return {key: text[lang] for key, text in table.items()}


@cache
def phrases(lang: str) -> list[list[str]]:
    """English texts that gateways and geotag send, with holes ``{}``, each with its translation; empty for English.

    A text that is not listed is shown as it came.
    """
    if lang == "en":
        return []
    pairs: list[list[str]] = json.loads(_file("phrases.json"))
    return pairs


def _file(name: str) -> str:
    return files("cloud_ingest.console").joinpath(name).read_text(encoding="utf-8")


def choose_language(asked: str | None, remembered: str | None, accept_language: str | None) -> str:
    """What the reader asked for now, else last time, else what the browser prefers; Chinese where nothing tells."""
    for choice in (asked, remembered):
        if choice in LANGUAGES:
            return choice
    for part in (accept_language or "").split(","):
        code = part.split(";")[0].strip().lower()[:2]
        if code in LANGUAGES:
            return code
    return "zh"
