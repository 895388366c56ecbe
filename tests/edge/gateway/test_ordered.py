"""Orders to a whole process over a real broker: a good one stays, one that blinds the camera is taken back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from smokesentry.clock import SystemClock, from_unix, to_wire
from smokesentry.messages.control import Command
from smokesentry.messages.records import Health

pytestmark = pytest.mark.mosquitto
_PATIENCE_S = 400.0  # the process begins anew at each order


def _order(counter: int, version: int, text: str, period_s: float) -> Command:
    now = SystemClock().now().unix_s
    return Command(
        command_id=uuid4().hex,
        gateway="gw-1",
        counter=counter,
        issued_at=to_wire(from_unix(now - 1)),
        expires_at=to_wire(from_unix(now + 600)),
        kind="configure",
        args={"version": version, "text": text, "period_s": period_s},
    )


def test_a_good_order_stays_and_a_bad_one_is_taken_back_by_the_gateway_itself(
    config: Path, cloud: Any, until: Callable[..., None], bodies: Callable[[Any, type], list[Any]]
) -> None:
    def managed(what: str) -> dict[str, int]:
        told = bodies(cloud, Health)
        return getattr(told[-1].managed, what) if told and told[-1].managed is not None else {}

    def sees() -> bool:
        told = bodies(cloud, Health)
        ages = [camera.frame_age_s for camera in told[-1].cameras] if told else []
        return any(age_s is not None and age_s < 5.0 for age_s in ages)

    text = config.read_text(encoding="utf-8")
    process = subprocess.Popen([sys.executable, "-m", "lab.faults.gateway", str(config)])
    try:
        until(sees, "a gateway whose camera gives frames", _PATIENCE_S)
        cloud.send_command(_order(1, 5, text.replace("telemetry_interval_s = 1", "telemetry_interval_s = 2"), 40.0))
        until(lambda: managed("confirmed") == {"configuration": 5}, "the good order confirmed", _PATIENCE_S)
        until(sees, "frames again", _PATIENCE_S)
        blind = text.replace("http://127.0.0.1:", "http://127.0.0.1:1/")
        assert blind != text
        cloud.send_command(_order(2, 6, blind, 8.0))
        until(lambda: managed("failed") == {"configuration": 6}, "the bad order taken back", _PATIENCE_S)
        assert managed("confirmed") == {"configuration": 5}
        until(sees, "frames again under the configuration before", _PATIENCE_S)
        cloud.send_command(_order(3, 6, text, 8.0))
        until(
            lambda: any("not newer than 6" in n for n in bodies(cloud, Health)[-1].notices),
            "an old version",
            _PATIENCE_S,
        )
        assert process.poll() is None, "the same process id through all of it"
    finally:
        process.terminate()
        process.wait(60)
    assert process.returncode == 0
    assert config.read_text(encoding="utf-8") == text, "the gateway's own file is nobody else's"
