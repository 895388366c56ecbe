"""Every word of the pages in Chinese and English (``texts/*.json``), and what the other rooms say, in Chinese."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files

from smokesentry.sentences import sentences, translator


@cache
def words(lang: str, *parts: str) -> dict[str, str]:
    """Key -> text in one language, of the files named; each page has one of its name, and all share ``common``."""
    table: dict[str, dict[str, str]] = {}
    for part in parts:
        table |= json.loads(_file("texts", f"{part}.json"))
    return {key: text[lang] for key, text in table.items()}


@cache
def phrases(lang: str) -> list[list[str]]:
    """English texts that geotag and (out of the common ground) gateways send, with holes ``{}``, each with its
    translation; empty for English.

    A text that is not listed is shown as it came.
    """
    if lang == "en":
        return []
    pairs: list[list[str]] = json.loads(_file("phrases.json"))
    return [*pairs, *sentences(lang)]


def translated(text: str, lang: str) -> str:
    """What a gateway says, in the reader's language where it is known: the page's own script does the same."""
    who, colon, rest = text.partition(": ")
    if colon and " " not in who:  # a camera's name before its words
        return who + colon + translated(rest, lang)
    return _translator(lang)(text)


@cache
def _translator(lang: str) -> Callable[[str], str]:
    return translator(phrases(lang))


def _file(*way: str) -> str:
    return files("cloud_ingest.console").joinpath(*way).read_text(encoding="utf-8")
