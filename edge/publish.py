"""Sends what a replay decided, as a gateway would: through the spool, until the cloud has acknowledged it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from msgspec.structs import replace

from edge.assembly import GatewayError, build_gateway
from edge.replay import Replayed
from edge.settings import GatewaySettings
from edge.site import Site
from edge.spool_file import SpoolError
from smokesentry.identity import IdentityError
from smokesentry.messages.records import PoseNotice

_PATIENCE_S = 60.0
_NOTE = "replayed from recorded material: its times are those of the replay"


def publish(settings: GatewaySettings, done: Replayed, site: Site, say: Callable[[str], None]) -> int:
    """Exit status 0 when the cloud has acknowledged everything; what it has not stays in the gateway's spool."""
    try:
        gateway = build_gateway(settings)
    except (GatewayError, IdentityError, SpoolError) as error:
        say(f"not published: {error}")
        return 1
    now = gateway.clock.now()
    facts = [gateway.fact("health", PoseNotice(pose=site.pose), now)] if site.pose is not None else []
    for detection, stamp in done.revisions:
        told = replace(detection, reasons=[_NOTE, *detection.reasons[:19]])
        facts.append(gateway.fact("detection", told, stamp))
    facts += [gateway.fact("evidence", evidence, stamp) for evidence, stamp in done.evidence]
    gateway.spool.append(facts)
    say(f"{len(facts)} records in the spool; waiting for the cloud at {settings.uplink.host}:{settings.uplink.port}")
    uplink = threading.Thread(target=gateway.uplink.run, name="uplink", daemon=True)
    uplink.start()
    deadline_s = time.monotonic() + _PATIENCE_S
    while (left := sum(gateway.spool.depth().values())) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    gateway.uplink.stop()
    uplink.join(10)
    gateway.spool.close()
    gateway.lock_file.close()
    if left:
        problem = gateway.uplink.state.last_problem or "the cloud has not acknowledged"
        say(f"{left} records are not acknowledged ({problem}); they stay in the spool and go with the next run")
        return 1
    say("everything is acknowledged by the cloud")
    return 0
