"""Kits that nothing was ever heard of: who has them, and how to have them seen."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from openleo.fleet.why.calling import person
from openleo.fleet.why.course import State
from openleo.fleet.why.inputs import Subject
from openleo.fleet.why.survey import Survey
from openleo.fleet.why.words import name_of

_NAMED: Final = 8
_ROWS: Final = 40
_SAYS: Final = "the dish at its address {polled.address} says it is {polled.says}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """A dish of the register that a kit is asked at: whether it was asked, and why it gave no answer.

    ``later``: something was heard of the kit, after the time that is told of.  ``says``: the dish answers,
    and says that it is this terminal, not the kit's.
    """

    address: str
    asked: bool
    why: str = ""
    later: bool = False
    says: str = ""


def unseen(survey: Survey) -> list[Subject]:
    """Return the kits that nothing was ever heard of, those on which lives depend first."""
    kits = [s.kit for s in survey.standings.values() if s.course.state is State.NEVER]
    return sorted(kits, key=lambda kit: (not kit.life_critical, -(kit.people or 0), kit.site, kit.kit))


def not_met(survey: Survey, polled: Mapping[str, Polled]) -> list[Subject]:
    """Return those to call about: all whose dish, if it was asked, did not answer then or since."""
    at = ((kit, polled.get(kit.terminal)) for kit in unseen(survey))
    return [kit for kit, dish in at if dish is None or (dish.asked and not dish.later and not dish.says)]


def next_step(kit: Subject, polled: Polled | None, data: str = "") -> str:
    """Return what has one kit seen; ``data`` is what commands need to be about the same data."""
    name = shlex.quote(kit.kit or kit.terminal)
    if polled is None:
        return (
            f"have it asked: `openleo fleet add ADDRESS --kit {name}{data}`, or connect the vendor's "
            f"account: `openleo fleet connect starlink{data}`"
        )
    if polled.later:
        return f"it was heard of later: `openleo fleet why {name}{data}`"
    if polled.says:
        return f"{_SAYS.format(polled=polled)}: put it into the list, or mend the address"
    once = f"`openleo fleet once{data}`"
    if not polled.asked:
        return f"its dish {polled.address} was not asked yet: {once}"
    if not polled.why:
        return f"ask its dish {polled.address} again: {once}"
    return (
        f"its dish {polled.address} never answered ({polled.why}): has it power, and can it be reached from "
        f"here? Ask again: {once}"
    )


def never_lines(survey: Survey, polled: Mapping[str, Polled], data: str = "") -> Iterator[str]:
    """Yield, for the list, which kits nothing was ever heard of, and what to do next."""
    every = unseen(survey)
    kits = [kit for kit in every if kit.terminal not in polled or not polled[kit.terminal].says]
    for kit in every:
        if kit not in kits:
            yield f"  ?  {name_of(kit)}: {_SAYS.format(polled=polled[kit.terminal])}"
    if not kits:
        return
    named = "; ".join(name_of(kit) for kit in kits[:_NAMED])
    more = f"; and {len(kits) - _NAMED:,} more" if len(kits) > _NAMED else ""
    yield f"  ?  nothing was ever heard of {_how_many(kits)}"
    yield f"     {named}{more}"
    lost = [kit for kit in kits if kit.terminal not in polled]
    later = sum(kit.terminal in polled and polled[kit.terminal].later for kit in kits)
    unasked = sum(kit.terminal in polled and not polled[kit.terminal].asked for kit in kits)
    if unasked:
        yield (
            f"     next: ask {_dishes_of(unasked, len(kits))}: `openleo fleet once{data}`, or go on asking: "
            f"`openleo fleet watch{data}`"
        )
    if unanswered := len(kits) - len(lost) - unasked - later:
        them = f"{unanswered:,} dish{'es' * (unanswered != 1)}"
        yield (
            f"     next: {them} never answered: look to the power there, and to the way from here to "
            "the address"
        )
    if later:
        yield f"     {later:,} of them {'was' if later == 1 else 'were'} heard of later"
    if lost:
        all_ = "it" if len(kits) == 1 else "them"
        them = all_ if len(lost) == len(kits) else name_of(lost[0]) if len(lost) == 1 else "the others"
        which = f" --kit {shlex.quote(lost[0].kit)}" if len(lost) == 1 and lost[0].kit else ""
        yield (
            f"     next: have {them} seen: `openleo fleet add ADDRESS{which}{data}`, "
            f"`openleo fleet connect starlink{data}`, an agent"
        )


def _how_many(kits: Sequence[Subject]) -> str:
    critical = sum(kit.life_critical for kit in kits)
    told = f"LIFE-CRITICAL: {critical}, " if critical else ""
    return f"{len(kits):,} kit{'s' * (len(kits) != 1)} ({told}dark or not, nobody sees)"


def _dishes_of(some: int, of: int) -> str:
    if some == of:
        return "its dish" if of == 1 else "their dishes"
    return "the dish of one of them" if some == 1 else f"the dishes of {some:,} of them"


def section(survey: Survey, polled: Mapping[str, Polled], data: str = "") -> Iterator[str]:
    """Yield the report's part on them; nothing where each was seen."""
    kits = unseen(survey)
    if not kits:
        return
    yield "## Never seen"
    yield ""
    others = [kit for kit in kits if kit.terminal in polled and polled[kit.terminal].says]
    if len(others) < len(kits):
        yield f"Nothing was ever heard of {_how_many([kit for kit in kits if kit not in others])}:"
    else:
        yield "The dishes of these kits answer, as other terminals than the list tells:"
    yield ""
    for kit in kits[:_ROWS]:
        flag = "**LIFE-CRITICAL** " if kit.life_critical else ""
        who = person(kit) or "nobody is named in the register (holder, account)"
        yield f"- {flag}{name_of(kit)}: {who}. Next: {next_step(kit, polled.get(kit.terminal), data)}"
    if len(kits) > _ROWS:
        yield f"- and {len(kits) - _ROWS:,} more: --format csv"
    yield ""


def plain(survey: Survey, polled: Mapping[str, Polled], data: str = "") -> list[dict[str, Any]]:
    """Return them as JSON holds them."""
    return [
        {
            "terminal": kit.terminal, "kit": kit.kit, "site": kit.site, "account": kit.account,
            "holder": kit.holder, "life_critical": kit.life_critical, "people": kit.people,
            "next": next_step(kit, polled.get(kit.terminal), data),
        }
        for kit in unseen(survey)
    ]  # fmt: skip


def rows(survey: Survey) -> list[dict[str, Any]]:
    """Return a row for each, for CSV."""
    return [
        {
            "rank": None, "terminal": kit.terminal, "kit": kit.kit, "site": kit.site,
            "account": kit.account, "holder": kit.holder, "people": kit.people,
            "life_critical": "yes" if kit.life_critical else "no",
            "state": State.NEVER.value, "cause": State.NEVER.value,
        }
        for kit in unseen(survey)
    ]  # fmt: skip
