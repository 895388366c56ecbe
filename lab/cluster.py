"""Three real RabbitMQ nodes on one machine: each in a network namespace where the kernel lets us, else on loopback.

A namespace can be cut off from the others, as a broken switch would; on loopback that fault is left out.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hardware.broker import rights_in_ledger
from hardware.rabbitmq import BULK, apply_rights, render_node
from lab.city_facts import BROKER
from lab.processes import Processes, free_port

NODES = (1, 2, 3)
MQTT_PORT = 8883
_AMQP_PORT = 5671
_BOOT_S = 400.0  # a quiet machine needs 15 s; one with six processes a core has needed four minutes
# One scheduler and no busy waiting: three nodes share this machine with everything they are tried with.
_ERLANG = "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"


@dataclass(frozen=True, slots=True)
class Network:
    """Where nodes live: an address each, and what a command must begin with to run there."""

    addresses: Mapping[int, str]
    prefix: Mapping[int, Sequence[str]]
    links: Mapping[int, str]  # the bridge's end of a node's cable; empty where nothing can be cut

    def cut(self, node: int) -> None:
        """Pulls a node's cable."""
        _ip("link", "set", self.links[node], "down")

    def heal(self, node: int) -> None:
        """Plugs it in again."""
        _ip("link", "set", self.links[node], "up")


@contextmanager
def network() -> Iterator[Network]:
    """Namespaces behind a bridge; loopback addresses where the right to make them is missing."""
    mark, third = secrets.token_hex(3), 1 + secrets.randbelow(250)
    bridge = f"ssb{mark}"
    if os.geteuid() != 0 or subprocess.run(["ip", "link", "add", bridge, "type", "bridge"], check=False).returncode:
        yield Network({n: f"127.77.{third}.{n}" for n in NODES}, dict.fromkeys(NODES, ()), {})
        return
    spaces = {n: f"ss{mark}-{n}" for n in NODES}
    try:
        _ip("addr", "add", f"10.77.{third}.254/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for n, space in spaces.items():
            _ip("netns", "add", space)
            _ip("link", "add", f"ssv{mark}{n}", "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("link", "set", f"ssv{mark}{n}", "master", bridge, "up")
            _ip("-n", space, "addr", "add", f"10.77.{third}.{n}/24", "dev", "eth0")
            _ip("-n", space, "link", "set", "eth0", "up")
            _ip("-n", space, "link", "set", "lo", "up")
        yield Network(
            {n: f"10.77.{third}.{n}" for n in NODES},
            {n: ("ip", "netns", "exec", space) for n, space in spaces.items()},
            {n: f"ssv{mark}{n}" for n in NODES},
        )
    finally:
        for space in spaces.values():
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", bridge], check=False, capture_output=True)


def find_rabbitmq() -> Path | None:
    """The folder of the newest server's scripts (Debian's package rabbitmq-server), or None."""
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    return found[-1].parent if found else None


class Cluster:
    """Nodes with the product's configuration under ``folder/NODE``, as processes ``node-1`` to ``node-3``."""

    def __init__(self, folder: Path, processes: Processes, where: Network, scripts: Path) -> None:
        self.where = where
        self._folder = folder
        self._processes = processes
        self._scripts = scripts
        self._epmd = free_port()
        self._names = {n: f"rabbit-{n}@{where.addresses[n]}" for n in NODES}  # one port mapper may serve all
        self._home = folder / "home"
        self.nodes = [f"{where.addresses[n]}:{_AMQP_PORT}" for n in NODES]  # as [cluster] nodes

    def start(self) -> None:
        """All nodes, then queues and rights; returns once gateways and workers can come."""
        self._home.mkdir()
        cookie = self._home / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        spaces = NODES if self.where.links else NODES[:1]  # on loopback one port mapper serves all
        for n in spaces:
            mapper = [*self.where.prefix[n], "epmd", "-port", str(self._epmd)]
            self._processes.start(f"epmd-{n}", mapper)
        for n in NODES:  # one after the other: founding all at once, the MQTT plugin's own group can fall apart
            self._configure(n)
            self._launch(n)
            self.wait_for(n)
        self.apply_rights()

    def wait_for(self, node: int) -> None:
        """Until a node takes gateways."""
        self._processes.wait_for(f"cluster node {node}", lambda: self.answers(node), _BOOT_S)

    def answers(self, node: int) -> bool:
        """Whether a node's MQTT port is open."""
        probe = ["bash", "-c", f"</dev/tcp/{self.where.addresses[node]}/{MQTT_PORT}"]
        return subprocess.run(["timeout", "1", *probe], check=False, capture_output=True).returncode == 0

    def kill(self, node: int) -> None:
        """kill -9."""
        self._processes.kill(f"node-{node}")

    def stop(self) -> None:
        """kill -9 to all: this is no place for an orderly farewell of minutes."""
        for node in NODES:
            with contextlib.suppress(KeyError):
                self.kill(node)

    def restart(self, node: int) -> None:
        """Starts a killed node; it takes part again some time after it answers."""
        self._processes.restart(f"node-{node}")

    def leader(self) -> int:
        """Which node leads the telemetry's queue."""
        listed = self.control(1, "list_queues", "--silent", "name", "leader")
        for line in listed.splitlines():
            name, _, leader = line.partition("\t")
            if name == BULK:
                return next(n for n, node in self._names.items() if node == leader.strip())
        raise RuntimeError(f"the cluster does not say who leads {BULK}: {listed!r}")

    def control(self, node: int, *words: str) -> str:
        """``rabbitmqctl`` against a node."""
        done = subprocess.run([*self._control(node), *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"rabbitmqctl {' '.join(words)}: {done.stderr or done.stdout}")
        return done.stdout

    def apply_rights(self) -> list[str]:
        """Queues, users and rights from the authority's ledger; gives the users that were removed."""
        ledger = (self._folder / "ca" / "ledger.json").read_text(encoding="utf-8")
        return apply_rights(self._control(1), *rights_in_ledger(ledger))

    def _configure(self, node: int) -> None:
        here = self._folder / f"node-{node}"
        for name in ("mnesia", "log"):
            (here / name).mkdir(parents=True)
        files = render_node(
            self._names[node], list(self._names.values()), ca=self._folder / "ca" / "ca.crt",
            certificate=self._folder / BROKER / f"{BROKER}.crt", key=self._folder / BROKER / f"{BROKER}.key",
            address=self.where.addresses[node], disk_free="50MB",
        )  # fmt: skip
        for name, text in files.items():
            (here / name).write_text(text, encoding="utf-8")

    def _control(self, node: int) -> list[str]:
        environment = [f"{key}={value}" for key, value in self._environment(node).items()]
        return [*self.where.prefix[node], "env", *environment, str(self._scripts / "rabbitmqctl"), "-q"]

    def _launch(self, node: int) -> None:
        environment = [f"{key}={value}" for key, value in self._environment(node).items()]
        server = str(self._scripts / "rabbitmq-server")
        self._processes.start(f"node-{node}", [*self.where.prefix[node], "env", *environment, server])

    def _environment(self, node: int) -> dict[str, str]:
        here = self._folder / f"node-{node}"
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(self._home),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_CRASH_DUMP": str(here / "log" / "erl_crash.dump"),
            "RABBITMQ_USE_LONGNAME": "true",
            "RABBITMQ_NODENAME": self._names[node],
            "RABBITMQ_CONFIG_FILE": str(here / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(here / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(here / "mnesia"),
            "RUNNING_UNDER_SYSTEMD": "true",  # the script then becomes the server, so that a kill meets the server
            "RABBITMQ_LOG_BASE": str(here / "log"),
            "RABBITMQ_DIST_PORT": str(25670 + node),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERLANG,
        }


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
