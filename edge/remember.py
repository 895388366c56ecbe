"""What a camera's detector hands to its successor: its state over restarts, and the reference view of its pose."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from detector.sight import ChimneySight, Sight
from edge.files import write_whole
from smokesentry.clock import Stamp

_log = logging.getLogger("edge.remember")
_EVERY_S = 60.0


@runtime_checkable
class Remembers(Protocol):
    """A detector that can go on where another one left off."""

    restored: str

    def state(self) -> dict[str, object] | None:
        """What a successor needs; None while there is nothing worth keeping."""

    def restore(self, data: object, gone_s: float) -> None:
        """Goes on; before the first frame."""

    def view(self) -> dict[str, object] | None:
        """The present background; None while it is too young."""

    def refer(self, data: object) -> None:
        """Measures sight against this view."""

    def sight(self) -> Sight | None:
        """How well the camera sees against its reference."""

    def displaced(self) -> Sight | None:
        """The same of its background, where the camera no longer stands as it was surveyed."""

    def chimney_sights(self) -> tuple[ChimneySight, ...]:
        """At which known chimneys smoke could be seen now."""


@dataclass(slots=True)
class Memory:
    """One camera's two files. A disk that refuses costs the memory, nothing else."""

    folder: Path
    camera: str
    pose_version: int
    boot_id: str
    _saved_ns: int = 0
    _has_reference: bool = False

    def recall(self, detector: Remembers, now: Stamp) -> None:
        """Gives a fresh detector what an earlier one left."""
        state = self._read(f"{self.camera}.state.json")
        if state is not None:
            detector.restore(state.get("data"), self._gone_s(state, now))
        reference = self._read(self._reference)
        if reference is None:
            return
        try:
            detector.refer(reference)
            self._has_reference = True
        except ValueError as error:
            _log.warning("camera %s: its reference view is of no use (%s); a new one will be taken", self.camera, error)

    def keep(self, detector: Remembers, now: Stamp, *, suspected: bool) -> None:
        """Called with every frame; writes once a minute. A reference is taken when nothing smokes."""
        if now.mono_ns - self._saved_ns < _EVERY_S * 1e9:
            return
        self._saved_ns = now.mono_ns
        data = detector.state()
        if data is not None:
            moment = {"unix_s": now.unix_s, "mono_ns": now.mono_ns, "boot_id": self.boot_id}
            self._write(f"{self.camera}.state.json", {**moment, "data": data})
        if not self._has_reference and not suspected:
            view = detector.view()
            if view is not None:
                self._write(self._reference, view)
                detector.refer(view)
                self._has_reference = True

    def forget(self) -> None:
        """The files go. A disk that refuses keeps them, which is said."""
        self._has_reference = False
        for path in self.folder.glob(f"{self.camera}.*.json"):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                _log.warning("%s: cannot be removed (%s)", path, error.strerror)

    @property
    def _reference(self) -> str:
        return f"{self.camera}.reference-{self.pose_version}.json"

    def _gone_s(self, state: dict[str, Any], now: Stamp) -> float:
        if state.get("boot_id") == self.boot_id:
            return (now.mono_ns - int(state["mono_ns"])) / 1e9
        return now.unix_s - float(state.get("unix_s", 0.0))

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            data = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return data if isinstance(data, dict) else None

    def _write(self, name: str, data: dict[str, object]) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self.folder / name, json.dumps(data).encode(), durable=False)
        except OSError as error:
            _log.warning("%s: cannot be written (%s)", self.folder / name, error.strerror)
