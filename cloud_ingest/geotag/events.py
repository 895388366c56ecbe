"""Which detections are one burning event: the grouping under which what the cameras saw is most likely. Pure.

A group's score is the log density of its pixels if they show one plume (``posterior.locate``), the agreement of the
cameras about when it began, and a price for every event. Groups are improved from where they stand; what already
belongs somewhere moves only for a clear gain, so that nothing jumps on the map without a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from math import exp, inf, log

from cloud_ingest.geotag.open_fire import ground_tiles, open_place
from cloud_ingest.geotag.posterior import Observation, locate, log_same_camera, log_unlocated, possible_roofs
from cloud_ingest.geotag.view import View

GAP_S = 900.0  # a pause longer than this makes a new event of the same fire
_NEW_EVENT = -1.0  # log price of another event
_START_SCALE_S = 90.0  # how differently two cameras mostly notice the same beginning
_MOSTLY = 0.7  # the rest of the time another camera sees only the thick part, any time within the burst
_BURST_S = 2400.0
_FIRES_EVERY_S = 3600.0  # how often another fire begins in a camera's view on a busy evening
_CLEAR_GAIN = 1.5  # log evidence that moves a detection which already belongs to an event
_OTHER_KIND = -1.5  # one camera sees a fire in the open where another sees a chimney: assumed
_HOPELESS = 6.0  # one camera's second origin this much less likely than anywhere in the frame: another chimney
_MAX_KNOWN = 20_000
_MAX_IMPROVED = 24  # more at a time are placed one by one, and stay

Camera = tuple[str, str]  # gateway, camera


@dataclass(frozen=True, slots=True)
class Sighting:
    """One detection as alert building sees it. ``view`` is None while pose or footprints are not known."""

    detection_id: str
    revision: int
    camera: Camera
    origin_px: tuple[float, float]
    sigma_px: tuple[float, float]
    frame_size: tuple[int, int]
    confidence: float
    started_s: float
    last_s: float
    view: View | None = field(compare=False, default=None)
    apart: bool = False  # its clock is in doubt: it is never joined with another gateway's
    pose_version: int = 0
    scale: float = 1.0  # of the pose's pixels, in which ``origin_px`` is, to those of ``frame_size``
    pose_doubt: str = ""  # what is to be said of a camera that moved
    open_fire: float = 0.0  # how surely its camera calls it a fire in the open; below 0: smoke of a chimney

    @property
    def observation(self) -> Observation:
        """For the posterior; only when located."""
        assert self.view is not None
        return Observation(self.view, self.origin_px, self.sigma_px)


Group = frozenset[str]  # detection ids


def representatives(sightings: Iterable[Sighting]) -> list[Sighting]:
    """The best sighting of each camera: two of one camera share its pose's error and count once."""
    best: dict[Camera, Sighting] = {}
    for sighting in sorted(sightings, key=lambda s: (s.started_s, s.detection_id)):
        held = best.get(sighting.camera)
        if held is None or (sighting.view is not None, sighting.confidence) > (held.view is not None, held.confidence):
            best[sighting.camera] = sighting
    return list(best.values())


def is_open_fire(group: Iterable[Sighting]) -> bool:
    """Whether the cameras together call it a fire in the open rather than a chimney's smoke."""
    voting = representatives(sighting for sighting in group if sighting.open_fire)
    return sum(sighting.open_fire for sighting in voting) > 0


class Evidence:
    """How well sightings are explained as one event. Remembers what the geometry of a set of sightings gave."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[str, int], ...], float] = {}

    def forget(self) -> None:
        """To be called when poses or footprints have changed."""
        self._known.clear()

    def __call__(self, group: Sequence[Sighting]) -> float:
        """Log evidence; minus infinity when these cannot be one event."""
        if not _touch_in_time(group) or (len({s.camera[0] for s in group}) > 1 and any(s.apart for s in group)):
            return -inf
        chosen = {sighting.camera: sighting for sighting in representatives(group)}
        total = _NEW_EVENT
        for sighting in group:
            held = chosen[sighting.camera]
            if held is not sighting:
                again = log_same_camera((held.origin_px, held.sigma_px), (sighting.origin_px, sighting.sigma_px))
                if again < log_unlocated(sighting.frame_size) - _HOPELESS:
                    return -inf
                total += again
        starts = sorted(min(s.started_s for s in group if s.camera == camera) for camera in chosen)
        total += sum(log_same_start(start - starts[0]) for start in starts[1:])
        kinds = [sighting.open_fire > 0 for sighting in chosen.values() if sighting.open_fire]
        total += _OTHER_KIND * min(sum(kinds), len(kinds) - sum(kinds))
        return total + self._of_place(list(chosen.values()))

    def _of_place(self, chosen: Sequence[Sighting]) -> float:
        if any(sighting.view is None for sighting in chosen):
            # Nothing but the time would speak for two cameras.
            return -inf if len(chosen) > 1 else log_unlocated(chosen[0].frame_size)
        key = tuple(sorted((sighting.detection_id, sighting.revision) for sighting in chosen))
        if key not in self._known:
            if len(self._known) > _MAX_KNOWN:
                self._known.clear()
            observations = [sighting.observation for sighting in chosen]
            posterior = locate(observations)
            found = open_place(observations, posterior) if is_open_fire(chosen) else posterior
            self._known[key] = found.log_evidence
        return self._known[key]


def log_same_start(difference_s: float) -> float:
    """Log likelihood ratio of two beginnings this far apart: one event against two unrelated ones."""
    prompt = _MOSTLY / (2 * _START_SCALE_S) * exp(-abs(difference_s) / _START_SCALE_S)
    return log(_FIRES_EVERY_S * (prompt + (1 - _MOSTLY) / _BURST_S))


def neighbourhoods(sightings: Sequence[Sighting], held: Mapping[str, str]) -> list[list[Sighting]]:
    """Splits sightings into sets between which nothing can be shared: neither event, nor, near in time, camera or
    possible roof."""
    order = sorted(sightings, key=lambda s: (s.started_s, s.detection_id))
    parent = list(range(len(order)))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    last_with: dict[
        tuple[str, object], tuple[int, float]
    ] = {}  # mark -> a sighting that has it, until when such ones last
    for n, sighting in enumerate(order):
        marks: list[tuple[str, object]] = [("camera", sighting.camera)]
        if sighting.view is not None:
            marks += [("roof", roof) for roof in possible_roofs([sighting.observation]).tolist()]
            if sighting.open_fire > 0:
                marks += [("ground", tile) for tile in ground_tiles(sighting.observation)]
        if sighting.detection_id in held:
            marks.append(("event", held[sighting.detection_id]))
        for mark in marks:
            other, until = last_with.get(mark, (n, -inf))
            if sighting.started_s <= until + GAP_S or mark[0] == "event":
                parent[root(n)] = root(other)
            last_with[mark] = (n, max(until, sighting.last_s, sighting.started_s))
    found: dict[int, list[Sighting]] = {}
    for n, sighting in enumerate(order):
        found.setdefault(root(n), []).append(sighting)
    return list(found.values())


class Grouping:
    """Sightings under keys (alert ids), improved by moves. Deterministic for the same input."""

    def __init__(
        self,
        sightings: Sequence[Sighting],
        held: Mapping[str, str],
        name_group: Callable[[str, set[str]], str],
        score: Callable[[Sequence[Sighting]], float],
        changed: Set[str] = frozenset(),
    ) -> None:
        """``held``: detection id → key, for those that belong somewhere already. ``name_group`` makes the key of a new
        group from its first detection's id and the keys in use. ``changed`` ids move rather than those that stand."""
        self._by_id = {sighting.detection_id: sighting for sighting in sightings}
        self._name_group = name_group
        self._score = score
        self._scores: dict[Group, float] = {frozenset(): 0.0}
        self._changed = changed
        self._held = {i: key for i, key in held.items() if i in self._by_id}
        self.groups: dict[str, Group] = {}
        for detection_id, key in sorted(self._held.items()):
            self.groups[key] = self.groups.get(key, frozenset()) | {detection_id}

    def settle(self) -> dict[str, Group]:
        """Places what is new, then improves. Keys of groups that became empty stay, with an empty group."""
        order = sorted(self._by_id.values(), key=lambda s: (s.started_s, s.detection_id))
        for sighting in order:
            if sighting.detection_id not in self._held:
                self._place(sighting.detection_id)
        if len(order) <= _MAX_IMPROVED:
            for _ in range(20):
                if not (self._merge_once() or self._move_once(order) or self._swap_once(order)):
                    break
        return self.groups

    def _of(self, group: Group) -> float:
        if group not in self._scores:
            self._scores[group] = self._score([self._by_id[i] for i in sorted(group)])
        return self._scores[group]

    def _place(self, one: str) -> None:
        alone = self._of(frozenset({one}))
        best_key, best_gain = None, alone
        for key, group in self.groups.items():
            if group:
                gain = self._of(group | {one}) - self._of(group)
                if gain > best_gain:
                    best_key, best_gain = key, gain
        key = best_key if best_key is not None else self._name_group(one, self._in_use())
        self.groups[key] = self.groups.get(key, frozenset()) | {one}

    def _in_use(self) -> set[str]:
        return {key for key, group in self.groups.items() if group}

    def _margin(self, moved: Iterable[str]) -> float:
        return _CLEAR_GAIN if any(i in self._held for i in moved) else 1e-6

    def _merge_once(self) -> bool:
        keys = [key for key, group in self.groups.items() if group]
        keys.sort(key=lambda key: min((self._by_id[i].started_s, i) for i in self.groups[key]))
        for n, into in enumerate(keys):
            for other in keys[n + 1 :]:
                a, b = self.groups[into], self.groups[other]
                if self._of(a | b) - self._of(a) - self._of(b) > self._margin(b):
                    self.groups[into], self.groups[other] = a | b, frozenset()
                    return True
        return False

    def _move_once(self, order: Sequence[Sighting]) -> bool:
        for sighting in sorted(order, key=lambda s: s.detection_id not in self._changed):
            one = frozenset({sighting.detection_id})
            home = self._key_of(sighting.detection_id)
            left = self.groups[home] - one
            before = self._of(self.groups[home]) - self._of(left)
            options = [(self._of(group | one) - self._of(group), key) for key, group in self.groups.items() if group]
            options = [option for option in options if option[1] != home]
            gain, key = max(options, default=(-inf, ""))
            if left and self._of(one) >= gain:
                gain, key = self._of(one), self._name_group(sighting.detection_id, self._in_use())
            if gain - before > self._margin(one):
                self.groups[home] = left
                self.groups[key] = self.groups.get(key, frozenset()) | one
                return True
        return False

    def _swap_once(self, order: Sequence[Sighting]) -> bool:
        """Exchanges two detections of one camera (only what plays the same part can be mixed up) for the best gain;
        among equals, the exchange that moves fewer of those that already belonged somewhere."""
        best: tuple[float, int, str, str, Group, Group] | None = None
        for n, first in enumerate(order):
            for second in order[n + 1 :]:
                here, there = self._key_of(first.detection_id), self._key_of(second.detection_id)
                if first.camera != second.camera or here == there:
                    continue
                a, b = frozenset({first.detection_id}), frozenset({second.detection_id})
                new_here, new_there = self.groups[here] - a | b, self.groups[there] - b | a
                before = self._of(self.groups[here]) + self._of(self.groups[there])
                gain = self._of(new_here) + self._of(new_there) - before
                if gain > self._margin(a | b):
                    unmoved = -len(((a | b) & self._held.keys()) - self._changed)
                    found = (round(gain, 6), unmoved, here, there, new_here, new_there)
                    best = found if best is None or found[:2] > best[:2] else best
        if best is None:
            return False
        _, _, here, there, new_here, new_there = best
        self.groups[here], self.groups[there] = new_here, new_there
        return True

    def _key_of(self, detection_id: str) -> str:
        return next(key for key, group in self.groups.items() if detection_id in group)


def _touch_in_time(group: Sequence[Sighting]) -> bool:
    spans = sorted((sighting.started_s, max(sighting.last_s, sighting.started_s)) for sighting in group)
    reach = spans[0][1]
    for start, end in spans[1:]:
        if start > reach + GAP_S:
            return False
        reach = max(reach, end)
    return True
