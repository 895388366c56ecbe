"""What a dispatcher would see: the console's interface read over HTTP, and the simulator's truth beside it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Console:
    """Reads a running console. Every call raises ``OSError`` while it does not answer."""

    address: str

    def get(self, path: str) -> Any:
        """A JSON document of the console's interface."""
        with urllib.request.urlopen(self.address + path, timeout=60) as answer:
            return json.load(answer)

    def alerts(self) -> list[dict[str, Any]]:
        """All alerts, newest first."""
        found: list[dict[str, Any]] = self.get("/api/alerts")["alerts"]
        return found

    def answers(self) -> bool:
        """Whether the page can be reached."""
        try:
            self.get("/api/health")
        except (OSError, ValueError):
            return False
        return True

    def gateways_online(self) -> int:
        """How many gateways say that they are connected."""
        return sum(bool(gateway["online"]) for gateway in self.get("/api/town")["gateways"])


@dataclass(frozen=True, slots=True)
class Street:
    """The simulator's folder: what it offers (``street.json``) and what is true (``truth.json``)."""

    folder: Path

    def ready(self) -> bool:
        """Whether cameras and sensors are up."""
        return (self.folder / "street.json").exists()

    def offer(self) -> dict[str, Any]:
        """Addresses of cameras and ports, poses as measured, footprints."""
        document: dict[str, Any] = json.loads((self.folder / "street.json").read_text(encoding="utf-8"))
        return document

    def truth(self) -> dict[str, Any]:
        """Which roofs burned, from when to when."""
        path = self.folder / "truth.json"
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"burned": []}
        return document
