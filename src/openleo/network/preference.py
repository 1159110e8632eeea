"""Named preferences: what the scheduler likes in a satellite.

A preference is a weight for each of a few features of a (cell, satellite) pair at the middle of the slot, and
a scale for Gumbel noise, so that a choice is a conditional logit.  All but load and stay depend on geometry
alone.  `observed` is shaped by experiments/fit_observed.py and fitted over the engine's own candidates by
experiments/score_observed.py; see docs/observed-scheduler.md.
"""

from typing import NamedTuple

from openleo.base.errors import BadInput, did_you_mean


class Preference(NamedTuple):
    """Weights of the features, in utility units per feature unit.

    footprint: ground area of a beam, (range / height)^2 / sin(elevation), 1 at the zenith.  poleward: the
    component of the unit line of sight toward the nearer pole, faded out below 10 degrees of latitude.
    elevation: sine of the elevation.  visibility: minutes until it falls below the minimum elevation.
    latency: milliseconds to the home PoP, one way.  second_generation: 1 for a "v2 mini" satellite.  load:
    share of the satellite's beam time taken so far in this slot.  stay: 1 for the satellite that serves the
    cell now.  noise: scale of the Gumbel noise.
    """

    footprint: float = 0.0
    poleward: float = 0.0
    elevation: float = 0.0
    visibility: float = 0.0
    latency: float = 0.0
    second_generation: float = 0.0
    load: float = 0.0
    stay: float = 0.0
    noise: float = 0.0


_DECISIVE = 1000.0  # one unit of a decisive feature outweighs anything else

PREFERENCES: dict[str, Preference] = {
    "highest-elevation": Preference(elevation=_DECISIVE),
    "longest-visibility": Preference(visibility=1.0, stay=_DECISIVE),
    "least-loaded": Preference(load=-_DECISIVE, elevation=1.0),
    "lowest-latency": Preference(latency=-_DECISIVE),
    "stay": Preference(stay=_DECISIVE, elevation=1.0),
    "observed": Preference(footprint=-0.736, poleward=1.316, second_generation=1.644, stay=1.281, noise=1.0),
}


def preference(name: str) -> Preference:
    """Return the preference of that name; an unknown name raises BadInput with the nearest ones."""
    try:
        return PREFERENCES[name]
    except KeyError:
        raise BadInput(f"no preference is called {name!r}", did_you_mean(name, PREFERENCES)) from None
