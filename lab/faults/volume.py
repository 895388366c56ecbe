"""How much a gateway stores and sends: durable records a second, 72 hours of outage on disk, a quiet night's data."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from edge.facts import Fact
from edge.rescue import readable
from edge.spool import Spool
from lab.faults.scribe import fact
from lab.faults.stand import Stand
from lab.figures import Figure

_NAME = "gw-1"
_SQUEEZE = 12  # the stand's gateway tells telemetry every 5 s, a roof's every 60 s; health likewise
_HEALTH_S = 25.0
_NIGHT_S, _OUTAGE_S = 12 * 3600.0, 72 * 3600.0
_KEEPALIVE_S, _KEEPALIVE_BYTES = 45.0, 2 * (40 + 2 + 22 + 40)  # a ping and its answer with TLS, TCP and IP around them
_PACKET_OVERHEAD = 1.05  # TCP and IP headers of packets as full as these; the proxy counts payload only


def durable_rate(folder: Path, seconds: float) -> list[Figure]:
    """Detections stored durably one by one, and as the writer does under load (200 at once)."""
    figures = []
    for name, at_once in (("spool: durable messages, one a commit", 1), ("spool: durable messages, as written", 200)):
        spool = Spool(folder / f"rate-{at_once}")
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            count += len(spool.append(fact("detection", count + at) for at in range(at_once)))
        figures.append(Figure(name, count / (time.perf_counter() - began), "messages/s", 2000))
        spool.close()
    return figures


def night_and_outage(folder: Path, seconds: float, say: Callable[[str], None]) -> list[Figure]:
    """A gateway with two cameras and four sensors on a quiet night: what passes its network in ``seconds`` of real
    running, its intervals shortened twelvefold, scaled to twelve hours; then the network is cut for as long, and what
    it wrote meanwhile is stored again and again until 72 hours are full."""
    with Stand(folder, [_NAME], cameras=2, sensors=4) as stand:
        stand.start(say, ticking=False, health_s=_HEALTH_S)
        roof = stand.roofs[_NAME]
        time.sleep(5)  # the first words after connecting are no part of the night
        before = roof.proxy.up_bytes + roof.proxy.down_bytes
        say(f"a quiet night, {seconds:.0f} s of it")
        time.sleep(seconds)
        passed = roof.proxy.up_bytes + roof.proxy.down_bytes - before
        roof.proxy.is_cut = True
        say(f"an outage, {seconds:.0f} s of it")
        time.sleep(seconds)
        stand.processes.terminate(_NAME)
        waiting = list(readable(roof.state / "spool.db"))
    night = passed / seconds / _SQUEEZE * _NIGHT_S * _PACKET_OVERHEAD
    night += _NIGHT_S / _KEEPALIVE_S * _KEEPALIVE_BYTES
    on_disk = _store(folder / "outage", waiting, int(len(waiting) * _OUTAGE_S / (seconds * _SQUEEZE)))
    return [
        Figure("uplink: mobile data of a quiet night of 12 h, both directions", night / 1e6, "MB", 10),
        Figure("spool: 72 h of outage at full telemetry", on_disk / 1e6, "MB", 200),
    ]


def _store(folder: Path, facts: list[Fact], count: int) -> int:
    """Bytes on disk of ``count`` records that repeat ``facts``."""
    if not facts:
        raise RuntimeError("the outage left no record in the spool; there is nothing to measure")
    spool = Spool(folder)
    endless = (one for _ in iter(int, 1) for one in facts)
    for start in range(0, count, 500):
        spool.append(islice(endless, min(500, count - start)))
    size = sum(part.stat().st_size for part in folder.iterdir())
    spool.close()
    return size
