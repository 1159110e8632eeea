"""Whom to call about a terminal, what to say, and what can be done here."""

from collections.abc import Iterable
from typing import Final

from openleo.fleet.why.causes import ADVICE, Why
from openleo.fleet.why.inputs import Subject

_PEOPLE: Final = 4  # whom a line names

# What to say on the phone, by cause: to whoever holds the kit.
SAY: Final[dict[Why, str]] = {
    Why.AREA: "service is switched off where it is; nothing at the site helps, and it need not be touched",
    Why.ACCOUNT: "its account is not active: has it been paid, and is this kit on it?",
    Why.MOVED: "where is it now, and was it meant to move?",
    Why.DATA_CAP: "its data is used up: may more be bought, or who can use less?",
    Why.UNPOWERED: "is there power at the site, and are the lights of its supply on?",
    Why.OBSTRUCTED: "what stands between the dish and the sky? Move it or clear it",
    Why.JAMMED: "there is jamming there: shield the dish from the ground, and note the times",
    Why.WEATHER: "is there heavy rain there, or snow on the dish?",
    Why.BROKEN: "its hardware fails: let it cool, free its motors, have a spare ready",
    Why.SOFTWARE: "it restarts or updates: leave it on for ten minutes",
    Why.STOWED: "is it stowed or asleep on purpose? If not: unstow it in its app",
    Why.LOCAL_NETWORK: "the dish is well: check the cable and the router behind it",
    Why.NETWORK: "the provider's network is out; nothing at the site helps: use another link",
    Why.CAPACITY: "too many share the satellites there: keep to what is needed most",
    Why.SITE_LINK: "does the Internet work there? We do not see the site",
    Why.UNKNOWN: "what do they see: is there power, do its lights burn, was it touched or moved?",
}

# What to do where no control plane of ours decides: its commands would lead nowhere.
_DO_WITHOUT: Final[dict[Why, str]] = {
    Why.AREA: "Ask the vendor, or whoever decides on the area, whether its cell was switched off, and for it "
    "to be switched on if people there must have service.",
    Why.MOVED: "Ask where it is. If the move is meant, change the service address or the plan; if not, "
    "report it to the vendor as lost or taken.",
    Why.CAPACITY: "Ask for priority for what is life-critical; move load to quiet hours or other links.",
}  # fmt: skip


def person(subject: Subject) -> str:
    """Return who has a kit and whose account it is on: ``Petro (holder), account ACC-771``."""
    words = [f"{subject.holder} (holder)"] if subject.holder else []
    if subject.account:
        words.append(f"account {subject.account}")
    return ", ".join(words)


def call(subjects: Iterable[Subject], cause: Why) -> str:
    """Return whom to call about terminals: people by name, then who else can help."""
    people = list(dict.fromkeys(p for p in map(person, subjects) if p))
    named = "; ".join(people[:_PEOPLE])
    if len(people) > _PEOPLE:
        named += f"; and {len(people) - _PEOPLE:,} more"
    others = ADVICE[cause].call
    if "(holder)" in named:  # who that is was just said
        others = others.removeprefix("its holder").removeprefix(", ")
    return "; ".join(part for part in (named, others) if part)


def asks_here(asks: Iterable[str], *, controlled: bool = True, address: str = "") -> list[str]:
    """Return what to find out, of what can be found out here."""
    found = [ask for ask in asks if controlled or "`openleo log" not in ask]
    return [ask.replace("--dish ADDRESS", f"--dish {address}") if address else ask for ask in found]


def do_here(cause: Why, *, controlled: bool = True, address: str = "") -> str:
    """Return what to do next, with what can be done here: its address where that is known."""
    text = ADVICE[cause].do if controlled else _DO_WITHOUT.get(cause, ADVICE[cause].do)
    return text.replace("--dish ADDRESS", f"--dish {address}") if address else text
