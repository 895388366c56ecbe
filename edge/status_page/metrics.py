"""The status document as Prometheus metrics (text format), through ``prometheus-client``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_PREFIX = "smokesentry"
_MACHINE = {
    "temperature_c": ("temperature_celsius", "hottest zone of the machine", 1.0),
    "disk_free_mb": ("disk_free_bytes", "room on the gateway's disk", 1e6),
    "memory_mb": ("memory_bytes", "resident memory of the gateway", 1e6),
    "load": ("load1", "runnable processes, mean of a minute", 1.0),
    "clock_offset_ms": ("clock_offset_seconds", "how far the wall clock is ahead of the cloud's", 1e-3),
}


def metrics_text(status: dict[str, Any]) -> bytes:
    """What ``/metrics`` answers."""
    registry = CollectorRegistry()
    registry.register(_Status(status))
    return generate_latest(registry)


class _Status(Collector):
    def __init__(self, status: dict[str, Any]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Everything that has a number."""
        status, health = self._status, self._status["health"]
        yield _gauge("up_to_cloud", "1 while connected to the broker", status["uplink"]["connected"])
        yield _gauge("spool_bytes", "size of the spool", status["spool_bytes"])
        yield _gauge("uptime_seconds", "since the process began", health["uptime_s"])
        yield _labelled("spool_waiting", "records that wait for the cloud", "lane", health["spool_depth"])
        machine = health.get("machine") or {}
        for key, (name, words, factor) in _MACHINE.items():
            if machine.get(key) is not None:
                yield _gauge(name, words, machine[key] * factor)
        cameras = {one["camera"]: one for one in health["cameras"]}
        ages = {name: one["frame_age_s"] for name, one in cameras.items() if one.get("frame_age_s") is not None}
        yield _labelled("camera_frame_age_seconds", "age of the newest frame", "camera", ages)
        able = {name: one["verdict"] != "cannot_judge" for name, one in cameras.items()}
        yield _labelled("camera_can_judge", "1 while the camera can judge", "camera", able)
        yield _counted(
            "camera_frames", "frames taken", "camera", {name: one["frames"] for name, one in cameras.items()}
        )
        judged = {name: one["judged_s"] for name, one in cameras.items()}
        yield _counted("camera_judged_seconds", "time in which it could judge", "camera", judged)
        sensors = {one["sensor"]: one for one in health["sensors"]}
        there = {name: one["connected"] for name, one in sensors.items()}
        yield _labelled("sensor_connected", "1 while the sensor answers", "sensor", there)
        for key in ("frames", "rejected", "skipped_bytes"):
            counts = {name: one[key] for name, one in sensors.items()}
            yield _counted(f"sensor_{key}", f"{key.replace('_', ' ')} of the serial line", "sensor", counts)
        yield _counted("events", "what health counts: refusals, restarts, losses", "what", health["counts"])
        stalled = {loop["name"]: loop["stalled"] for loop in status.get("loops", [])}
        yield _labelled("loop_stalled", "1 while a loop stands still", "loop", stalled)


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", words, value=float(value))


def _labelled(name: str, words: str, label: str, values: dict[str, Any]) -> Metric:
    family = GaugeMetricFamily(f"{_PREFIX}_{name}", words, labels=[label])
    for key, value in values.items():
        family.add_metric([key], float(value))
    return family


def _counted(name: str, words: str, label: str, values: dict[str, Any]) -> Metric:
    family = CounterMetricFamily(f"{_PREFIX}_{name}", words, labels=[label])
    for key, value in values.items():
        family.add_metric([key], float(value))
    return family
