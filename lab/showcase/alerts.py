"""Alerts of the made-up town: a candidate list, its versions, detections and pictures."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import func, select

from cloud_ingest.store import schema
from cloud_ingest.store.database import bump, writing
from lab.showcase.frames import night_picture
from lab.showcase.town import TENANT, Street

_FACTORS = [
    {"factor": "chimney", "weight": 0.4, "text": "A chimney is registered on 东巷5号"},
    {
        "factor": "wind",
        "weight": 0.2,
        "text": "One ray crosses 5 possible roofs; poses, origins and hidden points weighed",
    },
]


class Town(Street):
    """The street with what happens in it."""

    def add_alert(
        self,
        alert_id: str,
        candidates: list[tuple[str, float]],
        *,
        gateways: tuple[str, ...] = ("gw-west",),
        state: str = "open",
        plume_class: str = "smoke",
        begin_min: float = -6.0,
        end_min: float = -0.2,
        pictures: bool = True,
        names: dict[str, str] | None = None,
        reasons: list[str] | None = None,
        reason_text: str = "one camera saw a plume begin at a chimney",
        factors: list[dict[str, Any]] | None = None,
        gases: list[dict[str, Any]] | None = None,
        **said: Any,
    ) -> None:
        """One alert with a version and a detection of each gateway. ``said``: ``lies``, ``coal``, ``suggestions``,
        ``region`` of its version."""
        with writing(self.engine) as connection:
            named = self._candidates(connection, candidates, names or {})
            counter = bump(connection, "alerts")
            connection.execute(
                schema.alerts.insert().values(
                    alert_id=alert_id,
                    tenant=TENANT,
                    state=state,
                    first_at=self.at(begin_min),
                    raised_at=self.at(begin_min + 0.6),
                    last_at=self.at(end_min),
                    confidence=0.87,
                    version=1,
                    changed=counter,
                    **{"class": plume_class},
                )
            )
            connection.execute(
                schema.alert_versions.insert().values(
                    alert_id=alert_id,
                    version=1,
                    made_at=self.at(begin_min + 0.6),
                    state=state,
                    confidence=0.87,
                    candidates=named,
                    elsewhere=round(1 - sum(share for _, share in candidates), 4),
                    factors=_FACTORS if factors is None else factors,
                    reason="raised",
                    reason_text=reason_text,
                    footprint_version=1,
                    **{"class": plume_class, **said},
                )
            )
            for index, gateway in enumerate(gateways):
                self._add_detection(
                    connection,
                    alert_id,
                    gateway,
                    index,
                    plume_class,
                    begin_min,
                    end_min,
                    state,
                    reasons,
                    pictures,
                    gases or [],
                )

    def _candidates(
        self, connection: Any, shares: list[tuple[str, float]], names: dict[str, str]
    ) -> list[dict[str, Any]]:
        roofs = {row.rooftop: row for row in connection.execute(select(schema.rooftops))}
        return [
            {
                "rooftop": roof,
                "name": names.get(roof, roofs[roof].name),
                "probability": share,
                "lat": roofs[roof].lat,
                "lon": roofs[roof].lon,
            }
            for roof, share in shares
        ]

    def _add_detection(
        self,
        connection: Any,
        alert_id: str,
        gateway: str,
        index: int,
        plume_class: str,
        begin_min: float,
        end_min: float,
        state: str,
        reasons: list[str] | None,
        pictures: bool,
        gases: list[dict[str, Any]],
    ) -> None:
        detection_id = f"{gateway}/cam-1/{hashlib.sha256((alert_id + gateway).encode()).hexdigest()[:16]}"
        evidence_id = hashlib.sha256(detection_id.encode()).hexdigest()[:32]
        origin = [[700.0, 330.0], [560.0, 352.0]][index % 2]
        body = {
            "origin_px": origin,
            "bbox_px": [origin[0] - 30, origin[1] - 120, origin[0] + 110, origin[1]],
            "frame_size": [1280, 720],
            "opacity": 0.31,
            "visible_s": 240.0,
            "particulates": [],
            "gases": gases,
            "reasons": reasons
            if reasons is not None
            else ["moves and stays at one origin: score 0.91", "visible for 240 s"],
        }
        connection.execute(
            schema.detections.insert().values(
                detection_id=detection_id,
                tenant=TENANT,
                gateway=gateway,
                camera="cam-1",
                revision=2,
                phase="update" if state == "open" else "end",
                confidence=0.84,
                pose_version=1,
                started_at=self.at(begin_min + index * 0.3),
                alarmed_at=self.at(begin_min + 0.5 + index * 0.3),
                last_seen_at=self.at(end_min),
                evidence_id=evidence_id,
                body=body,
                time_mark=None,
                received_at=self.at(end_min),
                **{"class": plume_class},
            )
        )
        connection.execute(schema.alert_detections.insert().values(detection_id=detection_id, alert_id=alert_id))
        if pictures:
            for role in ("frame", "drawn", "before"):
                data = night_picture(role, origin, seed=index)
                digest = "sha256:" + hashlib.sha256(data).hexdigest()
                known = connection.execute(select(func.count()).where(schema.pictures.c.digest == digest)).scalar_one()
                if not known:
                    connection.execute(
                        schema.pictures.insert().values(digest=digest, content_type="image/jpeg", data=data)
                    )
                connection.execute(
                    schema.evidence_pictures.insert().values(
                        evidence_id=evidence_id,
                        role=role,
                        digest=digest,
                        detection_id=detection_id,
                        gateway=gateway,
                        camera="cam-1",
                        taken_at=self.at(begin_min + (0.5 if role != "before" else -0.5)),
                        received_at=self.at(begin_min + 1),
                    )
                )
        bump(connection, "detections")
        bump(connection, "evidence")

    def revise(self, alert_id: str, state: str, plume_class: str, reason: str, text: str) -> None:
        """A new version with the same candidates."""
        table = schema.alert_versions
        with writing(self.engine) as connection:
            old = (
                connection.execute(select(table).where(table.c.alert_id == alert_id).order_by(table.c.version.desc()))
                .mappings()
                .first()
            )
            assert old is not None
            changed = {"version": old["version"] + 1, "state": state, "class": plume_class}
            connection.execute(
                table.insert().values({**old, **changed, "reason": reason, "reason_text": text, "made_at": self.at(0)})
            )
            counter = bump(connection, "alerts")
            connection.execute(
                schema.alerts.update()
                .where(schema.alerts.c.alert_id == alert_id)
                .values({**changed, "changed": counter})
            )
