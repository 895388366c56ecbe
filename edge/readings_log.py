"""Every reading of the last days, by the hour, so that those around a detection can travel when somebody asks."""

from __future__ import annotations

import gzip
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from edge.files import write_whole
from firmware_bridge.reading import Reading
from smokesentry.clock import from_unix, from_wire, to_wire

_MOST_WAITING = 20_000
_KEEP_HOURS = 72
AROUND = timedelta(hours=2)


@dataclass(slots=True)
class ReadingsLog:
    """``add`` from sensors' threads; the rest from the recorder's."""

    folder: Path
    dropped: int = 0
    _waiting: deque[bytes] = field(default_factory=deque)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def add(self, sensor: str, reading: Reading, unix_s: float) -> None:
        """One reading as the site knows it."""
        row: dict[str, object] = {"at": to_wire(from_unix(reading.arrived_unix_s or unix_s)), "sensor": sensor}
        row |= {"model": reading.model, "quality": reading.quality, "values": reading.values}
        if reading.arrived_mono_ns is not None:
            row["mono_ns"] = reading.arrived_mono_ns
        line = msgspec.json.encode(row)
        with self._guard:
            if len(self._waiting) >= _MOST_WAITING:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(line)

    def flush(self) -> None:
        """Writes what waits; packs hours that are over; forgets the oldest. Raises ``OSError``."""
        with self._guard:
            lines, self._waiting = list(self._waiting), deque()
        self.folder.mkdir(parents=True, exist_ok=True)
        by_hour: dict[str, list[bytes]] = {}
        for line in lines:
            by_hour.setdefault(_hour_of(line), []).append(line)
        for hour, rows in by_hour.items():
            with (self.folder / f"{hour}.ndjson").open("ab") as file:
                file.write(b"\n".join(rows) + b"\n")
        self._pack()

    def around(self, from_at: str, to_at: str) -> bytes:
        """Gzipped lines from two hours before ``from_at`` to two hours after ``to_at`` (wire times), in order."""
        first, last = from_wire(from_at) - AROUND, from_wire(to_at) + AROUND
        rows: list[bytes] = []
        hour = first.replace(minute=0, second=0, microsecond=0)
        while hour <= last:
            rows += [line for line in self._lines(hour) if to_wire(first) <= _at(line) <= to_wire(last)]
            hour += timedelta(hours=1)
        return gzip.compress(b"".join(line + b"\n" for line in sorted(rows, key=_at)), mtime=0) if rows else b""

    def _lines(self, hour: datetime) -> list[bytes]:
        name = hour.astimezone(UTC).strftime("%Y%m%d%H")
        data = b""
        for path in (self.folder / f"{name}.ndjson.gz", self.folder / f"{name}.ndjson"):
            if path.exists():
                data += gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return [line for line in data.split(b"\n") if line.startswith(b"{") and line.endswith(b"}")]

    def _pack(self) -> None:
        plain = sorted(self.folder.glob("*.ndjson"))
        for path in plain[:-1]:
            packed = path.with_suffix(".ndjson.gz")
            earlier = packed.read_bytes() if packed.exists() else b""  # gzip members may follow each other
            write_whole(packed, earlier + gzip.compress(path.read_bytes(), mtime=0))
            path.unlink()
        for path in sorted(self.folder.glob("*.ndjson.gz"))[:-_KEEP_HOURS]:
            path.unlink()


def _at(line: bytes) -> str:
    return line[7:31].decode()  # {"at":"2026-11-22T18:04:05.678Z", written by ``add``


def _hour_of(line: bytes) -> str:
    return _at(line)[:13].replace("-", "").replace("T", "")
