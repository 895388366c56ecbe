"""``smokesentry cloud evidence``: takes in uploads until stopped."""

from __future__ import annotations

from pathlib import Path

from cloud_ingest.evidence.blobs import BlobStore, FolderStore
from cloud_ingest.settings import S3, CloudSettings, Evidence
from smokesentry.settings import SettingsError


def serve(settings: CloudSettings) -> int:
    """Until SIGTERM. Raises ``SettingsError`` and what opening store, authority and certificates raises."""
    from cloud_ingest.evidence.intake import Intake, Limits
    from cloud_ingest.evidence.server import Uploads, server
    from cloud_ingest.evidence.staging import Staging
    from cloud_ingest.identity.registry import Registry
    from cloud_ingest.store.database import open_store
    from smokesentry.clock import SystemClock

    wanted = settings.evidence
    if wanted is None:
        raise SettingsError("[evidence] is not configured; docs/evidence-upload.md shows how")
    for name, path in (("ca", wanted.ca), ("certificate", wanted.certificate), ("key", wanted.key)):
        if not path.is_file():
            raise SettingsError(f"[evidence] {name}: {path} is not a file")
    folder = wanted.folder or settings.cloud.folder / "evidence"
    try:
        staging = Staging(folder / "incoming")
    except BlockingIOError as error:
        raise SettingsError(f"[evidence] folder: another process takes uploads in {folder}; one is enough") from error
    limits = Limits(*(megabytes * 1_000_000 for megabytes in (wanted.blob_mb, wanted.gateway_mb, wanted.tenant_mb)))
    clock = SystemClock()
    engine = open_store(settings.database_url)
    store = blob_store(wanted, folder)
    intake = Intake(engine, staging, store, limits, lambda: clock.now().captured_at)
    uploads = Uploads(intake, Registry(settings.ca.folder), frozenset(settings.cloud.tenants))
    server(uploads, wanted.host, wanted.port, ca=wanted.ca, certificate=wanted.certificate, key=wanted.key).run()
    staging.close()
    engine.dispose()
    return 0


def blob_store(wanted: Evidence, folder: Path) -> BlobStore:
    """The configured store: S3, or a folder. Raises ``SettingsError``."""
    if wanted.s3 is None:
        return FolderStore(folder / "blobs")
    from cloud_ingest.evidence.s3 import Keys, S3Store

    access, secret = _keys(wanted.s3)
    return S3Store(wanted.s3.endpoint, wanted.s3.bucket, Keys(access, secret, wanted.s3.region), wanted.s3.ca)


def _keys(s3: S3) -> tuple[str, str]:
    try:
        lines = s3.keys.read_text(encoding="utf-8").split()
    except OSError as error:
        raise SettingsError(f"[evidence.s3] keys: {s3.keys} cannot be read ({error.strerror})") from error
    if len(lines) != 2:
        raise SettingsError(f"[evidence.s3] keys: {s3.keys} needs two lines: access key, secret key")
    return lines[0], lines[1]
