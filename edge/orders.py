"""Orders of the cloud beyond a ping: configuration, masks, model, clips. Each is looked through before it may begin its
trial; that it was signed, fresh, new and meant for this gateway, ``downlink`` has made sure of."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from edge.downlink import Refused, args_of
from edge.managed import Item, Kind, Managed, NotAdmitted, admit
from edge.managed_store import ManagedStore
from edge.masks import MasksRefused, with_masks
from edge.settings import GatewaySettings
from smokesentry.messages.control import Command
from smokesentry.settings import SettingsError, parse_settings

#: What no order may change: a mistake there would cut the gateway off for good.
_FIXED = ("identity", "uplink")
_FIXED_OF_GATEWAY = ("name", "tenant", "folder")
_MAX_TEXT, _MAX_WEIGHTS = 200_000, 1_200_000

Period = Annotated[float, Meta(ge=4, le=86400)]
Version = Annotated[int, Meta(ge=1, le=2**53)]


class Configure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole new configuration file. ``period_s``: within it the gateway must be well."""

    version: Version
    text: Annotated[str, Meta(max_length=_MAX_TEXT)]
    period_s: Period = 600.0


class Masks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """New masks of one camera, as a new version of the configuration that is in force."""

    version: Version
    camera: str
    masks: list[list[tuple[float, float]]]
    period_s: Period = 600.0


class NewModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A detector's model: its manifest, which holds the hash of the weights."""

    version: Version
    manifest: Annotated[str, Meta(max_length=50_000)]
    weights: Annotated[bytes, Meta(max_length=_MAX_WEIGHTS)]  # base64 in the command
    period_s: Period = 1800.0


class Clip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole clip of one detection, and the readings around it."""

    evidence_id: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


@dataclass(slots=True)
class Orders:
    """``restart`` ends the process so that it begins anew; ``working_cameras`` are those that give frames now."""

    store: ManagedStore
    config: Path
    settings: GatewaySettings
    restart: Callable[[], None]
    working_cameras: Callable[[], list[str]]
    request_clip: Callable[[str], None]

    def handlers(self) -> dict[str, Callable[[Command], str]]:
        """By the command's kind; each gives a sentence or raises ``Refused``."""
        return {"configure": self.configure, "masks": self.masks, "model": self.model, "clip": self.clip}

    def configure(self, command: Command) -> str:
        """Begins the trial of a new configuration."""
        wanted = args_of(command, Configure)
        return self._try_configuration(command, wanted.version, wanted.text, wanted.period_s)

    def masks(self, command: Command) -> str:
        """Begins the trial of a configuration that differs in one camera's masks."""
        wanted = args_of(command, Masks)
        try:
            text = with_masks(self._text_in_force(), wanted.camera, wanted.masks)
        except (MasksRefused, OSError) as error:
            raise Refused("bad_arguments", f"command {command.counter} (masks): {error}") from error
        return self._try_configuration(command, wanted.version, text, wanted.period_s)

    def model(self, command: Command) -> str:
        """Begins the trial of a new model, if it fits this release."""
        from detector.model import Model, ModelError

        wanted = args_of(command, NewModel)
        raw = wanted.manifest.encode()
        with tempfile.TemporaryDirectory(dir=self._room(command)) as folder:
            trial = Path(folder)
            (trial / "manifest.json").write_bytes(raw)
            (trial / _weights_name(command, raw)).write_bytes(wanted.weights)
            try:
                Model(trial)
            except (ModelError, ValueError, KeyError, TypeError, RuntimeError, OSError) as error:
                raise Refused("bad_arguments", f"command {command.counter} (model): does not load: {error}") from error
        return self._begin(command, "model", wanted.version, wanted.period_s, ("json", raw), ("tflite", wanted.weights))

    def clip(self, command: Command) -> str:
        """Asks the recorder for a clip."""
        wanted = args_of(command, Clip)
        self.request_clip(wanted.evidence_id)
        return f"command {command.counter}: the clip {wanted.evidence_id} is asked for"

    def _try_configuration(self, command: Command, version: int, text: str, period_s: float) -> str:
        try:
            fresh = parse_settings(text, self.config, GatewaySettings)
        except SettingsError as error:
            raise Refused("bad_arguments", f"command {command.counter} ({command.kind}): {error}") from error
        changed = [name for name in _FIXED if getattr(fresh, name) != getattr(self.settings, name)]
        changed += [
            f"gateway.{name}"
            for name in _FIXED_OF_GATEWAY
            if getattr(fresh.gateway, name) != getattr(self.settings.gateway, name)
        ]
        if changed:
            raise Refused(
                "bad_arguments",
                f"command {command.counter} ({command.kind}): changes {', '.join(changed)}, which only somebody at the"
                " gateway may do",
            )
        return self._begin(command, "configuration", version, period_s, ("toml", text.encode()))

    def _begin(self, command: Command, kind: Kind, version: int, period_s: float, *parts: tuple[str, bytes]) -> str:
        state = self.store.load()
        try:
            self._admit(state, kind, Item(version, "0" * 64), period_s)  # refused before anything is written
            digest = self.store.put(*parts)
            item = Item(version, digest, based_on=hash_of(self.config))
            self.store.save(self._admit(state, kind, item, period_s))
        except NotAdmitted as error:
            raise Refused("old_version", f"command {command.counter} ({command.kind}): {error}") from error
        except OSError as error:
            raise Refused("disk", f"command {command.counter} ({command.kind}): cannot be kept ({error})") from error
        self.restart()
        return f"command {command.counter}: {kind} {version} is on trial for {period_s:.0f} s"

    def _admit(self, state: Managed, kind: Kind, item: Item, period_s: float) -> Managed:
        return admit(state, kind, item, period_s, self.working_cameras())

    def _text_in_force(self) -> str:
        item = self.store.load().in_force("configuration")
        return self.config.read_text("utf-8") if item is None else self.store.read(item.sha256, "toml").decode()

    def _room(self, command: Command) -> Path:
        try:
            self.store.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refused("disk", f"command {command.counter} ({command.kind}): cannot be kept ({error})") from error
        return self.store.folder


def hash_of(config: Path) -> str:
    """Of the gateway's own file: changed by hand, it counts more than what was ordered before."""
    return hashlib.sha256(config.read_bytes()).hexdigest()


def _weights_name(command: Command, manifest: bytes) -> str:
    try:
        named: Any = msgspec.json.decode(manifest)["file"]
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise Refused("bad_arguments", f"command {command.counter} (model): manifest: {error}") from error
    if not isinstance(named, str) or Path(named).name != named or not named.endswith(".tflite"):
        raise Refused("bad_arguments", f"command {command.counter} (model): manifest: file is {named!r}")
    return named
