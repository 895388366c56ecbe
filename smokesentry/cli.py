"""``smokesentry``: one command. Each room adds its first words via entry-point group ``smokesentry.commands``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from smokesentry import __version__

_GROUP = "smokesentry.commands"
_EXTRA_OF_ROOM = {"edge": "edge", "firmware_bridge": "edge", "detector": "edge", "cloud_ingest": "cloud"}


def main(argv: list[str] | None = None) -> int:
    """Runs the command named by the first word. Exit status: the command's own; 2 for a word that is no command."""
    arguments = sys.argv[1:] if argv is None else argv
    commands = {point.name: point for point in entry_points(group=_GROUP)}
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(_help(commands))
        return 0
    if arguments[0] in {"-V", "--version"}:
        print(f"smokesentry {__version__}")
        return 0
    point = commands.get(arguments[0])
    if point is None:
        print(f"smokesentry: no command {arguments[0]!r}; there are: {', '.join(sorted(commands))}", file=sys.stderr)
        return 2
    try:
        command: Callable[[list[str]], int] = point.load()
        return command(arguments[1:])
    except ModuleNotFoundError as missing:
        if (missing.name or "").split(".")[0] == point.module.split(".")[0]:
            raise
        print(_missing_extra(point, missing.name or "?"), file=sys.stderr)
        return 3
    except BrokenPipeError:  # `smokesentry ... | head` is not an error
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 130


def _missing_extra(point: EntryPoint, module: str) -> str:
    room = point.module.split(".")[0]
    extra = _EXTRA_OF_ROOM.get(room, "edge,cloud")
    return (
        f"smokesentry {point.name}: the Python package that provides {module!r} is not installed here. "
        f"This command needs: pip install 'smoke-sentry[{extra}]'"
    )


def _help(commands: dict[str, EntryPoint]) -> str:
    lines = ["usage: smokesentry COMMAND ...   (smokesentry COMMAND --help tells more)", ""]
    for name, point in sorted(commands.items()):
        try:
            summary = (point.load().__doc__ or "").strip().splitlines()[0]
        except ImportError as missing:
            summary = f"(not available here: {missing.name} is not installed)"
        lines.append(f"  {name:<10} {summary}")
    return "\n".join(lines)
