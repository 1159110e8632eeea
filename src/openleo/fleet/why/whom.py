"""Whom a shift calls: each person once, with their kits, what has darkened them, and what to say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from openleo.fleet.why.calling import SAY, besides, people
from openleo.fleet.why.causes import Why
from openleo.fleet.why.grouping import Incident
from openleo.fleet.why.inputs import Subject
from openleo.fleet.why.words import cause_words, name_of

_CALLS: Final = 40  # people who are named
_NAMED: Final = 6  # kits of one person and cause
_NOBODY: Final = "nobody is named in the register (holder, account)"
_SAY_UNSEEN: Final = "is it set up and has it power? Nothing was ever heard of it"


@dataclass(frozen=True, slots=True)
class _About:
    """Kits that something is said of, and who else can help."""

    kits: Sequence[Subject]
    cause: str
    say: str
    then: Mapping[bool, str]  # by whether a holder was just named


def call_lines(incidents: Sequence[Incident], unseen: Sequence[Subject]) -> Iterator[str]:
    """Yield whom to call, those first whose kits lives depend on."""
    abouts = [
        _About(
            [m.kit for m in i.members], cause_words(i), SAY[i.cause],
            {held: _then(i.cause, held=held) for held in (True, False)},
        )
        for i in incidents if i.cause is not Why.ORDERED  # nobody at the site needs to do anything
    ]  # fmt: skip
    abouts.append(_About(unseen, "never seen", _SAY_UNSEEN, {True: "", False: "whoever set it up"}))
    which = {id(kit): number for number, about in enumerate(abouts) for kit in about.kits}
    found = people(kit for about in abouts for kit in about.kits)
    order = sorted(found.items(), key=lambda pair: not any(k.life_critical for k in pair[1]))
    if not order:
        yield "Nobody."
    for who, kits in order[:_CALLS]:
        flag = "**LIFE-CRITICAL** " if any(k.life_critical for k in kits) else ""
        yield f"- {flag}{who or _NOBODY}"
        mine: dict[int, list[Subject]] = {}
        for kit in kits:  # in the order of their incidents
            mine.setdefault(which[id(kit)], []).append(kit)
        for number, some in mine.items():
            yield f"  - {_about_line(abouts[number], some, held=bool(some[0].holder))}"
    if len(order) > _CALLS:
        yield f"- and {len(order) - _CALLS:,} more people: --format csv"


def _then(cause: Why, *, held: bool) -> str:
    """Return who else can help; where no cause is named, what to say says it all."""
    return "" if held and cause is Why.UNKNOWN else besides(cause, held=held)


def _about_line(about: _About, kits: Sequence[Subject], *, held: bool) -> str:
    flag = "**LIFE-CRITICAL** " if any(k.life_critical for k in kits) else ""
    named = "; ".join(name_of(k) for k in kits[:_NAMED])
    more = f" and {len(kits) - _NAMED:,} more" if len(kits) > _NAMED else ""
    say = about.say if about.say.endswith("?") else f"{about.say}."
    then = about.then[held].removeprefix("then ")
    return f"{flag}{named}{more}: {about.cause}. Say: {say}" + (f" Then: {then}." if then else "")
