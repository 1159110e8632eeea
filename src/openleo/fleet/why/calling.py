"""Whom to call about a terminal, what to say, and what can be done here."""

from collections.abc import Iterable, Sequence
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
    Why.ORDERED: "we told it to: nothing is wrong at the site, and it need not be touched",
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


# What to do where the dish was just read: not to read it again.
_DO_READ: Final[dict[Why, str]] = {
    Why.OBSTRUCTED: "Clear what hides the sky there, or move the dish to where it sees the sky, poleward "
    "first; then read it again: what its map shows changes over some hours.",
    Why.BROKEN: "Let it cool or clear the motors' way; swap the kit if its self test fails, or if that does "
    "not help.",
}  # fmt: skip

# Who else can help, where the holder was just named: none is named twice.
_BESIDES: Final[dict[Why, str]] = {
    Why.MOVED: "",
    Why.UNPOWERED: "the power company where neighbours went dark too",
    Why.OBSTRUCTED: "",
    Why.WEATHER: "only if it outlasts the weather",
    Why.BROKEN: "then whoever keeps spare kits",
    Why.STOWED: "",
    Why.UNKNOWN: "ask what they see",
}  # fmt: skip


def person(subject: Subject) -> str:
    """Return who has a kit and whose account it is on: ``Petro (holder), account ACC-771``."""
    return who(subject.holder, [subject.account])


def who(holder: str, accounts: Iterable[str]) -> str:
    """Return who has kits and whose accounts they are on; "" where neither is known."""
    words = [f"{holder} (holder)"] if holder else []
    known = [account for account in dict.fromkeys(accounts) if account]
    if known:
        words.append(f"account{'s' * (len(known) != 1)} {' and '.join(known)}")
    return ", ".join(words)


def people(subjects: Iterable[Subject]) -> dict[str, list[Subject]]:
    """Return kits by who is called about them, each person once: ``O. Lys (holder), accounts a and b``."""
    found: dict[tuple[str, str], list[Subject]] = {}
    for one in subjects:
        found.setdefault((one.holder, "" if one.holder else one.account), []).append(one)
    return {who(holder, (k.account for k in kits)): kits for (holder, _), kits in found.items()}


def besides(cause: Why, *, held: bool) -> str:
    """Return who else can help; ``held``: a holder was just named."""
    return _BESIDES.get(cause, ADVICE[cause].call) if held else ADVICE[cause].call


def call(subjects: Iterable[Subject], cause: Why) -> str:
    """Return whom to call about terminals: people by name, then who else can help."""
    if cause is Why.ORDERED:
        return ADVICE[cause].call
    names = [one for one in people(subjects) if one]
    named = "; ".join(names[:_PEOPLE])
    if len(names) > _PEOPLE:
        named += f"; and {len(names) - _PEOPLE:,} more"
    return "; ".join(part for part in (named, besides(cause, held="(holder)" in named)) if part)


def asks_here(
    asks: Iterable[str], *, controlled: bool = True, address: str = "", reading: bool = False
) -> list[str]:
    """Return what to find out, of what can be found out here.

    ``reading``: the dish itself has just been read, so that it is not asked for what it did not tell.
    """
    found = [ask for ask in asks if controlled or "`openleo log" not in ask]
    found = [ask for ask in found if not (reading and " --dish ADDRESS" in ask)]
    found.sort(key=lambda ask: "`openleo run" in ask)  # which takes the most, and what few have at hand
    return [ask.replace("--dish ADDRESS", f"--dish {address}") if address else ask for ask in found]


def do_here(cause: Why, *, controlled: bool = True, address: str = "", reading: bool = False) -> str:
    """Return what to do next, with what can be done here: its address where that is known."""
    text = ADVICE[cause].do if controlled else _DO_WITHOUT.get(cause, ADVICE[cause].do)
    if reading:
        text = _DO_READ.get(cause, text)
    return text.replace("--dish ADDRESS", f"--dish {address}") if address else text


def first_do(cause: Why, asks: Sequence[str], do: str) -> str:
    """Return the next step; where no cause is named, what would decide is a part of it."""
    if cause is not Why.UNKNOWN:
        return do
    if not asks:
        return "Get one more fact before sending anybody: ask whoever is there what they see."
    return f"Get one more fact before sending anybody: {'; or '.join(asks)}"
