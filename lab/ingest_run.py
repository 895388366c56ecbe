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
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
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
    with one_machine(folder, plan, say) as machine:
        processes = machine.processes
        faults = Faults(processes, folder, plan, say)

        def script(faults: Faults) -> None:
            faults.kill_workers(plan.seconds / 2)
            faults.note("the broker was killed and restarted")
            _kill_broker(processes, machine.port)
            faults.kill_workers(plan.seconds / 2)

        ledger, left = faults.beside(machine.city, script)
        processes.check()
        return judge(machine.url, plan, ledger, left, faults.counts, began)


@dataclass(frozen=True, slots=True)
class Machine:
    """Mosquitto, workers and a store that run, and a city that is ready to send."""

    folder: Path
    plan: Plan
    processes: Processes
    url: str
    port: int
    authors: Sequence[Author]

    def city(self, alive: Callable[[], bool]) -> tuple[Ledger, int]:
        """Sends until ``alive`` says no, and waits for the last acknowledgements."""
        doors = [(Door("127.0.0.1", self.port, context),) for context in contexts(self.folder, self.authors)]
        return asyncio.run(city(self.authors, doors, self.folder, self.plan, alive))


@contextmanager
def one_machine(folder: Path, plan: Plan, say: Say) -> Iterator[Machine]:
    """Everything of a deployment on one machine, started and stopped."""
    names = enrol_city(folder, plan.gateways, ("localhost", "127.0.0.1"))
    authors = authors_of(folder, names, plan.records)
    say(f"{plan.gateways} gateways enrolled")
    with store(folder, plan) as url, Processes(folder / "log") as processes:
        port = free_port()
        processes.start("broker", [find_mosquitto(), "-c", str(configure_broker(folder, names, port))])
        processes.wait_for("the broker", lambda: port_answers(port), 120)
        own = {"certificate": str(folder / CLOUD / f"{CLOUD}.crt"), "key": str(folder / CLOUD / f"{CLOUD}.key")}
        broker = {"port": port, "ca": str(folder / "ca" / "ca.crt"), **own}
        for number in range(plan.workers):
            start_worker(processes, folder, number, url, {"broker": broker | {"client_id": f"ingest-{number}"}})
        yield Machine(folder, plan, processes, url, port, authors)


def contexts(folder: Path, authors: Sequence[Author]) -> list[ssl.SSLContext]:
    """Each gateway's own certificate."""
    made = []
    for author in authors:
        context = ssl.create_default_context(cafile=str(folder / "ca" / "ca.crt"))
        name = author.address.gateway
        context.load_cert_chain(folder / "gw" / f"{name}.crt", folder / "gw" / f"{name}.key")
        made.append(context)
    return made


async def city(
    authors: Sequence[Author],
    doors: Sequence[Sequence[Door]],
    folder: Path,
    plan: Plan,
    alive: Callable[[], bool],
) -> tuple[Ledger, int]:
    """The city of ``plan``, with the cloud's certificate of ``folder``."""
    cloud = public_key_of(load_certificate(folder / CLOUD / f"{CLOUD}.crt"))
    return await run_city(authors, doors, cloud, interval_s=plan.interval_s, alive=alive, settle_s=plan.settle_s)


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
    processes.wait_for("the broker", lambda: port_answers(port), 120)


def store(folder: Path, plan: Plan) -> AbstractContextManager[str]:
    """PostgreSQL where it is wanted and there, else SQLite; gives the URL."""
    binaries = find_postgres() if plan.postgresql else None
    if binaries is None:
        (folder / "store").mkdir()
        return nullcontext(f"sqlite:///{folder / 'store' / 'cloud.db'}")
    for above in (folder, *folder.parents[:2]):
        above.chmod(above.stat().st_mode | 0o711)
    return private_postgres(folder / "pg", binaries)


class Faults:
    """Kills workers at random, and whatever else a script says, while something runs beside it."""

    def __init__(self, processes: Processes, folder: Path, plan: Plan, say: Say) -> None:
        self.counts: Counter[str] = Counter()
        self._processes = processes
        self._folder = folder
        self._plan = plan
        self._say = say
        self._random = random.Random(plan.seed)
        self._problem: Exception | None = None
        self._over = threading.Event()
        self._next_kill = 0.0
        self._seen: dict[str, int] = {}  # how far a worker's log had come when it was killed

    def beside(
        self, work: Callable[[Callable[[], bool]], tuple[Ledger, int]], script: Callable[[Faults], None]
    ) -> tuple[Ledger, int]:
        """Runs ``work``, which is told by its argument whether faults still come, and ``script`` in a thread."""

        def inject() -> None:
            try:
                script(self)
            except Exception as error:  # told by the caller's thread
                self._problem = error
            self._over.set()

        thread = threading.Thread(target=inject)
        thread.start()
        done = work(lambda: not self._over.is_set())
        thread.join()
        if self._problem is not None:
            raise self._problem
        return done

    def note(self, what: str) -> None:
        """Says and counts one fault."""
        self.counts[what] += 1
        self._say(what)

    def kill_workers(self, seconds: float) -> None:
        """For so long: kill -9 to a random worker, and a start as by a supervisor a second later.

        Only one that has connected is killed: on a busy machine a worker might else never get to work at all.
        """
        end = time.monotonic() + seconds
        self._next_kill = self._next_kill or time.monotonic() + self._random.expovariate(1 / self._plan.kill_every_s)
        while (now := time.monotonic()) < end:
            self._processes.check()
            if now >= self._next_kill:
                worker = f"worker-{self._random.randrange(self._plan.workers)}"
                log = self._folder / "log" / f"{worker}.log"
                if "connected to" in log.read_text(errors="replace")[self._seen.get(worker, 0) :]:
                    self._processes.kill(worker)
                    self._seen[worker] = len(log.read_text(errors="replace"))
                    self.counts["a worker was killed"] += 1
                    time.sleep(1.0)
                    self._processes.restart(worker)
                    self._next_kill = now + self._random.expovariate(1 / self._plan.kill_every_s)
            time.sleep(0.2)


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
