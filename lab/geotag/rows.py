"""One scene judged: which method named which roof, how sure, how far off. Rows can be written down and read again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import hypot
from pathlib import Path

import numpy as np

from cloud_ingest.geotag.posterior import Posterior, locate
from cloud_ingest.geotag.region import credible_region
from cloud_ingest.geotag.town import Town
from lab.geotag.bound import best_orders
from lab.geotag.methods import crossing, first_footprint, groups, metres_off, observations
from lab.geotag.papers import write_down
from lab.geotag.scenes import Axes, Scene, draw_scene


@dataclass(frozen=True)
class Answer:
    """What a posterior said of the first fire. ``rank`` counts from 0; None: the right roof is not among those named.

    ``said`` are the probabilities of all roofs named with one per cent and more, ``true`` that of the right one.
    """

    rank: int | None
    said: list[float]
    true: float
    elsewhere: float
    metres: float | None
    region_holds: float
    region_right: bool
    region_roofs: int


@dataclass(frozen=True)
class Row:
    """One scene: the product with one camera and with two, the bound, the plain methods, and alert building."""

    scene: int
    axes: Axes
    hidden: bool
    one: Answer
    two: Answer
    bound_one: int  # ranks
    bound_two: int
    ray: bool
    cones: bool
    cones_metres: float | None
    together: bool  # one fire seen by two cameras became one alert
    two_alerts: bool  # two fires at once became two
    pairs: bool  # and of the right detections


def judge_scenes(count: int, seed: int, bound: bool = True) -> Iterator[Row]:
    """Draws and judges scenes one after the other; scene ``n`` of a seed is always the same."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        yield judge(number, draw_scene(rng), rng, bound)


def judge(number: int, scene: Scene, rng: np.random.Generator, bound: bool = True) -> Row:
    """One scene's row. Without ``bound`` its ranks are -1: it takes most of the time."""
    papers = write_down(scene, rng)
    truth = scene.fires[0].house
    town, observed = observations(scene, papers)
    ranks = [order.index(truth) for order in best_orders(scene, papers, rng)] if bound else [-1, -1]
    met, where = crossing(scene, papers)
    mouth = scene.fires[0].mouth
    found = groups(observed)
    return Row(
        scene=number,
        axes=scene.axes,
        hidden=scene.fires[0].hidden,
        one=_answer(scene, town, locate(observed[0][:1])),
        two=_answer(scene, town, locate(observed[0])),
        bound_one=ranks[0],
        bound_two=ranks[1],
        ray=first_footprint(scene, papers) == truth,
        cones=met == truth,
        cones_metres=None if where is None else hypot(where[0] - mouth[0], where[1] - mouth[1]),
        together={"0-0", "0-1"} in groups(observed[:1]),
        two_alerts=len(found) == 2,
        pairs=sorted(map(sorted, found)) == [["0-0", "0-1"], ["1-0", "1-1"]],
    )


def save_rows(rows: Sequence[Row], path: Path) -> None:
    """One JSON line a row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(asdict(row), ensure_ascii=False) for row in rows)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def load_rows(path: Path) -> list[Row]:
    """What :func:`save_rows` wrote."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = json.loads(line)
        made = {"axes": Axes(**fields["axes"]), "one": Answer(**fields["one"]), "two": Answer(**fields["two"])}
        rows.append(Row(**(fields | made)))
    return rows


def _answer(scene: Scene, town: Town, found: Posterior) -> Answer:
    truth = scene.fires[0].house
    rank = found.roofs.index(truth) if truth in found.roofs else None
    region = credible_region(found, town)["properties"]
    return Answer(
        rank=rank,
        said=[round(p, 4) for p in found.probabilities if p >= 0.01],
        true=0.0 if rank is None else found.probabilities[rank],
        elsewhere=found.elsewhere,
        metres=metres_off(scene, town, found.places[0]) if found.roofs else None,
        region_holds=region["holds"],
        region_right=town.roofs[truth].rooftop in region["rooftops"],
        region_roofs=len(region["rooftops"]),
    )
