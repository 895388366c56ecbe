"""The demo's own scenes through the same chain: what ``make demo`` plays live is one of them, judged the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from lab.figures import Figure
from lab.judgement import judge
from lab.scoreboard.bounds import as_figure, share
from lab.scoreboard.cloud import AlertSeen, Cloud
from lab.scoreboard.play import play
from lab.scoreboard.sampling import LEAD_S, Window
from lab.scoreboard.scene import FRAME_SIZE, Scene
from simulator.happenings import Happening
from simulator.night import Scene as SceneName
from simulator.render import Frames, render_window
from simulator.stage import Stage, set_stage
from smokesentry.clock import to_wire
from smokesentry.weather import Weather

#: Scenes of ``make demo`` (``--scene``, ``--seed``); the first is the demo as it is played by itself.
DEMOS: tuple[tuple[SceneName, int], ...] = (
    ("burn", 4), ("burn", 1), ("steam", 1), ("quiet", 1), ("burn", 2), ("steam", 2), ("burn", 3),
)  # fmt: skip
_BEGINS = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)  # 20:00 on some evening of the heating season
_LIT_S, _ENDS_S = 40.0, 160.0  # seconds of the scene; the sensors' bytes begin before it


@dataclass(frozen=True, slots=True)
class DemoPlayed:
    """Whether the cloud's alerts and the truth agreed, as ``make demo --once`` would have said."""

    scene: str
    seed: int
    match: bool


class DemoScene(Scene):
    """A stage of the demo in the form in which windows are played."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.street, "lamps", _BEGINS)
        self.stage = stage

    @property
    def happenings(self) -> tuple[Happening, ...]:
        """The stove, if there is one; the boiler is told apart by its plume."""
        night = self.stage.night
        if night.burner is None or night.stove is None:
            return ()
        end, chimney = _LIT_S + night.stove.lasts_s, night.burner.chimney
        stove = Happening(
            "stove", _LIT_S, end, night.stove.peak_opacity, night.burner.rooftop, chimney.mouth,
            width_m=chimney.flue_m, fuel="raw_coal",
        )  # fmt: skip
        return (stove,)

    def weather(self, t_s: float) -> Weather:
        """Does not change."""
        return self.stage.night.weather

    def frames(self, gateway: str, from_s: float, seconds: float, fps: float) -> Frames:
        """As the demo's cameras see it."""
        return render_window(self.stage, gateway, from_s, seconds, fps, FRAME_SIZE)

    def bytes_of(self, gateway: str, from_s: float, to_s: float) -> dict[str, tuple[str, list[bytes]]]:
        """In the demo's own air."""
        weather, sent = self.weather(from_s), {}
        for (owner, sensor), unit in self.stage.units.items():
            if owner != gateway:
                continue
            frames = []
            for t in np.arange(from_s, to_s, 1.0):
                true = self.stage.air.pm25_ug_m3(unit.place, float(t))
                frames.append(unit.sense(true, weather.temp_c or 0.0, weather.rh_percent or 50.0, 1.0))
            sent[sensor] = unit.model, frames
        return sent


def play_demo(name: SceneName, seed: int, cloud: Cloud, fps: float) -> DemoPlayed:
    """Plays one scene of the demo in the scoreboard's way."""
    stage = set_stage(name, seed)
    stage.night.lit_at = _LIT_S if stage.night.burner is not None else None
    scene = DemoScene(stage)
    targets = scene.happenings[:1]
    town = f"demo-{name}-{seed}"
    play(Window(-1, 0.0, _ENDS_S, LEAD_S, "demo", 1.0, targets), scene, cloud, town, fps)
    burned = [{"rooftop": target.rooftop, "from": to_wire(_BEGINS), "to": None} for target in targets]
    return DemoPlayed(name, seed, bool(judge([_shown(alert) for alert in cloud.alerts(town)], burned)["match"]))


def demo_figures(played: Sequence[DemoPlayed]) -> list[Figure]:
    """A row a kind of scene."""
    figures = []
    for name in ("burn", "steam", "quiet"):
        matches = [one.match for one in played if one.scene == name]
        row = f"demo's scenes: {name}, alerts and truth agree"
        figures.append(as_figure(row, share(sum(matches), len(matches)), "", 1.0))
    return figures


def _shown(alert: AlertSeen) -> dict[str, object]:
    """An alert as the console's interface gives it, as far as the demo's judgement reads it."""
    candidates = [{"rooftop": roof, "probability": probability} for roof, probability in alert.candidates]
    return {"candidates": candidates, "first_at": alert.raised_at}
