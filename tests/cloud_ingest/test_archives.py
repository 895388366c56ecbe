"""What gateways pack is taken; anything beside, behind or within it that is something else is not."""

from __future__ import annotations

import gzip
import io
import tarfile

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.evidence.content import kind_of

_JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 100 + b"\xff\xd9"


def _tar(*files: tuple[str, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def test_a_clip_as_the_recorder_packs_it_is_taken() -> None:
    frames = [(f"{number:04}.jpg", _JPEG) for number in range(5)]
    for form in (tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT):
        assert kind_of(_tar(*frames, ("frames.json", b'{"frames": []}'), form=form)) == "application/x-tar"


def test_a_tar_with_something_else_in_it_beside_it_or_behind_it_is_not() -> None:
    good = _tar(("a.jpg", _JPEG))
    assert kind_of(_tar(("a.jpg", _JPEG), ("run.sh", b"#!/bin/sh"))) is None
    assert kind_of(good + b"x" * 512) is None
    assert kind_of(good[:-700]) is None
    link = io.BytesIO()
    with tarfile.open(fileobj=link, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo("a.jpg")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    assert kind_of(link.getvalue()) is None


def test_readings_as_the_recorder_packs_them_are_taken_and_nothing_else_in_gzip() -> None:
    good = gzip.compress(b'{"a": 1}\n{"b": 2}\n')
    assert kind_of(good) == "application/x-ndjson+gzip"
    assert kind_of(good + b"more") is None
    assert kind_of(good[:-4]) is None
    assert kind_of(gzip.compress(b"#!/bin/sh\n")) is None
    assert kind_of(gzip.compress(b'{"a": 1}')) is None, "a line that has no end"


@settings(deadline=None)
@given(st.binary(max_size=2000), st.integers(0, 600))
def test_any_bytes_get_an_answer(noise: bytes, at: int) -> None:
    good = bytearray(_tar(("a.jpg", _JPEG)))
    good[at : at + len(noise)] = noise
    assert kind_of(bytes(good)) in (None, "application/x-tar")
    assert kind_of(b"\x1f\x8b" + noise) in (None, "application/x-ndjson+gzip")
