"""The whole road as separate processes over a real broker, each killed once with kill -9 while a stove burns.

What breaks is ordered in the format of all fault tests (``lab.faults.orders``), a timetable for each part of the night;
the console, which no gateway's fact passes, is killed by hand.
"""

from __future__ import annotations

import time
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

pytestmark = [pytest.mark.system, pytest.mark.mosquitto, pytest.mark.timeout(600)]


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
        town.start_street("burn", 11)
        town.start_cloud()
        first, second = town.start_gateways()
        stand = _stand(town, processes, (first, second))
        processes.wait_for("both gateways online", lambda: town.console.gateways_online() == 2, 60)

        # Before anything burns: one gateway dies with telemetry on its way.
        play(parse_orders(_DIES.format(gateway=first)), stand, print)
        processes.wait_for("a stove burns", lambda: bool(town.street.truth()["burned"]), 90)

        # While it burns.
        processes.kill("console")
        processes.restart("console")
        play(parse_orders(_CLOUD_DIES), stand, print)
        processes.wait_for("the console", town.console.answers, 40)
        processes.wait_for("the alert", lambda: bool(town.console.alerts()), 150)

        # After the alert: the other gateway dies with its event open, and carries it on under the same id.
        play(parse_orders(_DIES.format(gateway=second)), stand, print)
        time.sleep(25)
        truth = town.street.truth()
        alerts = town.console.alerts()
        for name in (first, second):
            processes.terminate(name)  # a clean stop: the spool then holds still and can be counted
        time.sleep(3)  # what was on its way arrives
        accounts = [line for name in (first, second) for line in _accounts(town, name)]

    assert len(alerts) == 1, alerts
    assert judge(alerts, truth["burned"])["match"], (alerts, truth)
    assert [line for line in accounts if line.missing] == []
    for line in accounts:
        assert line.stored + line.waiting + line.given_up == line.given, line
        assert line.facts == line.stored, f"each number became exactly one fact: {line}"
    assert all(line.given > 0 for line in accounts if line.lane in {"health", "telemetry"}), accounts
    assert sum(line.given for line in accounts if line.lane == "detection") > 0, accounts


def _stand(town: Town, processes: Processes, gateways: tuple[str, ...]) -> Stand:
    """The town as the levers of fault orders hold it, as far as the orders above pull them."""
    roofs = {name: SimpleNamespace(name=name) for name in gateways}
    return cast(Stand, SimpleNamespace(town=town, processes=processes, roofs=roofs))


def _accounts(town: Town, name: str) -> list[LaneAccount]:
    return list(account(name, town.folder / name, town.folder / "cloud"))
