"""Renders the broker's configuration and access list. Plain functions of their arguments, standard library only.

The access list names each gateway, because Mosquitto's ``%u`` pattern knows a client's name but not its town: with a
pattern, a gateway of one town could speak under the same name in another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from string import Template

from hardware import text_of

_NAME = re.compile(r"[a-z0-9-]{1,40}")


def render_broker(
    folder: Path,
    port: int,
    *,
    ca: Path,
    crl: Path,
    certificate: Path,
    key: Path,
    acl_file: Path,
    address: str = "0.0.0.0",
    user: str = "mosquitto",
) -> str:
    """The whole ``mosquitto.conf``. ``folder`` keeps sessions and waiting messages; ``user`` must be able to write it.

    A broker started by root becomes ``user`` *before* it reads key, CRL and access list; started by anyone else, it
    stays who it is. Raises ``ValueError`` for values that a configuration line cannot hold.
    """
    if not 0 < port < 65536:
        raise ValueError(f"port {port}: a TCP port is 1 to 65535")
    values = {
        "folder": folder,
        "port": port,
        "address": address,
        "user": user,
        "ca": ca,
        "crl": crl,
        "certificate": certificate,
        "key": key,
        "acl_file": acl_file,
    }
    for what, value in values.items():
        if not str(value).isprintable() or str(value) != str(value).strip():
            raise ValueError(f"{what} {str(value)!r}: a line of the broker's configuration cannot hold this")
        if isinstance(value, Path) and not value.is_absolute():
            raise ValueError(f"{what} {str(value)!r}: give an absolute path; the broker's working folder is not yours")
    return Template(text_of("mosquitto/mosquitto.conf")).substitute({k: str(v) for k, v in values.items()})


def render_acl(gateways: Iterable[tuple[str, str]], clouds: Iterable[str]) -> str:
    """The access list for ``(tenant, gateway)`` pairs and the names of cloud processes. Order does not matter.

    Raises ``ValueError`` for names that are none, and for a name that would get the rights of two.
    """
    blocks = dict[str, str]()
    for tenant, name in sorted(set(gateways)):
        _check(name, blocks)
        _check(tenant, {})
        blocks[name] = Template(text_of("mosquitto/gateway.acl")).substitute(tenant=tenant, name=name)
    for name in sorted(set(clouds)):
        _check(name, blocks)
        blocks[name] = Template(text_of("mosquitto/cloud.acl")).substitute(name=name)
    return (
        "# Access list of Smoke Sentry's broker, rendered from the authority's ledger; not edited by hand.\n"
        + "".join(f"\n{block}" for block in blocks.values())
    )


def rights_in_ledger(ledger: str) -> tuple[list[tuple[str, str]], list[str]]:
    """``(tenant, gateway)`` pairs and cloud names that an authority's ``ledger.json`` grants: everyone not revoked."""
    entries = [entry for entry in json.loads(ledger)["entries"] if entry.get("revoked_at") is None]
    gateways = {(entry["tenant"], entry["name"]) for entry in entries if entry["role"] == "gateway"}
    return sorted(gateways), sorted({entry["name"] for entry in entries if entry["role"] == "cloud"})


def _check(name: str, taken: dict[str, str]) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"name {name!r}: names have 1 to 40 of a-z, 0-9 and '-'")
    if name in taken:
        raise ValueError(f"name {name!r}: stands for two (towns, or a gateway and the cloud); names must differ")
