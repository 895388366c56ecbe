"""Work that comes round: partitions, aggregates, quality, retention. Beside every worker; each job is done by one.

A job's transactions are short, so that a worker that stores never waits long for them. Whatever goes wrong here costs
no message: it is logged and tried again the next time.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, select, update
from sqlalchemy.exc import SQLAlchemyError

from cloud_ingest.ingest import aggregates, quality_store, retention
from cloud_ingest.store import partitions
from cloud_ingest.store.database import insert_new, reading, writing
from cloud_ingest.store.places import doubts_about_footprints
from cloud_ingest.store.schema import footprint_versions
from cloud_ingest.store.telemetry_schema import jobs
from smokesentry.clock import SystemClock, from_unix, to_wire

_log = logging.getLogger(__name__)
_LOOK_S = 5.0
_MOST_ROUNDS = 1000  # of one job at one time; the rest comes the next time


@dataclass(frozen=True, slots=True)
class Job:
    """``work`` does one short transaction and says what it did; empty when nothing is left."""

    name: str
    every: timedelta
    work: Callable[[datetime], str]


class Housekeeper:
    """Runs jobs in a thread of its own."""

    def __init__(self, engine: Engine, keep: retention.Keep, zone: str) -> None:
        self._engine = engine
        self._keep = keep
        self._zone = zone
        self._clock = SystemClock()
        self.jobs = (
            Job("partitions", timedelta(hours=1), self._partitions),
            Job("aggregates", timedelta(minutes=1), self._aggregates),
            Job("quality", timedelta(minutes=15), self._quality),
            Job("retention", timedelta(hours=1), self._retention),
            Job("places", timedelta(hours=1), self._places),
        )

    def start(self, stop: threading.Event) -> threading.Thread:
        """Works until told to stop."""
        thread = threading.Thread(target=self._run, args=(stop,), name="housekeeping", daemon=True)
        thread.start()
        return thread

    def round(self, now: datetime, stop: threading.Event) -> list[str]:
        """Does what is due, as far as no other process has taken it; the names of the jobs done."""
        done = []
        for job in self.jobs:
            if stop.is_set():
                break
            try:
                if self._claim(job, now):
                    self._do(job, now, stop)
                    done.append(job.name)
            except SQLAlchemyError as error:
                _log.warning("%s: not done, comes again: %s", job.name, error)
            except Exception:  # a bug here must not end the others for as long as the worker runs
                _log.exception("%s: not done, comes again", job.name)
        return done

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.round(from_unix(self._clock.now().unix_s), stop)
            stop.wait(_LOOK_S)

    def _claim(self, job: Job, now: datetime) -> bool:
        due = to_wire(now - job.every)
        with writing(self._engine) as connection:
            insert_new(connection, jobs, [{"job": job.name, "ran_at": "0001-01-01T00:00:00.000Z"}])
            claim = update(jobs).where(jobs.c.job == job.name, jobs.c.ran_at <= due).values(ran_at=to_wire(now))
            return connection.execute(claim).rowcount == 1

    def _do(self, job: Job, now: datetime, stop: threading.Event) -> None:
        for _ in range(_MOST_ROUNDS):
            said = job.work(now)
            if not said or stop.is_set():
                break
            with writing(self._engine) as connection:
                connection.execute(update(jobs).where(jobs.c.job == job.name).values(said=said[:1000]))

    def _partitions(self, now: datetime) -> str:
        with writing(self._engine) as connection:
            made = partitions.prepare(connection, now.date(), self._keep.telemetry)
        return f"made {', '.join(map(str, made))}" if made else ""

    def _aggregates(self, now: datetime) -> str:
        with writing(self._engine) as connection:
            made = aggregates.follow(connection, to_wire(now))
        return f"made {made} minutes anew" if made else ""

    def _quality(self, now: datetime) -> str:
        with reading(self._engine) as connection:  # the long part; nobody waits for it
            rows = quality_store.judge_some(connection, now, self._zone)
        with writing(self._engine) as connection:
            quality_store.keep_reports(connection, rows)
        return f"judged {len(rows)} devices' days" if rows else ""

    def _places(self, now: datetime) -> str:
        """Gateways announce themselves after the footprints were imported: only then is a shifted file found."""
        with reading(self._engine) as connection:
            for tenant in connection.execute(select(footprint_versions.c.tenant).distinct()).scalars().all():
                for doubt in doubts_about_footprints(connection, tenant):
                    if doubt.wrong:
                        _log.warning("footprints of %s: %s", tenant, doubt)
        return ""

    def _retention(self, now: datetime) -> str:
        with writing(self._engine) as connection:
            done = retention.delete_some(connection, self._keep, now)
        said = ", ".join(f"{count} {kind}" for kind, count in done.items())
        if said:
            _log.info("deleted, their time being over: %s", said)
        return said
