"""The cloud's one configuration file, shared by its processes (``smokesentry cloud ingest|console|...``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from smokesentry.messages.topics import is_name
from smokesentry.settings import Section, load_settings


def _resolved(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder", Path())
    return Path(folder) / path.expanduser()


def _tenant(name: str) -> str:
    if not is_name(name):
        raise ValueError("a tenant's name has 1 to 40 of a-z, 0-9 and '-'")
    return name


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; write one as in 'Asia/Shanghai' or 'UTC'") from error
    return name


ResolvedPath = Annotated[Path, AfterValidator(_resolved)]
Tenant = Annotated[str, AfterValidator(_tenant)]
Zone = Annotated[str, AfterValidator(_zone)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Cloud(Section):
    """Where the cloud keeps what it has, and for which towns."""

    folder: ResolvedPath
    tenants: Annotated[list[Tenant], Field(min_length=1)]
    database: str = ""  # SQLAlchemy URL; empty: cloud.db in ``folder``


class Broker(Section):
    """The MQTT broker. ``plaintext = true`` (no TLS) is for a private loopback broker only."""

    host: str = "localhost"
    port: Port = 8883
    ca: ResolvedPath | None = None
    certificate: ResolvedPath | None = None
    key: ResolvedPath | None = None
    plaintext: bool = False
    client_id: Annotated[str, Field(pattern="^[a-zA-Z0-9-]{1,40}$")] = "smokesentry-ingest-1"  # one a worker, for ever
    inflight: Annotated[int, Field(ge=1, le=65535)] = 500  # messages the broker may hand out before we acknowledge

    @model_validator(mode="after")
    def _transport_is_stated(self) -> Broker:
        files = {"ca": self.ca, "certificate": self.certificate, "key": self.key}
        given = [name for name, path in files.items() if path is not None]
        if self.plaintext and given:
            raise ValueError(f"plaintext = true does not go with {', '.join(given)}; remove one or the other")
        if not self.plaintext and len(given) < len(files):
            missing = ", ".join(name for name in files if name not in given)
            raise ValueError(f"TLS needs ca, certificate and key; missing: {missing} (or set plaintext = true)")
        return self


class Cluster(Section):
    """A RabbitMQ cluster in the broker's place (docs/cluster.md). Always with TLS."""

    nodes: Annotated[
        list[Annotated[str, Field(pattern=r"^[^\s:]+:[0-9]{1,5}$")]], Field(min_length=1)
    ]  # AMQP, host:port
    ca: ResolvedPath
    certificate: ResolvedPath
    key: ResolvedPath
    inflight: Annotated[int, Field(ge=1, le=65535)] = 500  # of each of the two queues, before we acknowledge


class Ca(Section):
    """The folder of the certificate authority: who is enrolled."""

    folder: ResolvedPath


class Signing(Section):
    """The cloud's own identity, with which it signs acknowledgements and commands."""

    key: ResolvedPath
    certificate: ResolvedPath


class S3(Section):
    """An S3-compatible store for evidence. ``keys``: a file whose two lines are access key and secret key."""

    endpoint: Annotated[str, Field(pattern="^https?://[^/]+$")]
    bucket: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    keys: ResolvedPath
    region: str = "us-east-1"
    ca: ResolvedPath | None = None


class Evidence(Section):
    """Where gateways upload clips: HTTPS with their certificates. Limits in MB (1,000,000 bytes)."""

    host: str = "0.0.0.0"
    port: Annotated[int, Field(ge=0, le=65535)] = 8444
    ca: ResolvedPath
    certificate: ResolvedPath
    key: ResolvedPath
    folder: ResolvedPath | None = None  # uploads under way, and the blobs where there is no [evidence.s3]
    blob_mb: Annotated[int, Field(ge=1, le=5000)] = 200
    gateway_mb: Annotated[int, Field(ge=1)] = 20_000
    tenant_mb: Annotated[int, Field(ge=1)] = 500_000
    s3: S3 | None = None


class Town(Section):
    """What stands in the town: a file of footprints (docs/places.md), for a cloud of one tenant."""

    footprints: ResolvedPath | None = None


class Console(Section):
    """Where the web page is served."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    zone: Zone = "Asia/Shanghai"  # the site's, in which the page tells the time


Days = Annotated[int, Field(ge=1, le=36500)]


class Retention(Section):
    """For how many days what passes is kept. Detections, evidence, alerts and cases are never deleted by it."""

    telemetry_days: Days = 90  # records and the signed batches that brought them; reports of health likewise
    minutes_days: Days = 400  # aggregates over minutes; those over hours stay
    health_days: Days = 90
    dead_letters_days: Days = 180


class Influx(Section):
    """An InfluxDB 2 (or VictoriaMetrics) to which `smokesentry cloud influx` copies telemetry."""

    url: Annotated[str, Field(pattern="^https?://")]
    org: str = "smokesentry"
    bucket: str = "telemetry"
    token_file: ResolvedPath | None = None  # one line; none for a server that asks for none
    ca: ResolvedPath | None = None  # the certificates to trust instead of the system's
    batch: Annotated[int, Field(ge=1, le=50_000)] = 5000  # about so many records a request


class CloudSettings(Section):
    """The whole file."""

    cloud: Cloud
    broker: Broker | None = None
    cluster: Cluster | None = None
    ca: Ca
    signing: Signing
    evidence: Evidence | None = None
    town: Town = Town()
    console: Console = Console()
    retention: Retention = Retention()
    influx: Influx | None = None

    @model_validator(mode="after")
    def _one_way_in(self) -> CloudSettings:
        if (self.broker is None) == (self.cluster is None):
            raise ValueError("messages come from one place: write either [broker] (MQTT) or [cluster] (RabbitMQ)")
        return self

    @property
    def link(self) -> Broker | Cluster:
        """Where messages come from: whichever of the two is configured."""
        found = self.broker or self.cluster
        assert found is not None
        return found

    @model_validator(mode="after")
    def _footprints_have_a_tenant(self) -> CloudSettings:
        if self.town.footprints is not None and len(self.cloud.tenants) > 1:
            raise ValueError(
                "[town] footprints needs exactly one [cloud] tenant; with several, leave it out and use "
                "`smokesentry cloud import footprints --tenant NAME FILE`"
            )
        return self

    @property
    def database_url(self) -> str:
        """The configured database, or the embedded one."""
        return self.cloud.database or f"sqlite:///{self.cloud.folder / 'cloud.db'}"


def load_cloud_settings(path: Path) -> CloudSettings:
    """Reads the file and makes the cloud's folder. Raises ``SettingsError``."""
    settings = load_settings(path, CloudSettings)
    settings.cloud.folder.mkdir(parents=True, exist_ok=True)
    return settings
