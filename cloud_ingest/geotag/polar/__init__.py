"""The long-run view: over many nights, from which winds particulates come. Pure but for ``stored`` and ``command``."""
