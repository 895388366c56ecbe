"""A gateway's whole life: what is in force, the process, its orders, the watch over a trial, and beginning anew."""

from __future__ import annotations

import logging
import os
import signal
import sys
from functools import partial
from pathlib import Path

from detector.settings import DetectorSettings
from edge.assembly import build_gateway
from edge.gateway import Gateway
from edge.in_force import InForce, settings_in_force, trouble_of, working
from edge.judge import DetectorLike, MakeDetector, real_detector
from edge.managed import new_words
from edge.orders import Orders
from edge.status_page.server import StatusPage
from edge.tls import client_context
from edge.upload import Uploader

_log = logging.getLogger("edge.managing")


def run_gateway(config: Path, make_detector: MakeDetector | None = None) -> None:
    """Runs until SIGTERM or SIGINT, or until an order or its end wants the process anew: then it replaces itself, under
    the same process id. Raises what stands in the way of a start, as ``build_gateway`` does."""
    in_force = settings_in_force(config)
    make = make_detector or partial(_detector, in_force.model_folder)
    gateway = build_gateway(in_force.settings, make)
    manage(gateway, in_force, config)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: gateway.supervisor.stop.set())
    gateway.run()
    if gateway.begin_anew:
        _log.info("the process begins anew")
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def manage(gateway: Gateway, in_force: InForce, config: Path) -> None:
    """Lets a gateway follow orders, and watches over the one on trial."""
    gateway.in_force = in_force

    def restart() -> None:
        gateway.begin_anew = True
        gateway.supervisor.stop.set()

    def watch(elapsed_s: float) -> None:
        before = in_force.state.words
        try:
            anew = in_force.watch(_trouble(gateway, in_force), elapsed_s)
        except OSError as error:
            gateway.downlink.notice(f"a trial cannot be ended: {error}")
            return
        for said in new_words(before, in_force.state.words):
            _log.warning(said)
            gateway.downlink.notice(said)
            gateway.house.ask_health()
        if anew:
            restart()

    orders = Orders(
        store=in_force.store,
        config=config,
        settings=in_force.local,
        restart=restart,
        working_cameras=lambda: working(_ages(gateway)),
        request_clip=gateway.recorder.request,
    )
    gateway.downlink.handlers.update(orders.handlers())
    gateway.house.also.append(watch)
    gateway.uploader = _uploader(gateway)
    if gateway.uploader is not None:
        gateway.more_loops["uploader"] = gateway.uploader.run
    if in_force.settings.gateway.status_port is not None:
        page = StatusPage(in_force.settings.gateway.status_port, gateway.house.status)
        gateway.more_loops["status page"] = page.run
    for said in [*in_force.state.words[-3:], *filter(None, [in_force.store.problem])]:
        gateway.downlink.notice(said)


def _uploader(gateway: Gateway) -> Uploader | None:
    uplink, identity = gateway.settings.uplink, gateway.settings.identity
    if uplink.evidence is None or uplink.ca is None:
        return None
    tls = partial(client_context, uplink.ca, identity.certificate, identity.key)

    def busy() -> bool:
        return gateway.spool.depth()["detection"] > 0

    return Uploader(uplink.evidence, tls, gateway.recorder.store.outbox, busy)


def _trouble(gateway: Gateway, in_force: InForce) -> str | None:
    trial = in_force.state.trial
    if trial is None:
        return None
    configured = {camera.name for camera in in_force.settings.cameras}
    resting = gateway.order() is not None or gateway.off_duty(gateway.clock.now()) is not None
    needed = [] if resting else [name for name in trial.cameras if name in configured]
    stalled = [loop.name for loop in gateway.supervisor.states() if loop.stalled]
    return trouble_of(_ages(gateway), needed, stalled, sum(gateway.supervisor.restarts.values()))


def _ages(gateway: Gateway) -> list[tuple[str, float | None]]:
    return [(one.camera, one.frame_age_s) for one in (camera.health() for camera in gateway.cameras)]


def _detector(model_folder: Path | None, settings: DetectorSettings) -> DetectorLike:
    if model_folder is None:
        return real_detector(settings)
    from detector.model import Model
    from detector.pipeline import Detector

    return Detector(settings, Model(model_folder))
