"""What detector, bridge and gateway say in English sentences, in the language of whoever reads a page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
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


def translator(table: Sentences) -> Callable[[str], str]:
    """Says a sentence in the table's language, and so sentences in its holes; one that is not listed stays as it is."""
    patterns = [(re.compile("(.+?)".join(map(re.escape, one.split("{}")))), other) for one, other in table]

    def say(text: str) -> str:
        for pattern, other in patterns:
            if found := pattern.fullmatch(text):
                first, *parts = other.split("{}")
                return first + "".join(say(value) + part for value, part in zip(found.groups(), parts, strict=True))
        return text

    return say


def translated(text: str, lang: str) -> str:
    """A sentence of :func:`sentences` in the reader's language."""
    return _translator(lang)(text)


@cache
def _translator(lang: str) -> Callable[[str], str]:
    return translator(sentences(lang))
