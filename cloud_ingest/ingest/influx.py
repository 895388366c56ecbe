"""Telemetry to a time-series database, as line protocol. A process of its own: nothing that stores ever waits for it.

It follows the store by a cursor that is kept there (``store.followers``): while the other side is away nothing is lost
and nothing piles up in memory. Such databases say yes before what they took is on their disk (VictoriaMetrics flushes
after seconds), so a second cursor stays a minute behind: after an outage, and at the start, the copying goes on from
there. What is sent twice are the same points (same series, same time).

Measurement ``telemetry``; tags ``tenant, gateway, sensor, model`` and, where times are doubted, ``doubt``; fields
``QUANTITY``, ``QUANTITY_low``, ``QUANTITY_high``, ``readings``, ``valid``; the time is the interval's end.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write.point import Point
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError
from urllib3.exceptions import HTTPError

from cloud_ingest.settings import Influx
from cloud_ingest.store import followers
from cloud_ingest.store.database import reading, writing
from smokesentry.clock import SystemClock, from_wire
from smokesentry.settings import SettingsError

FOLLOWER = "influx"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_log = logging.getLogger(__name__)
_TIMEOUT_MS = 30_000
_LOOK_S = 1.0
_LONGEST_PAUSE_S = 60.0
_SAFE_AFTER_S = 60.0  # longer than such a database holds in memory only what it has acknowledged
_REFUSED = frozenset({400, 413, 422})  # the server understood us, and will say the same tomorrow

Row = Mapping[Any, Any]


class Target(Protocol):
    """Where lines go."""

    def write(self, lines: list[str]) -> None:
        """All or an exception."""


class Away(Exception):
    """The other side does not take anything now; the message says why."""


class Refused(Exception):
    """The other side will never take these lines."""


class InfluxTarget:
    """The configured database."""

    def __init__(self, settings: Influx) -> None:
        token = ""
        if settings.token_file is not None:
            try:
                token = settings.token_file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(f"[influx] token_file: {settings.token_file}: cannot be read ({error})") from error
        more: dict[str, Any] = {} if settings.ca is None else {"ssl_ca_cert": str(settings.ca)}
        connect: Any = InfluxDBClient  # the client is typed in part only
        self._client: Any = connect(
            settings.url, token=token, org=settings.org, timeout=_TIMEOUT_MS, enable_gzip=True, **more
        )
        self._api: Any = self._client.write_api(write_options=SYNCHRONOUS)
        self._bucket = settings.bucket

    def write(self, lines: list[str]) -> None:
        """One request. Raises :class:`Away` or :class:`Refused`."""
        try:
            self._api.write(self._bucket, record="\n".join(lines), write_precision=WritePrecision.MS)
        except ApiException as error:
            said = f"HTTP {error.status}: {str(error.body or error.reason)[:300]}"
            if error.status in _REFUSED:
                raise Refused(said) from error
            raise Away(said) from error
        except (HTTPError, OSError) as error:
            raise Away(f"{type(error).__name__}: {error}"[:300]) from error

    def close(self) -> None:
        """Frees its connections."""
        self._client.close()


class Feed:
    """Copies what is new, until told to stop."""

    def __init__(self, engine: Engine, settings: Influx) -> None:
        """Raises ``SettingsError`` when the token cannot be read."""
        self._engine = engine
        self._target = InfluxTarget(settings)
        self._batch = settings.batch
        self._where = f"{settings.url} (bucket {settings.bucket})"
        self._clock = SystemClock()
        self._away = False
        self._safe = 0
        self._handed_over: deque[tuple[float, int]] = deque()  # when, up to which change; not safe yet

    def run(self, stop: threading.Event, *, once: bool = False) -> int:
        """0 when stopped or, with ``once``, when nothing is left; 1 when ``once`` found nobody at the other side."""
        pause_s = _LOOK_S
        started = False
        try:
            while not stop.is_set():
                try:
                    if not started:  # the other side may have fallen while nobody looked
                        with writing(self._engine) as connection:
                            self._safe = followers.go_back(connection, FOLLOWER)
                        started = True
                    if self.step():
                        pause_s = _LOOK_S
                        continue
                    if once:
                        return 0
                    pause_s = _LOOK_S
                except Away as error:
                    self._say_away(str(error))
                    if once:
                        return 1
                    pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
                except (OperationalError, InterfaceError) as error:
                    _log.error("the store does not answer: %s", error)
                    if once:
                        return 1
                stop.wait(pause_s)
        finally:
            self._target.close()
        return 0

    def step(self) -> int:
        """Copies the next stretch; how many records it had. 0: nothing is new. Raises :class:`Away`.

        The store's transaction is over before the request is made, and the cursor moves after it.
        """
        now = self._clock.now()
        with writing(self._engine) as connection:
            stretch = followers.next_stretch(connection, FOLLOWER, self._batch, now.captured_at)
        if stretch is None:
            return 0
        with reading(self._engine) as connection:
            rows = followers.rows_of(connection, stretch)
        lines = [line for row in rows if (line := line_of(row)) is not None]
        refused = sum(1 for _ in send(self._target, lines))
        problem = f"{refused} records were refused by {self._where}, see the log" if refused else None
        if self._away:
            self._away = False
            _log.info("%s takes telemetry again", self._where)
        self._handed_over.append((now.mono_ns / 1e9, stretch.until))
        while self._handed_over[0][0] < now.mono_ns / 1e9 - _SAFE_AFTER_S:
            self._safe = self._handed_over.popleft()[1]
        with writing(self._engine) as connection:
            followers.move(connection, FOLLOWER, stretch.until, now.captured_at, safe=self._safe, problem=problem)
        return max(1, len(lines))

    def _say_away(self, why: str) -> None:
        if not self._away:
            _log.warning("%s does not take telemetry, the store keeps it meanwhile: %s", self._where, why)
        self._away = True
        self._handed_over.clear()
        try:
            with writing(self._engine) as connection:
                followers.complain(connection, FOLLOWER, why)
                self._safe = followers.go_back(connection, FOLLOWER)
        except (OperationalError, InterfaceError) as error:
            _log.error("the store does not answer: %s", error)


def line_of(row: Row) -> str | None:
    """A record of telemetry in line protocol; None for one without any value."""
    new_point: Any = Point
    point = new_point("telemetry")
    for tag in ("tenant", "gateway", "sensor", "model"):
        point.tag(tag, _one_line(row[tag]))
    if row["time_mark"] is not None:
        point.tag("doubt", row["time_mark"])
    for name, one in row["quantities"].items():
        point.field(name, float(one["mean"])).field(f"{name}_low", float(one["low"]))
        point.field(f"{name}_high", float(one["high"]))
    total = sum(row["marks"].values())
    if total:
        point.field("valid", row["marks"].get("ok", 0) / total)
    point.field("readings", float(row["readings"]))
    point.time((from_wire(row["to_at"]) - _EPOCH) // timedelta(milliseconds=1), WritePrecision.MS)
    line: str = point.to_line_protocol()
    return line or None


def send(target: Target, lines: Sequence[str]) -> Iterator[str]:
    """Writes lines; of a request that is refused, halves and halves of them, so that one bad line holds up no other.

    Yields the lines that were refused by themselves. Raises :class:`Away`.
    """
    if not lines:
        return
    try:
        target.write(list(lines))
    except Refused as error:
        if len(lines) == 1:
            _log.warning("refused (%s): %s", error, lines[0][:300])
            yield lines[0]
            return
        middle = len(lines) // 2
        yield from send(target, lines[:middle])
        yield from send(target, lines[middle:])


def _one_line(text: str) -> str:
    """Line protocol has no way to write a line break in a tag; the backslash at an end would escape the separator."""
    clean = "".join(c if c.isprintable() else "_" for c in text).rstrip("\\")
    return clean or "_"
