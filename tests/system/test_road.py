"""The whole road as separate processes over a real broker, each killed once with kill -9 while a stove burns."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lab.judgement import judge
from lab.ledger import LaneAccount, account
from lab.processes import Processes, port_answers
from lab.town import Town

pytestmark = [pytest.mark.system, pytest.mark.mosquitto, pytest.mark.timeout(600)]


def test_the_alert_arrives_once_though_every_process_is_killed(tmp_path: Path) -> None:
    with Processes(tmp_path / "log") as processes:
        town = Town(tmp_path / "town", processes)
        town.start_street("burn", 11)
        town.start_cloud()
        first, second = town.start_gateways()
        processes.wait_for("both gateways online", lambda: town.console.gateways_online() == 2, 60)

        # Before anything burns: one gateway dies with telemetry on its way.
        processes.kill(first)
        processes.restart(first)
        processes.wait_for("a stove burns", lambda: bool(town.street.truth()["burned"]), 90)

        # While it burns: console, ingestor and broker, the broker long enough for both spools to fill.
        processes.kill("console")
        processes.restart("console")
        processes.kill("ingest")
        processes.restart("ingest")
        processes.kill("broker")
        time.sleep(5)
        processes.restart("broker")
        processes.wait_for("the broker", lambda: port_answers(town.broker_port), 20)
        processes.wait_for("the console", town.console.answers, 40)
        processes.wait_for("the alert", lambda: bool(town.console.alerts()), 150)

        # After the alert: the other gateway dies with its event open, and carries it on under the same id.
        processes.kill(second)
        processes.restart(second)
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


def _accounts(town: Town, name: str) -> list[LaneAccount]:
    return list(account(name, town.folder / name, town.folder / "cloud"))
