"""How a gateway is: the health record that the cloud gets, and what only the person in front of the machine needs."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, cast

from edge.machine import look_at_machine
from edge.verdict import CameraSays, site_verdict
from firmware_bridge.link import SerialSensor
from smokesentry import __version__
from smokesentry.messages.records import Health, Lane, Maintenance, ManagedHealth, SensorHealth

if TYPE_CHECKING:  # the gateway is put together with this module's functions
    from edge.gateway import Gateway


def health_of(gateway: Gateway) -> Health:
    """How everything is now."""
    counts: Counter[str] = Counter(gateway.downlink.counts)
    counts.update(gateway.writer.counts)
    counts.update(gateway.recorder.counts)
    counts.update(gateway.recorder.store.counts)
    if gateway.uploader is not None:
        counts.update(gateway.uploader.counts)
    counts.update({f"restarts {name}": count for name, count in gateway.supervisor.restarts.items()})
    for camera in gateway.cameras:
        name = camera.section.name
        counts[f"outages {name}"] = camera.capture.outages
        counts[f"frames_not_judged {name}"] = camera.inference.inbox.dropped
        counts[f"frames_unsettled {name}"] = camera.inference.judge.exposure.held_back
    sensors = [_sensor_health(sensor, counts) for sensor in gateway.sensors]
    order, cameras = gateway.order(), [camera.health() for camera in gateway.cameras]
    held = site_verdict(
        [CameraSays(one.camera, one.verdict, one.cause) for one in cameras], gateway.look_at_air(gateway.clock.now())
    )
    return Health(
        software=f"smoke-sentry {__version__}",
        uptime_s=round((gateway.clock.now().mono_ns - gateway.started.mono_ns) / 1e9, 1),
        spool_depth=cast(dict[Lane, int], gateway.spool.depth()),
        cameras=cameras,
        sensors=sensors,
        counts={name[:80]: count for name, count in counts.items() if count},
        notices=_notices(gateway)[-20:],
        verdict=held.verdict,
        verdict_reasons=[reason[:400] for reason in held.reasons],
        coverage=gateway.coverage.report(),
        maintenance=None if order is None else Maintenance(until=order.until, reason=order.reason),
        managed=_managed(gateway),
        machine=look_at_machine(gateway.settings.gateway.folder, gateway.clock.offset_s()),
    )


def _managed(gateway: Gateway) -> ManagedHealth | None:
    if gateway.in_force is None:
        return None
    state = gateway.in_force.state
    return ManagedHealth(
        confirmed={kind: item.version for kind, item in state.confirmed.items()},
        trial={} if state.trial is None else {state.trial.kind: state.trial.item.version},
        failed=state.failed,
    )


def _notices(gateway: Gateway) -> list[str]:
    notices = list(gateway.downlink.notices)
    notices += [one for one in (gateway.writer.problem, gateway.recorder.problem) if one is not None]
    for loop in gateway.supervisor.states():
        if loop.stalled:
            notices.append(f"{loop.name} has not moved for {loop.age_s:.0f} s")
    for camera in gateway.cameras:
        notices += [f"camera {camera.section.name}: {said}" for said in camera.sight]
    hardware = gateway.watchdog.hardware
    if hardware is not None and hardware.problem is not None:
        notices.append(hardware.problem)
    return [notice[:400] for notice in notices]


def more_status(gateway: Gateway) -> dict[str, object]:
    """For the status file."""
    uplink, clock = gateway.uplink.state, gateway.clock.state()
    return {
        "gateway": gateway.name,
        "tenant": gateway.settings.gateway.tenant,
        "pid": os.getpid(),
        "clock": {"state": clock.state, "source": clock.source},
        "uplink": {
            "broker": f"{gateway.uplink.broker.host}:{gateway.uplink.broker.port}",
            "connected": uplink.connected,
            "connections": uplink.connections,
            "last_problem": uplink.last_problem,
            "last_acknowledged_unix_s": uplink.last_ack_unix_s,
        },
        "spool_bytes": gateway.spool.used_bytes(),
        "loops": [
            {"name": loop.name, "age_s": loop.age_s, "restarts": loop.restarts, "stalled": loop.stalled}
            for loop in gateway.supervisor.states()
        ],
    }


def _sensor_health(sensor: SerialSensor, counts: Counter[str]) -> SensorHealth:
    stats = sensor.stats()
    counts[f"outages {sensor.name}"] = stats.outages
    return SensorHealth(
        sensor=sensor.name,
        model=sensor.model,
        connected=stats.connected,
        frames=stats.frames,
        rejected=stats.rejected,
        skipped_bytes=stats.skipped_bytes,
        causes={name[:80]: count for name, count in stats.causes.items()},
    )
