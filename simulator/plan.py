"""A street from above as a drawing: houses by what heats them, chimneys, outlets, lamps, cameras and what they see."""

from __future__ import annotations

from math import cos, hypot, radians, sin

from simulator.drawing import COLOURS, FAINT, FUEL_NAMES, INK, Drawing, Spot, legend
from simulator.households import households_of
from simulator.street import Block, Street, turned

_PX_A_M, _MARGIN_M, _SIDE_PX = 5.0, 14.0, 250.0
_NEAR_M = 112.0  # blocks of flats nearer than this belong to the picture


def plan_of(street: Street) -> str:
    """The plan as an SVG document, north up."""
    spots = [camera.place for camera in street.cameras.values()] + [(*roof.centre, 0.0) for roof in street.roofs]
    spots += [(*block.centre, 0.0) for block in street.blocks if hypot(*block.centre) < _NEAR_M]
    west, east = min(s[0] for s in spots) - _MARGIN_M, max(s[0] for s in spots) + _MARGIN_M
    south, north = min(s[1] for s in spots) - _MARGIN_M, max(s[1] for s in spots) + _MARGIN_M
    width, height = (east - west) * _PX_A_M, max((north - south) * _PX_A_M, 480.0)
    drawing = Drawing(width + _SIDE_PX, height)

    def at(x_m: float, y_m: float) -> Spot:
        return (x_m - west) * _PX_A_M, (north - y_m) * _PX_A_M

    homes = households_of(street)
    for block in street.blocks:
        drawing.area([at(*corner) for corner in _corners(block)], "#e9edf0", "#d5dce2")
    for camera in street.cameras.values():
        x, y, _ = camera.place
        rays = [radians(camera.heading_deg + side * camera.hfov_deg / 2) for side in (-1, 1)]
        reach = [(x + 105 * sin(ray), y + 105 * cos(ray)) for ray in rays]
        drawing.area([at(x, y), *(at(*spot) for spot in reach)], "#0072b2", opacity=0.07)
    for alley in street.alleys_m:
        ends = [turned(side * (street.half_length_m + 8), alley, street.turn_rad) for side in (-1, 1)]
        drawing.line([at(*end) for end in ends], "#dfe5ea", 3.5 * _PX_A_M)
    for roof in street.roofs:
        home = homes[roof.rooftop]
        drawing.area([at(*corner) for corner in roof.footprint], COLOURS[home.heats_with], INK, 0.75)
        if home.also_burns is not None:
            drawing.label(*at(*roof.centre), "返煤", 11, "#ffffff", "middle")
        drawing.dot(*at(*roof.chimney.mouth[:2]), 3.5, INK if roof.chimney.registered else "#ffffff", INK)
        x, y = at(*roof.centre)
        drawing.label(x, y + 16, roof.rooftop, 10, INK, "middle")
    for terminal in street.terminals:
        x, y = at(*terminal.mouth[:2])
        drawing.area([(x - 4, y + 4), (x + 4, y + 4), (x, y - 5)], "#56b4e9", INK)
    for lamp in street.lamps:
        drawing.dot(*at(*lamp.place[:2]), 2.4, "#f0d000", "#9c8800")
    for gateway, camera in street.cameras.items():
        x, y = at(*camera.place[:2])
        drawing.dot(x, y, 6, "#0072b2", INK)
        off, anchor = (-9, "end") if x > width - 110 else (9, "start")
        drawing.label(x + off, y - 6, f"{gateway} · {camera.place[2]:.0f} m", 12, INK, anchor)
    # houses outside the frame would run under the legend
    drawing.box(width, 0, _SIDE_PX, height, "#ffffff")
    _explain(drawing, street, width + 16)
    _scale(drawing, width + 16, height - 26)
    return drawing.text()


def _explain(drawing: Drawing, street: Street, x: float) -> None:
    drawing.label(x, 28, "街道平面 Street plan", 16)
    drawing.label(x, 46, f"种子 seed {street.seed} · 屋 roofs {len(street.roofs)}", 12, FAINT)
    present = {home.heats_with for home in households_of(street).values()}
    fuels = [(COLOURS[fuel], words) for fuel, words in FUEL_NAMES.items() if fuel in present]
    legend(drawing, x, 76, fuels)
    y = 76 + 18 * len(fuels) + 10
    marks = (
        (INK, "在册烟囱 chimney in the ledger"), ("#ffffff", "未登记烟囱 chimney not in it"), ("#f0d000", "路灯 lamp"),
    )  # fmt: skip
    for index, (fill, words) in enumerate(marks):
        drawing.dot(x + 5, y + 20 * index - 4, 4, fill, INK)
        drawing.label(x + 17, y + 20 * index, words, 12)
    y += 20 * len(marks)
    drawing.area([(x + 1, y), (x + 9, y), (x + 5, y - 9)], "#56b4e9", INK)
    drawing.label(x + 17, y, "壁挂炉排气口 boiler outlet", 12)
    drawing.dot(x + 5, y + 16, 5, "#0072b2", INK)
    drawing.label(x + 17, y + 20, "网关与视野 gateway and its view", 12)
    drawing.label(x, y + 46, "“返煤”: converted, burns again", 12, FAINT)


def _scale(drawing: Drawing, x: float, y: float) -> None:
    drawing.line([(x, y - 5), (x, y), (x + 20 * _PX_A_M, y), (x + 20 * _PX_A_M, y - 5)], INK, 1.5)
    drawing.label(x + 10 * _PX_A_M, y - 6, "20 m", 12, anchor="middle")
    drawing.line([(x + 190, y), (x + 190, y - 20)], INK, 2)
    drawing.area([(x + 190, y - 36), (x + 184, y - 18), (x + 196, y - 18)], INK)
    drawing.label(x + 190, y - 40, "北 N", 12, anchor="middle")


def _corners(block: Block) -> list[Spot]:
    along, across = (cos(block.turn_rad), sin(block.turn_rad)), (-sin(block.turn_rad), cos(block.turn_rad))
    return [
        (
            block.centre[0] + a * block.width_m / 2 * along[0] + b * block.depth_m / 2 * across[0],
            block.centre[1] + a * block.width_m / 2 * along[1] + b * block.depth_m / 2 * across[1],
        )
        for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
