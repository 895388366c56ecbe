"""Which gateway brought which blob, in the cloud's database: the basis of quotas, and of finding a clip again."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, case, func, select

from cloud_ingest.store.database import insert_new, reading, writing
from cloud_ingest.store.evidence_schema import evidence_blobs


@dataclass(frozen=True, slots=True)
class Holding:
    """One blob of one gateway. ``digest`` is tagged, ``sha256:…``, as everywhere in the store."""

    digest: str
    tenant: str
    gateway: str
    size: int
    content_type: str
    received_at: str


def record(engine: Engine, holding: Holding) -> None:
    """Durable on return; twice the same is one row."""
    row = {name: getattr(holding, name) for name in Holding.__slots__}
    with writing(engine) as connection:
        insert_new(connection, evidence_blobs, [row])


def held_bytes(engine: Engine, *, tenant: str, gateway: str) -> tuple[int, int]:
    """What the gateway and its whole town have stored. A blob that two gateways brought counts for both."""
    table = evidence_blobs
    with reading(engine) as connection:
        mine = case((table.c.gateway == gateway, table.c.size), else_=0)
        wanted = select(func.sum(mine), func.sum(table.c.size)).where(table.c.tenant == tenant)
        own, towns = connection.execute(wanted).one()
    return int(own or 0), int(towns or 0)


def is_held(engine: Engine, gateway: str, digest: str) -> bool:
    """Whether this gateway has brought this blob (tagged digest)."""
    table = evidence_blobs
    with reading(engine) as connection:
        wanted = select(table.c.size).where(table.c.digest == digest, table.c.gateway == gateway)
        return connection.execute(wanted).first() is not None
