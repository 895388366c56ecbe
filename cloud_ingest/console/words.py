"""Every word of the page in Chinese and English, out of ``words.json``."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

LANGUAGES = ("zh", "en")


@cache
def words(lang: str) -> dict[str, str]:
    """Key -> text in one language."""
    table = json.loads(files("cloud_ingest.console").joinpath("words.json").read_text(encoding="utf-8"))
    return {key: text[lang] for key, text in table.items()}


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
