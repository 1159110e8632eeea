"""The rows of the fleet's table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from openleo.base.digits import whole
from openleo.fleet.sample import Sample
from openleo.fleet.why.course import State
from openleo.fleet.why.inputs import Subject

if TYPE_CHECKING:
    from openleo.fleet.decided import Custody
    from openleo.fleet.looking import Looking
    from openleo.fleet.table.usage import Use
    from openleo.fleet.why import Diagnosis
    from openleo.fleet.why.grouping import Incident
    from openleo.fleet.why.survey import Survey

STATES: Final = tuple(state.value for state in State)
_RANK: Final = {State.DARK: 0, State.SILENT: 1, State.POOR: 2, State.NEVER: 3, State.ONLINE: 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One terminal.  ``use`` is None where it was not asked for, or nothing told it."""

    subject: Subject
    state: State
    cause: str | None
    confidence: float | None
    since_ns: int | None
    last: Sample | None
    cell: int | None
    seen_ns: int | None = None  # when the terminal itself last spoke; our asking in vain is no word of it
    line: str = ""
    custody: str = ""
    holder: str = ""
    account: str = ""
    life_critical: bool = False
    by_us: bool = False
    use: "Use | None" = None

    @property
    def terminal(self) -> str:
        """Its id."""
        return self.subject.terminal

    @property
    def site(self) -> str:
        """Where it stands, as the register calls it."""
        return self.subject.site

    @property
    def version(self) -> str | None:
        """What software it runs."""
        return self.last.software if self.last is not None else None

    @property
    def update_waits(self) -> bool | None:
        """Whether an update waits for a restart; None where nobody told."""
        if self.last is None or (self.last.reboot_in_s is None and 82 not in self.last.alerts):
            return None if self.last is None or self.last.reboot_in_s is None else False
        return 82 in self.last.alerts or (self.last.reboot_in_s is not None and self.last.reboot_in_s >= 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows of a fleet at ``now_ns``, and what they were made from."""

    now_ns: int
    clock_ns: int
    rows: tuple[Row, ...]
    incidents: "tuple[Incident, ...]"
    counts: Mapping[str, int]
    stale: tuple[str, ...]
    remark: str
    why: "Mapping[str, Diagnosis]"  # of those that are not well and were looked at
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)  # what people call them -> ids

    def using(self, use: "Mapping[str, Use]") -> "Table":
        """Return the table with the use of data of each terminal."""
        return replace(self, rows=tuple(replace(row, use=use.get(row.terminal)) for row in self.rows))


def table_of(
    fleet: "Looking", survey: "Survey", *, use: "Mapping[str, Use] | None" = None
) -> Table:  # fmt: skip
    """Return the table of a fleet that is looked at."""
    from openleo.fleet.looking import diagnosed
    from openleo.fleet.why.grouping import incidents_of
    from openleo.fleet.why.words import stale_lines

    found = diagnosed(survey)
    incidents = incidents_of(survey, found)
    # A terminal that was not looked at has the cause of the incident that it is presumed to belong to.
    presumed = {m.kit.terminal: i.cause.value for i in incidents for m in i.members}
    rows = [
        _row(fleet, survey, terminal, found.get(terminal), presumed.get(terminal), (use or {}).get(terminal))
        for terminal in survey.standings
    ]
    return Table(
        now_ns=survey.now_ns, clock_ns=fleet.clock_ns, rows=tuple(sorted(rows, key=urgency)),
        incidents=tuple(incidents), counts={s.value: n for s, n in survey.counts.items()},
        stale=tuple(stale_lines(survey, fleet.clock_ns)), remark=fleet.remark, why=found,
        names=fleet.names,
    )  # fmt: skip


def _row(
    fleet: "Looking", survey: "Survey", terminal: str, why: "Diagnosis | None", presumed: str | None,
    use: "Use | None",
) -> Row:  # fmt: skip
    one = survey.standings[terminal]
    held: Custody | None = fleet.custody.get(terminal)
    cause = why.cause.value if why is not None and why.cause is not None else presumed
    sure = why.confidence if why is not None and why.cause is not None else None
    return Row(
        subject=one.kit, state=one.course.state, cause=cause, confidence=sure, since_ns=one.onset_ns,
        last=one.course.last, cell=one.cell, seen_ns=one.course.spoke_ns,
        line=held.line if held else "", custody=held.state if held else "",
        holder=one.kit.holder or (held.holder if held else ""),
        account=one.kit.account or (held.account if held else ""),
        life_critical=one.kit.life_critical or (held is not None and held.life_critical),
        by_us=terminal in fleet.dishes, use=use,
    )  # fmt: skip


def urgency(row: Row) -> tuple[object, ...]:
    """Return what rows are ordered by, the most urgent first."""
    people = row.subject.people or 0
    return (_RANK[row.state], not row.life_critical, -people, row.since_ns or 2**63, row.site, row.terminal)


SORTS: Final = {
    "urgency": urgency,
    "terminal": lambda r: (r.terminal,),
    "site": lambda r: (r.site == "", r.site, r.terminal),
    "account": lambda r: (r.account == "", r.account, r.terminal),
    "state": lambda r: (_RANK[r.state], r.terminal),
    "since": lambda r: (r.since_ns or 2**63, r.terminal),
    "version": lambda r: (version_key(r.version or ""), r.terminal),
    "last_seen": lambda r: (r.seen_ns or 0, r.terminal),
    "down_gb": lambda r: (-(r.use.down_bytes if r.use else -1), r.terminal),
}


def sorted_rows(rows: Iterable[Row], by: str) -> list[Row]:
    """Return rows in an order of ``SORTS``."""
    return sorted(rows, key=SORTS[by])


def version_key(version: str) -> tuple[tuple[int, str], ...]:
    """Return what versions are ordered by, their numbers as numbers; a dish may tell any text."""
    parts = "".join(c if c.isalnum() else " " for c in version).split()
    return tuple((-1, p) if (number := whole(p)) is None else (number, "") for p in parts)
