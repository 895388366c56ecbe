"""The status document as Prometheus metrics (text format, helped in both languages), through ``prometheus-client``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_PREFIX = "smokesentry"
_MACHINE = {
    "temperature_c": ("temperature_celsius", "hottest zone of the machine / 机器最热处的温度", 1.0),
    "disk_free_mb": ("disk_free_bytes", "room on the gateway's disk / 网关磁盘剩余空间", 1e6),
    "memory_mb": ("memory_bytes", "resident memory of the gateway / 网关占用内存", 1e6),
    "load": ("load1", "runnable processes, mean of a minute / 一分钟平均负载", 1.0),
    "clock_offset_ms": (
        "clock_offset_seconds",
        "wall clock ahead of the cloud's / 系统时钟比云端快多少",
        1e-3,
    ),
}

_SERIAL = {
    "frames": "frames of the serial line / 串口收到的帧数",
    "rejected": "frames of the serial line that were rejected / 串口拒收的帧数",
    "skipped_bytes": "bytes of the serial line that belong to no frame / 串口跳过的字节数",
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
        yield _gauge("up_to_cloud", "1 while connected / 连上时为 1", status["uplink"]["connected"])
        yield _gauge("spool_bytes", "size of the spool / 缓存大小", status["spool_bytes"])
        yield _gauge("uptime_seconds", "since the process began / 进程已运行时间", health["uptime_s"])
        yield _labelled("spool_waiting", "records that wait / 等待上云的记录数", "lane", health["spool_depth"])
        machine = health.get("machine") or {}
        for key, (name, words, factor) in _MACHINE.items():
            if machine.get(key) is not None:
                yield _gauge(name, words, machine[key] * factor)
        cameras = {one["camera"]: one for one in health["cameras"]}
        ages = {name: one["frame_age_s"] for name, one in cameras.items() if one.get("frame_age_s") is not None}
        yield _labelled("camera_frame_age_seconds", "age of the newest frame / 最新画面距今", "camera", ages)
        able = {name: one["verdict"] != "cannot_judge" for name, one in cameras.items()}
        yield _labelled("camera_can_judge", "1 while the camera can judge / 摄像机能判断时为 1", "camera", able)
        yield _counted(
            "camera_frames",
            "frames taken / 取到的画面数",
            "camera",
            {name: one["frames"] for name, one in cameras.items()},
        )
        judged = {name: one["judged_s"] for name, one in cameras.items()}
        yield _counted("camera_judged_seconds", "time in which it could judge / 能判断的时长", "camera", judged)
        sensors = {one["sensor"]: one for one in health["sensors"]}
        there = {name: one["connected"] for name, one in sensors.items()}
        yield _labelled("sensor_connected", "1 while the sensor answers / 传感器有应答时为 1", "sensor", there)
        for key, words in _SERIAL.items():
            counts = {name: one[key] for name, one in sensors.items()}
            yield _counted(f"sensor_{key}", words, "sensor", counts)
        yield _counted(
            "events",
            "what health counts: refusals, restarts, losses / 健康记录的计数：拒绝、重启、丢失",
            "what",
            health["counts"],
        )
        stalled = {loop["name"]: loop["stalled"] for loop in status.get("loops", [])}
        yield _labelled("loop_stalled", "1 while a loop stands still / 循环停住时为 1", "loop", stalled)


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
