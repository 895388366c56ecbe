"""Who may use the page from another device: whoever has the one-time PIN that was asked for at the gateway."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from edge.files import write_whole
from smokesentry.clock import Stamp

FILE_NAME = "installer-pin.json"
PIN_MINUTES = 15
_SESSION_S = 2 * 3600.0
_MOST_TRIES = 5


class _Pin(msgspec.Struct, frozen=True):
    salt: str
    digest: str
    boot_id: str
    began_mono_ns: int
    tries: int = 0


def new_pin(folder: Path, now: Stamp, boot_id: str) -> str:
    """Eight digits that open the page once within a quarter of an hour. Raises ``OSError``."""
    pin, salt = f"{secrets.randbelow(10**8):08}", secrets.token_hex(16)
    _store(folder, _Pin(salt, _digest(pin, salt), boot_id, now.mono_ns))
    return pin


@dataclass(slots=True)
class Access:
    """PIN and sessions; one request at a time."""

    folder: Path
    boot_id: str
    _sessions: dict[str, int] = field(default_factory=dict)  # token -> monotonic ns of its end

    def log_in(self, pin: str, now: Stamp) -> str | None:
        """A session's token for the right PIN, which then is used up; five wrong ones use it up, too."""
        path = self.folder / FILE_NAME
        try:
            known = msgspec.json.decode(path.read_bytes(), type=_Pin)
        except (OSError, msgspec.DecodeError):
            return None
        age_s = (now.mono_ns - known.began_mono_ns) / 1e9
        if known.boot_id != self.boot_id or not 0 <= age_s <= PIN_MINUTES * 60:
            path.unlink(missing_ok=True)
            return None
        if not hmac.compare_digest(known.digest, _digest(pin, known.salt)):
            if known.tries + 1 >= _MOST_TRIES:
                path.unlink(missing_ok=True)
            else:
                _store(self.folder, msgspec.structs.replace(known, tries=known.tries + 1))
            return None
        path.unlink(missing_ok=True)
        token = secrets.token_urlsafe(32)
        self._sessions[token] = now.mono_ns + int(_SESSION_S * 1e9)
        return token

    def knows(self, token: str, now: Stamp) -> bool:
        """Whether a session goes on."""
        self._sessions = {one: end for one, end in self._sessions.items() if end > now.mono_ns}
        return token in self._sessions


def _digest(pin: str, salt: str) -> str:
    return hashlib.scrypt(pin.encode(), salt=bytes.fromhex(salt), n=2**12, r=8, p=1).hex()


def _store(folder: Path, pin: _Pin) -> None:
    write_whole(folder / FILE_NAME, msgspec.json.encode(pin))
