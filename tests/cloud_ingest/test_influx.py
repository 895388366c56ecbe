"""Telemetry in a real VictoriaMetrics, read back; what happens while it is away, and to lines it will not take."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

import hardware
from cloud_ingest.ingest import influx
from cloud_ingest.ingest.influx import Feed, Refused, line_of, send
from cloud_ingest.settings import Influx
from cloud_ingest.store import followers
from cloud_ingest.store.database import reading
from cloud_ingest.store.telemetry_schema import followers as cursors
from lab.processes import free_port
from smokesentry.clock import from_unix, from_wire

DASHBOARDS = sorted((Path(hardware.__file__).parent / "grafana").glob("*.json"))
NOW = "2026-11-22T19:05:00.000Z"


class Server:
    """One VictoriaMetrics on a port of its own, over a folder that outlives it."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        log = (self.folder / "vm.log").open("ab")
        options = {
            "httpListenAddr": f"127.0.0.1:{self.port}", "storageDataPath": self.folder / "vm",
            "retentionPeriod": "100y", "search.latencyOffset": "0s", "dedup.minScrapeInterval": "1ms",
            "memory.allowedBytes": "60MB",
        }  # fmt: skip
        self.process = subprocess.Popen(
            [shutil.which("victoria-metrics"), *(f"-{name}={value}" for name, value in options.items())],
            stdout=log,
            stderr=log,
        )
        deadline = time.monotonic() + 120
        while True:
            try:
                return urllib.request.urlopen(self.url + "/health", timeout=60).read()
            except OSError:
                assert time.monotonic() < deadline, (self.folder / "vm.log").read_text()[-2000:]
                time.sleep(0.1)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def export(self, match):
        """Every stored sample: (metric name and tags) -> [(unix ms, value)]."""
        query = urllib.parse.urlencode({"match[]": match})
        urllib.request.urlopen(self.url + "/internal/force_flush", timeout=60).read()
        with urllib.request.urlopen(f"{self.url}/api/v1/export?{query}", timeout=60) as answer:
            found = [json.loads(line) for line in answer.read().splitlines()]
        return {
            (one["metric"]["__name__"], one["metric"]["gateway"]): sorted(
                zip(one["timestamps"], one["values"], strict=True)
            )
            for one in found
        }

    def label_values(self, query):
        """What Grafana makes of a variable's ``label_values(SERIES, LABEL)``."""
        series, label = re.fullmatch(r"label_values\((.+), (\w+)\)", query).groups()
        match = urllib.parse.urlencode({"match[]": series.replace("$tenant", "lab")})
        with urllib.request.urlopen(f"{self.url}/api/v1/label/{label}/values?{match}", timeout=60) as answer:
            return json.loads(answer.read())["data"]

    def average(self, expression, at_ms):
        query = urllib.parse.urlencode({"query": expression, "time": at_ms / 1000})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{query}", timeout=60) as answer:
            (one,) = json.loads(answer.read())["data"]["result"]
        return float(one["value"][1])


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def take(take, east, south):
    for gateway in (east, south):  # times that the server's own clock finds credible
        gateway.night = from_unix(int(time.time()) - 7200)
    return take


def _drain(feed):
    while feed.step():
        pass


@pytest.mark.victoriametrics
def test_what_is_stored_can_be_read_back_value_by_value(engine, server, take, east, south):
    for n in range(12):
        for gateway in (east, south):
            take(gateway.batch("telemetry", gateway.telemetry(n * 10, 20.0 + n)))
    feed = Feed(engine, Influx(url=server.url, batch=5))
    _drain(feed)
    ends = [round(from_wire(east.at(n * 10 + 10)).timestamp() * 1000) for n in range(12)]
    found = server.export('{__name__=~"telemetry_pm25.*"}')
    for name in ("gw-east", "gw-south"):
        assert found["telemetry_pm25_atm_ug_m3", name] == [(at, 20.0 + n) for n, at in enumerate(ends)]
        assert found["telemetry_pm25_atm_ug_m3_high", name] == [(at, 21.0 + n) for n, at in enumerate(ends)]
    assert server.average('avg(telemetry_pm25_atm_ug_m3{tenant="lab"})', ends[-1]) == pytest.approx(31.0)
    assert {value for _, value in server.export("telemetry_valid")["telemetry_valid", "gw-east"]} == {1.0}
    with reading(engine) as connection:
        assert followers.behind(connection, influx.FOLLOWER) == 0


@pytest.mark.victoriametrics
def test_while_it_is_away_storing_goes_on_and_afterwards_nothing_is_missing(engine, server, take, east):
    take(east.batch("telemetry", east.telemetry(0, 50.0)))
    feed, stop = Feed(engine, Influx(url=server.url, batch=3)), threading.Event()
    _drain(feed)
    server.kill()  # what it acknowledged a moment ago dies with it
    for n in range(1, 10):
        take(east.batch("telemetry", east.telemetry(n * 10, 50.0 + n)))
    assert Feed(engine, Influx(url=server.url)).run(stop, once=True) == 1
    with reading(engine) as connection:
        cursor = connection.execute(select(cursors)).one()
        assert followers.behind(connection, influx.FOLLOWER) >= 9
    assert cursor.problem
    server.start()
    assert Feed(engine, Influx(url=server.url, batch=2)).run(stop, once=True) == 0  # a new process goes on where it was
    samples = server.export("telemetry_pm25_atm_ug_m3")["telemetry_pm25_atm_ug_m3", "gw-east"]
    assert [value for _, value in samples] == [50.0 + n for n in range(10)]
    with reading(engine) as connection:
        assert connection.execute(select(cursors.c.problem)).scalar_one() is None


@pytest.mark.victoriametrics
def test_every_query_of_the_dashboards_is_understood_and_those_of_what_is_stored_answer(engine, server, take, east):
    east.night = from_unix(int(time.time()) - 600)
    take(*(east.batch("telemetry", east.telemetry(n * 10, 20.0 + n)) for n in range(50)))
    _drain(Feed(engine, Influx(url=server.url)))
    urllib.request.urlopen(server.url + "/internal/force_flush", timeout=60).read()
    answered, last_s = {}, from_wire(east.at(500)).timestamp()
    for board in (json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS):
        variables = [one for one in board["templating"]["list"] if one["type"] == "query"]
        names = {one["name"]: server.label_values(one["query"]) for one in variables}
        assert names == {"tenant": ["lab"], "gateway": ["gw-east"]}
        for panel in board["panels"]:
            for target in panel["targets"]:
                expression = target["expr"].replace("$tenant", "lab").replace("$gateway", ".*")
                query = urllib.parse.urlencode({"query": expression, "time": last_s})
                with urllib.request.urlopen(f"{server.url}/api/v1/query?{query}", timeout=60) as answer:
                    answered[expression] = len(json.loads(answer.read())["data"]["result"])
    assert len(answered) >= 14
    silent = {expression.partition("{")[0] for expression, rows in answered.items() if rows == 0}
    assert silent == {
        "telemetry_pm25_ug_m3", "telemetry_pm10_atm_ug_m3", "telemetry_pm10_ug_m3", "telemetry_co_ppm",
        "telemetry_rh_percent", "telemetry_wind_speed_m_s",
    }  # fmt: skip


def _row(**changes):
    return {
        "tenant": "lab", "gateway": "gw-east", "sensor": "pm-1", "model": "pms 5003, v=1", "time_mark": None,
        "to_at": "2026-11-22T18:00:00.250Z", "readings": 10, "marks": {"ok": 9, "stuck": 1},
        "quantities": {"pm25_atm_ug_m3": {"mean": 40.5, "low": 39.0, "high": 42.0, "count": 9}},
    } | changes  # fmt: skip


def test_a_record_in_line_protocol():
    assert line_of(_row()) == (
        "telemetry,gateway=gw-east,model=pms\\ 5003\\,\\ v\\=1,sensor=pm-1,tenant=lab "
        "pm25_atm_ug_m3=40.5,pm25_atm_ug_m3_high=42,pm25_atm_ug_m3_low=39,readings=10,valid=0.9 1795370400250"
    )
    assert ",doubt=future," in line_of(_row(time_mark="future"))


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=80))
def test_no_text_of_a_gateway_breaks_out_of_its_tag(model):
    line = line_of(_row(model=model))
    assert line.count("\n") == 0
    assert line.endswith(line_of(_row())[line_of(_row()).index(",sensor=") :])


class Picky:
    """Refuses every request in which one of the bad lines is."""

    def __init__(self, bad):
        self.bad, self.taken, self.requests = bad, [], 0

    def write(self, lines):
        self.requests += 1
        if self.bad & set(lines):
            raise Refused("bad line")
        self.taken += lines


@settings(deadline=None, max_examples=60)
@given(st.sets(st.integers(0, 40)), st.integers(0, 41))
def test_a_line_that_is_refused_holds_up_no_other(bad, count):
    lines, target = [str(n) for n in range(count)], Picky({str(n) for n in bad})
    refused = list(send(target, lines))
    assert set(refused) == target.bad & set(lines)
    assert target.taken == [line for line in lines if line not in target.bad]
