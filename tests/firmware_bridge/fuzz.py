"""Coverage-guided fuzzing of one driver and the frame hunter, by hand: needs `atheris`, which no test needs.

    python tests/firmware_bridge/fuzz.py PMS5003 -max_total_time=60 CORPUS_FOLDER

Fails on any exception, on output that depends on how the bytes were split, and on bytes that are not accounted for.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))
with atheris.instrument_imports(include=["firmware_bridge"]):
    from firmware_bridge.emulator import plausible_values
    from firmware_bridge.models import driver_for
    from firmware_bridge.stream import FrameHunter


def main() -> None:
    """Fuzzes the model named first on the command line; what follows goes to libFuzzer."""
    driver = driver_for(sys.argv.pop(1))
    corpus = Path(sys.argv[-1])
    if corpus.is_dir():
        (corpus / "seed").write_bytes(b"\x07" + driver.encode(plausible_values(0)) * 2)

    def try_one(data: bytes) -> None:
        cut, stream = data[0] if data else 0, data[1:]
        whole, pieces = FrameHunter(driver), FrameHunter(driver)
        found = whole.feed(stream)
        waiting = len(stream) - whole.counts.skipped_bytes
        assert waiting >= 0
        found += whole.finish()
        split = pieces.feed(stream[:cut]) + pieces.feed(stream[cut:]) + pieces.finish()
        assert split == found
        assert pieces.counts == whole.counts
        in_frames = len(stream) - whole.counts.skipped_bytes
        assert 2 * whole.counts.frames <= in_frames + 1 <= driver.longest * max(whole.counts.frames, 1) + 1
        assert (in_frames > 0) == (whole.counts.frames > 0)
        assert len(found) == whole.counts.frames

    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
