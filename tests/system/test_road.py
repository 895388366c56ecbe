"""The whole road as separate processes over a real broker, each killed once with kill -9 while a stove burns.

What breaks is ordered in the format of all fault tests (``lab.faults.orders``), a timetable for each part of the night;
the console, which no gateway's fact passes, is killed by hand.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from lab.faults.orders import parse_orders
from lab.faults.runner import play
from lab.faults.stand import Stand
from lab.judgement import judge
from lab.ledger import LaneAccount, account
from lab.processes import Processes
from lab.town import Town

pytestmark = [pytest.mark.system, pytest.mark.mosquitto, pytest.mark.timeout(1500)]
_STREET = 29  # both cameras see the stove well and its boiler hardly: what is judged here is the road, not the eye

_DIES = """
name = "a gateway dies"
length_s = 1
[[fault]]
what = "power"
target = "{gateway}"
at_s = 0
for_s = 0.2
"""
_CLOUD_DIES = """
name = "ingestor and broker die, the broker long enough for both spools to fill"
length_s = 6
[[fault]]
what = "ingest_kill"
at_s = 0
for_s = 0.2
[[fault]]
what = "broker_kill"
at_s = 0.5
for_s = 5
"""


def test_the_alert_arrives_once_though_every_process_is_killed(tmp_path: Path) -> None:
    with Processes(tmp_path / "log") as processes:
        town = Town(tmp_path / "town", processes)
        town.start_street("burn", _STREET)
        town.start_cloud()
        first, second = town.start_gateways()
        stand = _stand(town, processes, (first, second))
        processes.wait_for("both gateways online", lambda: town.console.gateways_online() == 2, 300)

        # Before anything burns: one gateway dies with telemetry on its way.
        play(parse_orders(_DIES.format(gateway=first)), stand, print)
        processes.wait_for("a stove burns", lambda: bool(town.street.truth()["burned"]), 300)

        # While it burns.
        processes.kill("console")
        processes.restart("console")
        play(parse_orders(_CLOUD_DIES), stand, print)
        processes.wait_for("the console", town.console.answers, 300)
        processes.wait_for("the alert", lambda: bool(town.console.alerts()), 400)

        # After the alert: the other gateway dies with its event open, and carries it on under the same id.
        play(parse_orders(_DIES.format(gateway=second)), stand, print)
        time.sleep(25)
        truth = town.street.truth()
        alerts = town.console.alerts()
        for name in (first, second):
            processes.terminate(name)  # a clean stop: the spool then holds still and can be counted
        with suppress(TimeoutError):  # then the accounts below say what is missing
            processes.wait_for("what was on its way", lambda: all(map(_is_whole, _accounts(town, first, second))), 120)
        accounts = _accounts(town, first, second)

    assert len(alerts) == 1, alerts
    assert judge(alerts, truth["burned"])["match"], (alerts, truth)
    assert [line for line in accounts if not _is_whole(line)] == []
    assert all(line.given > 0 for line in accounts if line.lane in {"health", "telemetry"}), accounts
    assert sum(line.given for line in accounts if line.lane == "detection") > 0, accounts


def _stand(town: Town, processes: Processes, gateways: tuple[str, ...]) -> Stand:
    """The town as the levers of fault orders hold it, as far as the orders above pull them."""
    roofs = {name: SimpleNamespace(name=name) for name in gateways}
    return cast(Stand, SimpleNamespace(town=town, processes=processes, roofs=roofs))


def _accounts(town: Town, *names: str) -> list[LaneAccount]:
    return [line for name in names for line in account(name, town.folder / name, town.folder / "cloud")]


def _is_whole(line: LaneAccount) -> bool:
    """Nothing is missing, every number has one fate, and each that is stored became exactly one fact."""
    one_fate = line.stored + line.waiting + line.given_up == line.given
    return not line.missing and one_fate and line.facts == line.stored
