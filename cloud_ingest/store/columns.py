"""What all tables share: the metadata with its naming rules, and the kinds of column that many of them have."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, String

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts a key by itself only when its type is exactly INTEGER.
KEY = BigInteger().with_variant(Integer(), "sqlite")


def time_column(name: str, *, nullable: bool = False) -> Column[str]:
    """A time as the wire writes it."""
    return Column(name, String(24), nullable=nullable)


def name_column(name: str, *, key: bool = False) -> Column[str]:
    """A gateway's, town's, camera's or sensor's name."""
    return Column(name, String(40), primary_key=key, nullable=False)
