"""``smokesentry cloud rollout``: reads what is to be rolled out, orders it group by group, and watches."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from cloud_ingest.identity.rollout import Outcome, carry_out, outcome_of, plan
from cloud_ingest.store.database import reading
from cloud_ingest.store.schema import gateways
from smokesentry.settings import SettingsError

_LOOK_EVERY_S = 5.0


def roll_out(
    engine: Engine,
    tenant: str,
    kind: str,
    version: int,
    source: Path,
    *,
    percents: list[int],
    patience_s: float,
    period_s: float,
    send: Callable[[str, str, dict[str, Any]], None],
    say: Callable[[str], None],
) -> None:
    """``kind`` "configuration": ``source`` is a folder with GATEWAY.toml for each gateway that shall have one; "model":
    the folder of manifest.json and its weights, for all gateways of the town. ``send`` (gateway, command, arguments).

    Raises ``RolloutStopped``, ``SettingsError`` for a source that cannot be used, and what ``send`` raises.
    """
    args = _models(source) if kind == "model" else _configurations(source)
    known = _gateways(engine, tenant)
    names = sorted(known) if kind == "model" else sorted(args)
    strangers = [name for name in names if name not in known]
    if strangers:
        raise SettingsError(f"{source}: {', '.join(strangers)}: no such gateway of {tenant} has ever been heard of")
    try:
        wanted = plan(kind, version, names, percents)
    except ValueError as error:
        raise SettingsError(f"--percent: {error}") from error
    deadline = [0.0]

    def order(name: str) -> None:
        body = args[name] if kind == "configuration" else args["*"]
        send(
            name, "configure" if kind == "configuration" else "model", body | {"version": version, "period_s": period_s}
        )
        deadline[0] = time.monotonic() + patience_s

    def look() -> dict[str, Outcome]:
        return {name: outcome_of(health, kind, version) for name, health in _gateways(engine, tenant).items()}

    def rest() -> bool:
        time.sleep(_LOOK_EVERY_S)
        deadline[0] = deadline[0] or time.monotonic() + patience_s
        return time.monotonic() < deadline[0]

    carry_out(wanted, send=order, look=look, rest=rest, say=say)


def _gateways(engine: Engine, tenant: str) -> dict[str, dict[str, Any] | None]:
    with reading(engine) as connection:
        rows = connection.execute(select(gateways.c.gateway, gateways.c.health).where(gateways.c.tenant == tenant))
        return {str(row.gateway): row.health for row in rows}


def _configurations(source: Path) -> dict[str, dict[str, Any]]:
    found = {path.stem: {"text": _text(path)} for path in sorted(source.glob("*.toml"))}
    if not found:
        raise SettingsError(f"{source}: expected a folder with one GATEWAY.toml for each gateway")
    return found


def _models(source: Path) -> dict[str, dict[str, Any]]:
    manifest, weights = source / "manifest.json", sorted(source.glob("*.tflite"))
    if len(weights) != 1:
        raise SettingsError(f"{source}: expected manifest.json and one .tflite file, found {len(weights)}")
    return {"*": {"manifest": _text(manifest), "weights": base64.b64encode(weights[0].read_bytes()).decode()}}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read ({error})") from error
