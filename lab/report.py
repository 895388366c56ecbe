"""Writing what was measured where people read it: the table in the manual and the model card."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

from lab.evaluate import load_rows
from lab.tables import markdown

_CARD = """# Model card: {name}

Made by `smokesentry lab card` from the manifest beside it and a judged table; do not edit by hand.

- **What it is.** A dilated, fully convolutional network of {parameters} parameters over {maps} causal statistics of
  each pixel (`detector/maps.py`). For each 16×16 pixels of a 1280×720 frame it answers how likely the mouth of a
  visible smoke plume is there, smoke, and steam. It sees no picture, only how the picture changes.
- **What it is for.** Finding chimney smoke in a fixed camera's picture at night, one to four frames a second, as a
  lead for a patrol. It is not a proof and not a fire alarm. It cannot tell coal from wood.
- **Trained on** drawn nights alone (`lab/scenes`, seeds below 1,000,000): no photograph, no footage. Licence of the
  weights: Apache-2.0.
- **How.** {how}
- **Alarm.** An event opens at a score of {threshold:.2f} (mean origin heat over 16 s).
- **Digest of the weights.** `sha256:{digest}`

## Judged on nights that training never saw

Simulated: drawn by the same generator from other seeds, so these figures flatter. Composited: real night pictures as
the still background, every second plume filmed smoke, the look-alikes still drawn. **No real footage of chimney smoke
at night exists in public, so no figure here is one.** Read it with "What falls short" in `docs/detector.md`.

{table}
## Limits

Smoke that hides in the noise of an unlit sky is not found, and nothing says so but the picture itself. Steam and smoke
look alike below -5 °C or above 70 % humidity, and the detector says `unresolved` there. Look-alikes that nobody drew
are unknown to it.
"""


def replace_between(page: Path, mark: str, table: str) -> None:
    """Replaces what stands between the lines ``<!-- MARK: begin -->`` and ``<!-- MARK: end -->`` of a page; raises
    ``ValueError`` when it has none."""
    text, begin, end = page.read_text(encoding="utf-8"), f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    if begin not in text or end not in text:
        raise ValueError(f"{page}: has no lines {begin!r} and {end!r} to write between")
    head, rest = text.split(begin, 1)
    tail = rest.split(end, 1)[1]
    page.write_text(f"{head}{begin}\n{table}{end}{tail}", encoding="utf-8")


def replace_below(page: Path, mark: str, text: str) -> None:
    """Replaces what follows the line ``mark`` of a page; raises ``ValueError`` when it has none."""
    head, found, _ = page.read_text(encoding="utf-8").partition(mark)
    if not found:
        raise ValueError(f"{page}: has no line {mark!r} to write below")
    page.write_text(f"{head}{mark}\n\n{text}", encoding="utf-8")


def write_card(rows: Path) -> Path:
    """The model card beside the weights, from the manifest and the rows that ``evaluate --json`` wrote."""
    folder = Path(str(resources.files("detector") / "weights"))
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    note = manifest["training"]
    how = "; ".join(f"{key}: {' and '.join(map(str, note[key]))}" for key in ("seeds", "rounds"))
    text = _CARD.format(
        name=manifest["name"],
        parameters=f"{manifest['parameters']:,}",
        maps=manifest["contract"].split(";")[0].count(",") + 1,
        how=f"{how}.",
        threshold=manifest["calibration"]["alarm_threshold"],
        digest=manifest["weights_sha256"],
        table=markdown(load_rows(rows)),
    )
    path = folder / "MODEL_CARD.md"
    path.write_text(text, encoding="utf-8")
    return path
