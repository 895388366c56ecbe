"""What sensors said over time, what is made of it, and who has followed it how far. Conventions: ``schema``."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Float, Index, Integer, String, Table, Text

from cloud_ingest.store.columns import KEY, metadata, name_column, time_column

# Text that is compared byte by byte on PostgreSQL too: the partitions' bounds must sort as times do.
_BYTEWISE = String(24).with_variant(String(24, collation="C"), "postgresql")

# One row a sensor and interval; raw seconds stay with the gateway. On PostgreSQL one partition a UTC day of ``from_at``
# (``store.partitions``); what is outside of the kept days lies in the default partition.
telemetry = Table(
    "telemetry",
    metadata,
    name_column("tenant"),
    name_column("gateway"),
    name_column("sensor"),
    Column("model", String(80), nullable=False),
    Column("from_at", _BYTEWISE, nullable=False),
    time_column("to_at"),
    # {"pm25_atm_ug_m3": {"mean", "low", "high", "count"}, ...}: `values` of messages.records.Telemetry
    Column("quantities", JSON, nullable=False),
    Column("readings", BigInteger, nullable=False),
    Column("marks", JSON, nullable=False),  # {quality: count}
    Column("time_mark", String(16)),  # null, or why its times are doubted: "future" | "ancient" | "unsynchronised"
    time_column("received_at"),
    Column("spool", String(16)),  # with ``seq`` the message id's end; null in rows of release 0.1
    Column("seq", BigInteger),
    Column("written", BigInteger, nullable=False, server_default="0"),  # which transaction wrote it, see below
    Index(None, "gateway", "spool", "seq", "from_at", unique=True),  # a message id is a fact once
    Index(None, "gateway", "sensor", "from_at"),
    Index(None, "tenant", "from_at"),
    Index("ix_telemetry_written", "written", postgresql_using="brin"),
)

# One row a transaction that wrote telemetry, in the order of the commits: ``change`` is the value of
# changes['telemetry'], whose row lock orders them. Who followed up to n reads what comes after n and misses nothing.
telemetry_writes = Table(
    "telemetry_writes",
    metadata,
    Column("change", BigInteger, primary_key=True, autoincrement=False),
    Column("written", BigInteger, nullable=False),  # milliseconds since 1970 x 2^21 + chance: rises
    Column("rows", Integer, nullable=False),
    time_column("first_from_at"),  # bounds of the rows' ``from_at``
    time_column("last_from_at"),
)

# How far a follower of ``telemetry_writes`` has come: "aggregates", "influx".
followers = Table(
    "followers",
    metadata,
    Column("follower", String(16), primary_key=True),
    Column("change", BigInteger, nullable=False),
    time_column("moved_at"),
    Column("problem", Text),  # why it does not get on, for people; null when it does
    # Up to here nothing has to be handed over again, whatever happens to the other side.
    Column("safe", BigInteger, nullable=False, server_default="0"),
)

# Means over whole minutes and hours of UTC. An interval counts where it begins; rows are made anew from what they stand
# for whenever something of it arrives, however late, so doing it twice changes nothing.
telemetry_aggregates = Table(
    "telemetry_aggregates",
    metadata,
    name_column("gateway", key=True),
    name_column("sensor", key=True),
    Column("step_s", Integer, primary_key=True, autoincrement=False),  # 60 | 3600
    Column("begins_at", String(24), primary_key=True),
    name_column("tenant"),
    Column("quantities", JSON, nullable=False),  # as in ``telemetry``; mean weighted by count
    Column("readings", BigInteger, nullable=False),
    Column("marks", JSON, nullable=False),
    Column("intervals", Integer, nullable=False),  # rows of ``telemetry`` that it stands for
    Column("covered_s", Float, nullable=False),  # sum of their lengths
    Index(None, "tenant", "step_s", "begins_at"),
    Index(None, "step_s", "begins_at"),
)

# How good a device's day was: one row a sensor and day of the site's zone, made anew while the day may still change.
quality_days = Table(
    "quality_days",
    metadata,
    name_column("gateway", key=True),
    name_column("sensor", key=True),
    Column("day", String(10), primary_key=True),  # 2026-11-22, of the site's zone
    name_column("tenant"),
    Column("report", JSON, nullable=False),  # ingest.quality.DayReport
    time_column("made_at"),
)

# Hours in which a device is worked on: shown apart, expected of nobody.
maintenance = Table(
    "maintenance",
    metadata,
    Column("id", KEY, primary_key=True),
    name_column("gateway"),
    Column("sensor", String(40)),  # null: the whole gateway
    time_column("from_at"),
    time_column("to_at"),
    Column("reason", Text, nullable=False),
    time_column("entered_at"),
    Index(None, "gateway", "from_at"),
)

# Work that comes round (``ingest.housekeeping``): whoever moves ``ran_at`` first does it this time.
jobs = Table(
    "jobs",
    metadata,
    Column("job", String(24), primary_key=True),
    time_column("ran_at"),
    Column("said", Text),  # what it did last, for people
)

# Dead letters that had to go because the bounds were reached: the letters are gone, their number is not.
letters_gone = Table(
    "letters_gone",
    metadata,
    Column("cause", String(24), primary_key=True),
    Column("letters", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    time_column("last_at"),
)

# What is kept of the two kinds of dead letters: "signed" | "unsigned".
letters_kept = Table(
    "letters_kept",
    metadata,
    Column("kind", String(8), primary_key=True),
    Column("letters", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)
