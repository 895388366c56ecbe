"""A night's schedule as a drawing: who burns, steams and cooks when, what else happens, the weather and the air."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simulator.atmosphere import Atmosphere
from simulator.climate import STEP_S, STEPS
from simulator.drawing import COLOURS, FAINT, FUEL_NAMES, INK, Drawing, legend
from simulator.happenings import Happening, between
from simulator.schedule import WinterNight
from simulator.season import NIGHT_S, seconds_at

_LEFT, _WIDE, _LANE, _PANEL, _RIGHT = 168.0, 900.0, 20.0, 74.0, 200.0
_TOWN = (
    ("far_stove", "远处烟囱 far chimneys"), ("barbecue", "烧烤 barbecue"), ("meat_smoking", "熏肉 smoked meat"),
    ("open_burning", "露天焚烧 open burning"), ("big_fire", "浓烟 big fire"), ("drill", "演练 drill"),
    ("fireworks", "烟花 fireworks"), ("paper_burning", "烧纸 burial paper"), ("vehicle", "车辆 vehicles"),
    ("fog", "雾 fog"), ("rain", "雨 rain"), ("snow", "雪 snow"), ("low_cloud", "低云 lit cloud"),
    ("regional_episode", "区域污染 regional haze"), ("frost", "镜头结霜 frost"), ("bump", "碰歪 bumped"),
    ("exposure_pumping", "曝光波动 exposure"), ("sensor_fault", "传感器故障 sensor fault"),
)  # fmt: skip
_TOWN_COLOUR = "#56677a"


def chart_of(night: WinterNight) -> str:
    """The chart as an SVG document; local hours across."""
    lanes = [roof.rooftop for roof in night.street.roofs]
    town = [(kind, words) for kind, words in _TOWN if any(event.kind == kind for event in night.happenings)]
    top = 66.0
    bottom = top + _LANE * (len(lanes) + len(town)) + 14
    drawing = Drawing(_LEFT + _WIDE + _RIGHT, bottom + 3 * (_PANEL + 24) + 26)
    _frame(drawing, night, top, bottom + 3 * (_PANEL + 24))
    for index, rooftop in enumerate(lanes):
        _household(drawing, night, rooftop, top + _LANE * index)
    for index, (kind, words) in enumerate(town):
        y = top + _LANE * (len(lanes) + index) + 10
        drawing.label(_LEFT - 8, y + 11, words, 11, INK, "end")
        for event in night.happenings:
            if event.kind == kind:
                drawing.box(_x(event.t0_s), y + 4, max(_x(event.t1_s) - _x(event.t0_s), 1), 9, _TOWN_COLOUR, 0.7)
    _weather(drawing, night, bottom + 14)
    _air(drawing, night, bottom + 14 + 2 * (_PANEL + 24))
    _explain(drawing, night, top)
    return drawing.text()


def _x(t_s: float) -> float:
    return _LEFT + _WIDE * min(max(t_s / NIGHT_S, 0), 1)


def _frame(drawing: Drawing, night: WinterNight, top: float, bottom: float) -> None:
    drawing.label(_LEFT, 26, f"一夜的日程 A night's schedule · {night.evening.isoformat()}", 17)
    day = {"new_years_eve": "除夕", "new_year": "春节", "lantern": "元宵", "little_year": "小年", "fifth_day": "破五"}
    notes = [f"种子 seed {night.street.seed}", f"月光 moon {100 * night.sky.moon_lit:.0f} %"]
    notes += [f"{day.get(night.day, '寒衣节')} {night.day.replace('_', ' ')}"] if night.day else []
    drawing.label(_LEFT, 46, " · ".join(notes), 12, FAINT)
    sky = night.sky
    drawing.box(_x(sky.dark_from_s), top - 6, _x(sky.dark_to_s) - _x(sky.dark_from_s), bottom - top, "#e8eef6")
    for hour in range(17, 33):
        x = _x(seconds_at(hour % 24))
        drawing.line([(x, top - 6), (x, bottom - 6)], "#d5dce2" if hour % 3 else "#b3bfca")
        if hour % 3 == 0:
            drawing.label(x, bottom + 10, f"{hour % 24:02d}:00", 11, FAINT, "middle")


def _household(drawing: Drawing, night: WinterNight, rooftop: str, y: float) -> None:
    home = night.households[rooftop]
    own = [event for event in night.happenings if event.rooftop == rooftop]
    name = FUEL_NAMES[home.heats_with].split(" ")[0] + (" · 返煤" if home.also_burns else "")
    drawing.label(_LEFT - 8, y + 12, f"{rooftop} {name}", 11, INK, "end")
    drawing.line([(_LEFT, y + _LANE - 2), (_LEFT + _WIDE, y + _LANE - 2)], "#edf1f4")
    for event in own:
        left, width = _x(event.t0_s), max(_x(event.t1_s) - _x(event.t0_s), 1.0)
        if event.kind == "steady_fire":
            drawing.box(left, y + 10, width, 3, COLOURS[event.fuel], 0.45)
        elif event.kind == "stove":
            drawing.box(left, y + 2, width, 14, COLOURS[event.fuel], 0.25 + 0.75 * min(event.strength / 0.4, 1))
            drawing.label(left + width + 2, y + 9, f"{100 * event.strength:.0f}%", 8.5, FAINT)
        elif event.kind == "boiler":
            drawing.box(left, y + 5, width, 8, COLOURS["gas"], 0.55)
        elif event.kind == "defrost":
            drawing.box(left, y + 6, width, 6, COLOURS["electricity"], 0.7)
        elif event.kind in ("kitchen_exhaust", "drill"):
            drawing.box(left, y + 15, width, 3, "#cc79a7")


def _weather(drawing: Drawing, night: WinterNight, y: float) -> None:
    t_s = STEP_S * np.arange(STEPS)
    weather = night.weather
    _panel(drawing, y, "气温 °C 与湿度 %", "Temperature and humidity")
    _curve(drawing, y, t_s, weather.temp_c, "#d55e00", "°C")
    _curve(drawing, y, t_s, weather.rh_percent, "#0072b2", "%", (0, 100), side="right")
    y += _PANEL + 24
    _panel(drawing, y, "风速 m/s 与云量", "Wind speed and cloud")
    _curve(
        drawing, y, t_s, weather.wind_speed_m_s, "#009e73", "m/s", (0, max(4.0, float(weather.wind_speed_m_s.max())))
    )
    _curve(drawing, y, t_s, 100 * weather.cloud, "#8796a5", "%", (0, 100), side="right")


def _air(drawing: Drawing, night: WinterNight, y: float) -> None:
    t_s = np.arange(0.0, NIGHT_S, 20.0)
    air = Atmosphere(night.weather, night.happenings, night.street.seed)
    level = air.background(t_s)[0]
    breaths = {name: air.breath(camera.place, t_s).pm25_ug_m3 for name, camera in night.street.cameras.items()}
    gateway, found = max(breaths.items(), key=lambda item: float((item[1] - level).sum()))
    top = float(np.percentile(found, 99.8)) * 1.15
    _panel(drawing, y, "PM2.5 µg/m³", f"True air at {gateway}; background")
    _curve(drawing, y, t_s, np.minimum(found, top), "#d55e00", "", (0, top))
    _curve(drawing, y, t_s, level, INK, "", (0, top))


def _panel(drawing: Drawing, y: float, words: str, english: str) -> None:
    drawing.label(_LEFT - 8, y + 26, words, 11, INK, "end")
    drawing.label(_LEFT - 8, y + 42, english, 10, FAINT, "end")
    drawing.line([(_LEFT, y + _PANEL), (_LEFT + _WIDE, y + _PANEL)], FAINT)


def _curve(
    drawing: Drawing,
    y: float,
    t_s: Sequence[float] | np.ndarray,
    values: np.ndarray,
    colour: str,
    unit: str,
    span: tuple[float, float] | None = None,
    side: str = "left",
) -> None:
    low, high = span or (float(np.floor(values.min())) - 1, float(np.ceil(values.max())) + 1)
    spots = [
        (_x(float(t)), y + _PANEL * (1 - (float(value) - low) / (high - low)))
        for t, value in zip(t_s, values, strict=True)
    ]
    drawing.line(spots, colour, 1.4)
    x, anchor = (_LEFT - 6, "end") if side == "left" else (_LEFT + _WIDE + 4, "start")
    drawing.label(x, y + 9, f"{high:.0f} {unit}".rstrip(), 9.5, colour, anchor)
    drawing.label(x, y + _PANEL - 3, f"{low:.0f}", 9.5, colour, anchor)


def _explain(drawing: Drawing, night: WinterNight, top: float) -> None:
    x = _LEFT + _WIDE + 40
    burning = between(night.happenings, 0, NIGHT_S, "stove")
    used: list[Happening] = [event for event in night.happenings if event.kind in ("stove", "boiler", "defrost")]
    fuels = {event.fuel for event in used} - {"none"} | (
        {"electricity"} if any(e.kind == "defrost" for e in used) else set()
    )
    rows = [(COLOURS[fuel], words) for fuel, words in FUEL_NAMES.items() if fuel in fuels]
    legend(drawing, x, top + 8, [*rows, ("#cc79a7", "厨房 kitchen"), (_TOWN_COLOUR, "其他 other events")])
    y = top + 8 + 18 * (len(rows) + 2) + 10
    drawing.label(x, y, f"燃烧 bursts: {len(burning)}", 12)
    drawing.label(x, y + 18, "% 烟囱口不透光度", 11, FAINT)
    drawing.label(x, y + 33, "peak opacity at the mouth", 11, FAINT)
    drawing.label(x, y + 51, "细线: 稳定燃烧 thin: steady fire", 11, FAINT)
