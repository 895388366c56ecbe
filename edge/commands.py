"""``smokesentry gateway``: check a configuration, run it, ask how it is, order maintenance."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from smokesentry.settings import SettingsError


def main(argv: list[str]) -> int:
    """run a gateway, check its configuration, ask how it is (smokesentry gateway --help)"""
    parser = argparse.ArgumentParser(prog="smokesentry gateway", description=main.__doc__)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, action, words in (
        ("run", _run, "run the gateway until it is told to stop"),
        ("check", _check, "explain every problem of a configuration, and try what it names"),
        ("pin", _pin, "a one-time PIN that opens the installer's page to a phone for two hours"),
    ):
        sub = actions.add_parser(name, help=words, description=words)
        sub.add_argument("--config", required=True, type=Path, metavar="FILE", help="the gateway's TOML file")
        sub.set_defaults(run=lambda options, action=action: action(options.config))
    words = "how the gateway that uses this configuration is: a live view in a terminal; exit status 0 when all is well"
    sub = actions.add_parser("status", help=words, description=words)
    sub.add_argument("--config", required=True, type=Path, metavar="FILE", help="the gateway's TOML file")
    sub.add_argument("--once", action="store_true", help="print it once, as where no terminal is")
    sub.add_argument("--json", action="store_true", help="the whole document, for programs")
    sub.set_defaults(run=_status)
    words = "judge nothing and restart nothing for a stated time; it ends by itself, or with --end"
    sub = actions.add_parser("maintenance", help=words, description=words)
    sub.add_argument("--config", required=True, type=Path, metavar="FILE", help="the gateway's TOML file")
    sub.add_argument("--minutes", type=float, default=30.0, metavar="N", help="how long (30)")
    sub.add_argument("--reason", default="", metavar="WORDS", help="why; people and the cloud read it")
    sub.add_argument("--end", action="store_true", help="end it now")
    sub.set_defaults(run=_maintenance)
    words = "ask a few questions (or take the flags) and write a good configuration"
    sub = actions.add_parser("init", help=words, description=words)
    sub.add_argument("--config", required=True, type=Path, metavar="FILE", help="the file to write; never over another")
    sub.add_argument("--name", help="the gateway's name; without it, questions are asked")
    sub.add_argument("--tenant", help="the town")
    sub.add_argument("--broker", metavar="HOST[:PORT]")
    sub.add_argument("--place", metavar="LAT,LON", help="WGS-84")
    sub.add_argument("--folder", default="/var/lib/smokesentry")
    sub.add_argument("--camera", action="append", default=[], metavar="NAME=KIND:SOURCE[@HEADING,TILT,HFOV,HEIGHT]")
    sub.add_argument("--sensor", action="append", default=[], metavar="NAME=MODEL:PORT")
    sub.add_argument("--always", action="store_true", help="watch by day, too")
    sub.add_argument("--plaintext", action="store_true", help="a test bench only: no encryption")
    sub.set_defaults(run=_init)
    words = "check kept evidence: signatures, order of the chain, every file and frame against its digest"
    sub = actions.add_parser("verify", help=words, description=words)
    sub.add_argument("--evidence", required=True, type=Path, metavar="DIR", help="the gateway's evidence folder")
    sub.add_argument("--certificate", required=True, type=Path, metavar="FILE", help="the gateway's certificate (PEM)")
    sub.set_defaults(run=_verify)
    options = parser.parse_args(argv)
    try:
        return int(options.run(options))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2


def _run(config: Path) -> int:
    from edge.assembly import GatewayError
    from edge.logs import set_up_logging
    from edge.managing import run_gateway
    from edge.spool_file import SpoolError
    from firmware_bridge.models import UnknownModel
    from smokesentry.identity import IdentityError

    set_up_logging()
    try:
        run_gateway(config)
    except (GatewayError, IdentityError, SpoolError, UnknownModel) as error:
        print(f"smokesentry gateway: {error}", file=sys.stderr)
        return 1
    return 0


def _check(config: Path) -> int:
    from edge.check import problems_of
    from edge.settings import load_gateway_settings

    settings = load_gateway_settings(config)
    problems = problems_of(settings, config, print)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 1
    print(f"{config}: good. {len(settings.cameras)} cameras, {len(settings.sensors)} sensors, all answered.")
    return 0


def _status(options: argparse.Namespace) -> int:
    from edge.settings import load_gateway_settings
    from edge.status import show

    once = options.once or not sys.stdout.isatty()
    return show(load_gateway_settings(options.config), once=once, as_json=options.json)


def _pin(config: Path) -> int:
    from edge.installer.access import PIN_MINUTES, new_pin
    from edge.settings import load_gateway_settings
    from smokesentry.clock import SystemClock

    settings, clock = load_gateway_settings(config), SystemClock()
    if settings.installer is None:
        print(f"{config}: installer: there is no such section; write [installer] to have the page", file=sys.stderr)
        return 2
    try:
        pin = new_pin(settings.gateway.folder, clock.now(), clock.boot_id)
    except OSError as error:
        print(f"{settings.gateway.folder}: the PIN cannot be written ({error.strerror})", file=sys.stderr)
        return 1
    print(
        f"PIN {pin}, good once within {PIN_MINUTES} minutes, at http://{settings.installer.listen}:{settings.installer.port}/"
    )
    return 0


def _maintenance(options: argparse.Namespace) -> int:
    from edge.maintenance import begin, end
    from edge.settings import load_gateway_settings
    from smokesentry.clock import SystemClock

    settings = load_gateway_settings(options.config)
    folder, clock = settings.gateway.folder, SystemClock()
    try:
        if options.end:
            print("maintenance has ended" if end(folder) else "there was no maintenance")
            return 0
        order = begin(folder, options.minutes, options.reason, clock.now(), clock.boot_id)
    except ValueError as error:
        print(f"smokesentry gateway maintenance: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{folder}: the order cannot be written ({error.strerror}); has the gateway run here?", file=sys.stderr)
        return 1
    print(f"maintenance until {order.until} ({order.reason}); nothing is judged, and no watchdog restarts the gateway")
    return 0


def _init(options: argparse.Namespace) -> int:
    from edge.init import Answers, interview, read_camera, read_place, read_sensor, write

    try:
        if options.name is None:
            if not sys.stdin.isatty():
                print("smokesentry gateway init: --name is missing, and there is nobody to ask", file=sys.stderr)
                return 2
            answers = interview(lambda question, empty: input(f"{question}{f' [{empty}]' if empty else ''}: "), print)
        else:
            host, _, port = (options.broker or "").partition(":")
            answers = Answers(
                options.name,
                options.tenant or "",
                host,
                int(port or 8883),
                read_place(options.place) if options.place else None,
                options.folder,
                options.plaintext,
                not options.always,
                [read_camera(text) for text in options.camera],
                [read_sensor(text) for text in options.sensor],
            )
        write(answers, options.config)
    except SettingsError:
        raise
    except (ValueError, OSError) as error:
        print(f"smokesentry gateway init: {error}", file=sys.stderr)
        return 2
    print(f"{options.config}: written. Next: put key and certificates beside it, then")
    print(f"  smokesentry gateway check --config {options.config}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from edge.verify import verify
    from smokesentry.identity import IdentityError, load_certificate, public_key_of

    try:
        key = public_key_of(load_certificate(options.certificate))
    except IdentityError as error:
        print(f"smokesentry gateway verify: {error}", file=sys.stderr)
        return 2
    lines, good = verify(options.evidence, key)
    print("\n".join(lines))
    return 0 if good else 1
