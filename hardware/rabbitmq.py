"""Renders a RabbitMQ node's configuration and the cluster's rights. Plain functions, standard library only.

Rights are those of ``hardware.broker``'s access list in RabbitMQ's words: a user a certificate, regular expressions
over resources and routing keys. In one thing they go further: a gateway's queue, and with it its MQTT client id, is
bound to its name.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template
from tempfile import NamedTemporaryFile
from typing import Any

from hardware import text_of

PLUGINS = "[rabbitmq_mqtt,rabbitmq_auth_mechanism_ssl].\n"
URGENT, BULK = "smokesentry.urgent", "smokesentry.bulk"  # cloud_ingest/ingest/cluster_source.py consumes them
_BINDINGS = {
    "smokesentry.v1.*.*.up.detection": URGENT,
    "smokesentry.v1.*.*.up.evidence": URGENT,
    "smokesentry.v1.*.*.up.health": URGENT,
    "smokesentry.v1.*.*.state": URGENT,
    "smokesentry.v1.*.*.up.telemetry": BULK,
}
_NAME = re.compile(r"[a-z0-9-]{1,40}")
_NODE = re.compile(r"[a-z0-9_-]+@[A-Za-z0-9.-]+")


def render_node(
    node: str,
    members: Sequence[str],
    *,
    ca: Path,
    certificate: Path,
    key: Path,
    address: str = "0.0.0.0",
    amqp_port: int = 5671,
    mqtt_port: int = 8883,
    disk_free: str = "2GB",
) -> dict[str, str]:
    """The two files of one node by name. ``node`` and ``members`` read ``rabbit@HOST``; three or five members.

    Raises ``ValueError`` for what a cluster cannot be made of.
    """
    if len(members) not in (3, 5) or len(set(members)) != len(members):
        raise ValueError(
            f"{len(members)} members: a cluster has 3 or 5 different ones, so that a majority is left over"
        )
    if node not in members:
        raise ValueError(f"node {node!r} is none of the members {', '.join(members)}")
    for member in members:
        if not _NODE.fullmatch(member):
            raise ValueError(f"member {member!r}: expected NAME@HOST, for example rabbit@mq-1.example.org")
    for port in (amqp_port, mqtt_port):
        if not 0 < port < 65536:
            raise ValueError(f"port {port}: a TCP port is 1 to 65535")
    for path in (ca, certificate, key):
        if not path.is_absolute() or not re.fullmatch(r"[\w./+@-]+", str(path)):
            raise ValueError(f"{str(path)!r}: give an absolute path of letters, digits and . / + @ - _")
    lines = [f"cluster_formation.classic_config.nodes.{n} = {member}" for n, member in enumerate(members, 1)]
    values = {
        "node": node, "address": address, "amqp_port": amqp_port, "mqtt_port": mqtt_port, "disk_free": disk_free,
        "members": "\n".join(lines), "ca": ca, "certificate": certificate, "key": key,
    }  # fmt: skip
    return {"rabbitmq.conf": Template(text_of("cluster/rabbitmq.conf")).substitute(values), "enabled_plugins": PLUGINS}


def render_definitions(gateways: Iterable[tuple[str, str]], clouds: Iterable[str], members: int = 3) -> str:
    """Queues, bindings, users and rights as ``rabbitmqctl import_definitions`` reads them.

    To be imported once *all* members run: a quorum queue is spread over those that are there when it is declared.
    """
    rights: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
    for tenant, name in sorted(set(gateways)):
        own = f"mqtt-subscription-{_checked(name, rights)}-[0-9a-f]{{16}}qos[01]"
        place = f"smokesentry\\.v1\\.{_checked(tenant, {})}\\.{name}\\."
        rights[name] = (
            {"configure": f"^{own}$", "write": f"^(amq\\.topic|{own})$", "read": f"^(amq\\.topic|{own})$"},
            {"write": f"^{place}(up\\.[a-z]+|state)$", "read": f"^{place}down\\.(ack|command)$"},
        )
    for name in sorted(set(clouds)):
        queues = f"^({re.escape(URGENT)}|{re.escape(BULK)})$"
        rights[_checked(name, rights)] = (
            {"configure": "^$", "write": "^amq\\.topic$", "read": queues},
            {"write": "^smokesentry\\.v1\\.[a-z0-9-]+\\.[a-z0-9-]+\\.down\\.(ack|command)$", "read": "^$"},
        )
    arguments = {"x-queue-type": "quorum", "x-quorum-initial-group-size": members}
    return json.dumps(
        {
            "vhosts": [{"name": "/"}],
            "users": [_user(name) for name in rights],
            "permissions": [{"user": name, "vhost": "/", **resources} for name, (resources, _) in rights.items()],
            "topic_permissions": [
                {"user": name, "vhost": "/", "exchange": "amq.topic", **keys} for name, (_, keys) in rights.items()
            ],
            "queues": [
                {"name": name, "vhost": "/", "durable": True, "auto_delete": False, "arguments": arguments}
                for name in (URGENT, BULK)
            ],
            "bindings": [
                {
                    "source": "amq.topic", "vhost": "/", "destination": queue, "destination_type": "queue",
                    "routing_key": key, "arguments": {},
                }
                for key, queue in _BINDINGS.items()
            ],
        },
        indent=1,
    )  # fmt: skip


def apply_rights(
    control: Sequence[str], gateways: Iterable[tuple[str, str]], clouds: Iterable[str], members: int = 3
) -> list[str]:
    """Brings a running cluster's queues, users and rights in line; gives the users that were removed.

    ``control`` is how ``rabbitmqctl`` is called. A removed user's connections end at once. Raises ``ValueError`` when
    not all members run, as members of the MQTT plugin's own group too, and when ``rabbitmqctl`` fails.
    """
    status = json.loads(_said(control, "cluster_status", "--formatter", "json"))
    running = len(status["running_nodes"])
    group = int(_said(control, "eval", "length(element(2, ra:members({mqtt_node, node()}))).") or 0)
    if running < members or group < members:
        raise ValueError(
            f"{running} of {members} nodes run, {group} take part in the MQTT plugin's group: queues declared now "
            "would lack the others. Start the missing nodes, one after the other, and repeat"
        )
    definitions = render_definitions(gateways, clouds, members)
    with NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        file.write(definitions)
        file.flush()
        Path(file.name).chmod(0o644)  # rabbitmqctl reads it as user rabbitmq; there is no secret in it
        _said(control, "import_definitions", file.name)
    kept = {user["name"] for user in json.loads(definitions)["users"]}
    listed = json.loads(_said(control, "list_users", "--formatter", "json"))
    removed = sorted(user["user"] for user in listed if user["user"] not in kept)
    for name in removed:
        _said(control, "delete_user", name)
    return removed


def _said(control: Sequence[str], *words: str) -> str:
    done = subprocess.run([*control, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"rabbitmqctl {words[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _user(name: str) -> dict[str, Any]:
    return {"name": name, "password_hash": "", "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": []}


def _checked(name: str, taken: dict[str, Any]) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"name {name!r}: names have 1 to 40 of a-z, 0-9 and '-'")
    if name in taken:
        raise ValueError(f"name {name!r}: stands for two (towns, or a gateway and the cloud); names must differ")
    return name
