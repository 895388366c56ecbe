"""What every page has in common: one base template, the reader's language, the town, the way to the other pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import HTTPException, Request, Response
from fastapi.templating import Jinja2Templates

from cloud_ingest.console.words import words
from smokesentry.clock import from_wire
from smokesentry.sentences import LANGUAGES, choose_language

_COOKIE = "smokesentry-lang"
_YEAR_S = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Towns:
    """The towns that this console shows, the first where nobody asks for one."""

    names: tuple[str, ...]

    def chosen(self, asked: str | None) -> str:
        """The town of a request. A town that is not shown here is not found, be it there or not."""
        if asked is None:
            return self.names[0]
        if asked not in self.names:
            raise HTTPException(404, f"there is no town {asked[:40]!r} here")
        return asked


class Pages:
    """Draws templates: ``draw(request, "quality", town, lang, ...)``."""

    def __init__(self, towns: Towns, zone: str) -> None:
        self.towns, self.zone = towns, zone
        self._templates = Jinja2Templates(Path(__file__).parent / "templates")
        where = ZoneInfo(zone)
        self._templates.env.filters["local"] = lambda at: from_wire(at).astimezone(where).strftime("%m-%d %H:%M:%S")
        self._templates.env.filters["span"] = span

    def language(self, request: Request, asked: str | None) -> str:
        """``zh`` or ``en``: asked for now, else remembered, else the browser's."""
        return choose_language(request.headers.get("accept-language"), asked, request.cookies.get(_COOKIE))

    def draw(self, request: Request, name: str, town: str | None, lang: str | None, **context: Any) -> Response:
        """The page ``name`` about a town; ``words`` are those of its file (:func:`words`) where none are given."""
        language, tenant = self.language(request, lang), self.towns.chosen(town)
        other = next(one for one in LANGUAGES if one != language)
        several = len(self.towns.names) > 1

        def link(path: str, **more: str) -> str:
            query = urlencode(({"town": tenant} if several else {}) | more)
            return f"{path}?{query}" if query else path

        everywhere = {
            "lang": language,
            "other_lang": other,
            "other_address": _here(request, lang=other),
            "words": words(language, "common", name),
            "tenant": tenant,
            "towns": [(one, _here(request, town=one)) for one in self.towns.names] if several else [],
            "zone": self.zone,
            "page": name,
            "link": link,
        }
        response = self._templates.TemplateResponse(request, f"{name}.html", {**everywhere, **context})
        response.set_cookie(_COOKIE, language, max_age=_YEAR_S, samesite="lax", httponly=True)
        return response


def span(seconds: float) -> str:
    """Seconds as hours and minutes, in figures that both languages read."""
    minutes = round(seconds / 60)
    return f"{minutes // 60}:{minutes % 60:02d}"


def towns_of(tenants: Sequence[str]) -> Towns:
    """Raises ``ValueError`` for none at all."""
    if not tenants:
        raise ValueError("a console shows at least one town")
    return Towns(tuple(tenants))


def _here(request: Request, **changed: str) -> str:
    """The same page with something of its query changed."""
    address = request.url.include_query_params(**changed)
    return f"{address.path}?{address.query}"
