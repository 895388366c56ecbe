"""What the page asks of the store: plain selects, answered as JSON-ready dictionaries (shapes: docs/console.md).

Only reading happens here. Texts in the answers come from gateways and files: the page sets them as text, not as markup.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, Select, and_, case, func, or_, select

from cloud_ingest.console import shapes
from cloud_ingest.console.curve import QUANTITIES, thin
from cloud_ingest.console.display_crs import map_links
from cloud_ingest.console.rays import ray
from cloud_ingest.console.shapes import Json
from cloud_ingest.store.database import reading
from cloud_ingest.store.footprints import current_version
from cloud_ingest.store.places import FootprintDoubts
from cloud_ingest.store.schema import (
    alert_detections,
    alert_versions,
    alerts,
    camera_poses,
    changes,
    chimneys,
    dead_letters,
    detections,
    dropped_ranges,
    evidence_pictures,
    footprint_versions,
    gateways,
    pictures,
    pose_tickets,
    rooftops,
    telemetry,
)
from smokesentry.clock import from_wire, to_wire

#: How many alerts the list holds; older ones are reached by their id.
LISTED_ALERTS = 200
SHOWN_DEAD_LETTERS = 20
#: No sensor's interval is longer. It bounds the search by the column that is indexed.
LONGEST_INTERVAL = timedelta(hours=1)
#: How much of the curve is shown before an alert's first moment and after its last.
AROUND_ALERT = timedelta(minutes=30)


class ConsoleStore:
    """One town's view of the store. Every method opens a short reading transaction of its own."""

    def __init__(self, engine: Engine, tenant: str) -> None:
        self._engine = engine
        self.tenant = tenant
        self._doubts = FootprintDoubts()

    def counters(self) -> dict[str, int]:
        """Subject -> change counter, as ``schema.changes`` has them."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(changes.c.subject, changes.c.counter))
            return {row.subject: row.counter for row in rows}

    def town(self, now: datetime) -> Json:
        """Rooftops (GeoJSON) and chimneys of the footprints in force, and the gateways with their cameras."""
        with reading(self._engine) as connection:
            newest = (
                select(footprint_versions.c.version, footprint_versions.c.roofs_version)
                .where(footprint_versions.c.tenant == self.tenant)
                .order_by(footprint_versions.c.version.desc())
            )
            version, outlines = connection.execute(newest.limit(1)).one_or_none() or (None, None)
            roofs = connection.execute(select(rooftops).where(rooftops.c.version == outlines)).mappings()
            mouths = connection.execute(select(chimneys).where(chimneys.c.version == version)).mappings()
            return {
                "tenant": self.tenant,
                "rooftops": {"type": "FeatureCollection", "features": [shapes.rooftop(row) for row in roofs]},
                "chimneys": [
                    {key: row[key] for key in ("chimney", "rooftop", "lat", "lon", "height_m")} for row in mouths
                ],
                "gateways": self._gateways(connection, now),
            }

    def _gateways(self, connection: Connection, now: datetime) -> list[Json]:
        rows = connection.execute(
            select(gateways).where(gateways.c.tenant == self.tenant).order_by(gateways.c.gateway)
        ).mappings()
        poses, tickets = self._poses_in_force(connection), self._open_tickets(connection)
        return [
            shapes.gateway(row, poses.get(row["gateway"], {}), tickets.get(row["gateway"], {}), now) for row in rows
        ]

    def _open_tickets(self, connection: Connection) -> dict[str, dict[str, Json]]:
        """Of this town's cameras that were seen to have moved and were not calibrated anew."""
        mine = select(gateways.c.gateway).where(gateways.c.tenant == self.tenant)
        still = pose_tickets.c.closed_at.is_(None) & pose_tickets.c.gateway.in_(mine)
        found: dict[str, dict[str, Json]] = {}
        for row in connection.execute(
            select(pose_tickets).where(still).order_by(pose_tickets.c.pose_version)
        ).mappings():
            found.setdefault(row["gateway"], {})[row["camera"]] = shapes.ticket(row)
        return found

    def _poses_in_force(self, connection: Connection) -> dict[str, dict[str, Json]]:
        newest = select(func.max(camera_poses.c.id)).group_by(camera_poses.c.gateway, camera_poses.c.camera)
        found: dict[str, dict[str, Json]] = {}
        for row in connection.execute(select(camera_poses).where(camera_poses.c.id.in_(newest))).mappings():
            found.setdefault(row["gateway"], {})[row["camera"]] = row["pose"]
        return found

    def alerts(self) -> list[Json]:
        """The newest alerts, each as its newest version has it."""
        query = self._alerts().order_by(alerts.c.first_at.desc(), alerts.c.alert_id).limit(LISTED_ALERTS)
        with reading(self._engine) as connection:
            return [shapes.alert(row) for row in connection.execute(query).mappings()]

    def _alerts(self) -> Select[Any]:
        newest = and_(alert_versions.c.alert_id == alerts.c.alert_id, alert_versions.c.version == alerts.c.version)
        # A region may be large; in a list only that of a fire in the open is needed, for its place.
        ground = case((alerts.c["class"] == "open_burning", alert_versions.c.region), else_=None).label("ground")
        return (
            select(alerts, alert_versions.c.reason, alert_versions.c.candidates, alert_versions.c.elsewhere, ground)
            .join(alert_versions, newest)
            .where(alerts.c.tenant == self.tenant)
        )

    def alert(self, alert_id: str) -> Json | None:
        """One alert with versions, detections, pictures and rays; None for an id that this town does not have."""
        with reading(self._engine) as connection:
            row = connection.execute(self._alerts().where(alerts.c.alert_id == alert_id)).mappings().first()
            if row is None:
                return None
            versions = connection.execute(
                select(alert_versions).where(alert_versions.c.alert_id == alert_id).order_by(alert_versions.c.version)
            ).mappings()
            claims = connection.execute(
                select(detections)
                .join(alert_detections, alert_detections.c.detection_id == detections.c.detection_id)
                .where(alert_detections.c.alert_id == alert_id)
                .order_by(detections.c.started_at, detections.c.detection_id)
            ).mappings()
            found, told = list(claims), list(versions)
            said = shapes.alert(row)
            return {
                **said,
                "footprint_doubts": self._doubts_about(connection, told[-1]),
                **shapes.context(told[-1]),
                "candidates": [{**one, "maps": _ways(one)} for one in said["candidates"]],
                "place": said["place"] and {**said["place"], "maps": _ways(said["place"])},
                "versions": [shapes.version(version) for version in told],
                "detections": [shapes.detection(claim) for claim in found],
                "pictures": _pictures(connection, [claim["evidence_id"] for claim in found]),
                "rays": [one for claim in found if (one := _ray(connection, claim)) is not None],
            }

    def _doubts_about(self, connection: Connection, version: RowMapping) -> list[Json]:
        """What speaks against the footprints that a version names roofs by, where these are still in force."""
        if not version["candidates"] or version["footprint_version"] != current_version(connection, self.tenant):
            return []
        return [asdict(doubt) for doubt in self._doubts.of(connection, self.tenant)]

    def picture(self, digest: str) -> bytes | None:
        """A picture's bytes (JPEG), if some evidence of this town's gateways names it."""
        mine = (
            select(evidence_pictures.c.digest)
            .join(gateways, gateways.c.gateway == evidence_pictures.c.gateway)
            .where(gateways.c.tenant == self.tenant)
        )
        query = select(pictures.c.data).where(pictures.c.digest == digest, pictures.c.digest.in_(mine))
        with reading(self._engine) as connection:
            return connection.execute(query).scalar_one_or_none()

    def window_of(self, alert_id: str) -> tuple[datetime, datetime] | None:
        """The stretch of time worth looking at around an alert; None for an unknown id."""
        query = select(alerts.c.first_at, alerts.c.last_at).where(
            alerts.c.alert_id == alert_id, alerts.c.tenant == self.tenant
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return from_wire(row.first_at) - AROUND_ALERT, from_wire(row.last_at) + AROUND_ALERT

    def particulates(self, begin: datetime, end: datetime) -> Json:
        """PM2.5 of every sensor between two moments, thinned to what a screen can show."""
        query = (
            select(
                telemetry.c.gateway, telemetry.c.sensor, telemetry.c.model, telemetry.c.to_at, telemetry.c.quantities
            )
            .where(telemetry.c.tenant == self.tenant)
            .where(telemetry.c.from_at >= to_wire(begin - LONGEST_INTERVAL), telemetry.c.from_at <= to_wire(end))
            .where(telemetry.c.to_at >= to_wire(begin))
            .order_by(telemetry.c.gateway, telemetry.c.sensor, telemetry.c.from_at)
        )
        lines: dict[tuple[str, str, str, str], list[Json]] = {}
        with reading(self._engine) as connection:
            for row in connection.execute(query).mappings():
                values = row["quantities"]
                quantity = next((name for name in QUANTITIES if name in values), None)
                if quantity is not None:
                    line = lines.setdefault((row["gateway"], row["sensor"], row["model"], quantity), [])
                    line.append({"at": row["to_at"], **values[quantity]})
        series = [
            {"gateway": gateway, "sensor": sensor, "model": model, "quantity": quantity, "points": thin(points)}
            for (gateway, sensor, model, quantity), points in lines.items()
        ]
        return {"from": to_wire(begin), "to": to_wire(end), "unit": "ug_m3", "series": series}

    def health(self, now: datetime) -> Json:
        """Counts of everything, how each gateway is, and the newest messages that were set aside."""
        mine = select(gateways.c.gateway).where(gateways.c.tenant == self.tenant)
        # A letter without a gateway came from nobody we know, and so concerns every town.
        letters = or_(dead_letters.c.gateway.is_(None), dead_letters.c.gateway.in_(mine))
        lost = func.coalesce(func.sum(dropped_ranges.c.last_seq - dropped_ranges.c.first_seq + 1), 0)
        with reading(self._engine) as connection:
            causes = _tally(connection, dead_letters.c.cause, letters)
            columns = [dead_letters.c[name] for name in shapes.DEAD_LETTER]  # never the bytes, which may be large
            newest = select(*columns).where(letters).order_by(dead_letters.c.id.desc()).limit(SHOWN_DEAD_LETTERS)
            return {
                "counts": {
                    "alerts": _tally(connection, alerts.c.state, alerts.c.tenant == self.tenant),
                    "detections": _tally(connection, detections.c["class"], detections.c.tenant == self.tenant),
                    "dead_letters": sum(causes.values()),
                    "dead_letters_by_cause": causes,
                    "dropped_records": int(
                        connection.execute(select(lost).where(dropped_ranges.c.gateway.in_(mine))).scalar_one()
                    ),
                },
                "gateways": self._gateways(connection, now),
                "dead_letters": [shapes.dead_letter(row) for row in connection.execute(newest).mappings()],
            }


def _tally(connection: Connection, column: ColumnElement[str], condition: ColumnElement[bool]) -> dict[str, int]:
    rows = connection.execute(select(column, func.count()).where(condition).group_by(column))
    return {str(value): int(count) for value, count in rows}


def _ways(place: Json) -> dict[str, str]:
    """Service -> address that opens the place in a map app."""
    return {link.service: link.url for link in map_links(place["lat"], place["lon"])}


def _pictures(connection: Connection, evidence_ids: list[str]) -> list[Json]:
    query = (
        select(evidence_pictures)
        .where(evidence_pictures.c.evidence_id.in_(evidence_ids))
        .order_by(evidence_pictures.c.taken_at, evidence_pictures.c.role)
    )
    return [shapes.picture(row) for row in connection.execute(query).mappings()]


def _ray(connection: Connection, claim: RowMapping) -> Json | None:
    """The direction in which a detection's camera saw the plume begin, under the pose that the detection names."""
    pose = connection.execute(
        select(camera_poses.c.pose)
        .where(camera_poses.c.gateway == claim["gateway"], camera_poses.c.camera == claim["camera"])
        .where(camera_poses.c.pose_version == claim["pose_version"])
        .order_by(camera_poses.c.id.desc())
    ).scalar()
    return None if pose is None else ray(claim["gateway"], pose, claim["body"]["origin_px"])
