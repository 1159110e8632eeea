"""What must fit together inside a scenario: times, names that refer to each other, and choices."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from openleo.base.errors import BadInput, did_you_mean
from openleo.ground.countries import OTHER_CODES, country_hint
from openleo.scenario.assumptions import set_at
from openleo.scenario.blocks import AreaBlock, FaultBlock, TerminalsBlock, WithdrawalBlock
from openleo.scenario.fields import Spell, utc_text
from openleo.scenario.policy_checks import policy_problems
from openleo.scenario.problems import Path, Problem, problem

if TYPE_CHECKING:
    from openleo.scenario.model import Scenario

LONGEST = timedelta(days=366)
_SPELLS = ("switches", "accounts", "lists", "limits", "withdrawals", "faults")
_NAMED = ("terminals", "background", "switches", "plans", "lists", "limits", "withdrawals", "faults")


def check(scenario: "Scenario") -> list[Problem]:
    """Return everything that does not fit together inside a scenario."""
    return [
        *_times(scenario),
        *_names(scenario),
        *_areas(scenario),
        *_terminals(scenario),
        *_references(scenario),
        *policy_problems(scenario),
        *_faults(scenario),
        *_assumptions(scenario),
    ]


def _times(scenario: "Scenario") -> Iterable[Problem]:
    if scenario.end <= scenario.start:
        yield _not_after(("end",), scenario.end, "start", scenario.start)
    elif scenario.end - scenario.start > LONGEST:
        days = (scenario.end - scenario.start) / timedelta(days=1)
        yield problem(
            ("end",), f"makes the run {days:.0f} days long", "a run may be at most 366 days", scenario.end
        )
    for key in _SPELLS:
        spells: tuple[Spell, ...] = getattr(scenario, key)
        for n, spell in enumerate(spells):
            if spell.from_ is not None and spell.until is not None and spell.until <= spell.from_:
                yield _not_after((key, n, "until"), spell.until, "from", spell.from_)


def _not_after(path: Path, value: datetime, other: str, limit: datetime) -> Problem:
    return problem(path, f"is not after {other} {utc_text(limit)}", f"make it later than {other}", value)


def _names(scenario: "Scenario") -> Iterable[Problem]:
    for key in (*_NAMED, "areas", "assumptions"):
        seen: dict[str, int] = {}
        for n, item in enumerate(getattr(scenario, key)):
            label = "id" if key == "assumptions" else "name"
            name = getattr(item, label)
            if name and name in seen:
                yield problem(
                    (key, n, label), f"is also the {label} of {key}[{seen[name]}]", "choose another", name
                )
            seen.setdefault(name, n)


def _areas(scenario: "Scenario") -> Iterable[Problem]:
    above: list[str] = []
    for n, area in enumerate(scenario.areas):
        shapes = _shapes(area)
        if len(shapes) != 1:
            what = f"has {' and '.join(shapes)}" if shapes else "has no shape"
            yield problem(
                ("areas", n), what, "give exactly one of outline, circle, cells, country, union", area.name
            )
        if area.outline and len(area.outline) < 3:
            yield problem(
                ("areas", n, "outline"), f"has {len(area.outline)} points", "give at least 3 [lon, lat]"
            )
        for m, name in enumerate(area.union):
            if name not in above:
                yield problem(
                    ("areas", n, "union", m), "is not an area above this one", did_you_mean(name, above), name
                )
        above.append(area.name)


def _shapes(area: AreaBlock) -> list[str]:
    return [key for key in ("outline", "circle", "cells", "country", "union") if getattr(area, key)]


def _terminals(scenario: "Scenario") -> Iterable[Problem]:
    from openleo.ground.kinds import KINDS

    if not scenario.terminals:
        fix = 'add a [[terminals]] table, such as: count = 100, country = "UA"'
        yield problem(
            ("terminals",), "is empty: the scenario has no terminals, so a run would show nothing", fix
        )
    for n, group in enumerate(scenario.terminals):
        for key, what, fix in _group(group):
            yield problem(("terminals", n, key), what, fix)
        if group.kind not in KINDS:
            yield problem(
                ("terminals", n, "kind"),
                "is not a kind of terminal",
                did_you_mean(group.kind, KINDS),
                group.kind,
            )
        elif group.place in {"track", "roam"} and not KINDS[group.kind].in_motion:
            moving = ", ".join(name for name, kind in KINDS.items() if kind.in_motion)
            yield problem(
                ("terminals", n, "kind"), "must stand still", f"use one that moves: {moving}", group.kind
            )
    for n, limit in enumerate(scenario.limits):
        for m, kind in enumerate(limit.kinds):
            if kind not in KINDS:
                yield problem(
                    ("limits", n, "kinds", m), "is not a kind of terminal", did_you_mean(kind, KINDS), kind
                )


def _group(group: TerminalsBlock) -> Iterable[tuple[str, str, str]]:
    """Yield (key, what, fix) for what a group of terminals lacks for its place, or has too much."""
    needs: dict[str, tuple[str, ...]] = {
        "population": ("count",), "land": ("count",), "cities": ("count",), "points": ("points",),
        "track": ("count",), "roam": ("count", "inside"), "file": ("file",),
    }  # fmt: skip
    place = "file" if group.file and group.place == "population" else group.place
    for key in needs[place]:
        if not getattr(group, key):
            yield key, f'is missing: place = "{place}" needs it', f"add {key}"
    if place == "population" and not (group.country or group.countries):
        yield "country", 'is missing: place = "population" needs it', 'add country = "UA" or countries = [..]'
    if place == "land" and not (group.country or group.countries or group.inside):
        yield (
            "country",
            'is missing: place = "land" needs it',
            'add country = "UA", countries = [..] or inside',
        )
    if place == "track" and not (group.tracks or group.file):
        yield (
            "tracks",
            'is missing: place = "track" needs it',
            "add tracks = [{ waypoints = .., speed_kmh = .. }]",
        )
    if place == "file" and group.count:
        yield "count", "is given, but the file says how many there are", "leave count out"
    if group.country and group.countries:
        yield "countries", "is given beside country", "keep one of them"
    if group.cells and place != "land":
        yield "cells", f'means nothing with place = "{place}"', 'leave it out, or use place = "land"'


def _references(scenario: "Scenario") -> Iterable[Problem]:
    areas = [a.name for a in scenario.areas]
    accounts = [a.name for a in scenario.accounts]

    def area(path: Path, name: str) -> Iterable[Problem]:
        if name and name not in areas:
            yield problem(path, "is not an area of this scenario", did_you_mean(name, areas), name)

    def account(path: Path, name: str) -> Iterable[Problem]:
        if accounts and name not in accounts:
            yield problem(path, "is not an account of this scenario", did_you_mean(name, accounts), name)

    for n, group in enumerate(scenario.terminals):
        for key in ("inside", "outside"):
            for m, name in enumerate(getattr(group, key)):
                yield from area(("terminals", n, key, m), name)
        if not group.file:
            yield from account(("terminals", n, "account"), group.account)
    for n, block in enumerate(scenario.background):
        for m, name in enumerate(block.outside):
            yield from area(("background", n, "outside", m), name)
    for key in ("switches", "limits", "faults"):
        for n, item in enumerate(getattr(scenario, key)):
            yield from area((key, n, "area"), item.area)
    for key in ("switches", "limits", "withdrawals"):
        for n, item in enumerate(getattr(scenario, key)):
            for m, name in enumerate(item.except_accounts):
                yield from account((key, n, "except_accounts", m), name)
    for n, withdrawal in enumerate(scenario.withdrawals):
        yield from _withdrawal(("withdrawals", n, "target"), withdrawal, area, account)


Named = Callable[[Path, str], Iterable[Problem]]


def _withdrawal(path: Path, withdrawal: WithdrawalBlock, area: Named, account: Named) -> Iterable[Problem]:
    target = withdrawal.target
    if (withdrawal.by == "speed") != isinstance(target, float):
        wanted = (
            "a number of km/h" if withdrawal.by == "speed" else f"the name of the {withdrawal.by}, in quotes"
        )
        yield problem(path, f'does not go with by = "{withdrawal.by}"', f"write {wanted}", target)
    elif isinstance(target, str):
        if withdrawal.by == "country" and (
            not (len(target) == 2 and target.isupper()) or target in OTHER_CODES
        ):
            yield problem(path, "is not a country code", country_hint(target), target)
        elif withdrawal.by != "country":
            yield from (area if withdrawal.by == "area" else account)(path, target)


def _faults(scenario: "Scenario") -> Iterable[Problem]:
    for n, fault in enumerate(scenario.faults):
        targets = targets_of(fault)
        if fault.kind == "power" and not fault.area:
            yield problem(("faults", n, "area"), "is missing: a power fault needs it", "name an area")
        if fault.kind not in {"power", "core"} and not targets:
            yield problem(
                ("faults", n, "target"), f"is missing: a {fault.kind} fault needs it", "say what fails"
            )
        if fault.kind in {"power", "core"} and targets:
            yield problem(("faults", n, "target"), f"means nothing for a {fault.kind} fault", "leave it out")
        if fault.kind == "fibre" and targets and len(targets) != 2:
            yield problem(
                ("faults", n, "target"), "should be a gateway and a PoP", 'write ["gateway", "PoP"]', targets
            )
        if fault.kind != "power" and fault.area:
            yield problem(("faults", n, "area"), f"means nothing for a {fault.kind} fault", "leave it out")
        if fault.kind not in {"power", "shell"} and fault.share != 1.0:
            yield problem(("faults", n, "share"), f"means nothing for a {fault.kind} fault", "leave it out")


def targets_of(fault: FaultBlock) -> tuple[str, ...]:
    """Return the targets of a fault as a list, however it was written."""
    return (fault.target,) if isinstance(fault.target, str) else fault.target


def _assumptions(scenario: "Scenario") -> Iterable[Problem]:
    ids = [a.id for a in scenario.assumptions]
    carriers: list[tuple[Path, str]] = []
    for key in (*_NAMED, "areas", "accounts"):
        carriers += [
            ((key, n, "assumption"), item.assumption) for n, item in enumerate(getattr(scenario, key))
        ]
    if not isinstance(scenario.gateways.include, str):
        carriers += [
            (("gateways", "include", n, "assumption"), item.assumption)
            for n, item in enumerate(scenario.gateways.include)
            if not isinstance(item, str)
        ]
    carriers += [
        (("gateways", "extra", n, "assumption"), g.assumption) for n, g in enumerate(scenario.gateways.extra)
    ]
    for path, name in carriers:
        if name and name not in ids:
            yield problem(path, "is not the id of an assumption", did_you_mean(name, ids), name)
    for n, assumption in enumerate(scenario.assumptions):
        for path_text, value in assumption.off.items():
            try:
                set_at(scenario.document(), path_text, value)
            except BadInput as error:
                yield problem(("assumptions", n, "off"), error.detail, error.hint)
