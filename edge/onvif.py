"""Asks an ONVIF camera for its stream's address: profiles, then the RTSP address of the one that suits the detector.

ONVIF Core and Media 1 (onvif.org): SOAP 1.2 over HTTP, WS-Security UsernameToken with a password digest. The camera's
own clock dates the digest, because many a camera has never been set.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

_TIMEOUT_S = 5.0
_MOST_BYTES = 1_000_000
_WANTED_WIDTH_PX = 1280  # more pixels cost decoding and help nobody
_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
_DEVICE, _MEDIA = "http://www.onvif.org/ver10/device/wsdl", "http://www.onvif.org/ver10/media/wsdl"
_SCHEMA = "http://www.onvif.org/ver10/schema"


class OnvifError(RuntimeError):
    """The camera did not say where its stream is; the message says why."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One of the camera's streams."""

    token: str
    encoding: str
    size: tuple[int, int]


def stream_address(address: str) -> str:
    """``onvif://name:password@host[:port]`` to an RTSP address with the same account. Raises :class:`OnvifError`."""
    parts = urlsplit(address)
    name, password = unquote(parts.username or ""), unquote(parts.password or "")
    host = parts.netloc.rpartition("@")[2]
    device = f"http://{host}{parts.path if parts.path not in ('', '/') else '/onvif/device_service'}"
    clock = _camera_clock(device)
    asked = f'<GetCapabilities xmlns="{_DEVICE}"><Category>Media</Category></GetCapabilities>'
    media = _text(_ask(device, asked, name, password, clock), "XAddr") or device
    # Behind a forwarded port the camera names an address of its own net: only the path is its to say.
    media = urlunsplit(("http", host, urlsplit(media).path, "", ""))
    profile = choose(list(_profiles(_ask(media, f'<GetProfiles xmlns="{_MEDIA}"/>', name, password, clock))))
    setup = (
        f'<StreamSetup><Stream xmlns="{_SCHEMA}">RTP-Unicast</Stream>'
        f'<Transport xmlns="{_SCHEMA}"><Protocol>RTSP</Protocol></Transport></StreamSetup>'
    )
    body = f'<GetStreamUri xmlns="{_MEDIA}">{setup}<ProfileToken>{escape(profile.token)}</ProfileToken></GetStreamUri>'
    found = _text(_ask(media, body, name, password, clock), "Uri")
    if found is None or not found.startswith("rtsp://"):
        raise OnvifError(f"the camera gives no RTSP address for its profile {profile.token!r}")
    stream = urlsplit(found.strip())
    account = f"{quote(name, safe='')}:{quote(password, safe='')}@" if name else ""
    return urlunsplit(stream._replace(netloc=account + stream.netloc.rpartition("@")[2]))


def choose(profiles: list[Profile]) -> Profile:
    """The smallest stream that is wide enough, else the widest. Raises :class:`OnvifError` when there is none."""
    if not profiles:
        raise OnvifError("the camera names no profile with video")
    wide = [one for one in profiles if one.size[0] >= _WANTED_WIDTH_PX]
    if wide:
        return min(wide, key=lambda one: one.size[0] * one.size[1])
    return max(profiles, key=lambda one: one.size[0] * one.size[1])


def _profiles(answer: ElementTree.Element) -> Iterator[Profile]:
    for node in answer.iter(f"{{{_MEDIA}}}Profiles"):
        encoder = node.find(f"{{{_SCHEMA}}}VideoEncoderConfiguration")
        if encoder is None:
            continue
        try:
            size = (int(_text(encoder, "Width") or 0), int(_text(encoder, "Height") or 0))
        except ValueError:
            continue
        yield Profile(node.get("token", ""), _text(encoder, "Encoding") or "", size)


def _camera_clock(device: str) -> datetime:
    """The camera's own time; ours where it does not say."""
    try:
        answer = _ask(device, f'<GetSystemDateAndTime xmlns="{_DEVICE}"/>', "", "", None)
        found = answer.find(f".//{{{_SCHEMA}}}UTCDateTime")
        if found is None:
            return datetime.now(UTC)
        year, month, day, hour, minute, second = (
            int(_text(found, name) or 0) for name in ("Year", "Month", "Day", "Hour", "Minute", "Second")
        )
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (OnvifError, ValueError):
        return datetime.now(UTC)


def _ask(address: str, body: str, name: str, password: str, clock: datetime | None) -> ElementTree.Element:
    header = "" if not name or clock is None else _security(name, password, clock)
    envelope = f'<s:Envelope xmlns:s="{_SOAP}"><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>'
    kind = {"Content-Type": "application/soap+xml; charset=utf-8"}
    request = urllib.request.Request(address, envelope.encode(), kind)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as answer:
            raw: bytes = answer.read(_MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        reason = "refuses name or password" if error.code in (400, 401, 403) else f"answers {error.code}"
        raise OnvifError(f"the camera's ONVIF service {reason}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise OnvifError(f"the camera's ONVIF service does not answer ({getattr(error, 'reason', error)})") from error
    if len(raw) > _MOST_BYTES or b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise OnvifError("the camera's ONVIF answer is none that may be read")
    try:
        return ElementTree.fromstring(raw)
    except ElementTree.ParseError as error:
        raise OnvifError(f"the camera's ONVIF answer is not XML ({error})") from error


def _security(name: str, password: str, clock: datetime) -> str:
    nonce, created = secrets.token_bytes(16), clock.strftime("%Y-%m-%dT%H:%M:%SZ")
    # SHA-1 is what the standard names for this; it protects the password from listeners, no more.
    digest = base64.b64encode(hashlib.sha1(nonce + created.encode() + password.encode()).digest()).decode()
    return (
        f'<Security xmlns="{_WSSE}"><UsernameToken><Username>{escape(name)}</Username>'
        f'<Password Type="{_DIGEST}">{digest}</Password><Nonce>{base64.b64encode(nonce).decode()}</Nonce>'
        f'<Created xmlns="{_WSU}">{created}</Created></UsernameToken></Security>'
    )


def _text(node: ElementTree.Element, name: str) -> str | None:
    """The text of the first element of that name, whatever its namespace."""
    for found in node.iter():
        if found.tag.rpartition("}")[2] == name and found.text:
            return found.text.strip()
    return None
