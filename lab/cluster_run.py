"""The proof of the cluster: a city through three real RabbitMQ nodes while nodes and workers are killed and cut off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.city import Door
from lab.city_facts import CLOUD, Author, Fact, authors_of, enrol_city
from lab.cluster import MQTT_PORT, NODES, Cluster, find_rabbitmq, network
from lab.figures import Figure
from lab.ingest_run import Faults, Outcome, Plan, Say, city, contexts, judge, start_worker, store
from lab.processes import Processes


@dataclass(frozen=True, slots=True)
class Stand:
    """Three nodes, workers and a city that is enrolled, ready to be tried."""

    folder: Path
    plan: Plan
    url: str
    processes: Processes
    cluster: Cluster
    authors: Sequence[Author]
    doors: Sequence[Sequence[Door]]
    faults: Faults

    def run(self, script: Callable[[Faults], None], already: frozenset[Fact] = frozenset()) -> Outcome:
        """The city lives while ``script`` goes on; then what was sent, ``already`` or now, is compared with stored."""
        began = time.monotonic()
        ledger, left = self.faults.beside(
            lambda alive: asyncio.run(city(self.authors, self.doors, self.folder, self.plan, alive)), script
        )
        ledger.sent |= already
        return judge(self.url, self.plan, ledger, left, self.faults.counts, began)


@contextmanager
def stand(folder: Path, plan: Plan, say: Say) -> Iterator[Stand]:
    """Raises ``FileNotFoundError`` without RabbitMQ."""
    scripts = find_rabbitmq()
    if scripts is None:
        raise FileNotFoundError("RabbitMQ is not installed; on Debian: sudo apt-get install rabbitmq-server")
    with network() as where, store(folder, plan) as url, Processes(folder / "log") as processes:
        names = enrol_city(folder, plan.gateways, ("localhost", "127.0.0.1", *where.addresses.values()))
        authors = authors_of(folder, names, plan.records)
        cluster = Cluster(folder, processes, where, scripts)
        try:
            cluster.start()
            say(f"three nodes are up, {plan.gateways} gateways have their rights")
            own = {"certificate": str(folder / CLOUD / f"{CLOUD}.crt"), "key": str(folder / CLOUD / f"{CLOUD}.key")}
            source: dict[str, object] = {"nodes": cluster.nodes, "ca": str(folder / "ca" / "ca.crt"), **own}
            for number in range(plan.workers):
                start_worker(processes, folder, number, url, {"cluster": source})
            doors = [
                [Door(where.addresses[n], MQTT_PORT, context) for n in NODES] for context in contexts(folder, authors)
            ]
            yield Stand(folder, plan, url, processes, cluster, authors, doors, Faults(processes, folder, plan, say))
        finally:
            cluster.stop()


def run_cluster(folder: Path, plan: Plan, say: Say) -> tuple[Outcome, list[Figure]]:
    """Measures what the cluster takes. Then kills a follower and the telemetry queue's leader, and cuts a node off,
    each until the cluster is whole again; workers die at random all the while. ``plan.seconds`` lie between two faults.
    """
    from lab.cluster_size import cluster_size

    with stand(folder, plan, say) as ready:
        figures, facts = cluster_size(ready, say)
        return ready.run(lambda faults: _script(faults, ready.cluster, plan), frozenset(facts)), figures


def _script(faults: Faults, cluster: Cluster, plan: Plan) -> None:
    faults.kill_workers(plan.seconds)
    leader = cluster.leader()
    follower, other = (n for n in NODES if n != leader)
    for what, node in (("a follower", follower), ("the leader", leader)):
        faults.note(f"{what} was killed")
        cluster.kill(node)
        faults.kill_workers(plan.seconds)
        cluster.restart(node)
        cluster.wait_for(node)
        faults.kill_workers(plan.seconds)
    if cluster.where.links:
        faults.note("a node was cut off")
        cluster.where.cut(other)
        faults.kill_workers(plan.seconds)
        cluster.where.heal(other)
        faults.kill_workers(plan.seconds)
