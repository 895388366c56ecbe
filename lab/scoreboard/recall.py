"""Recall of fires that could be seen, and by what: opacity, width, light, distance, weather. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import get_args

from lab.figures import Figure
from lab.scoreboard.bounds import NOTHING, Estimate, as_figure, share, weighted_rate
from lab.scoreboard.rows import CameraView, Event, Row
from lab.scoreboard.sampling import BANDS, band_of
from simulator.lighting import LightType

_SIZES = ((4.0, 8.0), (8.0, 16.0), (16.0, 32.0), (32.0, inf))
_DISTANCES = ((0.0, 50.0), (50.0, 75.0), (75.0, 100.0), (100.0, inf))
_TEMPERATURES = ("below -5 °C", "-5 to 5 °C", "above 5 °C")
_TARGETS = {band_of(0.1): 0.80, band_of(0.2): 0.95, band_of(0.4): 0.95, band_of(0.6): 0.95}


def visible_events(rows: Iterable[Row]) -> list[tuple[Row, Event]]:
    """Fires that at least one camera could have been asked for."""
    return [(row, event) for row in rows for event in row.events if event.judgeable]


def strong_events(rows: Iterable[Row]) -> list[tuple[Row, Event]]:
    """Those of 15 % opacity and more."""
    return [(row, event) for row, event in visible_events(rows) if best_view(event).opacity >= 0.15]


def best_view(event: Event) -> CameraView:
    """The camera that saw it for the longest in judgeable form."""
    return max(event.views, key=lambda view: (view.judgeable_s, view.contrast_to_noise))


def recall(rows: Sequence[Row]) -> list[Figure]:
    """Natural mix first, then every way of cutting it."""
    seen = visible_events(rows)
    every = [event for row in rows for event in row.events]
    natural = _natural_recall(seen)
    figures = [
        as_figure(
            "recall: visible fires, opacity 15% and more, natural mix", _natural_recall(strong_events(rows)), "", 0.95
        ),
        as_figure("recall: all visible fires, natural mix", natural, ""),
        Figure("recall: fires too faint or hidden to be asked for, of those played", float(len(every) - len(seen)), ""),
        Figure(
            "recall: alerts on fires that were too faint to be asked for (they earn nothing)",
            float(sum(event.alert_s is not None and not event.judgeable for event in every)),
            "",
        ),
    ]
    groups: list[tuple[str, Callable[[Row, Event], str], Sequence[str]]] = [
        ("opacity", lambda _, event: band_of(best_view(event).opacity), [band_of(low) for low, _ in BANDS]),
        ("plume width", lambda _, event: _band(best_view(event).across_px, _SIZES, "px"), _names(_SIZES, "px")),
        ("light", lambda _, event: best_view(event).light, get_args(LightType)),
        ("distance", lambda _, event: _band(best_view(event).distance_m, _DISTANCES, "m"), _names(_DISTANCES, "m")),
        ("weather", lambda row, _: row.weather, ("clear", "fog", "rain", "snow")),
        ("temperature", lambda row, _: _temperature(row), _TEMPERATURES),
        ("fuel", lambda _, event: event.fuel, ()),
    ]
    for title, key, names in groups:
        counted: dict[str, list[bool]] = {name: [] for name in names}
        for row, event in seen:
            counted.setdefault(key(row, event), []).append(event.alert_s is not None)
        for name, hits in sorted(counted.items()) if not names else counted.items():
            target = _TARGETS.get(name) if title == "opacity" else None
            figures.append(as_figure(f"recall by {title}: {name}", share(sum(hits), len(hits)), "", target))
    cameras = [
        view.alarm_s is not None for _, event in seen for view in event.views if view.first_judgeable_s is not None
    ]
    figures.append(as_figure("recall of one camera alone: judgeable fires", share(sum(cameras), len(cameras)), ""))
    return figures


def _natural_recall(seen: Sequence[tuple[Row, Event]]) -> Estimate:
    """Recall with every fire weighted by how many it stands for: one minus the weighted rate of misses."""
    if not seen:
        return NOTHING
    weights = [row.weight for row, _ in seen]
    missed = [(int(event.alert_s is None), row.weight) for row, event in seen]
    rate_of_misses = weighted_rate(missed, max(weights), sum(weights))
    assert rate_of_misses.value is not None
    assert rate_of_misses.low is not None
    assert rate_of_misses.high is not None
    low, high = max(1 - rate_of_misses.high, 0.0), min(1 - rate_of_misses.low, 1.0)
    return Estimate(1 - rate_of_misses.value, low, high, len(seen))


def _temperature(row: Row) -> str:
    if row.temp_c is None:
        return "unknown"
    return _TEMPERATURES[0 if row.temp_c <= -5 else 1 if row.temp_c <= 5 else 2]


def _band(value: float, bands: Sequence[tuple[float, float]], unit: str) -> str:
    low, high = next(band for band in bands if value < band[1])
    return f"{low:.0f} {unit} and more" if high == inf else f"{low:.0f} to {high:.0f} {unit}"


def _names(bands: Sequence[tuple[float, float]], unit: str) -> list[str]:
    return [_band(low, bands, unit) for low, _ in bands]
