"""Checks an evidence folder against the gateway's key: chains, files, every frame in them."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from smokesentry.messages.clips import FRAMES_NAME, TAR, ClipFile, ClipFrame, check_chain, digest_of
from smokesentry.messages.envelope import key_id


def verify(folder: Path, key: Ed25519PublicKey) -> tuple[list[str], bool]:
    """Lines for people, and whether everything that is said to be here is here and unchanged."""
    own = key_id(key)
    parts: dict[str, list[Path]] = {}
    for path in sorted((folder / "chain").glob("*.jsonl")):
        parts.setdefault(path.name.split(".")[0], []).append(path)
    if not parts:
        return [
            f"{folder}: no chain here (expected chain/CAMERA.00001.jsonl); is it a gateway's evidence folder?"
        ], False
    lines, good = list[str](), True
    for camera, files in parts.items():
        told, fine = _camera(folder, camera, files, lambda named: key if named == own else None)
        lines += told
        good &= fine
    return lines, good


def _camera(
    folder: Path, camera: str, parts: list[Path], find_key: Callable[[str], Ed25519PublicKey | None]
) -> tuple[list[str], bool]:
    report = check_chain((line for part in parts for line in part.read_bytes().splitlines()), find_key)
    problems = [f"  PROBLEM {problem}" for problem in report.problems]
    here = 0
    for digest, described in report.files.items():
        path = _find(folder, digest)
        if path is not None:
            here += 1
            problems += [f"  PROBLEM {path.name}: {what}" for what in _compare(path, described)]
        elif digest not in report.gone:
            problems.append(f"  PROBLEM {digest}: is missing, and no link says why")
    lines = [
        f"camera {camera}: {report.links} links, {len(report.files)} files, {here} of them here and compared,"
        f" {len(report.gone)} said to be gone: {'good' if not problems else f'{len(problems)} problems'}"
    ]
    return lines + [f"  {note}" for note in report.notes] + problems, not problems


def _find(folder: Path, digest: str) -> Path | None:
    for where in ("kept", "outbox"):
        for path in (folder / where).glob(f"{digest[7:]}.*"):
            if path.suffix != ".json":
                return path
    return None


def _compare(path: Path, described: ClipFile) -> list[str]:
    if digest_of(path.read_bytes()) != described.digest:
        return ["was changed: its digest is another one"]
    if described.content_type != TAR:
        return []
    with tarfile.open(path) as archive:
        found = {entry.name: archive.extractfile(entry) for entry in archive}
        data = {name: file.read() for name, file in found.items() if file is not None}
    listed = msgspec.json.decode(data.pop(FRAMES_NAME, b"[]"), type=list[ClipFrame])
    digests = {name: digest_of(jpeg) for name, jpeg in data.items()}
    wanted = {frame.name: frame.digest for frame in listed}
    # The list lies inside what the link's digest covers; this finds an archive that was never whole.
    return [] if digests == wanted and len(wanted) == described.frames else ["its frames are not those of its list"]
