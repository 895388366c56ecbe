"""How often shifted borders are found by the houses that they cut: ``python -m lab.places_borders [--seeds N]``.

Simulated towns as in ``lab.places_datum``, cells of eight rows of houses each; the borders keep to the lanes, drawn by
hand (2 m), or to nothing. The right file, and the same in GCJ-02 that calls itself WGS-84. Prints Markdown.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np
import shapely

from cloud_ingest.places.borders import check_borders
from cloud_ingest.places.shifted import wgs84_to_gcj02
from cloud_ingest.places.table import PlaceError
from lab.places_datum import Shapes
from lab.places_datum import town as draw_town

_PITCH_M, _ROWS, _TOWN = 18.0, 8, 110
_SHARES, _ACROSS = (0.2, 0.35, 0.5), (1, 2, 4)


def grid(seed: int, cells: int, along_lanes: bool, town: int = _TOWN) -> Shapes:
    """``cells`` x ``cells`` areas amid the town of the same seed, of ``town`` x ``town`` houses."""
    rng = np.random.default_rng(seed + 10_000)
    first = (town - cells * _ROWS) // 2
    middle = town * _PITCH_M / 2
    slip = np.zeros(2) if along_lanes else rng.uniform(0, _PITCH_M, 2)
    turn = 0.0 if along_lanes else rng.uniform(0.05, 0.4)

    def corner(i: float, j: float) -> tuple[float, float]:
        x = (i - 0.5) * _PITCH_M + 0.1 * _PITCH_M * np.sin(j / 5) + slip[0]
        y = (j - 0.5) * _PITCH_M + slip[1]
        x, y = x + turn * (y - middle), y - turn * (x - middle)
        x, y = x + rng.normal(0, 2), y + rng.normal(0, 2)
        return 106.29 + x / 87_300, 38.47 + y / 110_990

    knots = {(i, j): corner(first + i, first + j) for i in range(cells * _ROWS + 1) for j in range(cells * _ROWS + 1)}
    areas = []
    for a in range(cells):
        for b in range(cells):
            west, south, n = a * _ROWS, b * _ROWS, _ROWS
            around = [(west + k, south) for k in range(n)] + [(west + n, south + k) for k in range(n)]
            around += [(west + n - k, south + n) for k in range(n)] + [(west, south + n - k) for k in range(n)]
            areas.append(shapely.make_valid(shapely.Polygon([knots[one] for one in around])))
    found: Shapes = np.array(areas, dtype=object)
    return found


def judged(areas: Shapes, roofs: Shapes) -> str:
    """refused | doubted | silent."""
    try:
        return "doubted" if check_borders(areas, roofs) else "silent"
    except PlaceError:
        return "refused"


def main() -> None:
    """One line for each share of built ground, size of the grid, and kind of border."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    print("| built over | cells | borders | right: refused | doubted | shifted: refused | doubted | taken in silence |")
    print("|--:|--:|---|--:|--:|--:|--:|--:|")
    for along in (True, False):
        for share in _SHARES:
            for cells in _ACROSS:
                right: Counter[str] = Counter()
                wrong: Counter[str] = Counter()
                for seed in range(seeds):
                    roofs, _ = draw_town(seed, 1, share, _TOWN)
                    areas = grid(seed, cells, along)
                    right[judged(areas, roofs)] += 1
                    moved = shapely.transform(areas, lambda p: np.column_stack(wgs84_to_gcj02(p[:, 0], p[:, 1])))
                    wrong[judged(moved, roofs)] += 1
                counts = (right["refused"], right["doubted"], wrong["refused"], wrong["doubted"], wrong["silent"])
                cell = " | ".join(f"{100 * count / seeds:.0f}" for count in counts)
                print(f"| {share:.0%} | {cells**2} | {'lanes' if along else 'none'} | {cell} |", flush=True)


if __name__ == "__main__":
    main()
