"""Three real RabbitMQ nodes: rights by certificate, and nothing lost or doubled when the leader and a worker die."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from cloud_ingest.identity.ca_folder import CaFolder
from lab import mqtt_wire
from lab.city import Door
from lab.cluster_run import Stand, stand
from lab.ingest_run import Faults, Plan
from smokesentry.clock import from_unix

pytestmark = [pytest.mark.rabbitmq, pytest.mark.system, pytest.mark.timeout(1500)]
PLAN = Plan(gateways=10, interval_s=1.0, workers=2, kill_every_s=2.0, postgresql=False, settle_s=900.0)


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("cluster")
    with stand(folder, PLAN, print) as ready:
        yield ready


async def _publish(door: Door, client_id: str, topic: str, *, clean: bool = True) -> str:
    """What a broker says to one message: "taken", "hung up" or "refused" (the connection)."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(door.host, door.port, ssl=door.tls), 120)
        writer.write(mqtt_wire.connect(client_id, clean=clean, keepalive_s=30))
        writer.write(mqtt_wire.publish(topic, b"x", 1))
        parser = mqtt_wire.Parser()
        while data := await asyncio.wait_for(reader.read(65536), 120):
            for packet in parser.feed(data):
                if packet.kind == mqtt_wire.CONNACK and packet.body[1]:
                    return "refused"
                if packet.kind == mqtt_wire.PUBACK:
                    writer.close()
                    return "taken"
    except OSError:
        return "refused"
    return "hung up"


def test_nothing_is_lost_or_doubled_when_the_leader_dies_and_workers_with_it(ready: Stand):
    def script(faults: Faults) -> None:
        while not faults.counts["a worker was killed"]:  # on a busy machine they take their time to begin
            faults.kill_workers(1)
        leader = ready.cluster.leader()
        faults.note("the leader was killed")
        ready.cluster.kill(leader)
        faults.kill_workers(5)
        ready.cluster.restart(leader)
        ready.cluster.wait_for(leader)

    outcome = ready.run(script)
    assert outcome.faults["the leader was killed"] == 1
    assert outcome.faults["a worker was killed"] >= 1
    assert len(outcome.ledger.sent) > 100
    assert outcome.passed, (outcome.lost, outcome.doubled, outcome.strange, outcome.unacknowledged, outcome.set_aside)


def test_a_gateway_speaks_under_its_own_name_and_only_while_it_is_enrolled(ready: Stand):
    own, other = ready.authors[0], ready.authors[1]
    door = ready.doors[0][1]
    assert asyncio.run(_publish(door, own.client_id, own.address.state)) == "taken"
    assert asyncio.run(_publish(door, own.client_id, other.address.up("telemetry"))) == "hung up"
    assert asyncio.run(_publish(door, own.client_id, own.address.command)) == "hung up", "commands are the cloud's"
    # Another gateway's session, with all that waits in it, cannot be taken over by knowing its name.
    assert asyncio.run(_publish(door, other.client_id, own.address.state, clean=False)) == "refused"

    CaFolder(ready.folder / "ca").revoke(own.address.gateway, "stolen", from_unix(time.time()))
    assert ready.cluster.apply_rights() == [own.address.gateway]
    assert asyncio.run(_publish(door, own.client_id, own.address.state)) == "refused"
    assert asyncio.run(_publish(ready.doors[1][1], other.client_id, other.address.state)) == "taken"
