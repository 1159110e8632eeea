"""The fleet as store, register and control plane tell it: what commands and the API look at."""

import gc
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from openleo.base.errors import BadInput, did_you_mean

if TYPE_CHECKING:
    from openleo.fleet.decided import Custody
    from openleo.fleet.register import DishEntry, Register
    from openleo.fleet.store import TelemetryStore
    from openleo.fleet.why import Decision, Diagnosis, Expected, Subject
    from openleo.fleet.why.grouping import Incident
    from openleo.fleet.why.inputs import Deed, JobTold
    from openleo.fleet.why.recent import Recent
    from openleo.fleet.why.survey import Survey
    from openleo.fleet.why.unseen import Polled

_NO_DISH = ("garbage", "too-big", "unsupported")
_NO_ANSWER = ("unreachable", "slow", "refused", "denied")
_ALL_OLD_S = 90  # where nobody at all spoke for so long, it is we who do not hear: told as it stood then


@dataclass(frozen=True, slots=True)
class _Dishes:
    """The dishes of a register: by terminal, at which each kit is asked, and those without a terminal."""

    by_terminal: "dict[str, DishEntry]"
    polled: "dict[str, Polled]"
    strays: list[str]
    unasked: list[str]
    contradicted: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """An open fleet: ``subjects`` by terminal id (of kits without one, by the kit's)."""

    store: "TelemetryStore"
    subjects: "Mapping[str, Subject]"
    names: Mapping[str, Sequence[str]]  # what people call them -> ids
    recent: "Recent"
    decisions: "Sequence[Decision] | None"
    decided: "Sequence[Decision]"  # also those that no longer hold
    remark: str
    clock_ns: int
    dishes: "Mapping[str, DishEntry]"  # those that are polled from here, by terminal
    custody: "Mapping[str, Custody]"  # what a control plane knows of terminals
    controlled: bool  # there is a control plane beside it
    strays: Sequence[str]  # dishes that are none, or that never answered, in words
    unasked: Sequence[str] = ()  # dishes that were never asked, and of no kit that is known
    polled: "Mapping[str, Polled]" = field(default_factory=dict)  # at which dish a terminal or kit is asked
    deeds: "Sequence[Deed]" = ()  # what jobs of ours told terminals, the latest first
    jobs: "Sequence[JobTold]" = ()  # the latest first
    contradicted: Sequence[str] = ()  # where a dish is another terminal than its kit's, in words

    def survey(
        self, at: datetime | None = None, *, whole: Iterable[str] = (), expected: "Expected | None" = None
    ) -> "Survey":
        """Return how the fleet stands: now, or as it stood at an instant."""
        from openleo.fleet.why.recent import Past
        from openleo.fleet.why.survey import survey

        if at is not None:
            now_ns = round(at.timestamp() * 1e9)
            past = Past(self.store, now_ns)
            return survey(
                past, self.subjects, now_ns, decisions=self.decisions, expected=expected, whole=whole,
                deeds=self._deeds_until(now_ns),
            )  # fmt: skip
        recent = self.recent
        newest = max((s.time_ns for s in recent.latest().values()), default=self.clock_ns)
        now_ns = self.clock_ns if self.clock_ns - newest < _ALL_OLD_S * 10**9 else newest + 15 * 10**9
        return survey(
            recent, self.subjects, now_ns, decisions=self.decisions, expected=expected, whole=whole,
            deeds=self._deeds_until(now_ns),
        )  # fmt: skip

    def _deeds_until(self, now_ns: int) -> "dict[str, Deed]":
        """Return what each terminal was told last."""
        return {deed.terminal: deed for deed in reversed(self.deeds) if deed.told_ns <= now_ns}

    def polled_at(self, at: datetime | None) -> "Mapping[str, Polled]":
        """Return at which dishes terminals and kits are asked; of the past, also what was heard of since."""
        if at is None:
            return self.polled
        from openleo.fleet.why.unseen import Polled

        heard = {t: Polled(address="", asked=True, later=True) for t in self.recent.latest()}
        return {**self.polled, **heard}

    def contradicted_at(self, at: datetime | None) -> Sequence[str]:
        """Return which dishes are other terminals than their kits': of now; of the past it is not known."""
        return self.contradicted if at is None else ()

    def find(self, name: str) -> list[str]:
        """Return the terminals that a name means: an id or its beginning, a kit, a site or a dish's name."""
        return find(name, self.subjects, self.names)


def find(name: str, subjects: "Mapping[str, Subject]", names: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the terminals that a name means: an id or its beginning, a kit, a site or a dish's name.

    Raises BadInput where it means none, or is the beginning of several.
    """
    wanted = name.casefold()
    found = _aliases(subjects, names).get(wanted, ())
    if found:
        return list(found)
    begun = [t for t in subjects if t.casefold().startswith(wanted)]
    if len(begun) > 1:
        raise BadInput(
            f"{name!r} may be {len(begun)} terminals: {', '.join(sorted(begun)[:8])}",
            "name one in full, or by its kit or site",
        )
    return begun or _partly(name, subjects, names)


def _partly(name: str, subjects: "Mapping[str, Subject]", names: Mapping[str, Sequence[str]]) -> list[str]:
    """Return whom a part of one kit's number, or a word of one site's name, means."""
    wanted = name.casefold()
    kits = {one.kit for one in subjects.values() if wanted in one.kit.casefold()}
    sites = {one.site for one in subjects.values() if wanted in _words(one.site)}
    if len(kits) + len(sites) == 1:
        return [t for t, one in subjects.items() if one.kit in kits or one.site in sites]
    near = sorted(n for n in {*names, *subjects} if wanted in n.casefold())
    people = {n for one in subjects.values() for n in (one.kit, one.site, one.name) if n}
    raise BadInput(
        f"no terminal, kit, site or dish is called {name!r}",
        f"these have it in their name: {', '.join(near[:8])}" + ", ..." * (len(near) > 8)
        if near else did_you_mean(name, people or subjects),
    )  # fmt: skip


def need_fleet(folder: Path) -> None:
    """Raise BadInput where there is no fleet in a folder (DATA/fleet): reading must not make one."""
    if not folder.is_dir():
        raise BadInput(
            f"there is no fleet in {folder.parent}",
            "add a dish with `openleo fleet add`, kits with `openleo fleet import`, or name another --data",
        )


@contextmanager
def looking(folder: Path, control: Path | None) -> Iterator[Looking]:
    """Open the fleet of a folder (DATA/fleet); ``control`` is the folder of a control plane, None for none.

    Raises BadInput where there is no fleet.
    """
    from openleo.fleet.acting.deeds import read_deeds, read_jobs
    from openleo.fleet.database import FleetDatabase
    from openleo.fleet.decided import read_custody, read_decisions
    from openleo.fleet.store import TelemetryStore
    from openleo.fleet.why.recent import Recent

    need_fleet(folder)
    subjects, names, dishes = _subjects(folder)
    holding, decided, remark = (None, (), "") if control is None else read_decisions(control)
    custody = {} if control is None else read_custody(control)
    with FleetDatabase(folder) as database:
        deeds, jobs = read_deeds(database), read_jobs(database)
    with TelemetryStore(folder) as store:
        recent = Recent(store)
        for terminal in recent.latest():
            if terminal not in subjects:
                subjects[terminal] = _subject(terminal)
        yield Looking(
            store=store, subjects=subjects, names=names, recent=recent, decisions=holding,
            decided=decided, remark=remark, clock_ns=time.time_ns(), dishes=dishes.by_terminal,
            custody=custody, strays=dishes.strays, unasked=dishes.unasked, polled=dishes.polled,
            contradicted=dishes.contradicted, deeds=deeds, jobs=jobs,
            controlled=control is not None and control.is_dir(),
        )  # fmt: skip


def _subject(terminal: str) -> "Subject":
    from openleo.fleet.why import Subject

    return Subject(terminal=terminal)


def _polled(register: "Register", subjects: "Mapping[str, Subject]") -> "_Dishes":
    """Return of the dishes of a register: what is none or never answered, what was not asked, and whose."""
    from openleo.fleet.tied import contradictions
    from openleo.fleet.why.unseen import Polled

    said = {(r.subject, r.kind): r.detail for r in register.remarks()}
    asked = {subject for subject, _ in said}
    kits = register.kits()
    terminals = {kit.id: kit.terminal or kit.id for kit in kits}
    strays, unasked, polled = [], [], {}
    for dish in register.dishes():
        wrong = next((said[dish.key, kind] for kind in _NO_DISH if (dish.key, kind) in said), None)
        why = next((said[dish.key, kind] for kind in _NO_ANSWER if (dish.key, kind) in said), "")
        terminal = dish.terminal or terminals.get(dish.kit, "")
        if terminal:
            polled[terminal] = Polled(address=dish.key, asked=dish.key in asked, why=wrong or why)
        if wrong is not None:
            strays.append(f"{dish.label} is no dish, or tells what cannot be: {wrong}")
        elif not dish.terminal and dish.key in asked:
            named = f"{dish.label} (kit {dish.kit})" if dish.kit else dish.label
            strays.append(f"{named} has never answered" + (f": {why}" if why else ""))
        elif terminal not in subjects:
            unasked.append(dish.label)
    found = contradictions(kits, register.dishes())
    for one in found:
        dish = one.dish
        other = Polled(address=dish.key, asked=True, says=dish.terminal)
        polled.setdefault(terminals[dish.kit], other)
    by_terminal = {d.terminal: d for d in register.dishes() if d.terminal}
    return _Dishes(by_terminal, polled, strays, unasked, [str(one) for one in found])


def _subjects(folder: Path) -> "tuple[dict[str, Subject], dict[str, list[str]], _Dishes]":
    """Return what the register knows of terminals, what people call them, and its dishes.

    A dish that is asked for a kit is guarded as that kit is, also where it says that it is another terminal.
    """
    from openleo.fleet.register import Register
    from openleo.fleet.tied import guarded, subject_of, tied_kits
    from openleo.fleet.why import Subject

    found: dict[str, Subject] = {}
    names: dict[str, list[str]] = {}
    with Register(folder) as register:
        dishes = {d.terminal: d for d in register.dishes() if d.terminal}
        for kit in register.kits():
            terminal = kit.terminal or kit.id
            dish = dishes.get(terminal)
            found[terminal] = subject_of(kit, terminal, dish.name if dish else "")
            for name in kit.names():
                names.setdefault(name, []).append(terminal)
        for terminal, kits in tied_kits(register.kits(), register.dishes()).items():
            if terminal not in found:
                found[terminal] = subject_of(kits[0], terminal, dishes[terminal].name)
                for name in kits[0].names():
                    names.setdefault(name, []).append(terminal)
            found[terminal] = guarded(found[terminal], kits)
        for terminal, dish in dishes.items():
            found.setdefault(terminal, Subject(terminal=terminal, name=dish.label))
            for name in (dish.name, dish.address, dish.key):
                if name:
                    names.setdefault(name, []).append(terminal)
        told = _polled(register, found)
        for terminal, one in told.polled.items():  # also of those that did not say yet who they are
            names.setdefault(one.address, []).append(terminal)
    return _tagged(folder, found), names, told


def sites_and_polled(folder: Path) -> "tuple[dict[str, str], frozenset[str]]":
    """Return the site of each terminal that has one, and the terminals that are polled from here."""
    subjects, _, dishes = _subjects(folder)
    return {t: one.site for t, one in subjects.items() if one.site}, frozenset(dishes.by_terminal)


def _tagged(folder: Path, found: "dict[str, Subject]") -> "dict[str, Subject]":
    """Fill in what only tags tell: account, site and gateway."""
    from dataclasses import replace

    from openleo.fleet.database import FleetDatabase
    from openleo.fleet.tags import Tags

    with FleetDatabase(folder) as database:
        tags = Tags(database)
        accounts, sites, gateways = tags.of("account"), tags.of("site"), tags.of("gateway")
    for terminal in {*accounts, *sites, *gateways}:
        one = found.get(terminal) or _subject(terminal)
        found[terminal] = replace(
            one,
            account=one.account or accounts.get(terminal, ""),
            site=one.site or sites.get(terminal, ""),
            gateway=gateways.get(terminal, ""),
        )
    return found


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _aliases(
    subjects: "Mapping[str, Subject]", names: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name, terminals in [*names.items(), *((one, [one]) for one in subjects)]:
        found.setdefault(name.casefold(), []).extend(terminals)
    return {name: tuple(dict.fromkeys(terminals)) for name, terminals in found.items()}


@contextmanager
def many_objects() -> Iterator[None]:
    """Leave the search for cycles of garbage out while hundreds of thousands of samples are made."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def diagnosed(survey: "Survey") -> "dict[str, Diagnosis]":
    """Return why each terminal is not well that was looked at."""
    from openleo.fleet.why.course import State

    left = [t for t in survey.troubled if survey.standings[t].course.state is not State.NEVER]
    return {t: survey.diagnose(t) for t in left if t not in survey.unread}


def open_incidents(survey: "Survey") -> "list[Incident]":
    """Return the incidents of a fleet, the most urgent first."""
    from openleo.fleet.why.grouping import incidents_of

    return incidents_of(survey, diagnosed(survey))
