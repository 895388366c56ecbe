"""The gateway's one configuration file: what it is called, whom it talks to, which cameras and sensors it has."""

from __future__ import annotations

from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, field_validator, model_validator

from detector.settings import DetectorSettings
from edge.schedule import Schedule
from edge.sections import InstallerSection, RecorderSection, ScheduleSection, SiteSection
from firmware_bridge.link import DutyCycle, SerialSensor
from firmware_bridge.models import UnknownModel
from smokesentry.clock import SystemClock
from smokesentry.place import CameraPose, Place
from smokesentry.settings import Section, load_settings

Name = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$", description="1 to 40 of a-z, 0-9 and '-'")]
Point = tuple[Annotated[float, Field(ge=0, le=16384)], Annotated[float, Field(ge=0, le=16384)]]

Side = Annotated[int, Field(ge=64, le=8192)]
Polygon = Annotated[list[Point], Field(min_length=3, max_length=100)]


def _beside_the_file(value: Path, info: ValidationInfo) -> Path:
    folder: Path = (info.context or {}).get("folder", Path())
    return folder / value.expanduser()


LocalPath = Annotated[Path, AfterValidator(_beside_the_file)]


class GatewaySection(Section):
    """Who this gateway is and where it keeps what it has not delivered yet."""

    name: Name
    tenant: Name
    folder: LocalPath  # spool and status live here
    telemetry_interval_s: Annotated[float, Field(ge=1, le=3600)] = 60.0
    health_interval_s: Annotated[float, Field(ge=1, le=86400)] = 300.0
    spool_max_mb: Annotated[int, Field(ge=8, le=100_000)] = 200
    keep_acknowledged_days: Annotated[float, Field(ge=0, le=366)] = 7.0
    hardware_watchdog: Path | None = None  # a device such as /dev/watchdog: it resets a machine that hangs
    status_port: Annotated[int, Field(ge=0, le=65535)] | None = None  # loopback page and /metrics; 0: any free port
    keep_waiting_days: Annotated[float, Field(ge=3, le=366)] = 30.0  # telemetry and health; detections stay


class IdentitySection(Section):
    """The Ed25519 key and certificate that ``smokesentry ca enrol`` made: they sign, and they are the TLS client's."""

    key: LocalPath
    certificate: LocalPath


class UplinkSection(Section):
    """The broker, and the certificate by which the cloud's acknowledgements and commands are checked."""

    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[int, Field(ge=1, le=65535)] = 8883
    ca: LocalPath | None = None
    cloud_certificate: LocalPath
    evidence: Annotated[str, Field(pattern=r"^https://[^/ ]+$")] | None = None  # where clips go: https://host:port
    plaintext: bool = False  # bench use only: no encryption, no proof of who the broker is

    @model_validator(mode="after")
    def _encrypted_needs_ca(self) -> UplinkSection:
        if not self.plaintext and self.ca is None:
            raise ValueError(
                "TLS needs ca = the broker's authority as a PEM file (or plaintext = true on a test bench)"
            )
        return self


class CameraSection(Section):
    """One camera: where its frames come from, how often, what is hidden, and how it stands."""

    name: Name
    kind: Literal["snapshot", "video", "folder", "onvif", "v4l2", "picamera2"]
    source: Annotated[str, Field(min_length=1, max_length=1000)]
    fps: Annotated[float, Field(gt=0, le=30)] = 2.0
    size: tuple[Side, Side] = (1280, 720)  # asked of v4l2 and picamera2
    masks: list[Polygon] = Field(default_factory=list, max_length=32)  # in pixels of the raw frame
    pose: Annotated[CameraPose | None, PlainValidator(lambda value: read_pose(value))] = None
    detector: DetectorSettings = Field(default_factory=DetectorSettings)  # its pixels are those of the raw frame

    _name_the_pose = model_validator(mode="before")(lambda data: named_pose(data, "name"))

    @field_validator("source")
    @classmethod
    def _place_source(cls, value: str, info: ValidationInfo) -> str:
        """Addresses and device files stay as they are; other paths are beside the configuration file."""
        kind = info.data.get("kind")
        if kind == "snapshot" and not value.startswith(("http://", "https://")):
            raise ValueError("a snapshot camera's source is an HTTP address, http://… or https://…")
        if kind == "onvif" and not value.startswith("onvif://"):
            raise ValueError("an ONVIF camera's source is onvif://name:password@host")
        if kind == "v4l2" and not value.startswith("/dev/"):
            raise ValueError("a V4L2 camera's source is its device, as /dev/video0 or /dev/v4l/by-id/…")
        if kind == "picamera2" and not value.isdigit():
            raise ValueError('a Raspberry Pi camera\'s source is its number, "0" for the first')
        if kind == "video" and value.startswith("/dev/video"):
            raise ValueError('a device is kind = "v4l2"; "video" is for files and streams')
        if kind in ("snapshot", "onvif", "v4l2", "picamera2") or "://" in value:
            return value
        return str(_beside_the_file(Path(value), info))


class DutySection(Section):
    """Fan and light source on for the first ``on_s`` of every ``period_s``."""

    on_s: Annotated[float, Field(gt=0, le=86400)]
    period_s: Annotated[float, Field(gt=0, le=86400)]


class SensorSection(Section):
    """One sensor on a serial line; ``twin`` names the sensor that hangs right beside it and names this one."""

    name: Name
    model: Annotated[str, Field(min_length=1, max_length=80)]
    port: Annotated[str, Field(min_length=1, max_length=1000)]
    twin: Name | None = None
    duty: DutySection | None = None

    @model_validator(mode="after")
    def _model_can_follow_duty(self) -> SensorSection:
        with suppress(UnknownModel):  # told by those who try the model, beside whatever else is wrong
            self.build(SystemClock())
        return self

    def build(self, clock: SystemClock) -> SerialSensor:
        """The sensor, its port still closed. Raises ``UnknownModel``, and ``ValueError`` for a duty cycle that
        its model cannot follow."""
        duty = None if self.duty is None else DutyCycle(self.duty.on_s, self.duty.period_s)
        return SerialSensor(self.name, self.model, self.port, clock, duty=duty)


class GatewaySettings(Section):
    """The whole file."""

    gateway: GatewaySection
    identity: IdentitySection
    uplink: UplinkSection
    site: SiteSection = Field(default_factory=SiteSection)
    schedule: ScheduleSection | None = None
    recorder: RecorderSection = Field(default_factory=RecorderSection)
    installer: InstallerSection | None = None
    cameras: list[CameraSection] = Field(default_factory=list, max_length=16)
    sensors: list[SensorSection] = Field(default_factory=list, max_length=32)

    @property
    def place(self) -> Place | None:
        """Where the gateway stands: as its site says, else as the first camera with a pose."""
        poses = [camera.pose for camera in self.cameras if camera.pose is not None]
        return self.site.place or (poses[0].place if poses else None)

    def watching(self) -> Schedule:
        """When cameras watch; without a schedule, always."""
        if self.schedule is None:
            return Schedule(ZoneInfo(self.site.zone))
        return self.schedule.schedule(self.site.zone, self.place)

    @model_validator(mode="after")
    def _night_has_a_place(self) -> GatewaySettings:
        if self.schedule is None:
            return self
        if self.schedule.night and self.place is None:
            raise ValueError(
                "schedule.night: it needs a place; write site.place = { lat = 39.9, lon = 116.4 } or a camera's pose"
            )
        if not self.schedule.night and not self.schedule.windows:
            raise ValueError("schedule: neither night nor windows: the cameras would never watch")
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> GatewaySettings:
        for what, names in (
            ("cameras", [camera.name for camera in self.cameras]),
            ("sensors", [sensor.name for sensor in self.sensors]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what}: each needs a name of its own; given twice: {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _twins_name_each_other(self) -> GatewaySettings:
        twin_of = {sensor.name: sensor.twin for sensor in self.sensors}
        for name, twin in twin_of.items():
            if twin is None:
                continue
            if twin == name:
                raise ValueError(f"sensors: {name} names itself as its twin; name the sensor beside it")
            if twin not in twin_of:
                raise ValueError(f"sensors: {name} has the twin {twin!r}, but there is no such sensor")
            if twin_of[twin] != name:
                other = "none" if twin_of[twin] is None else repr(twin_of[twin])
                raise ValueError(
                    f"sensors: {name} has the twin {twin!r}, but {twin} names {other};"
                    f' twins are two and name each other: write twin = "{name}" at {twin}'
                )
        return self


def named_pose(data: Any, name_key: str) -> Any:
    """A section whose pose table also says which camera it is, and version 1 unless the file says another."""
    if isinstance(data, dict) and isinstance(data.get("pose"), dict):
        return {**data, "pose": {"camera": data.get(name_key, "replay"), "pose_version": 1, **data["pose"]}}
    return data


def read_pose(value: Any) -> CameraPose | None:
    """A pose out of a TOML table (keys of :class:`~smokesentry.place.CameraPose`). Raises ``ValueError`` in words."""
    if value is None or isinstance(value, CameraPose):
        return value
    if not isinstance(value, dict):
        raise ValueError("a pose is a table with place, height_m, heading_deg, tilt_deg, hfov_deg and frame_size")
    known = CameraPose.__struct_fields__
    for key in value:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
            raise ValueError(f"no such key {key!r}; {hint}")
    try:
        return msgspec.convert(value, CameraPose)
    except msgspec.ValidationError as error:
        raise ValueError(str(error).replace("$.", "")) from error


def load_gateway_settings(path: Path) -> GatewaySettings:
    """Reads and checks the file. Raises ``SettingsError`` with one line a problem."""
    return load_settings(path, GatewaySettings)
