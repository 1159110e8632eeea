"""What was found, in words and as plain values for JSON and tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from openleo.fleet.why.calling import asks_here, call, do_here, first_do
from openleo.fleet.why.causes import ADVICE, Why
from openleo.fleet.why.course import SILENT_AFTER_S, State
from openleo.fleet.why.grouping import Incident, seconds_since
from openleo.fleet.why.inputs import SECOND_NS, Subject
from openleo.fleet.why.model import Diagnosis
from openleo.fleet.why.survey import Survey
from openleo.fleet.why.times import iso, length, sure, when
from openleo.fleet.why.wellness import well_lines

_EVIDENCE: Final = 8
_NAMED: Final = 4  # members of an incident that a line names
STALE_S: Final = 600


_SAME_MOMENT_NS: Final = 180 * SECOND_NS


def name_of(subject: Subject) -> str:
    """Return what people call a terminal: its site and kit, else its id."""
    words = [w for w in (subject.site, f"kit {subject.kit}" if subject.kit else "") if w]
    return ", ".join(words) or subject.name or subject.terminal


def count_line(survey: Survey) -> str:
    """Return how many terminals stand how."""
    counts = survey.counts
    named = {
        State.ONLINE: "online", State.POOR: "badly served", State.DARK: "dark", State.SILENT: "silent",
        State.NEVER: "never seen",
    }  # fmt: skip
    parts = [f"{counts[state]:,} {word}" for state, word in named.items() if counts[state]]
    plural = "s" * (len(survey.standings) != 1)
    return f"{len(survey.standings):,} terminal{plural}: {', '.join(parts) or 'none'}"


def stale_lines(survey: Survey, clock_ns: int) -> Iterator[str]:
    """Yield what is to be said of old telemetry, by source."""
    if not survey.newest_ns:
        yield "no telemetry yet: collect it with `openleo fleet watch`, or take it in with `openleo ingest`"
        return
    for source, newest in sorted(survey.newest_ns.items()):
        old_s = (clock_ns - newest) / SECOND_NS
        if old_s > STALE_S and source == "model":  # its time is its own
            yield f"what source model tells is a model's, by its own clock: {when(newest, clock_ns)}"
        elif old_s > STALE_S:
            yield (
                f"STALE: the newest word from source {source} is {length(old_s)} old "
                f"({when(newest, clock_ns)}); is its collector running?"
            )
    if not is_old(survey, clock_ns):
        return
    stood = f"what follows is how things stood at {when(survey.now_ns, clock_ns)}"
    newest = max(survey.newest_ns.values())
    quiet_s = (clock_ns - newest) / SECOND_NS
    if quiet_s > STALE_S:  # how old it is was said, by source
        yield stood
    else:
        yield (
            f"nothing has come for {length(quiet_s)}: {stood}; is anybody collecting? `openleo fleet watch`"
        )


def is_old(survey: Survey, clock_ns: int) -> bool:
    """Tell whether what is told is how things stood before, because nothing has come since."""
    return bool(survey.newest_ns) and survey.now_ns < clock_ns - STALE_S * SECOND_NS // 10


def incident_lines(
    number: int, incident: Incident, now_ns: int, *, here: "Here | None" = None
) -> Iterator[str]:
    """Yield the lines of one incident of the ranked list."""
    here = here or Here()
    lasted = seconds_since(incident.onset_ns, now_ns)
    since = "" if incident.onset_ns is None else f", since {when(incident.onset_ns, now_ns)}"
    how_long = "" if lasted is None else f" ({length(lasted)})"
    how_many = f"{len(incident.members):,} terminal{'s' * (len(incident.members) != 1)}"
    flag = "LIFE-CRITICAL  " if incident.critical else ""
    yield f"{number:>3}  {flag}{how_many}, {cause_words(incident)}{since}{how_long}"
    yield f"     {_who(incident)}"
    calls = f"     call: {call((m.kit for m in incident.members), incident.cause)}"
    told = incident.first.decides if incident.cause is Why.UNKNOWN else ()
    asks = asks_here(told, controlled=here.controlled, address=here.address)
    do = do_here(incident.cause, controlled=here.controlled, address=here.address)
    do = asks[0] if asks else first_do(incident.cause, asks, do)
    do = f"     next: {do}"
    yield from (calls, do) if incident.critical else (do, calls)


def cause_words(incident: Incident) -> str:
    """Return a cause and how sure it is; of one that is not, the first guess: alike wherever it is told."""
    if incident.cause is Why.UNKNOWN:
        return guess_words(incident.first)
    return f"{incident.cause.value} ({sure(incident.confidence)} sure)"


def guess_words(found: Diagnosis) -> str:
    """Return ``not sure: first guess unpowered (59 %)``."""
    first, chance = found.ranked[0]
    return f"not sure: first guess {first.value} ({chance:.0%})"


def same_time_lines(incidents: Sequence[Incident], now_ns: int) -> Iterator[str]:
    """Yield which incidents of refused service began in the same moment: one decision may be behind them."""
    left = [
        (n, i) for n, i in enumerate(incidents, 1)
        if i.cause in (Why.AREA, Why.ACCOUNT) and i.onset_ns is not None
    ]  # fmt: skip
    left.sort(key=lambda pair: (pair[1].cause.value, pair[1].onset_ns or 0))
    groups: list[list[tuple[int, Incident]]] = []
    for one in left:
        last = groups[-1][-1][1] if groups else None
        if last is None or last.cause is not one[1].cause or _apart_ns(last, one[1]) > _SAME_MOMENT_NS:
            groups.append([])
        groups[-1].append(one)
    for group in groups:
        if len(group) > 1:
            numbers = " and ".join(str(n) for n, _ in sorted(group, key=lambda pair: pair[0]))
            at = when(min(i.onset_ns or 0 for _, i in group), now_ns)
            yield f"  !  {numbers} have one code since one time ({at}): one decision may be behind them"


def _apart_ns(a: Incident, b: Incident) -> int:
    return abs((a.onset_ns or 0) - (b.onset_ns or 0))


def _who(incident: Incident) -> str:
    members = incident.members
    named = "; ".join(name_of(m.kit) for m in members[:_NAMED])
    more = f"; and {len(members) - _NAMED:,} more" if len(members) > _NAMED else ""
    facts = []
    if incident.critical:
        facts.append(f"{len(incident.critical)} life-critical")
    if incident.people:
        facts.append(f"{incident.people:,} people")
    if incident.cut_off:
        facts.append(
            f"{len(incident.cut_off)} site{'s' * (len(incident.cut_off) != 1)} without another terminal"
        )
    if incident.presumed:
        facts.append(f"{incident.presumed:,} presumed to belong to it, not looked at")
    return named + more + (f" [{', '.join(facts)}]" if facts else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """What the one who reads can do: ``address`` is the dish's where it is known."""

    controlled: bool = True  # a control plane of ours decides
    address: str = ""
    looked_around: bool = True  # its neighbours were looked at
    reading: bool = False  # the dish was read just now, and nothing else
    sky: str = ""  # what hides its sky, where its map was read
    sky_ns: int | None = None  # when that was, where the rest is older
    unseen: str = ""  # what would have it seen, of one that never was
    told: tuple[str, ...] = ()  # what the dish tells in its own words
    together: str = ""  # who has the same code since the same time


def why_lines(
    subject: Subject, found: Diagnosis, now_ns: int, *, tell_all: bool = False, here: Here | None = None
) -> Iterator[str]:
    """Yield the answer to why one terminal is dark."""
    here = here or Here()
    critical = ", LIFE-CRITICAL" if subject.life_critical else ""
    yield f"{found.terminal} ({name_of(subject)}{critical}) at {when(now_ns)}"
    yield _state_line(found, now_ns)
    if found.cause is None:
        yield from well_lines(found.course)
        return
    advice = ADVICE[found.cause]
    calls = f"call: {call([subject], found.cause)}"
    yield ""
    if found.cause is Why.UNKNOWN:
        first = found.ranked[0][0]
        yield f"not enough evidence: {advice.meaning}"
        yield f"{guess_words(found)}: {ADVICE[first].meaning}"
    else:
        yield f"{found.cause.value}, {sure(found.confidence)} sure: {advice.meaning}"
    if not here.looked_around:
        yield "neighbours were not looked at, nor accounts and decisions: with them it may look otherwise"
    if here.sky:
        at = "" if here.sky_ns is None else f" ({when(here.sky_ns, now_ns)}, after all the rest)"
        yield f"its obstruction map, read now{at}: {here.sky}"
    if here.together:
        yield f"the same code since the same time: {here.together}"
    if subject.life_critical:
        yield calls
    yield ""
    yield "evidence, the weightiest first:"
    yield from _evidence_lines(found, tell_all)
    yield from ("", *here.told) if here.told else ()
    yield ""
    yield "it may also be:"
    for rival in found.rivals:
        against = f"; against it: {'; '.join(rival.against)}" if rival.against else ""
        yield f"  {rival.probability:>4.0%}  {rival.cause.value}{against}"
    if not found.rivals:
        yield "  nothing else is over 2 %"
    yield ""
    asks = asks_here(found.decides, controlled=here.controlled, address=here.address, reading=here.reading)
    yield f"next: {_next_words(found.cause, here, asks)}"
    if not subject.life_critical:
        yield calls
    if asks:
        yield "what would decide:"
        yield from (f"  - {ask}" for ask in asks)
    if found.course.later:
        yield f"(later telemetry, until {when(found.course.later[-1].time_ns, now_ns)}, was used too)"


def _next_words(cause: Why, here: Here, asks: Sequence[str]) -> str:
    """Return the next step; what would decide stands in lines of its own."""
    if here.unseen:
        return here.unseen
    known = here.reading or bool(here.sky)  # what the dish could tell has just been told
    do = do_here(cause, controlled=here.controlled, address=here.address, reading=known)
    return do if asks else first_do(cause, asks, do)


def _evidence_lines(found: Diagnosis, tell_all: bool) -> Iterator[str]:
    shown = found.evidence if tell_all else found.weighty[:_EVIDENCE]
    yield from (f"  - {line}" for line in shown)
    if len(found.evidence) > len(shown):
        yield f"  ({len(found.evidence) - len(shown)} more that weigh less: --all)"
    if not found.evidence:
        yield "  none"


def _state_line(found: Diagnosis, now_ns: int) -> str:
    course = found.course
    onset = course.onset_ns
    if found.state is State.NEVER:
        return "never seen: no telemetry of it has ever come"
    assert course.last is not None, "what was seen has a last sample"
    last = when(course.last.time_ns, now_ns)
    if found.state is State.ONLINE:
        back = ""
        if onset is not None and course.trouble:
            ended = when(course.trouble[-1].time_ns, now_ns)
            back = f"; it was in trouble from {when(onset, now_ns)} to {ended}"
        return f"online, as of {last}{back}"
    since = _since_words(found, now_ns)
    word = {State.DARK: "dark", State.POOR: "badly served", State.SILENT: "silent"}[found.state]
    blind = f"; nothing was heard for over {SILENT_AFTER_S // 60} min" if found.state is State.SILENT else ""
    spoke = (
        "it never answered" if course.spoke_ns is None else f"last word at {when(course.spoke_ns, now_ns)}"
    )
    asked = "" if course.asked_ns is None else f", last asked at {when(course.asked_ns, now_ns)}"
    return f"{word}{since}, {spoke}{asked}{blind}"


def _since_words(found: Diagnosis, now_ns: int) -> str:
    """Return since when it is so; of one that came and went, also since when it is in trouble."""
    course, onset = found.course, found.course.onset_ns
    if onset is None or course.spoke_ns is None:
        return ""  # one that never answered may have been dark for ever
    began = onset if found.state is not State.DARK else course.dark_since_ns or onset
    said = f" since {when(began, now_ns)} ({length((now_ns - began) / SECOND_NS)})"
    if began - onset > 60 * SECOND_NS:
        said += f", in trouble since {when(onset, now_ns)}"
    return said


def plain_diagnosis(subject: Subject, found: Diagnosis, now_ns: int) -> dict[str, Any]:
    """Return a diagnosis as JSON holds it."""
    advice = found.advice
    return {
        "terminal": found.terminal, "kit": subject.kit, "site": subject.site, "account": subject.account,
        "life_critical": subject.life_critical, "at": iso(now_ns), "state": found.state.value,
        "since": iso(found.course.onset_ns),
        "dark_since": iso(found.course.dark_since_ns) if found.state is State.DARK else None,
        "last_seen": iso(found.course.spoke_ns), "last_asked": iso(found.course.asked_ns),
        "holder": subject.holder,
        "guess": found.ranked[0][0].value if found.ranked else None,
        "cause": None if found.cause is None else found.cause.value,
        "confidence": None if found.cause is None else round(found.confidence, 4),
        "meaning": None if advice is None else advice.meaning,
        "ranked": [{"cause": c.value, "probability": round(p, 4)} for c, p in found.ranked],
        "evidence": list(found.evidence),
        "rivals": [
            {"cause": r.cause.value, "probability": round(r.probability, 4), "against": list(r.against)}
            for r in found.rivals
        ],
        "next": None if advice is None else advice.do,
        "call": None if found.cause is None else call([subject], found.cause),
        "would_decide": list(found.decides),
        "signs": {sign.name: sign.value for sign in found.signs},
    }  # fmt: skip


def plain_incident(number: int, incident: Incident, now_ns: int) -> dict[str, Any]:
    """Return an incident as JSON holds it."""
    return {
        "rank": number, "cause": incident.cause.value, "confidence": round(incident.confidence, 4),
        "likeliest": incident.first.ranked[0][0].value,
        "since": iso(incident.onset_ns), "seconds": seconds_since(incident.onset_ns, now_ns),
        "terminals": [m.kit.terminal for m in incident.members], "presumed": incident.presumed,
        "sites": sorted({m.kit.site for m in incident.members if m.kit.site}),
        "life_critical": [m.kit.terminal for m in incident.critical], "people": incident.people,
        "sites_cut_off": list(incident.cut_off), "evidence": list(incident.first.evidence[:_EVIDENCE]),
        "next": ADVICE[incident.cause].do,
        "call": call((m.kit for m in incident.members), incident.cause),
    }  # fmt: skip


def member_rows(incidents: Sequence[Incident], now_ns: int) -> list[dict[str, Any]]:
    """Return a row for each terminal that is not well, in the order of their incidents: for CSV."""
    return [
        {
            "rank": number, "terminal": m.kit.terminal, "kit": m.kit.kit, "site": m.kit.site,
            "account": m.kit.account, "holder": m.kit.holder,
            "life_critical": "yes" if m.kit.life_critical else "no", "people": m.kit.people,
            "state": m.course.state.value, "since": iso(m.onset_ns),
            "seconds": None if lasted is None else round(lasted), "cause": incident.cause.value,
            "confidence": round(incident.confidence, 3),
            "guess": incident.first.ranked[0][0].value,
            "last_seen": iso(m.course.spoke_ns), "last_asked": iso(m.course.asked_ns),
        }
        for number, incident in enumerate(incidents, 1)
        for m in incident.members
        for lasted in (seconds_since(m.onset_ns, now_ns),)
    ]  # fmt: skip
