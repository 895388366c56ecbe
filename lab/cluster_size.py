"""What a cluster of three nodes on this machine takes and costs: messages that a majority has, memory a gateway."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import psutil

from lab import mqtt_wire
from lab.city_facts import Fact
from lab.cluster import MQTT_PORT, NODES
from lab.cluster_run import Stand
from lab.figures import Figure
from lab.flood import Publisher, corpus

_MESSAGES = 6000
_PUBLISHERS = 6


def cluster_size(ready: Stand, say: Callable[[str], None]) -> tuple[list[Figure], set[Fact]]:
    """To be measured before the faults; gives the facts that it published, too. Nodes, publishers and workers share
    this one machine."""
    nodes = [psutil.Process(ready.processes.pid(f"node-{n}")) for n in NODES]
    idle = sum(node.memory_info().rss for node in nodes)
    connected = _connect(ready)
    time.sleep(5.0)
    each = (sum(node.memory_info().rss for node in nodes) - idle) / len(connected) / 1e6
    per_s, facts = _publish(ready)
    say(f"three nodes: {per_s:.0f} messages/s confirmed by a majority, {each:.1f} MB a gateway over all nodes")
    for connection in connected:
        connection.close()
    figures = [
        Figure("three nodes: messages a second confirmed by a majority (TLS, 1.7 kB)", per_s, "/s"),
        Figure("three nodes: memory when idle, each", idle / len(NODES) / 1e6, "MB"),
        Figure("three nodes: memory a connected gateway, all nodes together", each, "MB"),
    ]
    return figures, facts


def _connect(ready: Stand) -> list[socket.socket]:
    """Every gateway's connection with its subscription, round the nodes."""
    connections: list[socket.socket] = []
    for number, (author, doors) in enumerate(zip(ready.authors, ready.doors, strict=True)):
        door = doors[number % len(doors)]
        assert door.tls is not None
        plain = socket.create_connection((door.host, door.port), timeout=30)
        connection = door.tls.wrap_socket(plain, server_hostname=door.host)
        connection.sendall(mqtt_wire.connect(author.client_id, clean=False, keepalive_s=0))
        connection.sendall(mqtt_wire.subscribe(1, author.address.ack))
        connection.recv(100)
        connections.append(connection)
    return connections


def _publish(ready: Stand) -> tuple[float, set[Fact]]:
    """Messages a second over all publishers, the last PUBACK included; what they said."""
    share = _MESSAGES // _PUBLISHERS

    def publish(number: int) -> None:
        author, doors = ready.authors[number], ready.doors[number]
        door = doors[number % len(doors)]
        # A client id of its own: the gateway's connection stays. Only the queue's name is bound to the gateway.
        publisher = Publisher(MQTT_PORT, host=door.host, tls=door.tls, client_id=f"{author.address.gateway}-{'f' * 16}")
        for parcel in prepared[number]:
            publisher.publish(parcel)
        publisher.finish()

    prepared = [corpus([author], share) for author in ready.authors[:_PUBLISHERS]]
    threads = [threading.Thread(target=publish, args=(number,)) for number in range(_PUBLISHERS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    per_s = _MESSAGES / (time.monotonic() - began)
    return per_s, {fact for parcels in prepared for parcel in parcels for fact in parcel.facts}
