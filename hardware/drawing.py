"""Draws ``wiring.toml``: one SVG a build in ``hardware/drawings``; after a change, ``smokesentry hardware drawings``.

Left, the header with the used pins in their cores' colours; right, a panel a cable, one core a row.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from hardware.wiring import Cable, Wire, Wiring

_ROW = 26
_TOP = 92
_HEADER_X, _HEADER_WIDTH = 30, 330
_PANEL_X, _PANEL_WIDTH = 390, 620
_WIRE_ROW = 30
_STROKE = {
    "red": "#c62828", "black": "#212121", "yellow": "#d89b00", "green": "#2e7d32", "orange": "#e65100",
    "blue": "#1565c0", "white": "#9e9e9e",
}  # fmt: skip
_COLOUR_ZH = {"red": "红", "black": "黑", "yellow": "黄", "green": "绿", "orange": "橙", "blue": "蓝", "white": "白"}
_TITLE = {"uart": "sensors on the header · 传感器接树莓派排针", "usb": "sensors on USB adapters · 传感器接 USB 转串口"}
_PART_NAME = {"pms5003t": "PMS5003T", "sds011": "SDS011", "rtc": "DS3231", "usb-serial": "USB adapter 转串口"}


def draw(wiring: Wiring, build: str) -> str:
    """The SVG of one build."""
    cables = [cable for cable in wiring.cables if cable.build == build]
    shapes = _header(wiring, cables)
    y: float = _TOP
    for cable in cables:
        drawn, height = _panel(wiring, cable, y)
        shapes += drawn
        y += height + 22
    height = max(y, _TOP + 20 * _ROW + 60)
    note = "From hardware/wiring.toml. Signals are 3.3 V; only red cores carry 5 V. 信号线均为 3.3 V，只有红线为 5 V。"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1040 {height}" width="1040" height="{height}" '
        'font-family="Noto Sans, Noto Sans CJK SC, DejaVu Sans, sans-serif">\n'
        f'<rect width="1040" height="{height}" fill="#ffffff"/>\n'
        + _text(30, 38, f"Smoke Sentry 烟哨: {_TITLE[build]}", size=19, bold=True)
        + _text(30, 64, note, fill="#555555")
        + "".join(shapes)
        + "</svg>\n"
    )


def _header(wiring: Wiring, cables: list[Cable]) -> list[str]:
    """The 40 pins as they lie on the board, with the name of the cable that takes each."""
    used = {w.near: (cable, w) for cable in cables if cable.near == "header" for w in cable.wires}
    shapes = [
        _box(_HEADER_X, _TOP, _HEADER_WIDTH, 20 * _ROW + 44, "#e8f0e8"),
        _text(_HEADER_X + 14, _TOP + 22, "Raspberry Pi", bold=True),
        _text(_HEADER_X + _HEADER_WIDTH - 14, _TOP + 22, "40-pin header 排针", anchor="end", fill="#555555"),
    ]
    for pin, name in wiring.pinouts["header"].items():
        row, right = divmod(int(pin) - 1, 2)
        x, y = _HEADER_X + _HEADER_WIDTH / 2 + (15 if right else -15), _TOP + 46 + _ROW * row
        cable, wire = used.get(pin, (None, None))
        shapes += _dot(x, y, pin, wire.colour if wire else None)
        label = name if cable is None else (f"{name}  {cable.name}" if right else f"{cable.name}  {name}")
        fill = "#9aa59a" if cable is None else "#111111"
        shapes.append(_text(x + (18 if right else -18), y + 4.5, label, anchor="start" if right else "end", fill=fill))
    return shapes


def _panel(wiring: Wiring, cable: Cable, y: float) -> tuple[list[str], float]:
    """One cable, core by core, and the panel's height."""
    pins = wiring.pinouts[cable.far]
    height = 78 + _WIRE_ROW * len(cable.wires)
    near = "header 排针" if cable.near == "header" else _PART_NAME[cable.near]
    settings = f"{cable.port}   {cable.baud} baud 8{cable.parity}1" if cable.port else f"I²C   {cable.bus}"
    shapes = [
        _box(_PANEL_X, y, _PANEL_WIDTH, height, "#eef2f8"),
        _text(_PANEL_X + 14, y + 23, f"{cable.name}: {near} → {_PART_NAME[cable.far]}", bold=True),
        _text(_PANEL_X + _PANEL_WIDTH - 14, y + 23, settings, anchor="end", fill="#555555"),
    ]
    for row, wire in enumerate(cable.wires):
        shapes += _core(wiring, cable, wire, y + 52 + _WIRE_ROW * row)
    taken = {wire.far for wire in cable.wires}
    spare = [f"{pin} {name}" if pin != name else pin for pin, name in pins.items() if pin not in taken]
    shapes.append(_text(_PANEL_X + 14, y + height - 14, f"left open 悬空: {', '.join(spare)}", size=11, fill="#777777"))
    return shapes, height


def _core(wiring: Wiring, cable: Cable, wire: Wire, y: float) -> list[str]:
    left, right = _PANEL_X + 200, _PANEL_X + _PANEL_WIDTH - 130
    name, role = wiring.pinouts[cable.near][wire.near], wiring.near_role(cable, wire.near)
    near = f"{name} {role}" if name != role else str(role)
    far = wiring.pinouts[cable.far][wire.far]
    level = f"{wire.volts:g} V" if wire.volts else "0 V"
    return [
        f'<path d="M{left} {y}H{right}" stroke="{_STROKE[wire.colour]}" stroke-width="4"/>\n',
        _text((left + right) / 2, y - 5, f"{level}   {wire.colour} {_COLOUR_ZH[wire.colour]}", 11, "middle", "#444444"),
        *_dot(left, y, wire.near, wire.colour),
        _text(left - 20, y + 4.5, near if wire.near.isdigit() else wire.near, anchor="end"),
        *_dot(right, y, wire.far, wire.colour),
        _text(right + 20, y + 4.5, far if wire.far.isdigit() else wire.far),
    ]


def _dot(x: float, y: float, pin: str, colour: str | None) -> list[str]:
    """A pin; its number inside, where it has one."""
    dot = f'<circle cx="{x}" cy="{y}" r="10" fill="{_STROKE[colour] if colour else "#d3dad3"}"/>\n'
    if not pin.isdigit():
        return [dot]
    return [dot, _text(x, y + 4, pin, 11, "middle", "#ffffff" if colour else "#888888")]


def _box(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{fill}" stroke="#8a938a"/>\n'


def _text(
    x: float, y: float, text: str, size: int = 13, anchor: str = "start", fill: str = "#111111", bold: bool = False
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    start = (
        f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"{weight} xml:space="preserve">'
    )
    return f"{start}{escape(text)}</text>\n"
