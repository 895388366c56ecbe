from __future__ import annotations

from typing import get_args

import pytest

from simulator.happenings import KINDS, Happening, Kind, between


def test_every_kind_has_its_facts_and_every_visible_row_a_kind() -> None:
    assert set(KINDS) == set(get_args(Kind))
    assert {facts.row for facts in KINDS.values()} >= set(range(27)) - {7, 8}  # 7 and 8 are stoves by fuel


def test_a_window_holds_what_touches_it_in_order() -> None:
    early, late = Happening("stove", 10, 20, 0.3), Happening("boiler", 15, 40, 30.0)
    assert between([late, early], 19, 30) == [early, late]
    assert between([late, early], 20, 30) == [late]
    assert between([late, early], 0, 50, "stove") == [early]
    assert between([late, early], 40, 50) == []
    assert early.at(10)
    assert not early.at(20)


@pytest.mark.parametrize("words", [("stove", 5, 5, 0.1), ("stove", 0, 5, -1), ("stove", 0, 5, float("nan"))])
def test_nonsense_is_refused(words: tuple[Kind, float, float, float]) -> None:
    with pytest.raises(ValueError, match="stove"):
        Happening(*words)
    with pytest.raises(ValueError, match="there are"):
        Happening("volcano", 0, 1, 1)  # type: ignore[arg-type]
