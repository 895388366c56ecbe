"""One self-contained HTML page about one clip: the score over time, what was told and why, and every stage at the
moments that mattered. Chinese and English side by side; no script, no file beside it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources

import cv2

from detector.explain import Picture, panels
from detector.seen import Seen
from detector.types import PlumeEvent, Verdict

_W, _H, _LEFT, _BOTTOM = 1120, 220, 44, 26
_VERDICTS = {
    "suspected": ("疑似烟气（线索，不是证据）", "suspected: a lead, not a proof"),
    "not_suspected": ("未见烟气（不等于没有燃烧）", "not suspected; no proof that nothing burned"),
    "cannot_judge": ("无法判断", "cannot judge"),
}
_CLASSES = {
    "smoke": "烟", "steam": "水汽", "exhaust": "排气", "open_burning": "露天焚烧", "fireworks": "烟花", "fog": "雾",
    "other": "其他", "unresolved": "烟或水汽，无法区分",
}  # fmt: skip


@dataclass(slots=True)
class Course:
    """A clip as it went by; filled while it runs."""

    name: str
    model: str
    threshold: float
    frames: int = 0
    unreadable: int = 0
    times: list[float] = field(default_factory=list)
    best: list[float] = field(default_factory=list)  # the highest score anywhere
    causes: list[str | None] = field(default_factory=list)
    verdict: Verdict = "not_suspected"
    events: dict[int, PlumeEvent] = field(default_factory=dict)  # the newest of each track
    moments: list[tuple[str, str, Seen]] = field(default_factory=list)  # why shown: Chinese, English; what was seen
    ms_per_frame: float = 0.0


def page(course: Course) -> str:
    """The whole document."""
    zh, en = _VERDICTS[course.verdict]
    blind = sum(cause is not None for cause in course.causes) / max(len(course.causes), 1)
    length = course.times[-1] if course.times else 0.0
    style = (resources.files("detector") / "explain.css").read_text(encoding="utf-8")
    unreadable = f"（不可读 unreadable {course.unreadable}）" if course.unreadable else ""
    facts = [
        ("时长 length", f"{length:.0f} s"),
        ("帧数 frames", f"{course.frames}{unreadable}"),
        ("无法判断 not judged", f"{blind:.0%}"),
        ("最高得分 best score", f"{max(course.best, default=0):.2f} / {course.threshold:.2f}"),
        ("处理 processor", f"{course.ms_per_frame:.1f} ms / 帧 frame"),
        ("模型 model", course.model),
    ]
    return (
        f'<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(course.name)} · 烟哨 Smoke Sentry</title><style>{style}</style><main>"
        f"<h1>{escape(course.name)} <small>烟哨 Smoke Sentry</small></h1>"
        f'<p class="verdict {course.verdict}">{zh} <span class="en">· {en}</span></p>'
        '<div class="facts">' + "".join(f"<span>{k} <b>{escape(v)}</b></span>" for k, v in facts) + "</div>"
        "<h2>得分随时间的变化 <small>The score over time</small></h2>"
        f'<div class="card">{timeline(course)}</div>'
        '<p class="en">得分＝同一处烟源热度的 16 秒平均；超过虚线报警；灰底为无法判断。 '
        "Score: mean origin heat over 16 s at one place. Above the dashed line it alarms; grey could not be judged.</p>"
        + _events(course)
        + "".join(_moment(*moment) for moment in course.moments)
        + "</main></html>\n"
    )


def timeline(course: Course) -> str:
    """The score as an SVG drawing, with what could not be judged shaded and events as bars."""
    length = max(course.times[-1] if course.times else 0.0, 1.0)
    wide, high = _W - _LEFT - 12, _H - _BOTTOM - 14

    def x(t_s: float) -> float:
        return _LEFT + wide * min(max(t_s, 0.0), length) / length

    def y(score: float) -> float:
        return 14 + high * (1 - min(max(score, 0.0), 1.0))

    parts = [f'<svg viewBox="0 0 {_W} {_H}" role="img" aria-label="score over time">']
    for start, end, cause in _spans(course):
        parts.append(f'<rect x="{x(start):.1f}" y="14" width="{max(x(end) - x(start), 1):.1f}" height="{high}"'
                     f' fill="#ffffff" opacity="0.08"><title>{escape(cause)}</title></rect>')  # fmt: skip
        if x(end) - x(start) > 90:
            parts.append(f'<text x="{x(start) + 6:.1f}" y="{_H - _BOTTOM - 8}">{escape(cause[:48])}</text>')
    for level in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(f'<line x1="{_LEFT}" x2="{_W - 12}" y1="{y(level):.1f}" y2="{y(level):.1f}" stroke="#2d3540"/>'
                     f'<text x="{_LEFT - 8}" y="{y(level) + 4:.1f}" text-anchor="end">{level:g}</text>')  # fmt: skip
    step = next(s for s in (5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 1e9) if length / s <= 10)
    for k in range(int(length / step) + 1):
        parts.append(f'<text x="{x(k * step):.1f}" y="{_H - 6}" text-anchor="middle">{k * step:.0f} s</text>')
    for event in course.events.values():
        colour = "#ff5c5c" if event.plume_class in ("smoke", "unresolved") else "#6cb6ff"
        left, right = x(event.started_s), max(x(event.last_seen_s), x(event.started_s) + 2)
        parts.append(f'<rect x="{left:.1f}" y="4" width="{right - left:.1f}" height="6" rx="3" fill="{colour}"/>'
                     f'<line x1="{x(event.alarm_s):.1f}" x2="{x(event.alarm_s):.1f}" y1="4" y2="{_H - _BOTTOM}"'
                     f' stroke="{colour}" stroke-width="1.5"/>')  # fmt: skip
    line = " ".join(f"{x(t):.1f},{y(s):.1f}" for t, s in zip(course.times, course.best, strict=True))
    limit = y(course.threshold)
    parts.append(f'<line x1="{_LEFT}" x2="{_W - 12}" y1="{limit:.1f}" y2="{limit:.1f}" stroke="#ffd166"'
                 f' stroke-dasharray="6 5"/>')  # fmt: skip
    parts.append(f'<polyline points="{line}" fill="none" stroke="#ff9a4d" stroke-width="2"/>')
    return "".join(parts) + "</svg>"


def _spans(course: Course) -> list[tuple[float, float, str]]:
    """Stretches of one cause for not judging: from, to, cause."""
    spans: list[tuple[float, float, str]] = []
    for t_s, cause in zip(course.times, course.causes, strict=True):
        if cause is None:
            continue
        if spans and spans[-1][2] == cause and t_s - spans[-1][1] < 3:
            spans[-1] = (spans[-1][0], t_s, cause)
        else:
            spans.append((t_s, t_s, cause))
    return spans


def _events(course: Course) -> str:
    head = "<h2>报告了什么 <small>What was told, and why</small></h2>"
    if not course.events:
        return head + '<p>没有烟羽。 <span class="en">No plume.</span></p>'
    rows = []
    for event in course.events.values():
        hides = "–" if event.opacity is None else f"{event.opacity:.0%}"
        rows.append(
            f"<tr><td><b>{_CLASSES[event.plume_class]}</b><br><span class=en>{event.plume_class}</span></td>"
            f"<td>{event.confidence:.0%}</td><td>{event.started_s:.0f} – {event.last_seen_s:.0f} s</td>"
            f"<td>{event.alarm_s:.0f} s</td><td>{event.origin_px[0]:.0f}, {event.origin_px[1]:.0f}"
            f"<br><span class=en>± {max(event.origin_sigma_px):.0f} px</span></td><td>{hides}</td>"
            "<td><ul>" + "".join(f"<li>{escape(reason)}</li>" for reason in event.reasons) + "</ul></td></tr>"
        )
    names = ("类别<br>class", "置信度<br>confidence", "可见<br>visible", "报警<br>alarm", "烟源（像素）<br>origin (px)",
             "不透明度<br>opacity", "依据<br>reasons")  # fmt: skip
    table = "<tr>" + "".join(f"<th>{name}</th>" for name in names) + "</tr>" + "".join(rows)
    return head + f'<div class="card"><table>{table}</table></div>'


def _moment(zh: str, en: str, seen: Seen) -> str:
    figures = "".join(
        f'<figure><img src="{_inline(panel.picture)}" width="320" height="180" alt="{panel.en_says}">'
        f'<figcaption><b>{panel.zh}</b><span>{panel.zh_says}</span><span class="en">{panel.en_says}</span>'
        "</figcaption></figure>"
        for panel in panels(seen)
    )
    return f'<h2>{zh} · {seen.t_s:.0f} s <small>{en}</small></h2><div class="grid">{figures}</div>'


def _inline(picture: Picture) -> str:
    done, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 88])
    assert done
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode("ascii")


def pick(seen: Sequence[Seen], events: Sequence[PlumeEvent]) -> list[tuple[str, str, Seen]]:
    """The moments worth showing: the beginning, each alarm (the first three) and the strongest score, the end."""
    if not seen:
        return []
    wanted = [(seen[0], "开始时", "at the beginning")]
    for event in list(events)[:3]:
        wanted.append((_nearest(seen, event.alarm_s), "报警时", "at the alarm"))
    wanted.append(
        (max(seen, key=lambda s: 0.0 if s.score is None else float(s.score.max())), "得分最高时", "at the best score")
    )
    wanted.append((seen[-1], "结束时", "at the end"))
    shown: list[tuple[str, str, Seen]] = []
    for one, zh, en in wanted:
        if all(abs(one.t_s - other.t_s) > 2.0 for _, _, other in shown):
            shown.append((zh, en, one))
    return sorted(shown, key=lambda moment: moment[2].t_s)


def _nearest(seen: Sequence[Seen], t_s: float) -> Seen:
    return min(seen, key=lambda s: abs(s.t_s - t_s))
