"""Towns and views, kept between transactions: made once for a version of the papers and a pose, used ever after.

What is kept is bounded: a worker serves many towns and cameras for months.
"""

from __future__ import annotations

import logging
from collections import OrderedDict

import msgspec
from sqlalchemy import Connection

from cloud_ingest.geotag.town import Town
from cloud_ingest.geotag.view import View, camera_in, make_view
from cloud_ingest.store.footprints import current_version, load_footprints
from cloud_ingest.store.places import TERRAIN, load_terrain, versions_in_force
from smokesentry.place import CameraPose

_log = logging.getLogger(__name__)
_MAX_ROOFS = 1_500_000  # of all towns kept, beside the one in use: about 2 GB
_MAX_POINTS = 4_000_000  # of all views kept, beside the one in use: about 900 MB

Key = tuple[int, int | None]  # versions of footprints and terrain


class Towns:
    """The papers in force, as towns, and what cameras see of them."""

    def __init__(self) -> None:
        self._towns: OrderedDict[Key, Town] = OrderedDict()
        self._views: OrderedDict[tuple[Key, bytes], View] = OrderedDict()
        self._in_force: dict[str, Key] = {}  # by tenant

    def town(self, connection: Connection, tenant: str) -> Town | None:
        """The tenant's town as it is in force; None without footprints."""
        version = current_version(connection, tenant)
        if version is None:
            return None
        terrain_version = versions_in_force(connection, tenant).get(TERRAIN)
        key = (version, terrain_version)
        if key not in self._towns:
            if tenant in self._in_force:  # two versions of a city at once would not fit
                self._drop(self._in_force[tenant])
            terrain = None if terrain_version is None else load_terrain(connection, terrain_version)
            town = Town.build(version, *load_footprints(connection, version), terrain, terrain_version)
            while self._towns and sum(len(kept.roofs) for kept in self._towns.values()) + len(town.roofs) > _MAX_ROOFS:
                self._drop(next(iter(self._towns)))
            self._towns[key] = town
        self._in_force[tenant] = key
        self._towns.move_to_end(key)
        return self._towns[key]

    def view(self, town: Town, pose: CameraPose) -> View:
        """What a pose's camera sees of a town; made at the first call."""
        key = (town.made_of, msgspec.json.encode(pose))
        if key not in self._views:
            view = make_view(town, camera_in(town, pose))
            if len(view.roofs) == 0:
                _log.warning(
                    "camera %s sees none of the imported roofs from %s: check its place", pose.camera, pose.place
                )
            while self._views and sum(kept.size for kept in self._views.values()) + view.size > _MAX_POINTS:
                self._views.popitem(last=False)
            self._views[key] = view
        self._views.move_to_end(key)
        return self._views[key]

    def _drop(self, made_of: Key) -> None:
        """A town goes with the views that hold it."""
        self._towns.pop(made_of, None)
        for key in [key for key in self._views if key[0] == made_of]:
            del self._views[key]
