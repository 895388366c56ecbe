"""What detector, bridge and gateway say in English sentences, in the language of whoever reads a page."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

#: English with holes ``{}`` and its translation, whose holes come in the same order; the first that fits counts.
Sentences = Sequence[Sequence[str]]


@cache
def sentences(lang: str) -> list[list[str]]:
    """The table of one language; empty for English, in which the sentences are made."""
    if lang == "en":
        return []
    table: list[list[str]] = json.loads((files("smokesentry") / "sentences.json").read_text(encoding="utf-8"))
    return table


def translated(text: str, lang: str) -> str:
    """A sentence in the reader's language, and so are sentences in its holes; one that is not listed stays as it is."""
    for pattern, other in _patterns(lang):
        if found := pattern.fullmatch(text):
            first, *parts = other.split("{}")
            inner = (translated(value, lang) for value in found.groups())
            return first + "".join(value + part for value, part in zip(inner, parts, strict=True))
    return text


@cache
def _patterns(lang: str) -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile("(.+?)".join(map(re.escape, one.split("{}")))), other) for one, other in sentences(lang)]
