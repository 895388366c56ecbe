"""Privacy masks in a configuration's text: one camera's are replaced, every other byte of a person's file stays."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any

from edge.frames import Mask

_HEADER = re.compile(r"^\s*\[\[?[^\[\],=]+\]\]?\s*(#.*)?$")
_MASKS = re.compile(r"^\s*masks\s*=")


class MasksRefused(ValueError):
    """The masks cannot be put into this file; the message says why."""


def with_masks(text: str, camera: str, masks: Sequence[Mask]) -> str:
    """The TOML text with the camera's ``masks`` replaced. Raises :class:`MasksRefused`."""
    before = tomllib.loads(text)
    names = [one.get("name") for one in before.get("cameras", [])]
    if camera not in names:
        raise MasksRefused(f"there is no camera {camera!r} in the file; it has: {', '.join(map(str, names)) or 'none'}")
    lines = text.splitlines(keepends=True)
    starts = [at for at, line in enumerate(lines) if re.match(r"^\s*\[\[\s*cameras\s*\]\]", line)]
    if len(starts) != len(names):
        raise MasksRefused("its cameras are not written as [[cameras]] tables; write the masks by hand")
    begin = starts[names.index(camera)] + 1
    end = next((at for at in range(begin, len(lines)) if _HEADER.match(lines[at])), len(lines))
    kept = _without_masks(lines[begin:end])
    value = ", ".join("[" + ", ".join(f"[{x:g}, {y:g}]" for x, y in polygon) + "]" for polygon in masks)
    if lines[begin - 1][-1:] != "\n":
        lines[begin - 1] += "\n"
    fresh = "".join([*lines[:begin], f"masks = [{value}]\n", *kept, *lines[end:]])
    _check(before, fresh, camera, masks)
    return fresh


def _without_masks(lines: list[str]) -> list[str]:
    """A table's lines without its ``masks``, which may run over several lines."""
    at = next((at for at, line in enumerate(lines) if _MASKS.match(line)), None)
    if at is None:
        return lines
    for end in range(at + 1, len(lines) + 1):
        try:
            tomllib.loads("".join(lines[at:end]))
        except tomllib.TOMLDecodeError:
            continue
        return lines[:at] + lines[end:]
    raise MasksRefused("the end of its present masks was not found; write the masks by hand")


def _check(before: dict[str, Any], fresh: str, camera: str, masks: Sequence[Mask]) -> None:
    """Nothing but these masks may have changed."""
    try:
        after = tomllib.loads(fresh)
    except tomllib.TOMLDecodeError:
        after = {}
    for one in before["cameras"]:
        if one["name"] == camera:
            one["masks"] = [[[float(f"{x:g}"), float(f"{y:g}")] for x, y in polygon] for polygon in masks]
    if after != before:
        raise MasksRefused("the file is written in a way that cannot be changed safely; write the masks by hand")
