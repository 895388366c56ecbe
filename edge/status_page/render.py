"""The status document as a page in Chinese or English. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from smokesentry.sentences import Language, translated

_FRESH_S = 30.0


def page(status: dict[str, Any], language: Language) -> str:
    """A whole HTML document. Every text that is not ours is escaped."""
    word = _Words(language)
    health, well = status["health"], is_well(status)
    other = "zh" if language == "en" else "en"
    parts = [
        f"<header><h1>{word('title')} {escape(status['gateway'])}"
        f" <span class=soft>{escape(status['tenant'])}</span></h1>"
        f'<a href="?lang={other}">{word("other_language")}</a></header>',
        f'<section class="state{"" if well else " bad"}">{word("well" if well else "unwell")}'
        f"<div class=soft>{word('written')} {escape(status['written_at'])}</div></section>",
        _maintenance(health, word),
        _verdict(health, word),
        _cloud(status, word),
        _cameras(health["cameras"], word),
        _sensors(health["sensors"], word),
        _machine(status, word),
        _managed(health.get("managed") or {}, word),
        _notices(health["notices"], word),
    ]
    return (
        f'<!doctype html><html lang="{"zh-CN" if language == "zh" else "en"}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="refresh" content="10">'
        f"<title>{escape(status['gateway'])}</title>"
        '<link rel="stylesheet" href="/page.css"></head><body><main>' + "".join(parts) + "</main></body></html>"
    )


def is_well(status: dict[str, Any]) -> bool:
    """Whether nobody has to look: connected, every camera gives frames, every sensor is there, every loop moves."""
    health = status["health"]
    frames = all(age is not None and age < _FRESH_S for age in (one.get("frame_age_s") for one in health["cameras"]))
    sensors = all(one["connected"] for one in health["sensors"])
    loops = not any(loop["stalled"] for loop in status.get("loops", []))
    return bool(status["uplink"]["connected"]) and frames and sensors and loops


class _Words:
    def __init__(self, language: Language) -> None:
        self._language = language
        self._column = 1 if language == "zh" else 0

    def __call__(self, key: str) -> str:
        """The word, or the key itself where we have none (a kind that is newer than this page)."""
        both = _table().get(key)
        return escape(key) if both is None else escape(both[self._column])

    def sentence(self, text: str) -> str:
        """What the gateway says in a sentence."""
        return escape(translated(text, self._language))


@cache
def _table() -> dict[str, list[str]]:
    table: dict[str, list[str]] = json.loads((files(__package__) / "words.json").read_text(encoding="utf-8"))
    return table


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>" if content else ""


def _rows(rows: Iterable[tuple[str, str | None]]) -> str:
    cells = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows if value is not None)
    return f"<dl>{cells}</dl>" if cells else ""


def _mark(good: bool, text: str) -> str:
    return f'<span class="{"good" if good else "bad"}">{text}</span>'


def _maintenance(health: dict[str, Any], word: _Words) -> str:
    order = health.get("maintenance")
    if not order:
        return ""
    return _section(word("maintenance"), f"{escape(order['until'])}<div class=soft>{escape(order['reason'])}</div>")


def _verdict(health: dict[str, Any], word: _Words) -> str:
    if not health.get("verdict"):
        return ""
    reasons = "".join(f"<li>{word.sentence(reason)}</li>" for reason in health.get("verdict_reasons", [])[:4])
    return _section(word("verdict"), f"<strong>{word(health['verdict'])}</strong><ul class=soft>{reasons}</ul>")


def _cloud(status: dict[str, Any], word: _Words) -> str:
    uplink, depth = status["uplink"], status["health"]["spool_depth"]
    how = _mark(uplink["connected"], word("connected" if uplink["connected"] else "not_connected"))
    waits = ", ".join(f"{word(lane)} {count}" for lane, count in depth.items() if count) or "0"
    problem = uplink.get("last_problem")
    rows = [
        (escape(uplink["broker"]), how),
        (word("waiting"), waits),
        (word("spool"), f"{status['spool_bytes'] / 1e6:.1f} MB"),
    ]
    note = f'<div class="soft bad">{word.sentence(problem)}</div>' if problem and not uplink["connected"] else ""
    return _section(word("cloud"), _rows(rows) + note)


def _cameras(cameras: list[dict[str, Any]], word: _Words) -> str:
    return _section(word("cameras"), "".join(_camera(camera, word) for camera in cameras))


def _camera(camera: dict[str, Any], word: _Words) -> str:
    age_s = camera.get("frame_age_s")
    fresh = age_s is not None and age_s < _FRESH_S
    seen_s = camera["judged_s"] + camera["not_judged_s"]
    causes = [camera.get("cause"), *camera.get("sight", [])]
    rows = [
        (word("frame_age"), _mark(fresh, word("never") if age_s is None else f"{age_s:.0f} {word('seconds_ago')}")),
        (word("judged"), f"{camera['judged_s'] / seen_s:.0%}" if seen_s else None),
        (word("frames"), f"{camera['frames']}"),
    ]
    why = "".join(f"<div class=soft>{word.sentence(cause)}</div>" for cause in causes if cause)
    head = f"<strong>{escape(camera['camera'])} <span>{word(camera['verdict'])}</span></strong>"
    return f"<div class=item>{head}{why}{_rows(rows)}</div>"


def _sensors(sensors: list[dict[str, Any]], word: _Words) -> str:
    items = []
    for sensor in sensors:
        how = _mark(sensor["connected"], word("connected" if sensor["connected"] else "not_connected"))
        rows = [(word("frames"), f"{sensor['frames']}"), (word("rejected"), f"{sensor['rejected']}")]
        head = f"<strong>{escape(sensor['sensor'])} <span>{how}</span></strong>"
        items.append(f"<div class=item>{head}<div class=soft>{escape(sensor['model'])}</div>{_rows(rows)}</div>")
    return _section(word("sensors"), "".join(items))


def _machine(status: dict[str, Any], word: _Words) -> str:
    health = status["health"]
    machine = health.get("machine") or {}
    state = status["clock"]["state"]
    offset_ms, heat, free = (machine.get(key) for key in ("clock_offset_ms", "temperature_c", "disk_free_mb"))
    throttled = "; ".join(word.sentence(text) for text in machine.get("throttled", []))
    rows = [
        (
            word("clock"),
            _mark(state == "synchronised" or (offset_ms is not None and abs(offset_ms) < 1000), word(state)),
        ),
        (word("clock_offset"), None if offset_ms is None else f"{offset_ms / 1000:.2f} s"),
        (word("temperature"), None if heat is None else _mark(heat < 80, f"{heat:.0f} °C")),
        (word("throttled"), _mark(False, throttled) if throttled else None),
        (word("disk"), None if free is None else _mark(free > 500, f"{free / 1000:.1f} GB")),
        (word("memory"), None if machine.get("memory_mb") is None else f"{machine['memory_mb']:.0f} MB"),
        (word("load"), None if machine.get("load") is None else f"{machine['load']:.2f}"),
        (word("uptime"), f"{health['uptime_s'] / 3600:.1f} h"),
        (word("software"), escape(health["software"])),
    ]
    stalled = [loop["name"] for loop in status.get("loops", []) if loop["stalled"]]
    rows += [(word.sentence(name), _mark(False, word("stalled"))) for name in stalled]
    return _section(word("machine"), _rows(rows))


def _managed(managed: dict[str, dict[str, int]], word: _Words) -> str:
    rows = [
        (f"{word(kind)} {version}", _mark(what != "failed", word(what)))
        for what in ("confirmed", "trial", "failed")
        for kind, version in managed.get(what, {}).items()
    ]
    return _section(word("managed"), _rows(rows))


def _notices(notices: list[str], word: _Words) -> str:
    items = "".join(f"<li>{word.sentence(notice)}</li>" for notice in notices)
    return _section(word("notices"), f"<ul>{items}</ul>" if items else "")
