"""Where ordered things lie: contents under their hash, written once; one state file, only replaced as a whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from edge.files import write_whole
from edge.managed import Managed

FOLDER = "managed"
_STATE = "state.json"


class ManagedStore:
    """``folder`` is the gateway's own; what is in it survives any death at any moment. One process at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / FOLDER
        self.problem: str | None = None

    def load(self) -> Managed:
        """The state; none where there is no file, or where it cannot be read (``problem`` then says so)."""
        try:
            return msgspec.json.decode((self.folder / _STATE).read_bytes(), type=Managed)
        except FileNotFoundError:
            return Managed()
        except (OSError, msgspec.DecodeError) as error:
            self.problem = f"{self.folder / _STATE}: cannot be used ({error}); the gateway's own file is in force"
            return Managed()

    def save(self, state: Managed) -> None:
        """Replaces the state; what it no longer names is removed. Raises ``OSError``, and the old state holds."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / _STATE, msgspec.json.format(msgspec.json.encode(state), indent=1))
        named = {item.sha256 for item in state.confirmed.values()}
        named |= {state.trial.item.sha256} if state.trial is not None else set()
        for path in self.folder.iterdir():
            if path.is_file() and path.name != _STATE and path.name.partition(".")[0] not in named:
                path.unlink(missing_ok=True)

    def put(self, *parts: tuple[str, bytes]) -> str:
        """Writes a content, in parts named by their ending (``toml``, ``json``, ``tflite``); gives the first part's
        hash, which names all of them. Nothing uses it before a state does. Raises ``OSError``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(parts[0][1]).hexdigest()
        for ending, content in parts:
            write_whole(self.path(digest, ending), content)
        return digest

    def path(self, digest: str, ending: str) -> Path:
        """Where a part lies."""
        return self.folder / f"{digest}.{ending}"

    def read(self, digest: str, ending: str) -> bytes:
        """A first part, its hash checked. Raises ``OSError`` where it is gone or damaged."""
        content = self.path(digest, ending).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise OSError(f"{self.path(digest, ending)}: is damaged")
        return content
