"""The proof of ingest: a city through a real broker while workers and broker are killed, then sent against stored.

Everything is the product's own: the broker's rendered configuration (TLS, access list), ``smokesentry cloud ingest``
processes, the store. Only the gateways are simulated.
"""

from __future__ import annotations

import asyncio
import getpass
import random
import ssl
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from cloud_ingest.store import schema
from cloud_ingest.store.database import open_store, reading
from hardware.broker import render_acl, render_broker
from lab.city import Door, Ledger, run_city
from lab.city_facts import BROKER, CLOUD, TENANT, Author, Fact, authors_of, enrol_city
from lab.postgres import find_postgres, private_postgres
from lab.processes import Processes, find_mosquitto, free_port, port_answers
from lab.town import toml
from smokesentry.identity import load_certificate, public_key_of

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. A message holds ``records`` intervals of ten readings."""

    gateways: int = 1000
    seconds: float = 180.0
    interval_s: float = 5.0
    records: int = 3
    workers: int = 2
    kill_every_s: float = 10.0  # on average; a random worker, kill -9, back after a second
    postgresql: bool = True
    settle_s: float = 240.0
    seed: int = 7


@dataclass(slots=True)
class Outcome:
    """What came out; the run has passed when ``lost`` and ``doubled`` are empty and nothing is unacknowledged."""

    plan: Plan
    store: str
    ledger: Ledger
    unacknowledged: int
    lost: set[Fact]
    doubled: list[Fact]
    strange: set[Fact]  # stored, but never sent
    faults: Counter[str] = field(default_factory=Counter)
    set_aside: int = 0
    wall_s: float = 0.0

    @property
    def passed(self) -> bool:
        """Zero lost, zero double, nothing invented, nothing set aside, everything acknowledged."""
        return not (self.lost or self.doubled or self.strange or self.unacknowledged or self.set_aside)

    def latency_s(self, share: float) -> float:
        """Quantile of first sending to the gateway's receipt of the signed acknowledgement, faults included."""
        return statistics.quantiles(self.ledger.latencies_s, n=1000)[int(share * 1000) - 1]


def run_mosquitto(folder: Path, plan: Plan, say: Say) -> Outcome:
    """One machine: Mosquitto, ``plan.workers`` workers, one store; the broker is killed once and restarted."""
    began = time.monotonic()
    names = enrol_city(folder, plan.gateways, ("localhost", "127.0.0.1"))
    authors = authors_of(folder, names, plan.records)
    say(f"{plan.gateways} gateways enrolled")
    with _store(folder, plan) as url, Processes(folder / "log") as processes:
        port = free_port()
        processes.start("broker", [find_mosquitto(), "-c", str(configure_broker(folder, names, port))])
        processes.wait_for("the broker", lambda: port_answers(port), 15)
        own = {"certificate": str(folder / CLOUD / f"{CLOUD}.crt"), "key": str(folder / CLOUD / f"{CLOUD}.key")}
        broker = {"port": port, "ca": str(folder / "ca" / "ca.crt"), **own}
        for number in range(plan.workers):
            start_worker(processes, folder, number, url, {"broker": broker | {"client_id": f"ingest-{number}"}})
        doors = [(Door("127.0.0.1", port, context),) for context in contexts(folder, authors)]
        faults = Faults(processes, [f"worker-{n}" for n in range(plan.workers)], plan, say)
        ledger, left = faults.during(
            lambda: asyncio.run(_city(authors, doors, folder, plan)), broker=lambda: _kill_broker(processes, port)
        )
        processes.check()
        return judge(url, plan, ledger, left, faults.counts, began)


def contexts(folder: Path, authors: Sequence[Author]) -> list[ssl.SSLContext]:
    """Each gateway's own certificate."""
    made = []
    for author in authors:
        context = ssl.create_default_context(cafile=str(folder / "ca" / "ca.crt"))
        name = author.address.gateway
        context.load_cert_chain(folder / "gw" / f"{name}.crt", folder / "gw" / f"{name}.key")
        made.append(context)
    return made


async def _city(
    authors: Sequence[Author], doors: Sequence[Sequence[Door]], folder: Path, plan: Plan
) -> tuple[Ledger, int]:
    cloud = public_key_of(load_certificate(folder / CLOUD / f"{CLOUD}.crt"))
    return await run_city(
        authors, doors, cloud, interval_s=plan.interval_s, seconds=plan.seconds, settle_s=plan.settle_s
    )


def configure_broker(folder: Path, names: Sequence[str], port: int) -> Path:
    """The configuration and access list that a deployment gets; gives the file."""
    here, ca = folder / BROKER, folder / "ca"
    (here / "store").mkdir()
    acl = here / "acl"
    acl.write_text(render_acl([(TENANT, name) for name in names], [CLOUD]))
    acl.chmod(0o600)
    path = here / "mosquitto.conf"
    path.write_text(
        render_broker(
            here / "store", port, ca=ca / "ca.crt", crl=ca / "crl.pem", certificate=here / f"{BROKER}.crt",
            key=here / f"{BROKER}.key", acl_file=acl, address="127.0.0.1", user=getpass.getuser(),
        )
    )  # fmt: skip
    return path


def start_worker(
    processes: Processes, folder: Path, number: int, url: str, source: dict[str, dict[str, object]]
) -> None:
    """One ingest process with a configuration of its own."""
    own = {"certificate": str(folder / CLOUD / f"{CLOUD}.crt"), "key": str(folder / CLOUD / f"{CLOUD}.key")}
    config = folder / f"worker-{number}.toml"
    cloud = {"folder": str(folder / "store"), "tenants": [TENANT], "database": url}
    config.write_text(toml({"cloud": cloud, **source, "ca": {"folder": str(folder / "ca")}, "signing": own}))
    processes.smokesentry(f"worker-{number}", "cloud", "ingest", "--config", str(config))


def _kill_broker(processes: Processes, port: int) -> None:
    processes.kill("broker")
    time.sleep(3)
    processes.restart("broker")
    processes.wait_for("the broker", lambda: port_answers(port), 15)


def _store(folder: Path, plan: Plan) -> AbstractContextManager[str]:
    binaries = find_postgres() if plan.postgresql else None
    if binaries is None:
        (folder / "store").mkdir()
        return nullcontext(f"sqlite:///{folder / 'store' / 'cloud.db'}")
    for above in (folder, *folder.parents[:2]):
        above.chmod(above.stat().st_mode | 0o711)
    return private_postgres(folder / "pg", binaries)


class Faults:
    """Kills workers at random while something else runs, and the broker once in the middle."""

    def __init__(self, processes: Processes, workers: Sequence[str], plan: Plan, say: Say) -> None:
        self.counts: Counter[str] = Counter()
        self._processes = processes
        self._workers = list(workers)
        self._plan = plan
        self._say = say
        self._random = random.Random(plan.seed)
        self._over = threading.Event()

    def during(self, work: Callable[[], tuple[Ledger, int]], broker: Callable[[], None]) -> tuple[Ledger, int]:
        """Runs ``work`` with faults beside it for the plan's time."""
        thread = threading.Thread(target=self._inject, args=(broker,))
        thread.start()
        try:
            return work()
        finally:
            self._over.set()
            thread.join()

    def _inject(self, broker: Callable[[], None]) -> None:
        end, middle = time.monotonic() + self._plan.seconds, time.monotonic() + self._plan.seconds / 2
        while time.monotonic() < end:
            if self._over.wait(self._random.expovariate(1 / self._plan.kill_every_s)):
                return
            worker = self._random.choice(self._workers)
            self._processes.kill(worker)
            self.counts["workers killed"] += 1
            self._over.wait(1.0)
            self._processes.restart(worker)
            if time.monotonic() > middle:
                middle = float("inf")
                self._say("the broker is killed and restarted")
                broker()
                self.counts["brokers killed"] += 1


def judge(url: str, plan: Plan, ledger: Ledger, left: int, faults: Counter[str], began: float) -> Outcome:
    """Compares what was sent with what is stored, fact by fact."""
    stored = Counter(stored_facts(url))
    engine = open_store(url)
    with reading(engine) as connection:
        letters = len(connection.execute(select(schema.dead_letters.c.id)).all())
    engine.dispose()
    return Outcome(
        plan=plan,
        store="PostgreSQL" if url.startswith("postgresql") else "SQLite",
        ledger=ledger,
        unacknowledged=left,
        lost=ledger.sent - stored.keys(),
        doubled=[fact for fact, times in stored.items() if times > 1],
        strange=stored.keys() - ledger.sent,
        faults=faults,
        set_aside=letters,
        wall_s=time.monotonic() - began,
    )


def stored_facts(url: str) -> list[Fact]:
    """Every stored fact as often as it is stored."""
    telemetry, health, revisions = schema.telemetry, schema.health, schema.detection_revisions
    engine = open_store(url)
    facts: list[Fact] = []
    with reading(engine) as connection:
        facts += [
            ("telemetry", g, at) for g, at in connection.execute(select(telemetry.c.gateway, telemetry.c.from_at))
        ]
        for gateway, body in connection.execute(select(health.c.gateway, health.c.body)):
            facts.append(("health", gateway, f"{body['uptime_s']:.0f}"))
        for name, revision in connection.execute(select(revisions.c.detection_id, revisions.c.revision)):
            facts.append(("detection", name.split("/")[0], f"{name}#{revision}"))
    engine.dispose()
    return facts
