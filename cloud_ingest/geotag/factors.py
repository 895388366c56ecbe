"""Evidence as log-odds: every factor with its weight and with what it moved. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import exp, log
from typing import Any, Literal

_SUREST = 1e-4  # no confidence is nearer to 0 or 1 than this

About = Literal["smoke", "rooftop", "coal", "said"]


@dataclass(frozen=True, slots=True)
class Factor:
    """One reason. ``weight`` is the natural logarithm of a likelihood ratio: for smoke, for the rooftop, for coal, as
    ``about`` says; what is only ``said`` weighs nothing. ``before`` and ``after`` are the probability that it moved."""

    word: str
    weight: float
    text: str
    about: About = "said"
    rooftop: str | None = None
    before: float | None = None
    after: float | None = None

    def as_json(self) -> dict[str, Any]:
        """As ``store.schema.alert_versions`` keeps it; what there is nothing to say of is left out."""
        found: dict[str, Any] = {
            "factor": self.word, "weight": round(self.weight, 4), "text": self.text, "about": self.about,
        }  # fmt: skip
        if self.rooftop is not None:
            found["rooftop"] = self.rooftop
        if self.before is not None and self.after is not None:
            found |= {"before": round(self.before, 4), "after": round(self.after, 4)}
        return found


def said(word: str, text: str) -> Factor:
    """What people should know and what weighs nothing."""
    return Factor(word, 0.0, text)


def log_odds(probability: float) -> float:
    """Of a probability, which is kept off 0 and 1."""
    p = min(max(probability, _SUREST), 1 - _SUREST)
    return log(p / (1 - p))


def probability(odds_log: float) -> float:
    """The inverse of :func:`log_odds`."""
    if odds_log < 0:
        return exp(odds_log) / (1 + exp(odds_log))
    return 1 / (1 + exp(-odds_log))


def bounded(weight: float, low: float, high: float) -> float:
    """No nearer to certainty than the bounds allow."""
    return min(max(weight, low), high)


def added_up(start: float, factors: Iterable[Factor]) -> tuple[float, list[Factor]]:
    """A probability after all factors, one after another, and the factors with what each of them moved."""
    found: list[Factor] = []
    now = start
    for factor in factors:
        after = probability(log_odds(now) + factor.weight) if factor.weight else now
        found.append(replace(factor, before=now, after=after))
        now = after
    return now, found
