from __future__ import annotations

from typing import Any

import pytest

from lab.judgement import judge

BURN = {"rooftop": "r-3", "from": "2026-11-22T18:00:00.000Z", "to": "2026-11-22T18:02:00.000Z"}


def alert(*roofs: str) -> dict[str, Any]:
    candidates = [{"rooftop": roof, "name": roof, "probability": 0.9 / (n + 1)} for n, roof in enumerate(roofs)]
    return {"candidates": candidates, "first_at": "2026-11-22T18:01:00.000Z", "state": "open"}


@pytest.mark.parametrize(
    ("alerts", "burned", "match"),
    [
        ([alert("r-3", "r-4")], [BURN], True),
        ([alert("r-4", "r-3")], [BURN], False),
        ([alert("r-3"), alert("r-9")], [BURN], False),
        ([alert("r-3"), alert("r-3")], [BURN], True),
        ([], [BURN], False),
        ([], [], True),
        ([alert("r-3")], [], False),
        ([alert()], [], False),
        ([alert("r-3"), alert()], [BURN], False),
        ([{**alert("r-9"), "state": "withdrawn"}], [], False),
    ],
    ids=[
        "right roof",
        "right roof only second",
        "a second, wrong alert",
        "two alerts for one fire are still the right roof",
        "missed",
        "quiet and silent",
        "flagged on a quiet night",
        "an alert without a roof on a quiet night",
        "an alert without a roof beside the right one",
        "withdrawn alerts were shown and count",
    ],
)
def test_match_is_as_the_design_says(alerts: list[dict[str, Any]], burned: list[dict[str, Any]], match: bool) -> None:
    verdict = judge(alerts, burned)
    assert verdict["match"] is match
    assert verdict["burned"] == burned
    assert [a["at"] for a in verdict["alerts"]] == ["2026-11-22T18:01:00.000Z"] * len(alerts)
