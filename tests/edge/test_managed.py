"""Orders from afar: whatever dies, what is in force is the last confirmed or what is on trial, never a mixture."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.downlink import Refused
from edge.in_force import settings_in_force, trouble_of, working
from edge.managed import MOST_STARTS, Item, Managed, NotAdmitted, admit, new_words, observe, start
from edge.managed_store import ManagedStore
from edge.orders import Orders
from smokesentry.messages.control import Command

_PERIOD_S = 100.0
_LOCAL = """
[gateway]
name = "gw-1"
tenant = "town"
folder = "state"
telemetry_interval_s = {interval}
[identity]
key = "gw-1.key"
certificate = "gw-1.crt"
[uplink]
host = "127.0.0.1"
plaintext = true
cloud_certificate = "cloud.crt"
[[cameras]]
name = "east"
kind = "snapshot"
source = "http://127.0.0.1:1/x.jpg"
"""


class _Dies(Exception):
    """The power goes in the middle."""


class Roof:
    """A gateway's disk and the process that comes and goes over it."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "gateway.toml"
        self.config.write_text(_LOCAL.format(interval=3600))
        self.restarts = 0
        self.clips: list[str] = []
        self.boot()

    def boot(self) -> None:
        self.in_force = settings_in_force(self.config)
        self.orders = Orders(
            store=self.in_force.store, config=self.config, settings=self.in_force.local,
            restart=self._restart, working_cameras=lambda: ["east"], request_clip=self.clips.append,
        )  # fmt: skip

    def _restart(self) -> None:
        self.restarts += 1

    @property
    def interval(self) -> float:
        return self.in_force.settings.gateway.telemetry_interval_s

    def order(self, version: int, text: str | None = None) -> str:
        text = _LOCAL.format(interval=version) if text is None else text
        return self.orders.configure(command("configure", version=version, text=text, period_s=_PERIOD_S))


def command(kind: str, **args: Any) -> Command:
    return Command(
        command_id=uuid4().hex, gateway="gw-1", counter=1, issued_at="2026-01-01T00:00:00.000Z",
        expires_at="2026-01-02T00:00:00.000Z", kind=kind, args=args,
    )  # fmt: skip


@pytest.fixture
def roof(tmp_path: Path) -> Roof:
    return Roof(tmp_path)


def test_a_good_configuration_is_tried_confirmed_and_said(roof: Roof) -> None:
    assert "is on trial" in roof.order(7)
    assert (roof.interval, roof.restarts) == (3600, 1), "nothing changes under a running process"
    roof.boot()
    assert roof.interval == 7
    assert not roof.in_force.watch(None, _PERIOD_S / 4)
    assert roof.in_force.state.confirmed["configuration"].version == 7
    assert roof.in_force.state.words == ["configuration 7 is in force"]
    roof.boot()
    assert roof.interval == 7


def test_a_configuration_under_which_the_gateway_is_not_well_is_taken_back(roof: Roof) -> None:
    roof.order(7)
    roof.boot()
    anew = [roof.in_force.watch("camera east gives no frame, which it did before", 10.0) for _ in range(10)]
    assert anew == [False] * 9 + [True]
    roof.boot()
    assert roof.interval == 3600
    assert "taken back: camera east gives no frame" in roof.in_force.state.words[-1]
    with pytest.raises(Refused, match="not newer than 7"):
        roof.order(7)


def test_a_process_that_keeps_dying_takes_the_trial_back_by_itself(roof: Roof) -> None:
    roof.order(7)
    seen = []
    for _ in range(MOST_STARTS + 2):
        roof.boot()
        seen.append(roof.interval)
    assert seen == [7.0] * MOST_STARTS + [3600.0] * 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace('name = "gw-1"', 'name = "gw-2"'), "changes gateway.name"),
        (lambda text: text.replace("127.0.0.1", "10.0.0.1", 1), "changes uplink"),
        (lambda text: text.replace("gw-1.key", "other.key"), "changes identity"),
        (lambda text: text + "nonsense = 1\n", "no such key"),
        (lambda text: "[[", "not valid TOML"),
    ],
)
def test_what_would_cut_the_gateway_off_or_is_no_configuration_is_refused(
    roof: Roof, change: Callable[[str], str], words: str
) -> None:
    with pytest.raises(Refused, match=words):
        roof.order(7, change(_LOCAL.format(interval=5)))
    assert (roof.restarts, roof.in_force.store.load()) == (0, Managed())


def test_a_second_order_waits_for_the_end_of_the_first_trial(roof: Roof) -> None:
    roof.order(7)
    with pytest.raises(Refused, match="still on trial"):
        roof.order(8)


def test_masks_are_a_new_version_of_the_configuration(roof: Roof) -> None:
    square = [[[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]]]
    roof.orders.masks(command("masks", version=3, camera="east", masks=square))
    roof.boot()
    assert roof.in_force.settings.cameras[0].masks == [[(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)]]
    with pytest.raises(Refused, match="no camera 'west'"):
        roof.orders.masks(command("masks", version=4, camera="west", masks=square))


def test_a_model_is_loaded_before_it_is_tried_and_used_after(roof: Roof) -> None:
    from importlib import resources

    weights = resources.files("detector") / "weights"
    manifest = (weights / "manifest.json").read_text()
    name = manifest.partition('"file": "')[2].partition('"')[0]
    import base64

    whole = base64.b64encode((weights / name).read_bytes()).decode()
    with pytest.raises(Refused, match="does not load"):
        roof.orders.model(command("model", version=1, manifest=manifest, weights=whole[:40000]))
    with pytest.raises(Refused, match="file is"):
        bad = manifest.replace(name, "../x.tflite")
        roof.orders.model(command("model", version=1, manifest=bad, weights=whole))
    assert roof.in_force.store.load() == Managed()
    roof.orders.model(command("model", version=1, manifest=manifest, weights=whole))
    roof.boot()
    assert roof.in_force.model_folder is not None
    from detector.model import Model

    assert Model(roof.in_force.model_folder).digest == Model().digest


def test_a_file_changed_by_hand_counts_more_than_an_order_before_it(roof: Roof) -> None:
    roof.order(7)
    roof.boot()
    roof.in_force.watch(None, _PERIOD_S)
    roof.config.write_text(_LOCAL.format(interval=99))
    roof.boot()
    assert roof.interval == 99
    assert "changed by hand" in roof.in_force.state.words[-1]


def test_a_damaged_content_or_state_falls_back_to_what_was_before(roof: Roof) -> None:
    roof.order(7)
    roof.boot()
    roof.in_force.watch(None, _PERIOD_S)
    store = roof.in_force.store
    store.path(roof.in_force.state.confirmed["configuration"].sha256, "toml").write_text("rotten")
    roof.boot()
    assert roof.interval == 3600
    (store.folder / "state.json").write_text("{")
    roof.boot()
    assert roof.interval == 3600
    assert "cannot be used" in str(roof.in_force.store.problem)


def test_a_clip_is_asked_for(roof: Roof) -> None:
    assert "asked for" in roof.orders.clip(command("clip", evidence_id="a" * 32))
    assert roof.clips == ["a" * 32]
    with pytest.raises(Refused, match="evidence_id"):
        roof.orders.clip(command("clip", evidence_id="../../etc/passwd"))


def test_a_camera_whose_frame_has_just_come_works() -> None:
    assert working([("a", 0.0), ("b", None), ("c", 30.1), ("d", 29.0)]) == ["a", "d"]


def test_what_is_well() -> None:
    assert trouble_of([("a", 1.0), ("b", None)], ["a"], [], 0) is None
    assert "camera b" in str(trouble_of([("a", 1.0), ("b", None)], ["a", "b"], [], 0))
    assert "camera a" in str(trouble_of([("a", 31.0)], ["a"], [], 0))
    assert trouble_of([], [], ["capture a"], 0) == "capture a stands still"
    assert trouble_of([], [], [], 1) == "a loop has failed"


class Lives(RuleBasedStateMachine):
    """Orders, deaths in the middle of writing, restarts, good and bad times, in any order."""

    @initialize()
    def begin(self) -> None:
        import tempfile

        self.folder = Path(tempfile.mkdtemp())
        self.roof = Roof(self.folder)
        self.confirmed, self.trial, self.starts, self.well, self.ran = 3600, 0, 0, 0.0, 0.0
        self.highest = 0

    @precondition(lambda self: not self.trial)
    @rule(version=st.integers(1, 40), dies=st.sampled_from([None, "content", "state", "after"]))
    def an_order_comes(self, version: int, dies: str | None) -> None:
        store = self.roof.in_force.store
        put, save = store.put, store.save

        def broken(*_: Any) -> str:
            raise _Dies

        if dies == "content":
            store.put = broken  # type: ignore[method-assign]
        if dies == "state":
            store.save = broken  # type: ignore[method-assign, assignment]
        try:
            self.roof.order(version)
            assert version > self.highest
            self.trial, self.starts, self.well, self.ran = version, 0, 0.0, 0.0
        except Refused:
            assert version <= self.highest
        except _Dies:
            assert version > self.highest
        finally:
            store.put, store.save = put, save  # type: ignore[method-assign]
        self.restart()

    @rule()
    def restart(self) -> None:
        self.roof.boot()
        if self.trial:
            self.starts += 1
            self.well = self.ran = 0.0
            if self.starts > MOST_STARTS:
                self.give_up()

    @rule(well=st.booleans(), seconds=st.floats(1, 40))
    def time_passes(self, well: bool, seconds: float) -> None:
        anew = self.roof.in_force.watch(None if well else "not well", seconds)
        if not self.trial:
            assert not anew
            return
        self.ran, self.well = self.ran + seconds, self.well + seconds if well else 0.0
        if self.well >= _PERIOD_S / 4:
            self.confirmed, self.highest, self.trial = self.trial, self.trial, 0
            assert not anew
        elif self.ran >= _PERIOD_S:
            self.give_up()
            assert anew
            self.restart()

    def give_up(self) -> None:
        self.highest, self.trial = max(self.highest, self.trial), 0

    @invariant()
    def what_runs_is_the_last_confirmed_or_the_trial(self) -> None:
        if hasattr(self, "roof"):
            assert self.roof.interval == (self.trial or self.confirmed)
            files = list(self.roof.in_force.store.folder.glob("*.toml")) if self.highest else []
            assert len(files) <= 3, "what nothing names any more is removed"

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)


TestLives = Lives.TestCase
TestLives.settings = hypothesis_settings(max_examples=15, stateful_step_count=25, deadline=None)


def test_the_state_itself_refuses_what_is_old() -> None:
    state = observe(start(admit(Managed(), "model", Item(5, "0" * 64), 100, [])), None, 50)
    assert state.confirmed["model"].version == 5
    with pytest.raises(NotAdmitted):
        admit(state, "model", Item(5, "1" * 64), 100, [])
    admit(state, "configuration", Item(1, "1" * 64), 100, [])


def test_the_store_keeps_only_what_is_named(tmp_path: Path) -> None:
    store = ManagedStore(tmp_path)
    first, second = store.put(("toml", b"a")), store.put(("toml", b"b"))
    store.save(Managed(confirmed={"configuration": Item(1, second)}))
    assert not store.path(first, "toml").exists()
    assert store.read(second, "toml") == b"b"


@given(said=st.lists(st.sampled_from(["taken back", "in force", "forgotten"]), max_size=40), most=st.integers(1, 8))
def test_each_word_is_told_once_though_only_the_last_are_kept(said: list[str], most: int) -> None:
    kept, told = [f"before {k}" for k in range(most)], 0
    for number, one in enumerate(said):
        now = [*kept, f"{one} {number}"][-most:]
        assert new_words(kept, now) == [f"{one} {number}"]
        kept, told = now, told + 1
    assert told == len(said)
    assert new_words(kept, kept) == []
    assert new_words([], ["a", "b"]) == ["a", "b"]
