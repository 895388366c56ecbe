"""The frame hunter against a slow and obvious reference, for every driver, over damage of every sort."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.driver import Driver, Refused, Reply
from firmware_bridge.models import driver_for, known_models
from firmware_bridge.reading import Reading
from firmware_bridge.stream import FrameHunter, StreamCounts

_PMS = driver_for("PMS5003")
_SDS = driver_for("SDS011")
_FRAME = _PMS.encode({"pm25_cf1_ug_m3": 7, "pm10_cf1_ug_m3": 9, "n0_3_per_cm3": 4})
_ACK = bytes.fromhex("424d0004e4000177")


def hunt(driver: Driver, *pieces: bytes) -> tuple[list[Reading | Reply], StreamCounts]:
    hunter = FrameHunter(driver)
    found = [item for piece in pieces for item in hunter.feed(piece)]
    return found + hunter.finish(), hunter.counts


def reference(driver: Driver, data: bytes) -> list[Reading | Reply]:
    """The rule in its plainest form: at every byte in turn, is there an intact frame?"""
    found: list[Reading | Reply] = []
    at = 0
    while at < len(data):
        length = driver.frame_length(data, at) if driver.start.match(data, at) else 0
        item = driver.parse(data[at : at + length]) if 0 < length <= len(data) - at else Refused("")
        if isinstance(item, Refused):
            at += 1
        else:
            found.append(item)
            at += length - driver.flag_bytes
    return found


@st.composite
def frames(draw: st.DrawFn) -> tuple[Driver, list[bytes]]:
    driver = draw(st.sampled_from([_PMS, _SDS]))
    masses = st.lists(st.integers(1, 990), min_size=3, max_size=3).map(sorted)

    def one() -> bytes:
        pm1, pm25, pm10 = draw(masses)
        if driver is _SDS:
            return _SDS.encode(
                {"pm25_ug_m3": pm25 / 10, "pm10_ug_m3": pm10 / 10, "sensor_id": draw(st.integers(0, 0xFFFF))}
            )
        return _PMS.encode(
            {"pm1_cf1_ug_m3": pm1, "pm25_cf1_ug_m3": pm25, "pm10_cf1_ug_m3": pm10, "n0_3_per_cm3": pm10 / 2}
        )

    return driver, [one() for _ in range(draw(st.integers(1, 6)))]


def _pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


noise = st.one_of(
    st.binary(max_size=50),
    st.lists(
        st.sampled_from([b"\x42", b"\x4d", b"\x00", b"\x1c", b"\xaa", b"\xc0", b"\xc5", b"\xab", _ACK]), max_size=12
    ).map(b"".join),
)


@settings(deadline=None)
@given(frames(), st.lists(noise, min_size=7, max_size=7), st.lists(st.integers(0, 1000), max_size=12))
def test_every_intact_frame_between_any_noise_is_found_however_it_is_split(
    sample: tuple[Driver, list[bytes]], between: list[bytes], cuts: list[int]
) -> None:
    driver, sent = sample
    data = between[-1] + b"".join(frame + gap for frame, gap in zip(sent, between, strict=False))
    whole, counts = hunt(driver, data)
    assert whole == reference(driver, data)
    split, split_counts = hunt(driver, *_pieces(data, cuts))
    assert split == whole
    assert asdict(split_counts) == asdict(counts)


@settings(deadline=None)
@given(
    frames(),
    st.lists(
        st.binary(max_size=40).map(lambda b: b.replace(b"\xaa", b"").replace(b"\x42", b"")), min_size=6, max_size=6
    ),
)
def test_noise_without_a_start_costs_no_frame(sample: tuple[Driver, list[bytes]], between: list[bytes]) -> None:
    driver, sent = sample
    data = b"".join(gap + frame for frame, gap in zip(sent, between, strict=False))
    found, counts = hunt(driver, data)
    assert found == [driver.parse(frame) for frame in sent]
    assert (counts.frames, counts.rejected) == (len(sent), 0)
    assert counts.skipped_bytes == len(data) - sum(map(len, sent))


@settings(deadline=None)
@given(frames(), st.data())
def test_one_flipped_byte_costs_one_frame_at_most(sample: tuple[Driver, list[bytes]], data: st.DataObject) -> None:
    driver, sent = sample
    hit = data.draw(st.integers(0, len(sent) - 1))
    at = data.draw(st.integers(0, len(sent[hit]) - 1))
    damaged = bytearray(sent[hit])
    damaged[at] ^= data.draw(st.integers(1, 255))
    stream = b"".join([*sent[:hit], bytes(damaged), *sent[hit + 1 :]])
    found, counts = hunt(driver, stream)
    intact = [driver.parse(frame) for i, frame in enumerate(sent) if i != hit]
    if driver is _PMS:  # a 16-bit sum of bytes finds every single flip
        assert found == intact
        assert counts.skipped_bytes == len(damaged)
    else:  # the sum does not protect the kind byte, so an answer may come out, never a measurement
        assert [item for item in found if isinstance(item, Reading)] == intact


@settings(deadline=None)
@given(frames(), st.integers(0, 31), st.integers(1, 31))
def test_bytes_lost_from_one_frame_leave_the_others(sample: tuple[Driver, list[bytes]], at: int, size: int) -> None:
    driver, sent = sample
    stream = sent[0][:at] + sent[0][at + size :] + b"".join(sent[1:])
    found, _ = hunt(driver, stream)
    assert found == reference(driver, stream)
    if driver is _PMS and len(sent[0][:at] + sent[0][at + size :]) < len(sent[0]):
        assert found == [driver.parse(frame) for frame in sent[1:]]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bytes_are_all_accounted_for_and_memory_stays_bounded(pieces: list[bytes]) -> None:
    hunter = FrameHunter(_PMS)
    for piece in pieces:
        hunter.feed(piece)
        assert len(hunter._rest) <= _PMS.longest
    hunter.finish()
    total = sum(map(len, pieces))
    assert 32 * hunter.counts.frames >= total - hunter.counts.skipped_bytes >= 8 * hunter.counts.frames
    assert hunter._rest == b""


def test_lying_length_hides_nothing() -> None:
    found, counts = hunt(_PMS, b"\x42\x4d\xff\xff" + _FRAME + b"\x42\x4d\x00\x1c" + _FRAME)
    assert len(found) == 2
    assert counts.causes == {"checksum": 1, "length": 1}
    assert counts.skipped_bytes == 8


def test_an_acknowledgement_between_readings_is_a_frame_of_its_own() -> None:
    found, counts = hunt(_PMS, _FRAME + _ACK + _FRAME)
    assert [type(item) for item in found] == [Reading, Reply, Reading]
    assert (counts.frames, counts.skipped_bytes, counts.causes) == (3, 0, {})


def test_an_acknowledgement_inside_a_frame_breaks_only_that_frame() -> None:
    found, counts = hunt(_PMS, _FRAME[:12] + _ACK + _FRAME[12:] + _FRAME)
    assert [type(item) for item in found] == [Reply, Reading]
    assert counts.skipped_bytes == len(_FRAME)


def test_the_earliest_start_wins_where_intact_frames_overlap() -> None:
    # The SDS011's sum leaves the id free: an id of AAC0 followed by a fitting tail begins a second intact frame.
    first = bytes.fromhex("aac0 0000 0000 aac0 6a ab")
    second = first[6:8] + first[8:10] + bytes.fromhex("0000 0000")
    second += bytes([sum(second[2:8]) & 0xFF, 0xAB])
    stream = first[:6] + second
    assert first == stream[:10]
    found, _ = hunt(_SDS, stream)
    assert len(found) == 1
    assert found[0] == _SDS.parse(first)


def test_what_waits_at_the_end_is_given_up_once() -> None:
    hunter = FrameHunter(_PMS)
    assert hunter.feed(_FRAME + _FRAME[:20]) == [_PMS.parse(_FRAME)]
    assert hunter.counts.skipped_bytes == 0
    assert hunter.finish() == []
    assert hunter.finish() == []
    assert hunter.counts == StreamCounts(1, 1, 20, {"truncated": 1})


@pytest.mark.parametrize("junk", [b"", b"\x00" * 5000, b"\x42" * 5000, b"\x42\x4d" * 2500])
def test_noise_is_counted_by_stretch_not_by_byte(junk: bytes) -> None:
    _, counts = hunt(_PMS, junk)
    assert counts.skipped_bytes == len(junk)
    assert len(counts.causes) <= 2


@pytest.mark.parametrize("driver", known_models().values(), ids=known_models())
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_driver_survives_any_bytes_and_finds_what_the_reference_finds(
    driver: Driver, data: st.DataObject
) -> None:
    frame = driver.encode({})
    alphabet = st.one_of(
        st.binary(max_size=20),
        st.just(frame),
        st.sampled_from([frame[: len(frame) // 2], frame[3:], *driver.commands.values()]),
        st.integers(0, len(frame) - 1).map(lambda at: frame[:at] + bytes((frame[at] ^ 0x10,)) + frame[at + 1 :]),
    )
    stream = b"".join(data.draw(st.lists(alphabet, max_size=8)))
    whole, counts = hunt(driver, stream)
    assert whole == reference(driver, stream)
    split, split_counts = hunt(driver, *_pieces(stream, data.draw(st.lists(st.integers(0, 500), max_size=6))))
    assert split == whole
    assert asdict(split_counts) == asdict(counts)
