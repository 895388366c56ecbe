"""Which numbers of a lane are held: a contiguous mark and closed ranges above it (WIRE, "Acknowledgement"). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_RANGES = 1000  # as many as an Ack may carry

Range = tuple[int, int]


class TooManyGaps(ValueError):
    """More separate ranges than an acknowledgement can say; the sender leaves holes where none should be."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Every number up to ``contiguous`` and in ``ranges`` is held. What lies between is a gap."""

    contiguous: int = 0
    ranges: tuple[Range, ...] = ()

    def holds(self, seq: int) -> bool:
        """Whether this number came before."""
        return seq <= self.contiguous or any(first <= seq <= last for first, last in self.ranges)

    def folded(self, more: Iterable[Range]) -> Progress:
        """With further closed ranges held. Raises :class:`TooManyGaps`."""
        mark = self.contiguous
        merged: list[Range] = []
        for first, last in sorted([*self.ranges, *more]):
            if first <= mark + 1:
                mark = max(mark, last)
            elif merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        if len(merged) > MAX_RANGES:
            raise TooManyGaps(f"{len(merged)} separate ranges above {mark}; at most {MAX_RANGES} can be acknowledged")
        return Progress(mark, tuple(merged))

    @property
    def gaps(self) -> tuple[Range, ...]:
        """Closed ranges that never came, below the highest number that did."""
        edges = [self.contiguous, *(edge for pair in self.ranges for edge in pair)]
        return tuple((edges[i] + 1, edges[i + 1] - 1) for i in range(0, len(edges) - 1, 2))


def runs(seqs: Sequence[int]) -> list[Range]:
    """Ascending numbers as closed ranges."""
    found: list[Range] = []
    for seq in seqs:
        if found and seq == found[-1][1] + 1:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return found
