"""The proof of the cluster: a city through three real RabbitMQ nodes while nodes and workers are killed and cut off."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from lab.city import Door
from lab.city_facts import CLOUD, authors_of, enrol_city
from lab.cluster import NODES, Cluster, find_rabbitmq, network
from lab.ingest_run import Faults, Outcome, Plan, Say, city, contexts, judge, start_worker, store
from lab.processes import Processes

_MQTT = 8883


def run_cluster(folder: Path, plan: Plan, say: Say) -> Outcome:
    """Kills a follower, then the telemetry queue's leader, then cuts a node off, each until the cluster is whole again;
    workers die at random all the while. ``plan.seconds`` is the quiet time between two faults.

    Raises ``FileNotFoundError`` without RabbitMQ.
    """
    began = time.monotonic()
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
            doors = [[Door(where.addresses[n], _MQTT, context) for n in NODES] for context in contexts(folder, authors)]
            faults = Faults(processes, folder, plan, say)
            ledger, left = faults.beside(
                lambda alive: asyncio.run(city(authors, doors, folder, plan, alive)),
                lambda faults: _script(faults, cluster, plan),
            )
            return judge(url, plan, ledger, left, faults.counts, began)
        finally:
            cluster.stop()


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
