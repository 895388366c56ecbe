"""The worked frames of docs/sensors decode to what stands under them, and every family has its page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from firmware_bridge.models import driver_for, known_models
from firmware_bridge.reading import Reading

_PAGES = sorted((Path(__file__).parents[2] / "docs" / "sensors").glob("*.md"))
_FENCE = re.compile(r"```frame\n(.*?)```", re.S)
_FRAMES = [
    (head, claims)
    for page in _PAGES
    for block in _FENCE.findall(page.read_text(encoding="utf-8"))
    for head, claims in zip(block.splitlines()[::2], block.splitlines()[1::2], strict=True)
]


@pytest.mark.parametrize(("head", "claims"), _FRAMES, ids=[head.split()[0] for head, _ in _FRAMES])
def test_a_worked_frame_gives_what_the_page_says(head: str, claims: str) -> None:
    model, *pieces = head.split()
    item = driver_for(model).parse(bytes.fromhex("".join(pieces)))
    assert isinstance(item, Reading)
    for claim in claims.split(","):
        name, value = claim.split()
        assert item.values[name] == pytest.approx(float(value), abs=0.51 * 10 ** -len(value.partition(".")[2]))


def test_every_family_has_a_page_that_names_its_models() -> None:
    texts = {page.stem: page.read_text(encoding="utf-8") for page in _PAGES}
    assert len(_FRAMES) >= len({driver.family for driver in known_models().values()})
    for model, driver in known_models().items():
        assert model.removesuffix("x003").removesuffix("01x").removesuffix("0xx") in texts[driver.family], model
