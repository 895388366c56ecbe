"""Which settings a starting gateway uses: its own file, or what the cloud has ordered; and the watch over a trial."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge.managed import Managed, forget, observe, start, take_back
from edge.managed_store import ManagedStore
from edge.orders import hash_of
from edge.settings import GatewaySettings, load_gateway_settings
from smokesentry.settings import SettingsError, parse_settings

_MODEL_FOLDER = "model"
_FRESH_S = 30.0
_PATIENCE_S = 60.0  # a full disk gives up its reserve sooner than this


@dataclass(slots=True)
class InForce:
    """The settings to run with. ``local`` is the gateway's own file as it is."""

    local: GatewaySettings
    settings: GatewaySettings
    model_folder: Path | None  # None: the release's own model
    store: ManagedStore
    state: Managed
    _refused_s: float = 0.0  # for so long the disk has not taken a trial's end

    def watch(self, trouble: str | None, elapsed_s: float) -> bool:
        """Goes on with a trial; whether the process must begin anew because it was taken back.

        Raises ``OSError`` while the disk does not take the trial's end: it goes on, and the next look ends it again.
        What is to be taken back does not stay in force for that: after a minute the process begins anew all the same,
        and if the disk refuses that start, too, it takes the trial back from memory.
        """
        if self.state.trial is None:
            return False
        before, after = self.state, observe(self.state, trouble, elapsed_s)
        taken_back = after.failed != before.failed
        if after.trial is None:
            try:
                self.store.save(after)
            except OSError:
                self._refused_s += elapsed_s
                if not taken_back or self._refused_s < _PATIENCE_S:
                    raise
        self.state = after
        return taken_back


def settings_in_force(config: Path) -> InForce:
    """Counts this start, and settles what is in force. What was ordered but cannot be used is taken back: the gateway
    starts in any case with what it had before. Raises ``SettingsError`` for the gateway's own file."""
    local = load_gateway_settings(config)
    store = ManagedStore(local.gateway.folder)
    before = store.load()
    state = start(before)
    settings, state = _configured(local, config, store, state)
    model_folder, state = _model(store, state)
    if state != before:
        try:
            store.save(state)
        except OSError as error:  # a disk that takes nothing: a trial could never be ended on it
            store.problem = f"{store.folder}: takes nothing ({error.strerror}); what was ordered is not tried"
            state = take_back(state, "the disk takes nothing")
            settings, state = _configured(local, config, store, state)
            model_folder, state = _model(store, state)
    return InForce(local, settings, model_folder, store, state)


def working(cameras: list[tuple[str, float | None]]) -> list[str]:
    """Names of the cameras that give frames; they are (name, age of the newest frame in seconds)."""
    return [name for name, age_s in cameras if age_s is not None and age_s <= _FRESH_S]


def trouble_of(
    cameras: list[tuple[str, float | None]], needed: list[str], stalled: list[str], restarts: int
) -> str | None:
    """What is not well, in words: a camera of ``needed`` without a frame for half a minute, a loop that stands still or
    has failed. ``cameras`` are (name, age of the newest frame in seconds)."""
    able = working(cameras)
    for name in needed:
        if name not in able:
            return f"camera {name} gives no frame, which it did before"
    if stalled:
        return f"{stalled[0]} stands still"
    return "a loop has failed" if restarts else None


def _configured(
    local: GatewaySettings, config: Path, store: ManagedStore, state: Managed
) -> tuple[GatewaySettings, Managed]:
    item = state.in_force("configuration")
    if item is None:
        return local, state
    on_trial = state.trial is not None and state.trial.kind == "configuration"
    if item.based_on != hash_of(config):
        why = "the gateway's own file was changed by hand"
    else:
        try:
            text = store.read(item.sha256, "toml").decode()
            return parse_settings(text, config, GatewaySettings), state
        except (OSError, UnicodeDecodeError, SettingsError) as error:
            why = str(error)
    state = take_back(state, why) if on_trial else forget(state, "configuration", why)
    return _configured(local, config, store, state)


def _model(store: ManagedStore, state: Managed) -> tuple[Path | None, Managed]:
    item = state.in_force("model")
    if item is None:
        return None, state
    on_trial = state.trial is not None and state.trial.kind == "model"
    try:
        return _lay_out(store, item.sha256), state
    except (OSError, msgspec.DecodeError, KeyError, TypeError) as error:
        state = take_back(state, str(error)) if on_trial else forget(state, "model", str(error))
        return _model(store, state)


def _lay_out(store: ManagedStore, digest: str) -> Path:
    """A folder as the detector wants it: the manifest, and the weights under the name that it says."""
    raw = store.read(digest, "json")
    folder = store.folder / _MODEL_FOLDER / digest[:16]
    name = msgspec.json.decode(raw)["file"]
    if not folder.is_dir():
        fresh = folder.with_name(folder.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        (fresh / "manifest.json").write_bytes(raw)
        shutil.copyfile(store.path(digest, "tflite"), fresh / name)
        fresh.replace(folder)
    return folder
