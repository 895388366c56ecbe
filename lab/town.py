"""One small town on one machine: identities, configurations and processes, each in a folder that one can look into.

``FOLDER/ca`` authority · ``broker`` · ``cloud`` · ``GATEWAY`` one each · ``street`` the simulator · ``log``.
"""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cloud_ingest.identity.authority import Subject
from cloud_ingest.identity.ca_folder import CaFolder
from hardware.broker import render_acl, render_broker
from lab.processes import Processes, find_mosquitto, free_port, port_answers
from lab.watch import Console, Street

_TELEMETRY_S = 5  # a curve worth looking at within a minute; a roof uses a minute
_HEALTH_S = 5
_CLOUD = "cloud-1"
_COMES_UP_S = 300.0  # seconds on a quiet machine


class Town:
    """Starts its parts as processes of ``processes``; the order is street, cloud, gateways."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        self.folder = folder.resolve()
        self._processes = processes
        self.street = Street(self.folder / "street")
        self.broker_port = free_port()
        self._console_port = free_port()
        self.console = Console(f"http://127.0.0.1:{self._console_port}")

    def start_street(self, scene: str, seed: int) -> None:
        """The simulator; returns once cameras and sensors are up."""
        words = ["simulate", "--scene", scene, "--seed", str(seed), "--folder", str(self.street.folder)]
        self._processes.smokesentry("street", *words)
        self._processes.wait_for("the street's cameras and sensors", self.street.ready, _COMES_UP_S)

    def start_cloud(self, *, console: bool = True) -> None:
        """Enrols everybody, then broker, ingestor and console; returns once the console, if wanted, answers."""
        offer = self.street.offer()
        self._enrol(offer)
        self._configure_broker(offer)
        self._processes.start("broker", [find_mosquitto(), "-c", str(self.folder / "broker" / "mosquitto.conf")])
        self._processes.wait_for("the broker", lambda: port_answers(self.broker_port), _COMES_UP_S)
        config = self._configure_cloud(offer)
        self._processes.smokesentry("ingest", "cloud", "ingest", "--config", config)
        if not console:
            return
        self._processes.smokesentry("console", "cloud", "console", "--config", config)
        self._processes.wait_for("the console's page", self.console.answers, _COMES_UP_S)

    def start_gateways(self) -> list[str]:
        """One process a gateway; returns their names at once."""
        names = []
        for gateway in self.street.offer()["gateways"]:
            config = self.configure_gateway(gateway)
            self._processes.smokesentry(gateway["gateway"], "gateway", "run", "--config", str(config))
            names.append(gateway["gateway"])
        return names

    def _enrol(self, offer: dict[str, Any]) -> None:
        now = datetime.now(UTC)
        authority = CaFolder.create(self.folder / "ca", now)
        hosts = ("localhost", "127.0.0.1")
        authority.enrol(Subject(name="broker", role="broker", hosts=hosts), self.folder / "broker", now)
        authority.enrol(Subject(name=_CLOUD, role="cloud"), self.folder / "cloud", now)
        for gateway in offer["gateways"]:
            name = str(gateway["gateway"])
            authority.enrol(Subject(name=name, role="gateway", tenant=offer["tenant"]), self.folder / name, now)

    def _configure_broker(self, offer: dict[str, Any]) -> None:
        broker, ca = self.folder / "broker", self.folder / "ca"
        (broker / "store").mkdir()
        acl = broker / "acl"
        acl.write_text(render_acl([(offer["tenant"], g["gateway"]) for g in offer["gateways"]], [_CLOUD]))
        acl.chmod(0o600)
        text = render_broker(
            broker / "store",
            self.broker_port,
            ca=ca / "ca.crt",
            crl=ca / "crl.pem",
            certificate=broker / "broker.crt",
            key=broker / "broker.key",
            acl_file=acl,
            address="127.0.0.1",
            user=getpass.getuser(),
        )
        (broker / "mosquitto.conf").write_text(text)

    def _configure_cloud(self, offer: dict[str, Any]) -> str:
        cloud = self.folder / "cloud"
        own = {"certificate": str(cloud / f"{_CLOUD}.crt"), "key": str(cloud / f"{_CLOUD}.key")}
        path = cloud / "cloud.toml"
        path.write_text(
            toml(
                {
                    "cloud": {"folder": str(cloud), "tenants": [offer["tenant"]]},
                    "broker": {"port": self.broker_port, "ca": str(cloud / "ca.crt"), **own},
                    "ca": {"folder": str(self.folder / "ca")},
                    "signing": own,
                    "town": {"footprints": str(self.street.folder / offer["footprints"])},
                    "console": {"port": self._console_port},
                }
            ),
            encoding="utf-8",
        )
        return str(path)

    def configure_gateway(
        self, gateway: dict[str, Any], *, state: Path | None = None, broker_port: int | None = None
    ) -> Path:
        """Writes a gateway's file: its spool in ``state`` (default: its own folder), its broker behind another port."""
        name = str(gateway["gateway"])
        here: Path = self.folder / str(name)
        cameras = [
            {"name": c["camera"], "kind": "snapshot", "source": c["url"], "fps": c["fps"], "pose": _pose(c["pose"])}
            for c in gateway["cameras"]
        ]
        sensors = [{"name": s["sensor"], "model": s["model"], "port": s["port"]} for s in gateway["sensors"]]
        path = here / "gateway.toml"
        path.write_text(
            toml(
                {
                    "gateway": {
                        "name": name,
                        "tenant": self.street.offer()["tenant"],
                        "folder": str(state or here),
                        "telemetry_interval_s": _TELEMETRY_S,
                        "health_interval_s": _HEALTH_S,
                    },
                    "identity": {"key": str(here / f"{name}.key"), "certificate": str(here / f"{name}.crt")},
                    "uplink": {
                        "host": "localhost",
                        "port": broker_port or self.broker_port,
                        "ca": str(here / "ca.crt"),
                        "cloud_certificate": str(self.folder / "cloud" / f"{_CLOUD}.crt"),
                    },
                    "cameras": cameras,
                    "sensors": sensors,
                }
            ),
            encoding="utf-8",
        )
        return path


def _pose(pose: dict[str, Any]) -> dict[str, Any]:
    """A pose without its camera's name, which the configuration says one level up."""
    return {key: value for key, value in pose.items() if key != "camera"}


def toml(document: dict[str, Any]) -> str:
    """Tables at the top, everything below them inline; enough for the configurations written here."""
    lines = []
    for name, value in document.items():
        tables = value if isinstance(value, list) else [value]
        header = f"[[{name}]]" if isinstance(value, list) else f"[{name}]"
        for table in tables:
            lines += [header, *(f"{key} = {_inline(item)}" for key, item in table.items()), ""]
    return "\n".join(lines)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_inline(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # the one place where TOML is stricter
