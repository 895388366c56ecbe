"""The page for people, made from the figures: what was asked, tables by section, falls, what stands beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.figures import Figure, number
from lab.scoreboard.compare import Fall

_INTRO = """# Scoreboard 成绩单

Made by `make judge`; change nothing by hand. **Everything here is simulated**: streets, nights, light, air and truth
come from [`simulator/`](simulator.md), on seeds that training never saw; the way from frames and sensor bytes to alerts
is the product's own code. How it is done and what the words mean: [lab.md](lab.md#the-scoreboard). Every rate stands
between its 95 % bounds; *n* is what it rests on. A dash: not measured in this run, or the room does not exist yet.

本页由 `make judge` 生成，**全部为模拟成绩**，不得与实拍成绩混用。比率附 95 % 置信界；“–” 表示本次未测或该功能尚未建成。
"""
_BESIDE = """## Beside it, never mixed in

- Composited nights (real night pictures as background) and the training generator's own nights:
  [detector.md](detector.md#what-was-measured).
- Real footage and captured sensor bytes through the product: [real-footage.md](real-footage.md). No public night
  footage of chimney smoke exists.
- Geometry alone, without pictures: [geotag.md](geotag.md#how-often-it-is-right).
- Speed and size: [benchmarks.md](benchmarks.md).
"""
#: What a reader wants first, and its name in Chinese.
_GLANCE = {
    "recall: visible fires, opacity 15% and more, natural mix": "可见燃烧检出率（不透光率 ≥ 15 %）",
    "recall by opacity: 8% to 15%": "可见燃烧检出率（8–15 %）",
    "false alerts: all, look-alikes at their natural rates": "误报（每摄像机每夜）",
    "time to alert: median, from the first judgeable frame": "报警用时中位数",
    "time to alert: 95th percentile": "报警用时 95 分位",
    "right rooftop, first 1: all alerts on visible fires": "首选屋顶正确",
    "right rooftop, first 3: all alerts on visible fires": "前三屋顶含正确者",
    "calibration error: the detector's confidence, natural rates": "检测置信度校准误差",
    "calibration error: the first rooftop's probability": "屋顶概率校准误差",
    "coverage: judged, of the time in judgeable light": "可判光照下的判断覆盖率",
    "delivered exactly once under faults: of the detections stored at a gateway": "故障下恰好一次送达",
}
_FIRED_HEAD = """## Which windows fired 误报窗口

A run leaves a picture of each in `build/judge/false-alerts/`: crops around the claimed origin before and until it was
said, and the whole frame. 每次运行在该目录为每个误报留一张图。
"""
_HEAD = "## Since the last committed scoreboard\n\n"


def judge_page(
    figures: Sequence[Figure], falls: Sequence[Fall] | None, pictures: Sequence[str], folder: str,
    false: Mapping[str, Sequence[str]],
) -> str:  # fmt: skip
    """Markdown. ``falls`` is None where there is no comparable earlier run; ``pictures`` lie in ``folder``; ``false``
    names the false alerts by what was mistaken for smoke."""
    parts = [_INTRO, _glance(figures), _changes(falls)]
    if pictures:
        parts.append("\n".join(f"![{name}]({folder}{name})" for name in pictures) + "\n")
    sections: dict[str, list[Figure]] = {}
    for figure in figures:
        sections.setdefault(figure.name.partition(":")[0], []).append(figure)
    parts += [_table(section, some) for section, some in sections.items()]
    return "\n".join([*parts, _fired(false), _BESIDE])


def _glance(figures: Sequence[Figure]) -> str:
    lines = ["## At a glance 概览", "", "| | 中文 | value | 95 % bounds | target |", "| --- | --- | --- | --- | --- |"]
    for figure in figures:
        if figure.name in _GLANCE:
            cells = [figure.name, _GLANCE[figure.name], _value(figure), _bounds(figure), number(figure.target)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _changes(falls: Sequence[Fall] | None) -> str:
    if falls is None:
        return f"{_HEAD}There is none of the same suite and the same definition of judgeable.\n"
    if not falls:
        return f"{_HEAD}Nothing fell.\n"
    lines = [
        "These fell. **Explain or mend** those beyond chance (outside the earlier run's 95 % bounds).",
        "",
        "| figure | was | now | |",
        "| --- | --- | --- | --- |",
    ]
    for fall in falls:
        word = "**beyond chance**" if fall.beyond_chance else ""
        lines.append(f"| {fall.name} | {number(fall.was)} | {number(fall.now)} | {word} |")
    return _HEAD + "\n".join(lines) + "\n"


def _fired(false: Mapping[str, Sequence[str]]) -> str:
    lines = [_FIRED_HEAD]
    if not false:
        return _FIRED_HEAD + "None.\n"
    lines += [
        "| mistaken for smoke | alerts | night, second of the night (windows it stands for) |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {cause} | {len(some)} | {', '.join(some)} |" for cause, some in false.items()]
    return "\n".join(lines) + "\n"


def _table(section: str, figures: Sequence[Figure]) -> str:
    peer = any(figure.peer for figure in figures)
    head = ["", "value", "95 % bounds", "n", "target", *(["peer", "peer's value", "ratio"] if peer else [])]
    lines = [f"## {section[:1].upper()}{section[1:]}", "", f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for figure in figures:
        name = figure.name.partition(": ")[2] or figure.name
        cells = [
            name,
            _value(figure),
            _bounds(figure),
            "–" if figure.n is None else str(figure.n),
            number(figure.target),
        ]
        if peer:
            cells += [figure.peer or "–", number(figure.peer_value), number(figure.ratio)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _value(figure: Figure) -> str:
    return "–" if figure.value is None else f"{number(figure.value)} {figure.unit}".strip()


def _bounds(figure: Figure) -> str:
    return "–" if figure.low is None else f"{number(figure.low)} – {number(figure.high)}"
