"""The demo's verdict on the system (DESIGN §6): which roofs burned, which roofs the console named, do they agree."""

from __future__ import annotations

from typing import Any


def judge(alerts: list[dict[str, Any]], burned: list[dict[str, Any]]) -> dict[str, Any]:
    """``alerts`` as the console's ``/api/alerts`` gives them, ``burned`` from the simulator's truth.

    ``match``: each burned roof is some alert's first candidate, and no alert's first candidate is a roof that did not
    burn. A withdrawn alert was shown to a dispatcher and counts like any other; so does one whose likeliest place is
    no known roof (no candidate at all).
    """
    said = [
        {
            "candidates": [
                {"rooftop": candidate["rooftop"], "probability": candidate["probability"]}
                for candidate in alert["candidates"]
            ],
            "at": alert["first_at"],
        }
        for alert in alerts
    ]
    first = [alert["candidates"][0]["rooftop"] if alert["candidates"] else None for alert in said]
    burned_roofs = {burn["rooftop"] for burn in burned}
    return {"alerts": said, "burned": burned, "match": set(first) == burned_roofs}
