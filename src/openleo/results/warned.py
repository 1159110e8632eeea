"""What a run's scenario warns of: said before the first slot, and kept in the manifest."""

import re

from openleo.base.clock import to_datetime64
from openleo.scenario.faults import fault_name
from openleo.scenario.world import World

_IDLE = re.compile(r"fault (.+) acts in no slot of the run")


def warnings_of(world: World) -> list[dict[str, str]]:
    """Return detail and hint of each warning: of the element sets, then of the scenario.

    Faults that are wholly before or after the run make one line together.
    """
    outside = _faults_outside(world)
    found, named = [], []
    for detail, hint in dict.fromkeys((*world.constellation.warnings, *world.warnings)):
        idle = _IDLE.fullmatch(detail)
        if idle is not None and idle[1] in outside:
            named.append(idle[1])
        else:
            found.append({"detail": detail, "hint": hint})
    if named:
        what = f"{len(named)} faults lie" if len(named) > 1 else "1 fault lies"
        found.append(
            {
                "detail": f"{what} outside the run's span and do nothing in it: {', '.join(named)}".replace(
                    "lies outside the run's span and do ", "lies outside the run's span and does "
                ),
                "hint": "nothing to do where --start, --end or --for cut the run; else see from and until",
            }
        )
    return found


def _faults_outside(world: World) -> set[str]:
    """Return the names of the faults that end before the run begins or begin after it ends."""
    scenario = world.scenario
    begin, end = to_datetime64(scenario.start), to_datetime64(scenario.end)
    found = set()
    for n, block in enumerate(scenario.faults):
        late = block.from_ is not None and to_datetime64(block.from_) >= end
        early = block.until is not None and to_datetime64(block.until) <= begin
        if late or early:
            found.add(fault_name(block, n))
    return found
