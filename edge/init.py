"""``smokesentry gateway init``: a few questions, or flags, become a configuration file that ``check`` accepts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from edge.settings import load_gateway_settings
from smokesentry.settings import SettingsError

T = TypeVar("T")
Ask = Callable[[str, str], str]  # question, what an empty answer means -> the answer


@dataclass(frozen=True, slots=True)
class CameraAnswer:
    """One camera; ``pose``: heading, tilt, horizontal view (degrees), height (m), None when not known yet."""

    name: str
    kind: str
    source: str
    pose: tuple[float, float, float, float] | None = None
    frame_size: tuple[int, int] = (1280, 720)


@dataclass(frozen=True, slots=True)
class Answers:
    """What the file needs to know."""

    name: str
    tenant: str
    broker: str
    port: int = 8883
    place: tuple[float, float] | None = None
    folder: str = "/var/lib/smokesentry"
    plaintext: bool = False
    night_only: bool = True
    cameras: list[CameraAnswer] = field(default_factory=list)
    sensors: list[tuple[str, str, str]] = field(default_factory=list)  # name, model, port


def toml_of(answers: Answers) -> str:
    """The file's text, with a comment where a person will want to change something."""
    name = _text(answers.name)
    lines = [
        "# A Smoke Sentry gateway. `smokesentry gateway check --config FILE` tries everything that is named here.",
        "[gateway]",
        f"name = {name}  # the certificate's common name",
        f"tenant = {_text(answers.tenant)}",
        f"folder = {_text(answers.folder)}  # spool, evidence, status",
        "",
        "[identity]  # made by `smokesentry ca enrol`, beside this file",
        f"key = {_text(answers.name + '.key')}",
        f"certificate = {_text(answers.name + '.crt')}",
        "",
        "[uplink]",
        f"host = {_text(answers.broker)}",
        f"port = {answers.port}",
        "plaintext = true  # a test bench only: no encryption" if answers.plaintext else 'ca = "ca.crt"',
        'cloud_certificate = "cloud.crt"',
    ]
    if answers.place is not None:
        lat, lon = answers.place
        lines += ["", "[site]", f"place = {{ lat = {lat}, lon = {lon} }}  # WGS-84", 'zone = "Asia/Shanghai"']
    if answers.night_only and answers.place is not None:
        lines += ["", "[schedule]  # from half an hour before sunset to half an hour after sunrise", "windows = []"]
        lines += ['# windows = ["11:00-13:00"]  # more hours, local time']
    lines += ["", "[installer]  # the page for aiming, focus and masks: http://127.0.0.1:8780/", 'listen = "127.0.0.1"']
    for camera in answers.cameras:
        lines += _camera(camera, answers.place)
    for sensor, model, port in answers.sensors:
        lines += ["", "[[sensors]]", f"name = {_text(sensor)}", f"model = {_text(model)}", f"port = {_text(port)}"]
    return "\n".join(lines) + "\n"


def _camera(camera: CameraAnswer, place: tuple[float, float] | None) -> list[str]:
    lines = ["", "[[cameras]]", f"name = {_text(camera.name)}", f"kind = {_text(camera.kind)}"]
    lines += [
        f"source = {_text(camera.source)}",
        "fps = 2",
        "masks = []  # polygons of raw pixels",
    ]
    if camera.pose is None or place is None:
        return [*lines, "# [cameras.pose]  # without it the cloud cannot say which roof"]
    heading, tilt, hfov, height = camera.pose
    return [
        *lines,
        "[cameras.pose]",
        f"place = {{ lat = {place[0]}, lon = {place[1]} }}",
        f"height_m = {height}",
        f"heading_deg = {heading}  # of the optical axis, true north, clockwise",
        f"tilt_deg = {tilt}  # below the horizon is negative",
        f"hfov_deg = {hfov}",
        f"frame_size = [{camera.frame_size[0]}, {camera.frame_size[1]}]",
        "pose_version = 1  # raise it whenever the camera is moved",
    ]


def measured(camera: CameraAnswer) -> CameraAnswer:
    """With the size of the frames that it really gives; as it was when it gives none now."""
    from edge.capture import read_frame
    from edge.frames import UnreadableFrame
    from edge.settings import CameraSection
    from edge.sources import open_source
    from edge.taken import SourceError
    from smokesentry.clock import SystemClock

    try:
        section = CameraSection(name=camera.name, kind=camera.kind, source=camera.source)  # type: ignore[arg-type]
        source = open_source(section)
        try:
            return replace(camera, frame_size=read_frame(source.read(), [], SystemClock().now(), 0.0).size)
        finally:
            source.close()
    except (SourceError, UnreadableFrame, ValueError):
        return camera


def write(answers: Answers, path: Path) -> None:
    """Writes the file if it is good, and never over another one. Raises ``FileExistsError``, ``SettingsError`` (in the
    words of ``check``) or ``OSError``."""
    if path.exists():
        raise FileExistsError(f"{path}: is there already; move it away, or name another with --config")
    fresh = path.with_name(path.name + ".new")
    cameras = [measured(camera) for camera in answers.cameras]
    fresh.write_text(toml_of(replace(answers, cameras=cameras)), encoding="utf-8")
    try:
        load_gateway_settings(fresh)
    except SettingsError as error:
        fresh.unlink()
        raise SettingsError(str(error).replace(str(fresh), str(path))) from error
    fresh.chmod(0o640)  # a camera's password may stand in it
    with suppress(PermissionError):
        os.chown(fresh, -1, path.absolute().parent.stat().st_gid)  # the service reads it by its group
    fresh.rename(path)


def read_place(text: str) -> tuple[float, float]:
    """``LAT,LON``. Raises ``ValueError``."""
    lat, lon = (float(part) for part in text.split(","))
    return lat, lon


def read_camera(text: str) -> CameraAnswer:
    """``NAME=KIND:SOURCE[@HEADING,TILT,HFOV,HEIGHT]``, where the source may hold colons. Raises ``ValueError``."""
    name, _, rest = text.partition("=")
    kind, _, source = rest.partition(":")
    if not (name and kind and source):
        raise ValueError(f"{text!r}: expected NAME=KIND:SOURCE, as east=v4l2:/dev/video0")
    head, at, tail = source.rpartition("@")
    numbers = tail.split(",")
    if at and len(numbers) == 4:
        heading, tilt, hfov, height = (float(number) for number in numbers)
        return CameraAnswer(name, kind, head, (heading, tilt, hfov, height))
    return CameraAnswer(name, kind, source)


def read_sensor(text: str) -> tuple[str, str, str]:
    """``NAME=MODEL:PORT``. Raises ``ValueError``."""
    name, _, rest = text.partition("=")
    model, _, port = rest.partition(":")
    if not (name and model and port):
        raise ValueError(f"{text!r}: expected NAME=MODEL:PORT, as pm-1=PMS7003:/dev/ttyUSB0")
    return name, model, port


def interview(ask: Ask, say: Callable[[str], None]) -> Answers:
    """Asks a person; a wrong answer is explained and asked again."""
    name = _until(ask, say, "Name of this gateway (a-z, 0-9, -)", "", str)
    tenant = _until(ask, say, "Town (tenant), a-z, 0-9, -", "", str)
    host, _, port = _until(ask, say, "Broker, HOST or HOST:PORT", "", str).partition(":")
    place = _until(ask, say, "Place as LAT,LON in WGS-84", "", read_place)
    for label, found in (("cameras", found_cameras()), ("serial ports", found_ports())):
        say(f"{label} seen here: {', '.join(found) or 'none'}")
    cameras, sensors = list[CameraAnswer](), list[tuple[str, str, str]]()
    say("kinds of cameras: v4l2, picamera2, onvif, video, snapshot, folder")
    words = "Camera as NAME=KIND:SOURCE or NAME=KIND:SOURCE@HEADING,TILT,HFOV,HEIGHT"
    while (answer := _until(ask, say, words, "no more", lambda text: read_camera(text) if text else None)) is not None:
        cameras.append(answer)
    words = "Sensor as NAME=MODEL:PORT (`smokesentry sensors` lists the models)"
    while (sensor := _until(ask, say, words, "no more", lambda text: read_sensor(text) if text else None)) is not None:
        sensors.append(sensor)
    return Answers(name, tenant, host, int(port or 8883), place, cameras=cameras, sensors=sensors)


def _until(ask: Ask, say: Callable[[str], None], question: str, empty: str, read: Callable[[str], T]) -> T:
    while True:
        text = ask(question, empty).strip()
        if not text and not empty:
            say("this is needed")
            continue
        try:
            return read(text)
        except ValueError as error:
            say(f"not understood: {error}")


def found_cameras() -> list[str]:
    """Devices that look like cameras."""
    return _there(("/dev/v4l/by-id", "*-index0"), ("/dev", "video*"))


def found_ports() -> list[str]:
    """Serial lines, by names that stay."""
    return _there(("/dev/smoke-sentry", "*"), ("/dev/serial/by-id", "*"), ("/dev", "ttyUSB*"), ("/dev", "ttyAMA*"))


def _there(*patterns: tuple[str, str]) -> list[str]:
    found: Iterable[Path] = (path for folder, pattern in patterns for path in sorted(Path(folder).glob(pattern)))
    return [str(path) for path in found][:12]


def _text(value: str) -> str:
    # A TOML basic string is a JSON string, but for one character that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
