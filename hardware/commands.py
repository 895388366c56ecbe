"""``smokesentry hardware``: install a machine's files, render the broker's, redraw the wiring, print the lens table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main(argv: list[str]) -> int:
    """Install units and rules, render the broker's configuration, redraw the wiring, print the lens table."""
    parser = argparse.ArgumentParser(prog="smokesentry hardware", description=main.__doc__)
    words = parser.add_subparsers(required=True, metavar="WORD")

    install = words.add_parser("install", help="bring units, rules and boot settings to their places (as root)")
    install.add_argument("role", choices=("gateway", "cloud"))
    install.add_argument("--root", type=Path, default=Path("/"), help="another root folder, for an image")
    install.set_defaults(run=_install)

    broker = words.add_parser("broker", help="write mosquitto.conf and smokesentry.acl")
    broker.add_argument("--ca", type=Path, required=True, help="the authority's folder, or a copy without its key")
    broker.add_argument("--certificate", type=Path, required=True, help="the broker's certificate")
    broker.add_argument("--key", type=Path, required=True, help="the broker's key")
    broker.add_argument("--out", type=Path, default=Path("/etc/mosquitto"), help="where the two files go")
    broker.add_argument("--folder", type=Path, default=Path("/var/lib/mosquitto"), help="the broker's own store")
    broker.add_argument("--port", type=int, default=8883)
    broker.set_defaults(run=_broker)

    node = words.add_parser("cluster-node", help="write a RabbitMQ node's rabbitmq.conf and enabled_plugins")
    node.add_argument("--node", required=True, help="this node, for example rabbit@mq-1.example.org")
    node.add_argument("--members", nargs="+", required=True, help="all nodes, this one among them; 3 or 5")
    node.add_argument("--ca", type=Path, required=True, help="the authority's folder, or a copy without its key")
    node.add_argument("--certificate", type=Path, required=True, help="the node's certificate")
    node.add_argument("--key", type=Path, required=True, help="the node's key")
    node.add_argument("--out", type=Path, default=Path("/etc/rabbitmq"), help="where the two files go")
    node.set_defaults(run=_cluster_node)

    rights = words.add_parser("cluster-rights", help="give a running RabbitMQ cluster its queues, users and rights")
    rights.add_argument("--ca", type=Path, required=True, help="the authority's folder, or a copy without its key")
    rights.add_argument("--members", type=int, default=3, help="how many nodes must be running")
    rights.set_defaults(run=_cluster_rights)

    words.add_parser("drawings", help="redraw the wiring after a change of wiring.toml").set_defaults(run=_drawings)
    words.add_parser("lenses", help="print the lens table of docs/hardware.md").set_defaults(run=_lenses)
    arguments = parser.parse_args(argv)
    try:
        arguments.run(arguments)
    except (OSError, ValueError) as error:
        print(f"smokesentry hardware: {error}", file=sys.stderr)
        return 1
    return 0


def _install(arguments: argparse.Namespace) -> None:
    from hardware.install import install

    print("\n".join(install(arguments.role, arguments.root)) or "everything was in place")


def _broker(arguments: argparse.Namespace) -> None:
    from hardware.broker import render_acl, render_broker, rights_in_ledger

    ca: Path = arguments.ca.resolve()
    gateways, clouds = rights_in_ledger((ca / "ledger.json").read_text(encoding="utf-8"))
    out: Path = arguments.out.resolve()
    acl = render_acl(gateways, clouds)
    configuration = render_broker(
        arguments.folder.resolve(),
        arguments.port,
        ca=ca / "ca.crt",
        crl=ca / "crl.pem",
        certificate=arguments.certificate.resolve(),
        key=arguments.key.resolve(),
        acl_file=out / "smokesentry.acl",
    )
    (out / "smokesentry.acl").write_text(acl, encoding="utf-8")
    (out / "mosquitto.conf").write_text(configuration, encoding="utf-8")
    print(f"{out}: mosquitto.conf and smokesentry.acl for {len(gateways)} gateways; now: systemctl reload mosquitto")


def _cluster_node(arguments: argparse.Namespace) -> None:
    from hardware.rabbitmq import render_node

    out: Path = arguments.out.resolve()
    files = render_node(
        arguments.node,
        arguments.members,
        ca=arguments.ca.resolve() / "ca.crt",
        certificate=arguments.certificate.resolve(),
        key=arguments.key.resolve(),
    )
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8")
    print(f"{out}: {' and '.join(files)}; now: systemctl restart rabbitmq-server, one node after the other")


def _cluster_rights(arguments: argparse.Namespace) -> None:
    from hardware.broker import rights_in_ledger
    from hardware.rabbitmq import apply_rights

    gateways, clouds = rights_in_ledger((arguments.ca / "ledger.json").read_text(encoding="utf-8"))
    removed = apply_rights(["rabbitmqctl", "-q"], gateways, clouds, arguments.members)
    print(f"queues and rights for {len(gateways)} gateways are in force; removed: {', '.join(removed) or 'nobody'}")


def _drawings(_arguments: argparse.Namespace) -> None:
    from hardware.bom import BUILDS
    from hardware.drawing import draw
    from hardware.wiring import load_wiring

    for build in BUILDS:
        path = Path(__file__).parent / "drawings" / f"wiring-{build}.svg"
        path.write_text(draw(load_wiring(), build), encoding="utf-8")
        print(path)


def _lenses(_arguments: argparse.Namespace) -> None:
    from hardware.optics import table

    print(table(), end="")
