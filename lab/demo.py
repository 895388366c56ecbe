"""The main job on embedded defaults: a night street, two gateways, broker, cloud and console, as processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.judgement import judge
from lab.processes import Processes, ProcessFailed
from lab.town import Town
from lab.watch import Console
from smokesentry.clock import to_wire

Say = Callable[[str], None]

_WATCH_QUIET_S = 100.0  # steam and quiet: how long nothing may be flagged once the cameras are watched
_GIVE_UP_S = 180.0  # burn: after this long without an alert the roof was missed
_SETTLE_S = 60.0  # after the first alert: time for the other gateway to join and sharpen it
_JOINED_S = 15.0  # once every gateway has: for a wrong second alert to show itself


@dataclass(frozen=True, slots=True)
class Scene:
    """What to play: ``burn``, ``steam`` or ``quiet``, and the seed of the street."""

    name: str
    seed: int


def run_once(scene: Scene, folder: Path, say: Say) -> dict[str, Any]:
    """Plays the scene once and compares the console with the truth: the document that DESIGN §6 fixes.

    Raises :class:`lab.processes.ProcessFailed` or ``TimeoutError`` when the system does not come up.
    """
    with Processes(folder / "log") as processes:
        town = start(scene, folder, processes, say)
        names = {gateway["gateway"] for gateway in town.street.offer()["gateways"]}
        began = time.monotonic()
        first_alert: float | None = None
        all_joined: float | None = None
        next_word = began
        has_judged: dict[str, bool] = {}
        while True:
            processes.check()
            now = time.monotonic()
            alerts = town.console.alerts()
            burning = [burn["rooftop"] for burn in town.street.truth()["burned"]]
            if alerts and first_alert is None:
                first_alert = now
                say(f"alert: {describe(alerts[0])}; up to {_SETTLE_S:.0f} s more for the other gateway")
            if all_joined is None and _gateways_that_saw(town.console, alerts) >= names:
                all_joined = now
                say(f"every gateway saw it: {describe(alerts[0])}")
            if now >= next_word:
                cameras = _cameras(town.console)
                for camera, verdict in cameras.items():
                    has_judged[camera] = has_judged.get(camera, False) or not verdict.startswith("cannot_judge")
                say(_progress(now - began, cameras, burning, len(alerts)))
                next_word = now + 10
            if _is_over(scene, now - began, _since(first_alert, now), _since(all_joined, now)):
                break
            time.sleep(0.5)
        blind = [f"{camera}: {_cameras(town.console)[camera]}" for camera, judged in has_judged.items() if not judged]
        if blind:  # silence of a camera that never looked would be no answer
            raise ProcessFailed(f"no verdict was ever possible at {'; '.join(blind)}")
        burned = _closed(town.street.truth()["burned"])
        return judge(town.console.alerts(), burned)


def run_on(scene: Scene, folder: Path, say: Say) -> None:
    """Plays the scene until Ctrl-C; says each alert as it comes."""
    with Processes(folder / "log") as processes:
        town = start(scene, folder, processes, say)
        say(f"open {town.console.address} in a browser; Ctrl-C ends the demo / 在浏览器打开，按 Ctrl-C 结束")
        known: dict[str, int] = {}
        while True:
            processes.check()
            for alert in town.console.alerts():
                if known.get(alert["alert"]) != alert["version"]:
                    known[alert["alert"]] = alert["version"]
                    say(f"alert: {describe(alert)} — {town.console.address}")
            time.sleep(1)


def start(scene: Scene, folder: Path, processes: Processes, say: Say) -> Town:
    """Starts everything and waits until both gateways are connected and look at the street."""
    town = Town(folder, processes)
    say(f"street: scene {scene.name}, seed {scene.seed}")
    town.start_street(scene.name, scene.seed)
    say("identities, broker (TLS), cloud ingestor, console")
    town.start_cloud()
    say(f"console: {town.console.address}")
    names = town.start_gateways()
    say(f"gateways: {', '.join(names)}")
    processes.wait_for("both gateways connected", lambda: town.console.gateways_online() >= len(names), 300)
    say("both gateways connected; the cameras need ten quiet seconds first")
    return town


def describe(alert: dict[str, Any]) -> str:
    """One line for people: the likeliest roofs."""
    roofs = ", ".join(f"{c['name']} ({c['rooftop']}) {c['probability']:.0%}" for c in alert["candidates"][:3])
    return f"suspected smoke 疑似烟气 [{alert['state']}, {alert['class']}] {roofs or 'no known roof'}"


def _is_over(scene: Scene, watched_s: float, since_alert_s: float | None, since_joined_s: float | None) -> bool:
    if scene.name != "burn":
        return watched_s >= _WATCH_QUIET_S
    if since_joined_s is not None:
        return since_joined_s >= _JOINED_S
    return since_alert_s >= _SETTLE_S if since_alert_s is not None else watched_s >= _GIVE_UP_S


def _since(moment: float | None, now: float) -> float | None:
    return None if moment is None else now - moment


def _gateways_that_saw(console: Console, alerts: list[dict[str, Any]]) -> set[str]:
    """Gateways with a detection in the newest alert."""
    if not alerts:
        return set()
    detail = console.get(f"/api/alerts/{alerts[0]['alert']}")
    return {detection["gateway"] for detection in detail["detections"]}


def _cameras(console: Console) -> dict[str, str]:
    """Camera to its verdict, with the cause when it cannot judge."""
    return {
        f"{gateway['gateway']}/{camera['camera']}": ": ".join(filter(None, [camera["verdict"], camera["cause"]]))
        for gateway in console.get("/api/town")["gateways"]
        for camera in gateway["cameras"]
    }


def _progress(watched_s: float, cameras: dict[str, str], burning: list[str], alerts: int) -> str:
    verdicts = "; ".join(f"{camera} {verdict}" for camera, verdict in cameras.items())
    truth = f"truth: {', '.join(burning)} burns" if burning else "truth: nothing burns"
    return f"{watched_s:3.0f} s watched; {verdicts}; {alerts} alert(s); {truth}"


def _closed(burned: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A fire still burning has burned up to now."""
    now = to_wire(datetime.now(UTC))
    return [{"rooftop": burn["rooftop"], "from": burn["from"], "to": burn["to"] or now} for burn in burned]
