"""Cases of dark terminals whose cause is known, made from what dishes are documented to show in each state.

Nothing here looks at the tables of openleo.fleet.why.  Each case is a small fleet: the terminal, neighbours
in its cell, near by and far away, of several accounts and sites, seen through a dish's own interface or the
vendor's telemetry, with clocks that differ, fields that lack and samples that are lost.

Facts used: `outage` is absent while connected; disablement codes and alerts are
those of the interface and the vendor's stream; history and telemetry are means over 15 s; a terminal without
a link sends no vendor telemetry, one that is refused service still reports its alerts; an agent whose only
way out is the dish falls silent with it; after a power cut the count of starts is higher and the uptime
small; jamming takes satellite navigation from several at once; rain takes signal quality before pings; a
dish heats against snow.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from made_fleets import NOW_NS, STEP_S, S, World, made_world, seen
from made_troubles import MAKERS

from openleo.fleet.sample import Sample
from openleo.fleet.why import Case, Why
from openleo.fleet.why.survey import survey_of


@dataclass(frozen=True)
class MadeCase:
    """A case and its true cause; UNKNOWN where what is left of the evidence does not tell."""

    truth: Why
    case: Case
    source: str
    hidden: Why = Why.UNKNOWN  # what it was, also where nothing tells


def made(seed: int, each: int) -> Iterator[MadeCase]:
    """Yield ``each`` cases of every cause, and as many of too little evidence, some of them once a cause."""
    untold: list[MadeCase] = []
    for why, make in MAKERS.items():
        found = n = 0
        while found < each:
            case = one_case(random.Random(f"{seed} {why} {n}"), why, make)
            n += 1
            if case.truth is why:
                found += 1
                yield case
            else:
                untold.append(case)
    yield from untold[: 2 * each]


def tells(why: Why, case: Case, onset_ns: float) -> bool:
    """Tell whether anything that was seen could tell the cause: a rule of this page, not of what is tested.

    Its own word in the trouble can, or that it was asked and gave no answer, or that two sources differ.  Of
    a terminal that just fell silent only what is around it can, and only for causes that show there.
    """
    if any(s.time_ns > onset_ns for s in case.samples):
        return True
    around = case.around
    if why is Why.ACCOUNT:
        return bool(case.decisions) or (around.account.known >= 2 and around.account.part > 0.9)
    seen_there = around.site.known + around.cell.known + around.near.known
    if seen_there < 2:
        return False
    if why is Why.UNPOWERED:
        return around.near.with_it == 0
    if why is Why.NETWORK:
        return around.near.with_it >= 2 and around.near.part > 0.6 and around.wide.with_it >= 2
    return why is Why.AREA and bool(case.decisions)


def one_case(rng: random.Random, why: Why, make: Callable[[World], None]) -> MadeCase:
    """Return a case of a cause."""
    world = made_world(rng)
    if why is Why.UNKNOWN:
        world.onset_ns = NOW_NS - rng.randrange(500, 3600) * S
    make(world)
    since = world.onset_ns - 1_800 * S
    samples: dict[str, list[Sample]] = {}
    for _, terminal in [("", world.main), *world.others]:
        step = STEP_S if terminal is world.main else 60
        samples[terminal.subject.terminal] = seen(terminal, rng, since, step)
    if world.main.traits.get("few"):
        name = world.main.subject.terminal
        samples[name] = samples[name][-3:]
    subjects = {t.subject.terminal: t.subject for _, t in [("", world.main), *world.others]}
    fleet = survey_of(samples, subjects, NOW_NS, decisions=world.decisions)
    name = world.main.subject.terminal
    case = replace(
        fleet.case(name),
        samples=samples[name],
        expected=world.expected,
        rain_mm_h=world.rain_mm_h,
        facts=world.facts,
    )
    truth = (
        why
        if why is Why.UNKNOWN or tells(why, case, world.onset_ns + (abs(world.main.offset_s) + 2) * S)
        else Why.UNKNOWN
    )
    hidden = world.main.trouble.why if world.main.trouble is not None else Why.UNKNOWN
    return MadeCase(truth, case, "+".join(world.main.sources) or "none", hidden)
