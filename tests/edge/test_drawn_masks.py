"""Masks drawn on the page: which are burnt in, and that what cannot be read is never taken for 'none'."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drawn_masks import Drawn, DrawnMasks, MasksUnreadable, masks_in_force
from edge.files import write_whole

AT = "2026-11-22T18:04:05.678Z"
SQUARE = [(0.0, 0.0), (9.0, 0.0), (9.0, 9.0)]
OTHER = [(50.0, 50.0), (99.0, 50.0), (99.0, 99.0)]
POLYGONS = st.lists(st.sampled_from([SQUARE, OTHER, [(5.0, 5.5), (7.0, 5.0), (7.0, 9.0), (5.0, 9.0)]]), max_size=3)


@given(POLYGONS, POLYGONS, POLYGONS)
def test_a_changed_configuration_uncovers_nothing_that_was_drawn(
    drawn: list[list[tuple[float, float]]],
    over: list[list[tuple[float, float]]],
    configured: list[list[tuple[float, float]]],
) -> None:
    held = masks_in_force("east", configured, Drawn("east", drawn, over, AT))
    assert all(polygon in held.masks for polygon in drawn)
    if configured == over:
        assert held.masks == drawn
    else:
        assert all(polygon in held.masks for polygon in configured)
    assert masks_in_force("east", configured, None).masks == configured


def test_words_tell_which_masks_hold() -> None:
    drawn = Drawn("east", [SQUARE], [OTHER], AT)
    assert masks_in_force("east", [OTHER], None).said is None
    assert "drawn at the gateway on 2026-11-22 are in force" in (masks_in_force("east", [OTHER], drawn).said or "")
    assert "both are burnt in" in (masks_in_force("east", [], drawn).said or "")


@given(data=st.data(), masks=POLYGONS)
def test_whatever_bit_flips_the_masks_are_the_same_or_unreadable(
    data: st.DataObject, masks: list[list[tuple[float, float]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = DrawnMasks(tmp_path_factory.mktemp("state"))
    drawn = Drawn("east", masks, [SQUARE], AT)
    store.save(drawn)
    assert store.of("east") == drawn
    path = store.folder / "east.json"
    raw = bytearray(path.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(raw)
    try:
        assert store.of("east") == drawn
    except MasksUnreadable as error:
        assert "no frame is taken" in str(error)


@pytest.mark.parametrize(
    "harm", ["empty", "cut", "folder", "link", "of another camera", "its folder a file", "all gone"]
)
def test_what_cannot_be_read_is_not_taken_for_no_masks(tmp_path: Path, harm: str) -> None:
    state = tmp_path / "state"
    store, path = DrawnMasks(state), state / "masks" / "east.json"
    state.mkdir()
    assert store.of("east") is None
    store.save(Drawn("east", [SQUARE], [], AT))
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:-5])
    elif harm == "empty":
        path.write_bytes(b"")
    elif harm == "of another camera":
        store.save(Drawn("west", [SQUARE], [], AT))
        path.with_name("west.json").replace(path)
    else:
        path.unlink()
        if harm == "folder":
            path.mkdir()
        elif harm == "link":
            path.symlink_to(path)
        elif harm == "its folder a file":
            path.parent.rmdir()
            path.parent.write_bytes(b"")
        else:
            path.parent.rmdir()
            state.rmdir()
    with pytest.raises(MasksUnreadable, match=r"east\.json"):
        store.of("east")


def test_masks_of_a_camera_that_is_gone_are_named(tmp_path: Path) -> None:
    store = DrawnMasks(tmp_path)
    assert store.left_over(["east"]) == []
    store.save(Drawn("east", [SQUARE], [], AT))
    assert store.left_over(["east"]) == []
    assert store.left_over(["roof"]) == ["east"]


def test_a_file_is_replaced_as_a_whole_and_belongs_to_its_folder(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(tmp_path, 12345, 12345)
    path = tmp_path / "installer-pin.json"
    (tmp_path / "installer-pin.json.new").write_bytes(b"of a write that was cut off")
    write_whole(path, b"one")
    write_whole(path, b"two", mode=0o640)
    told = path.stat()
    assert (path.read_bytes(), stat.S_IMODE(told.st_mode)) == (b"two", 0o640)
    assert (told.st_uid, told.st_gid) == (tmp_path.stat().st_uid, tmp_path.stat().st_gid), "the service can read it"
    assert [one.name for one in tmp_path.iterdir()] == ["installer-pin.json"]
