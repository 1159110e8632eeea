"""The fleet's table for those who look at it and do not act: without phone numbers, and without notes.

Who acts calls people and needs both.  All that is told of a table is told of the veiled one, so that no
answer, filter or search of it knows what its reader may not.
"""

import re
from dataclasses import replace
from typing import Final

from openleo.fleet.table.rows import Row, Table
from openleo.fleet.why.grouping import Incident
from openleo.fleet.why.inputs import Subject
from openleo.fleet.why.survey import Standing

WITHHELD: Final = "(phone withheld)"
CLOSED: Final = frozenset({"note"})  # fields by which such a reader may not filter
_BETWEEN: Final = r"[\s().\-‐-―/]"  # what people write between digits
_PHONE: Final = re.compile(rf"(?:\+{_BETWEEN}*|\()?\d(?:{_BETWEEN}*\d){{4,}}")  # five digits and more


def without_phones(text: str) -> str:
    """Return a holder's text with what may be a phone number withheld; what is in doubt is taken for one."""
    return _PHONE.sub(WITHHELD, text)


def veiled(table: Table) -> Table:
    """Return a table as those see it who do not act."""
    return replace(
        table,
        rows=tuple(_row(row) for row in table.rows),
        incidents=tuple(_incident(incident) for incident in table.incidents),
    )


def _subject(kit: Subject) -> Subject:
    holder = without_phones(kit.holder)
    return kit if not kit.note and holder == kit.holder else replace(kit, holder=holder, note="")


def _row(row: Row) -> Row:
    kit, holder = _subject(row.subject), without_phones(row.holder)
    return row if kit is row.subject and holder == row.holder else replace(row, subject=kit, holder=holder)


def _incident(incident: Incident) -> Incident:
    return replace(incident, members=tuple(_member(one) for one in incident.members))


def _member(one: Standing) -> Standing:
    kit = _subject(one.kit)
    return one if kit is one.kit else replace(one, kit=kit)
