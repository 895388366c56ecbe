"""What detector, bridge and gateway say in English sentences, in the language of whoever reads a page; and which."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Literal

#: English with holes ``{}`` and its translation, whose holes come in the same order; the first that fits counts.
Sentences = Sequence[Sequence[str]]
Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
_WEIGHT = re.compile(r"[01](\.[0-9]{0,3})?")
_MOST_TAGS = 50  # of a browser's header


def choose_language(accept_language: str | None, *asked: str | None, default: Language = "zh") -> Language:
    """The language of a page: what the reader asked for, the first that is one of ours (an address's ``lang``, a
    cookie), else what the browser's ``Accept-Language`` wants most (RFC 9110: weights, ``*``, ``q=0`` for never), else
    ``default``; English for a browser that names only others."""
    for one in asked:
        for language in LANGUAGES:
            if one == language:
                return language
    weights = _weights(accept_language or "")
    if not weights:
        return default
    wanted = {language: weights.get(language, weights.get("*", 0.0)) for language in LANGUAGES}
    best = max(wanted.values())
    if best == 0:
        return "zh" if "en" in weights else "en"
    liked = [language for language in LANGUAGES if wanted[language] == best]
    named = [primary for primary in weights if primary in liked]  # as they stand in the header
    return min(
        liked, key=lambda language: (named.index(language) if language in named else len(named), language != default)
    )


def _weights(accept_language: str) -> dict[str, float]:
    """Primary tag -> its greatest weight, in the header's order. What cannot be read as a weight is 0."""
    found: dict[str, float] = {}
    for part in accept_language.split(",")[:_MOST_TAGS]:
        tag, *options = (text.strip().lower() for text in part.split(";"))
        primary = tag.split("-")[0]
        if not primary:
            continue
        weight = next((option[2:] for option in options if option.startswith("q=")), "1")
        found[primary] = max(found.get(primary, 0.0), float(weight) if _WEIGHT.fullmatch(weight) else 0.0)
    return found


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
