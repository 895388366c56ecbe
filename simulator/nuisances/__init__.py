"""What else a night does to a camera's picture, on order or as the night's schedule has it.

Each is a function of time and of its seed; parameters are wide. Plumes that are not smoke are outlets, not nuisances.
"""

from __future__ import annotations

from collections.abc import Mapping

from simulator.happenings import Happening
from simulator.nuisances.air import Fog, FogBanks, LowCloud, Moonrise
from simulator.nuisances.base import Nuisance, Spell, Trouble
from simulator.nuisances.creatures import Bats, Insects, Web
from simulator.nuisances.falling import Rain, Snow
from simulator.nuisances.flames import Flames, flames_of
from simulator.nuisances.glass import Frost, LensDirt, LensDrops
from simulator.nuisances.habits import IlluminatorGlare, InfraredSwitch, MainsFlicker, Pumping
from simulator.nuisances.lights import (
    Aircraft,
    FailingLamps,
    Fireworks,
    LightSwitch,
    Television,
    Torches,
    Windows,
)
from simulator.nuisances.mast import Bump, Drift, Gusts, Vibration
from simulator.nuisances.swaying import Flags, Laundry, Trees
from simulator.still import Still

__all__ = ["NUISANCES", "Nuisance", "Spell", "Trouble", "make_nuisance", "trouble_of"]

NUISANCES: Mapping[str, type[Nuisance]] = {
    "fog": Fog, "fog-banks": FogBanks, "low-cloud": LowCloud, "moonrise": Moonrise,
    "rain": Rain, "snow": Snow,
    "insects": Insects, "web": Web, "bats": Bats,
    "frost": Frost, "lens-dirt": LensDirt, "lens-drops": LensDrops,
    "infrared-switch": InfraredSwitch, "exposure-pumping": Pumping, "mains-flicker": MainsFlicker,
    "illuminator-glare": IlluminatorGlare,
    "windows": Windows, "television": Television, "failing-lamps": FailingLamps, "light-switch": LightSwitch,
    "flames": Flames,
    "torches": Torches, "aircraft": Aircraft, "fireworks": Fireworks,
    "gusts": Gusts, "vibration": Vibration, "bump": Bump, "drift": Drift,
    "trees": Trees, "flags": Flags, "laundry": Laundry,
}  # fmt: skip
_SWAYING: Mapping[str, type[Nuisance]] = {"flag": Flags, "laundry": Laundry, "tarpaulin": Laundry}


def make_nuisance(name: str, still: Still, seed: int) -> Nuisance:
    """The nuisance of that name, out of :data:`NUISANCES`, for one camera."""
    return NUISANCES[name](still, seed)


def trouble_of(event: Happening, still: Still) -> Spell | None:
    """How a happening troubles a camera's picture while it lasts; None where it does not."""
    if event.kind == "swaying":
        kind: type[Nuisance] | None = _SWAYING.get(event.detail, Trees)
    else:
        kind = Flames if flames_of(event) else NUISANCES.get(event.kind.replace("_", "-"))
    return None if kind is None else Spell(kind(still, event.seed, event), event.t0_s, event.t1_s)
