"""An S3-compatible store: four requests with Amazon's signature, version 4, over the standard library's HTTP client.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html; a test holds its published example.
Everything an evidence store needs of S3 are PUT, HEAD, GET and DELETE of one object.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

from cloud_ingest.evidence.blobs import BlobError

_CHUNK = 1 << 20
_TIMEOUT_S = 60.0
_EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Keys:
    """Who asks, and where: the region is part of the signature."""

    access_key: str
    secret_key: str
    region: str


def signed_headers(
    method: str, path: str, headers: Mapping[str, str], body_sha256: str, now: datetime, keys: Keys
) -> dict[str, str]:
    """``headers`` with date, body digest and ``Authorization``. ``headers`` must hold ``Host``; no query string."""
    day, moment = now.strftime("%Y%m%d"), now.strftime("%Y%m%dT%H%M%SZ")
    complete = {**headers, "x-amz-content-sha256": body_sha256, "x-amz-date": moment}
    ordered = sorted((name.lower(), " ".join(value.split())) for name, value in complete.items())
    names = ";".join(name for name, _ in ordered)
    lines = "".join(f"{name}:{value}\n" for name, value in ordered)
    request = "\n".join([method, quote(path, safe="/~"), "", lines, names, body_sha256])
    scope = f"{day}/{keys.region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{keys.secret_key}".encode()
    for part in (day, keys.region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"Credential={keys.access_key}/{scope}"
    return {
        **complete,
        "Authorization": f"AWS4-HMAC-SHA256 {credential},SignedHeaders={names},Signature={signature}",
    }


class S3Store:
    """Objects ``sha256/DIGEST`` in one bucket, addressed by path (as MinIO, Ceph and Amazon understand it)."""

    def __init__(self, endpoint: str, bucket: str, keys: Keys, ca: Path | None = None) -> None:
        """``endpoint`` reads ``https://HOST[:PORT]``; ``ca`` is for a store with a private certificate."""
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError(f"endpoint {endpoint!r}: expected https://HOST[:PORT]")
        self._endpoint = endpoint.rstrip("/")
        self._bucket = bucket
        self._keys = keys
        self._host, self._port = parts.hostname, parts.port
        self._netloc = parts.netloc
        self._tls = ssl.create_default_context(cafile=ca) if parts.scheme == "https" else None

    def put(self, digest: str, source: Path, content_type: str) -> None:
        """One PUT; the store itself checks the bytes against the digest that is part of the signature."""
        headers = {"content-type": content_type, "content-length": str(source.stat().st_size)}
        with source.open("rb") as body:
            status, _ = self._ask("PUT", digest, headers, digest, body)
        if status not in (200, 201, 204):
            raise BlobError(f"{self._place(digest)}: was not taken (status {status})")

    def size(self, digest: str) -> int | None:
        """Bytes of a stored blob, or None."""
        status, length = self._ask("HEAD", digest, {}, _EMPTY, None)
        if status == 404:
            return None
        if status != 200:
            raise BlobError(f"{self._place(digest)}: cannot be looked at (status {status})")
        return length

    def read(self, digest: str) -> Iterator[bytes]:
        """The bytes in pieces."""
        connection = self._connect()
        try:
            response = self._send(connection, "GET", digest, {}, _EMPTY, None)
            if response.status != 200:
                raise BlobError(f"{self._place(digest)}: cannot be read (status {response.status})")
            while chunk := response.read(_CHUNK):
                yield chunk
        except (http.client.HTTPException, OSError) as error:
            raise BlobError(f"{self._place(digest)}: cannot be read ({error})") from error
        finally:
            connection.close()

    def delete(self, digest: str) -> None:
        """Removes a blob."""
        status, _ = self._ask("DELETE", digest, {}, _EMPTY, None)
        if status not in (200, 204, 404):
            raise BlobError(f"{self._place(digest)}: cannot be removed (status {status})")

    def _ask(
        self, method: str, digest: str, headers: dict[str, str], body_sha256: str, body: object
    ) -> tuple[int, int]:
        connection = self._connect()
        try:
            response = self._send(connection, method, digest, headers, body_sha256, body)
            response.read(_CHUNK)
            return response.status, int(response.headers.get("content-length") or 0)
        except (http.client.HTTPException, OSError, ValueError) as error:
            raise BlobError(f"{self._place(digest)}: the store does not answer ({error})") from error
        finally:
            connection.close()

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        digest: str,
        headers: dict[str, str],
        body_sha256: str,
        body: object,
    ) -> http.client.HTTPResponse:
        path = f"/{self._bucket}/sha256/{digest}"
        signed = signed_headers(
            method, path, {**headers, "host": self._netloc}, body_sha256, datetime.now(UTC), self._keys
        )
        connection.request(method, quote(path, safe="/~"), body=body, headers=signed)  # type: ignore[arg-type]
        return connection.getresponse()

    def _connect(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_S)
        return http.client.HTTPSConnection(self._host, self._port, timeout=_TIMEOUT_S, context=self._tls)

    def _place(self, digest: str) -> str:
        return f"{self._endpoint}/{self._bucket}/sha256/{digest}"
