"""A network camera's server: GStreamer's, H.264 at 25 frames/s, run by the system's Python as a child process."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lab.processes import free_port

_SERVER = """
import sys, gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer, GLib
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1"); server.set_service(sys.argv[1])
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch("( videotestsrc is-live=true pattern=ball ! video/x-raw,width=%s,height=%s,framerate=25/1 ! "
                   "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! rtph264pay name=pay0 pt=96 )"
                   % (sys.argv[2], sys.argv[3]))
factory.set_shared(True)
server.get_mount_points().add_factory("/cam", factory)
if server.attach(None):
    print("listens", flush=True)
GLib.MainLoop().run()
"""


class RtspServer:
    """Stopped by its process; started again it listens at the same port."""

    def __init__(self, width: int = 640, height: int = 360) -> None:
        self.size = (width, height)
        self._port = str(free_port())
        self._process: subprocess.Popen[str] | None = None

    @staticmethod
    def is_installed() -> bool:
        """Debian: gir1.2-gst-rtsp-server-1.0, python3-gi and GStreamer's base, good and ugly plugins."""
        return bool(list(Path("/usr/lib").glob("*/girepository-1.0/GstRtspServer-1.0.typelib")))

    @property
    def address(self) -> str:
        """Where the stream is."""
        return f"rtsp://127.0.0.1:{self._port}/cam"

    def start(self) -> None:
        """Returns once it listens. Raises ``OSError`` when it does not."""
        words = ["/usr/bin/python3", "-c", _SERVER, self._port, *map(str, self.size)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise OSError("GStreamer's RTSP server did not start; are its packages complete?")

    def stop(self) -> None:
        """Kills it, as a camera that loses power."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None
