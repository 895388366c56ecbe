"""An ONVIF service that checks its digest, and which of its streams is taken."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.onvif import OnvifError, Profile, _ask, choose, stream_address
from edge.settings import CameraSection
from edge.sources import open_source
from edge.taken import SourceError

Until = Callable[..., None]

_ENVELOPE = (
    '<?xml version="1.0"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
    'xmlns:tds="http://www.onvif.org/ver10/device/wsdl"><e:Body>{}</e:Body></e:Envelope>'
)
_PROFILE = (
    '<trt:Profiles token="{0}"><tt:Name>{0}</tt:Name><tt:VideoEncoderConfiguration><tt:Encoding>H264</tt:Encoding>'
    "<tt:Resolution><tt:Width>{1}</tt:Width><tt:Height>{2}</tt:Height></tt:Resolution></tt:VideoEncoderConfiguration>"
    "</trt:Profiles>"
)


class OnvifCamera:
    """Names three streams to whoever knows the password. Its own clock stands in 2001, as clocks of cameras do."""

    def __init__(self) -> None:
        self.extra = ""
        self.asked: list[str] = []
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status, answer = camera.answer(self.path, body)
                data = (camera.extra + _ENVELOPE.format(answer)).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path: str, body: str) -> tuple[int, str]:
        if "GetSystemDateAndTime" in body:
            names = ("Hour", 7), ("Minute", 8), ("Second", 9), ("Year", 2001), ("Month", 2), ("Day", 3)
            fields = "".join(f"<tt:{name}>{value}</tt:{name}>" for name, value in names)
            return 200, f"<tt:UTCDateTime>{fields}</tt:UTCDateTime>"
        if not self.trusts(body):
            return 401, "<e:Fault/>"
        if "GetCapabilities" in body:
            return 200, "<tt:Media><tt:XAddr>http://10.9.8.7:80/onvif/Media</tt:XAddr></tt:Media>"
        assert path == "/onvif/Media", "the path that the camera named, at the address that is known"
        if "GetProfiles" in body:
            return 200, _PROFILE.format("main", 3840, 2160) + _PROFILE.format("sub", 1280, 720) + _PROFILE.format(
                "third", 640, 360
            )
        token = re.search(r"<ProfileToken>(.*?)</ProfileToken>", body)
        assert token is not None
        self.asked.append(token.group(1))
        return 200, f"<trt:MediaUri><tt:Uri>rtsp://10.9.8.7:554/{token.group(1)}?a=1&amp;b=2</tt:Uri></trt:MediaUri>"

    @staticmethod
    def trusts(body: str) -> bool:
        found = {name: re.search(rf"<{name}[^>]*>(.*?)</{name}>", body) for name in ("Nonce", "Created", "Password")}
        if not all(found.values()) or "<Username>admin</Username>" not in body:
            return False
        nonce, created, digest = (found[name].group(1) for name in ("Nonce", "Created", "Password"))  # type: ignore[union-attr]
        secret = base64.b64decode(nonce) + created.encode() + "geheim&käse".encode()
        return created == "2001-02-03T07:08:09Z" and base64.b64encode(hashlib.sha1(secret).digest()).decode() == digest


@pytest.fixture
def onvif() -> Iterator[OnvifCamera]:
    camera = OnvifCamera()
    yield camera
    camera.server.shutdown()
    camera.server.server_close()


def test_an_onvif_camera_says_where_its_sub_stream_is(onvif: OnvifCamera) -> None:
    place = f"127.0.0.1:{onvif.server.server_port}"
    address = stream_address(f"onvif://admin:geheim%26k%C3%A4se@{place}")
    assert address == "rtsp://admin:geheim%26k%C3%A4se@10.9.8.7:554/sub?a=1&b=2"
    assert onvif.asked == ["sub"], "1280 wide is enough"
    with pytest.raises(OnvifError, match="refuses name or password"):
        stream_address(f"onvif://admin:falsch@{place}")
    onvif.extra = '<!DOCTYPE x [<!ENTITY a "boom">]>'
    with pytest.raises(OnvifError, match="none that may be read"):
        _ask(f"http://{place}/", "<GetSystemDateAndTime/>", "", "", None)
    with pytest.raises(SourceError, match="does not answer"):
        open_source(CameraSection(name="a", kind="onvif", source="onvif://a:b@127.0.0.1:1"))


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 5000)), min_size=1))
def test_the_smallest_stream_that_is_wide_enough_is_chosen(sizes: list[tuple[int, int]]) -> None:
    chosen = choose([Profile(str(n), "H264", size) for n, size in enumerate(sizes)]).size
    if any(width >= 1280 for width, _ in sizes):
        assert chosen[0] >= 1280
        assert all(chosen[0] * chosen[1] <= w * h for w, h in sizes if w >= 1280)
    else:
        assert all(chosen[0] * chosen[1] >= w * h for w, h in sizes)


def test_a_camera_without_profiles_is_said_in_words() -> None:
    with pytest.raises(OnvifError, match="no profile"):
        choose([])
