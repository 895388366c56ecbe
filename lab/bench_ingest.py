"""Speed of ingest as ratios in one run, on one broker and one set of signed 1.7 kB messages of ten readings.

Every consumer drains a queue that was filled before it started, so that no publisher is in the way. Beside messages a
second (which other processes on the machine spoil) stands processor time a message (which they spoil less).
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import Engine, func, select

from cloud_ingest.store.database import open_store, reading
from cloud_ingest.store.schema import telemetry
from lab.city_facts import CLOUD, TENANT, Author, Parcel, authors_of, enrol_city
from lab.figures import Figure
from lab.flood import AckClock, Publisher, corpus, fill, forget
from lab.postgres import find_postgres, private_postgres
from lab.processes import Processes, find_mosquitto, free_port, port_answers
from lab.town import toml

Say = Callable[[str], None]
_MESSAGES = 20_000
_GATEWAYS = (10, 10_000)
_LIVE_S = 30.0
_WORD = "connected to"


@dataclass(frozen=True, slots=True)
class Rate:
    """Messages a second on the clock, and microseconds of processor a message (of the consumer alone)."""

    per_s: float
    cpu_us: float


def ingest_rates(folder: Path, say: Say) -> list[Figure]:
    """Limits, one worker on each store, two workers, few and many gateways, latency at half load."""
    binaries = find_postgres()
    for above in (folder, *folder.resolve().parents[:3]):  # PostgreSQL may have to run as another user
        above.chmod(above.stat().st_mode | 0o011)
    with Processes(folder / "log") as processes:
        bench = _Bench(folder, processes, say)
        sub = bench.mosquitto_sub()
        v311, v5 = bench.empty_loop("v311"), bench.empty_loop("v5")
        figures = [
            Figure("mosquitto_sub (C): messages a second", sub.per_s, "/s"),
            Figure("paho v3.1.1, empty loop: messages a second", v311.per_s, "/s", None, "mosquitto_sub", sub.per_s),
            Figure("paho v5, empty loop: messages a second", v5.per_s, "/s", None, "mosquitto_sub", sub.per_s),
        ]
        lite = bench.worker(f"sqlite:///{folder / 'rate.db'}", 1, _GATEWAYS[0])
        figures += _against("one worker to SQLite", lite, v5, 0.5)
        if binaries is None:
            say("PostgreSQL is not installed: its rows are left out")
            return figures
        with private_postgres(folder / "pg", binaries) as url:
            one = bench.worker(url, 1, _GATEWAYS[0])
            figures += _against("one worker to PostgreSQL", one, v5, 0.6)
            many = bench.worker(url, 1, _GATEWAYS[1])
            name = f"processor a message, {_GATEWAYS[1]} gateways"
            figures.append(Figure(name, many.cpu_us, "µs", None, f"{_GATEWAYS[0]} gateways", one.cpu_us))
            two = bench.worker(url, 2, _GATEWAYS[0])
            figures.append(Figure("two workers: messages a second", two.per_s, "/s", 1.5 * one.per_s, "one", one.per_s))
            p50, p99 = bench.latency_ms(url, one.per_s / 2)
            figures += [
                Figure("published to acknowledged at half load, median", p50, "ms"),
                Figure("published to acknowledged at half load, p99", p99, "ms", 250, "the limit", 250),
            ]
    return figures


def _against(what: str, rate: Rate, limit: Rate, target: float) -> list[Figure]:
    return [
        Figure(
            f"{what}: messages a second", rate.per_s, "/s", target * limit.per_s, "paho v5, empty loop", limit.per_s
        ),
        Figure(f"{what}: processor a message", rate.cpu_us, "µs", limit.cpu_us / target, "the same", limit.cpu_us),
    ]


class _Bench:
    """A plain loopback broker and a city that is enrolled; each measure fills and drains a queue of its own."""

    def __init__(self, folder: Path, processes: Processes, say: Say) -> None:
        self._folder, self._processes, self._say = folder, processes, say
        self._port = free_port()
        self._names = enrol_city(folder, max(_GATEWAYS), ("localhost",))
        store = folder / "broker-store"
        store.mkdir()
        conf = folder / "mosquitto.conf"
        conf.write_text(
            f"listener {self._port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 1000\n"
            "max_queued_messages 0\nmax_queued_bytes 0\nset_tcp_nodelay true\n"
        )
        processes.start("broker", [find_mosquitto(), "-c", str(conf)])
        processes.wait_for("the broker", lambda: port_answers(self._port), 15)
        self._runs = 0

    def mosquitto_sub(self) -> Rate:
        """The C client with its own persistent session."""
        binary = shutil.which("mosquitto_sub")
        if binary is None:
            raise FileNotFoundError("mosquitto_sub is not installed; on Debian: sudo apt-get install mosquitto-clients")
        base = [binary, "-p", str(self._port), "-i", "limit", "-c", "-q", "1", "-t", "smokesentry/v1/+/+/up/+"]
        subprocess.run([*base, "-E"], check=True)
        self._fill(_GATEWAYS[0])
        before, began = _children_cpu_s(), time.monotonic()
        subprocess.run([*base, "-C", str(_MESSAGES), "-N"], check=True, stdout=subprocess.DEVNULL)
        wall_s, cpu_s = time.monotonic() - began, _children_cpu_s() - before
        forget(self._port, "limit")
        return self._told("mosquitto_sub", Rate(_MESSAGES / wall_s, cpu_s / _MESSAGES * 1e6))

    def empty_loop(self, protocol: str) -> Rate:
        """paho with manual acknowledgement and nothing to do."""
        command = [sys.executable, "-m", "lab.empty_loop", str(self._port), protocol]
        subprocess.run([*command, "0"], check=True)
        self._fill(_GATEWAYS[0])
        done = subprocess.run([*command, str(_MESSAGES)], check=True, capture_output=True, text=True)
        took = json.loads(done.stdout)
        forget(self._port, f"empty-{protocol}")
        return self._told(f"paho {protocol}", Rate(_MESSAGES / took["wall_s"], took["cpu_s"] / _MESSAGES * 1e6))

    def worker(self, url: str, workers: int, gateways: int) -> Rate:
        """``smokesentry cloud ingest``, once it has met every gateway: what is done once for each is not counted."""
        names = self._start(url, workers)
        for name in names:
            self._processes.kill(name)  # the broker keeps its session, which is what this start was for
        self._fill(gateways)
        engine = open_store(url)
        stored = _stored(engine)
        for name in names:
            self._processes.restart(name)
        processes = [psutil.Process(self._processes.pid(name)) for name in names]
        now = self._wait(engine, stored + gateways)
        began, cpu = time.monotonic(), _cpu_s(processes)
        last = self._wait(engine, stored + gateways + _MESSAGES)
        count, wall_s, cpu_s = last - now, time.monotonic() - began, _cpu_s(processes) - cpu
        engine.dispose()
        self._end(names)
        what = f"{workers} worker(s), {url.split(':')[0]}, {gateways} gateways"
        return self._told(what, Rate(count / wall_s, cpu_s / count * 1e6))

    def latency_ms(self, url: str, per_s: float) -> tuple[float, float]:
        """Median and p99 from publishing to the acknowledgement, which the worker sends after its commit."""
        (name,) = self._start(url, 1)
        parcels = corpus(self._authors(_GATEWAYS[0]), int(per_s * _LIVE_S))
        clock, publisher = AckClock(self._port), Publisher(self._port)
        time.sleep(0.5)
        began = time.monotonic()
        for number, parcel in enumerate(parcels):
            ahead = began + number / per_s - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
            clock.sent(parcel.facts[0][1], parcel.last_seq)
            publisher.publish(parcel)
        publisher.finish()
        deadline = time.monotonic() + 60
        while len(clock.latencies_s) < len(parcels) and time.monotonic() < deadline:
            time.sleep(0.1)
        if len(clock.latencies_s) < len(parcels):
            raise RuntimeError(f"only {len(clock.latencies_s)} of {len(parcels)} messages were acknowledged")
        self._end([name])
        cuts = statistics.quantiles(clock.latencies_s, n=100)
        self._say(f"at {per_s:.0f}/s: median {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms")
        return cuts[49] * 1000, cuts[98] * 1000

    def _start(self, url: str, workers: int) -> list[str]:
        self._runs += 1
        own = {
            "certificate": str(self._folder / CLOUD / f"{CLOUD}.crt"),
            "key": str(self._folder / CLOUD / f"{CLOUD}.key"),
        }
        names = [f"worker-{self._runs}-{number}" for number in range(workers)]
        for name in names:
            config = self._folder / f"{name}.toml"
            config.write_text(
                toml(
                    {
                        "cloud": {"folder": str(self._folder / "store"), "tenants": [TENANT], "database": url},
                        "broker": {"port": self._port, "plaintext": True, "client_id": name},
                        "ca": {"folder": str(self._folder / "ca")},
                        "signing": own,
                    }
                )
            )
            self._processes.smokesentry(name, "cloud", "ingest", "--config", str(config))
        for name in names:
            log = self._folder / "log" / f"{name}.log"
            self._processes.wait_for(name, lambda log=log: log.read_text().count(_WORD) >= 2, 120)  # type: ignore[misc]
        time.sleep(1.0)  # until the subscriptions stand
        return names

    def _end(self, names: Sequence[str]) -> None:
        for name in names:
            self._processes.kill(name)
            forget(self._port, name, f"{name}-bulk")

    def _authors(self, gateways: int) -> list[Author]:
        return authors_of(self._folder, self._names[:gateways], 1)

    def _fill(self, gateways: int) -> None:
        fill(self._port, self._parcels(gateways))

    def _parcels(self, gateways: int) -> Sequence[Parcel]:
        return corpus(self._authors(gateways), gateways + _MESSAGES)

    def _wait(self, engine: Engine, count: int) -> int:
        deadline = time.monotonic() + 300
        while (stored := _stored(engine)) < count:
            self._processes.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{stored} of {count} messages were stored within 300 s")
            time.sleep(0.1)
        return stored

    def _told(self, what: str, rate: Rate) -> Rate:
        self._say(f"{what}: {rate.per_s:.0f} messages/s, {rate.cpu_us:.0f} µs of processor each")
        return rate


def _stored(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(telemetry)).scalar_one())


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


def _children_cpu_s() -> float:
    times = psutil.Process().cpu_times()
    return float(times.children_user + times.children_system)
