"""The report from one shift to the next: what changed, what is open, what was done, who should be called."""

import csv
import io
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from openleo.base.errors import BadInput
from openleo.fleet.why import unseen
from openleo.fleet.why.calling import asks_here, do_here, first_do
from openleo.fleet.why.causes import Why
from openleo.fleet.why.course import SILENT_AFTER_S, State
from openleo.fleet.why.grouping import Incident
from openleo.fleet.why.inputs import MINUTE_NS, SECOND_NS, Decision, JobTold, Subject
from openleo.fleet.why.recent import WELL
from openleo.fleet.why.survey import Survey
from openleo.fleet.why.times import iso, length, when
from openleo.fleet.why.whom import call_lines
from openleo.fleet.why.words import (
    cause_words,
    count_line,
    member_rows,
    name_of,
    plain_incident,
    stale_lines,
)

if TYPE_CHECKING:
    from openleo.fleet.store import TelemetryStore

SHORTEST_NS: Final = 2 * MINUTE_NS  # shorter darkness is not told of
_JOIN_NS: Final = 5 * MINUTE_NS  # in service for less does not end an outage
_ROWS: Final = 40
_NAMED: Final = 6

# The samples at which a terminal's state turned or before which it was silent, with the time of the one
# before.
_TURNS: Final = f"""
SELECT terminal, time_ns, well, previous FROM (
  SELECT terminal, time_ns, well, lag(well) OVER each AS was, lag(time_ns) OVER each AS previous FROM (
    SELECT terminal, time_ns, ({WELL}) AS well FROM samples WHERE time_ns >= ? AND time_ns <= ? AND NOT (%s)
  ) WINDOW each AS (PARTITION BY terminal ORDER BY time_ns)
) WHERE was IS NULL OR was <> well OR time_ns - previous > {SILENT_AFTER_S * SECOND_NS} ORDER BY terminal,
time_ns
"""
_MINUTES: Final = f"SELECT DISTINCT time_ns / {MINUTE_NS} FROM samples WHERE time_ns >= ? AND time_ns <= ?"
_HELD: Final = "(device = ? AND time_ns >= ? AND time_ns < ?)"


_Turn = tuple[int, bool, int | None]  # when, whether it is well, and the sample before


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """A terminal's time out of service; ``until_ns`` is None where it has not ended."""

    terminal: str
    since_ns: int
    until_ns: int | None


@dataclass(frozen=True, kw_only=True)
class Handover:
    """All that a report tells."""

    since_ns: int
    survey: Survey
    incidents: Sequence[Incident]
    spells: Sequence[Spell]
    decisions: Sequence[Decision] | None
    reaches_back: bool  # the store holds the whole of the shift
    addresses: Mapping[str, str] = field(default_factory=dict)  # of dishes that are polled, by terminal
    polled: Mapping[str, unseen.Polled] = field(default_factory=dict)  # at which dish a kit is asked
    jobs: Sequence[JobTold] = ()  # what was done with dishes, the latest first
    contradicted: Sequence[str] = ()  # dishes that are other terminals than their kits'
    data: str = ""  # what commands need to be about the same data

    @property
    def jobs_of_the_shift(self) -> list[JobTold]:
        """The jobs that were made in the shift, the earliest first."""
        return [j for j in reversed(self.jobs) if self.since_ns <= j.at_ns <= self.survey.now_ns]

    @property
    def ended(self) -> list[Spell]:
        """What ended in the shift, the longest first."""
        over = [s for s in self.spells if s.until_ns is not None]
        return sorted(over, key=lambda s: s.since_ns - (s.until_ns or 0))

    @property
    def new(self) -> list[Incident]:
        """The open incidents that began in the shift."""
        return [i for i in self.incidents if i.onset_ns is not None and i.onset_ns >= self.since_ns]


def spells_of(store: "TelemetryStore", since_ns: int, until_ns: int) -> list[Spell]:
    """Return when terminals were out of service, as their samples of some hours say it.

    Silence counts too, except while nothing was heard of anybody: then it was the collector that was out.
    """
    turns: dict[str, list[_Turn]] = {}
    heard: set[int] = set()
    held = sorted(store.quarantined())
    query = _TURNS % (" OR ".join([_HELD] * len(held)) or "0")
    values = (since_ns, until_ns, *(v for one in held for v in one))
    for day in store.days(since_ns, until_ns + 1):
        path = store.path / f"{day}.db"
        link = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            heard |= {minute for (minute,) in link.execute(_MINUTES, (since_ns, until_ns))}
            for terminal, time_ns, well, previous in link.execute(query, values):
                turns.setdefault(terminal, []).append((time_ns, bool(well), previous))
        except sqlite3.Error as error:
            raise BadInput(
                f"{path} cannot be read: {error}", "is its disk whole? a day that is being removed: ask again"
            ) from error
        finally:
            link.close()
    return [
        spell
        for terminal in sorted(turns)
        for spell in _spells(terminal, _with_silence(turns[terminal], heard))
    ]


def _with_silence(turns: Sequence[_Turn], heard: set[int]) -> Iterator[tuple[int, bool]]:
    """Yield when it turned, with silences in which others were heard as time out of service."""
    last: int | None = None
    for time_ns, well, previous in turns:
        before = last if previous is None else previous  # None: the first of a day's file
        if before is not None and time_ns - before > SILENT_AFTER_S * SECOND_NS:
            minutes = range(before // MINUTE_NS + 1, time_ns // MINUTE_NS)
            if sum(minute in heard for minute in minutes) * 2 > len(minutes):
                yield before, False
        yield time_ns, well
        last = time_ns


def _spells(terminal: str, turns: Iterable[tuple[int, bool]]) -> Iterator[Spell]:
    since: int | None = None
    ended: int | None = None
    for time_ns, well in turns:
        if well:
            if since is not None and ended is None:
                ended = time_ns
            continue
        if since is None:
            since = time_ns
        elif ended is not None:
            if time_ns - ended <= _JOIN_NS:
                ended = None
            else:
                yield from _told(terminal, since, ended)
                since, ended = time_ns, None
    if since is not None:
        yield from _told(terminal, since, ended)


def _told(terminal: str, since: int, ended: int | None) -> Iterator[Spell]:
    if ended is None or ended - since >= SHORTEST_NS:
        yield Spell(terminal=terminal, since_ns=since, until_ns=ended)


def text_lines(report: Handover, clock_ns: int) -> Iterator[str]:
    """Yield the report as Markdown, which reads as text."""
    survey, now = report.survey, report.survey.now_ns
    yield f"# Handover, {when(report.since_ns)} to {when(now)}"
    yield ""
    yield count_line(survey) + "."
    for line in stale_lines(survey, clock_ns):
        yield f"**{line}**"
    if not report.reaches_back:
        yield "The store does not hold all of this time: what was before its first day is not here."
    yield ""
    yield "## Open"
    yield ""
    if not report.incidents:
        seen = any(n for state, n in survey.counts.items() if state is not State.NEVER)
        yield (
            "Nothing: every terminal that was ever seen is online." if seen
            else "Nothing is known: no telemetry has ever come."
        )  # fmt: skip
    for number, incident in enumerate(report.incidents, 1):
        yield from _open_lines(number, incident, report)
    yield ""
    yield from unseen.section(survey, report.polled, report.data)
    if report.contradicted:
        yield "## Not as the list says"
        yield ""
        yield from (f"- {one}" for one in report.contradicted[:_ROWS])
        if len(report.contradicted) > _ROWS:
            yield f"- and {len(report.contradicted) - _ROWS:,} more: `openleo fleet list{report.data}`"
        yield ""
    yield from _changed(report)
    yield ""
    yield "## Done"
    yield ""
    yield from _done(report)
    yield ""
    yield "## To call"
    yield ""
    yield from call_lines(report.incidents, unseen.not_met(survey, report.polled))


def _open_lines(number: int, incident: Incident, report: Handover) -> Iterator[str]:
    now = report.survey.now_ns
    new = "NEW, " if report.reaches_back and incident in report.new else ""
    since = "" if incident.onset_ns is None else f", since {when(incident.onset_ns, now)}"
    critical = "**LIFE-CRITICAL** " if incident.critical else ""
    how_many = f"{len(incident.members):,} terminal{'s' * (len(incident.members) != 1)}"
    yield f"{number}. {critical}{new}{cause_words(incident)}, {how_many}{since}"
    names = [name_of(m.kit) for m in incident.members[:6]]
    more = f" and {len(incident.members) - 6:,} more" if len(incident.members) > 6 else ""
    yield f"   - who: {'; '.join(names)}{more}"
    for line in incident.first.weighty[:3]:
        yield f"   - {line}"
    address = report.addresses.get(incident.members[0].kit.terminal, "")
    controlled = report.decisions is not None
    asks = asks_here(incident.first.decides, controlled=controlled, address=address)
    do = do_here(incident.cause, controlled=controlled, address=address)
    yield f"   - next: {first_do(incident.cause, asks, do)}"


def _changed(report: Handover) -> Iterator[str]:
    ended, now = report.ended, report.survey.now_ns
    yield "## Changed"
    yield ""
    began = f"{len(report.new)} incident{'s' * (len(report.new) != 1)} began and {_are(len(report.new))} open"
    over = f"{len(ended):,} outage{'s' * (len(ended) != 1)} of 2 min or more ended"
    yield f"{began}; {over}."
    for incident in report.new:
        yield f"- {'; '.join(name_of(m.kit) for m in incident.members[:_NAMED])}: {cause_words(incident)}"
    if not ended:
        return
    yield ""
    yield "| terminal | where | dark from | until | for |"
    yield "| --- | --- | --- | --- | --- |"
    for spell in ended[:_ROWS]:
        assert spell.until_ns is not None
        lasted = length((spell.until_ns - spell.since_ns) / SECOND_NS)
        where = name_of(_subject(report, spell.terminal)).replace("|", "/")
        began = "before" if spell.since_ns <= report.since_ns + MINUTE_NS else when(spell.since_ns, now)
        yield f"| {spell.terminal} | {where} | {began} | {when(spell.until_ns, now)} | {lasted} |"
    if len(ended) > _ROWS:
        yield f"| and {len(ended) - _ROWS:,} more (--format csv) | | | | |"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _done(report: Handover) -> Iterator[str]:
    jobs, now = report.jobs_of_the_shift, report.survey.now_ns
    yield from (f"- {when(job.at_ns, now)} {job.says}" for job in jobs)
    if jobs:
        yield ""
    if report.decisions is None:
        yield "Decisions are not known here: there is no control plane beside this fleet."
        return
    mine = [d for d in report.decisions if report.since_ns <= d.at_ns <= report.survey.now_ns]
    yield from (f"- {when(d.at_ns, report.survey.now_ns)} {d.says or d.kind}" for d in mine)
    if not mine:
        yield "No decision about service took effect."


def _subject(report: Handover, terminal: str) -> Subject:
    found = report.survey.standings.get(terminal)
    return Subject(terminal=terminal) if found is None else found.kit


def plain_handover(report: Handover, clock_ns: int) -> dict[str, Any]:
    """Return the report as JSON holds it."""
    now = report.survey.now_ns
    counts: Mapping[State, int] = report.survey.counts
    return {
        "since": iso(report.since_ns), "until": iso(now), "reaches_back": report.reaches_back,
        "counts": {state.value: n for state, n in counts.items()},
        "stale": list(stale_lines(report.survey, clock_ns)),
        "open": [
            plain_incident(n, i, now)
            | {"would_decide": list(i.first.decides) if i.cause is Why.UNKNOWN else []}
            for n, i in enumerate(report.incidents, 1)
        ],
        "never_seen": unseen.plain(report.survey, report.polled, report.data),
        "contradicted": list(report.contradicted),
        "ended": [
            {"terminal": s.terminal, "since": iso(s.since_ns), "until": iso(s.until_ns)} for s in report.ended
        ],
        "jobs": [{"at": iso(j.at_ns), "says": j.says} for j in report.jobs_of_the_shift],
        "decisions": None if report.decisions is None else [
            {"at": iso(d.at_ns), "kind": d.kind, "says": d.says}
            for d in report.decisions if report.since_ns <= d.at_ns <= now
        ],
    }  # fmt: skip


def csv_text(report: Handover) -> str:
    """Return a table: a row for each terminal in trouble, each never seen, and each outage that ended."""
    rows = [*member_rows(report.incidents, report.survey.now_ns), *unseen.rows(report.survey)]
    for spell in report.ended:
        kit = _subject(report, spell.terminal)
        rows.append(
            {
                "rank": None, "terminal": spell.terminal, "kit": kit.kit, "site": kit.site,
                "account": kit.account, "holder": kit.holder, "people": kit.people,
                "life_critical": "yes" if kit.life_critical else "no", "state": "ended",
                "since": iso(spell.since_ns), "until": iso(spell.until_ns),
                "seconds": round(((spell.until_ns or 0) - spell.since_ns) / SECOND_NS),
            }
        )  # fmt: skip
    return csv_of(rows)


CSV_COLUMNS: Final = (
    "rank", "terminal", "kit", "site", "account", "holder", "life_critical", "people", "state", "since",
    "until",
    "seconds", "cause", "confidence", "guess", "last_seen", "last_asked",
)  # fmt: skip


def csv_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as CSV; a text that a spreadsheet would take for a formula gets an apostrophe."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: _cell(v) for k, v in row.items()} for row in rows)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in "=+-@\t":
        return f"'{value}"
    return value
