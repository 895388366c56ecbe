"""How often a shifted file is found by the gateways' places: ``python -m lab.places_datum [--seeds N]``.

Simulated towns, all gateways on roofs; a right file, and the same in GCJ-02 that calls itself WGS-84. Prints Markdown.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np
import shapely
from numpy.typing import NDArray

from cloud_ingest.places.datum import Gateway, check_under_gateways
from cloud_ingest.places.shifted import wgs84_to_gcj02
from cloud_ingest.places.table import PlaceError

Shapes = NDArray[np.object_]

_PITCH_M = 18.0
_SHARES, _GATEWAYS = (0.2, 0.35, 0.5), (1, 2, 3, 4, 6, 8)


def town(seed: int, gateways: int, share: float = 0.35, across: int = 50) -> tuple[Shapes, list[Gateway]]:
    """Houses of different sizes in bent rows, about ``share`` of the ground built over; gateways on roofs."""
    rng = np.random.default_rng(seed)
    side = _PITCH_M * share**0.5
    i, j = np.meshgrid(np.arange(across), np.arange(across))
    x = (i * _PITCH_M + rng.uniform(-3, 3, i.shape) + 0.1 * _PITCH_M * np.sin(j / 5)).ravel()
    y = (j * _PITCH_M + rng.uniform(-3, 3, i.shape)).ravel()
    width, depth = side * rng.uniform(0.7, 1.4, x.size), side * rng.uniform(0.7, 1.3, x.size)
    west, east = 106.29 + (x - width / 2) / 87_300, 106.29 + (x + width / 2) / 87_300
    south, north = 38.47 + (y - depth / 2) / 110_990, 38.47 + (y + depth / 2) / 110_990
    chosen = rng.choice(x.size, gateways, replace=False)
    stand = [
        Gateway(f"gw-{n}", float(south[k] + north[k]) / 2, float(west[k] + east[k]) / 2) for n, k in enumerate(chosen)
    ]
    roofs: Shapes = shapely.box(west, south, east, north)
    return roofs, stand


def judged(roofs: Shapes, stand: list[Gateway]) -> str:
    """refused | doubted | silent."""
    try:
        return "doubted" if check_under_gateways(roofs, stand) else "silent"
    except PlaceError:
        return "refused"


def main() -> None:
    """One line for each share of built ground and number of gateways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    seeds = parser.parse_args().seeds
    print("| built over | gateways | right: refused | doubted | shifted: refused | doubted | taken in silence |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    for share in _SHARES:
        for gateways in _GATEWAYS:
            right: Counter[str] = Counter()
            wrong: Counter[str] = Counter()
            for seed in range(seeds):
                roofs, stand = town(seed, gateways, share)
                right[judged(roofs, stand)] += 1
                moved = shapely.transform(roofs, lambda p: np.column_stack(wgs84_to_gcj02(p[:, 0], p[:, 1])))
                wrong[judged(moved, stand)] += 1
            counts = (right["refused"], right["doubted"], wrong["refused"], wrong["doubted"], wrong["silent"])
            cells = " | ".join(f"{100 * count / seeds:.0f}" for count in counts)
            print(f"| {share:.0%} | {gateways} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
