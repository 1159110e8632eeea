"""`openleo fleet` alone: the terminals that are not well, grouped by cause, who needs help first."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from openleo.cli._fleet import At, data_words
from openleo.cli._fleet_looking import looking, tell

if TYPE_CHECKING:
    from openleo.fleet.why.grouping import Incident

_STRAYS = 12


def show_fleet(at: At, form: str, when: datetime | None, limit: int) -> None:
    """Print the ranked list."""
    from openleo.fleet.looking import many_objects, open_incidents
    from openleo.fleet.why.course import State
    from openleo.fleet.why.handover import csv_of
    from openleo.fleet.why.unseen import never_lines
    from openleo.fleet.why.words import (
        Here,
        count_line,
        incident_lines,
        member_rows,
        plain_incident,
        same_time_lines,
        stale_lines,
    )

    with many_objects():
        with looking(at) as fleet:
            survey = fleet.survey(when)
            clock_ns = fleet.clock_ns if when is None else survey.now_ns
            remark = fleet.remark
            controlled, dishes, polled = fleet.controlled, fleet.dishes, fleet.polled_at(when)
            strays, unasked = fleet.strays, fleet.unasked
            contradicted = fleet.contradicted_at(when)
        found = open_incidents(survey)
    if form == "csv":
        click.echo(csv_of(member_rows(found, survey.now_ns)), nl=False)
        return
    stale = list(stale_lines(survey, clock_ns))
    if form == "json":
        never = [s.kit.terminal for s in survey.standings.values() if s.course.state is State.NEVER]
        value = {
            "counts": {state.value: n for state, n in survey.counts.items()},
            "stale": stale, "remark": remark,
            "never_seen": never, "no_dishes": list(strays), "not_asked": list(unasked),
            "contradicted": list(contradicted),
            "incidents": [plain_incident(n, i, survey.now_ns) for n, i in enumerate(found, 1)],
        }  # fmt: skip
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
        return

    def here_of(incident: "Incident") -> Here:
        dish = dishes.get(incident.members[0].kit.terminal)
        return Here(controlled=controlled, address=dish.address if dish is not None else "")

    lines = [count_line(survey), *stale, *([remark] if remark else [])]
    for number, incident in enumerate(found[:limit], 1):
        lines += ["", *incident_lines(number, incident, survey.now_ns, here=here_of(incident))]
    if together := list(same_time_lines(found, survey.now_ns)):
        lines += ["", *together]
    if len(found) > limit:
        lines += [
            "",
            f"and {len(found) - limit:,} more: --limit {len(found)}, or --format csv for each terminal",
        ]
    if unheard := list(never_lines(survey, polled, data_words(at))):
        lines += ["", *unheard]
    lines += _dish_lines(at, contradicted, [f"dish {stray}" for stray in strays], unasked)
    if found:
        lines += ["", f"why one of them: openleo fleet why TERMINAL{data_words(at)}"]
    tell(lines)


def _dish_lines(
    at: At, contradicted: Sequence[str], strays: Sequence[str], unasked: Sequence[str]
) -> Iterator[str]:
    """Yield what is to be said of dishes: other terminals than their kits', none at all, or not asked yet."""
    data = data_words(at)
    for told in (contradicted, strays):
        if told:
            yield ""
            yield from (f"  ?  {one}" for one in told[:_STRAYS])
        if len(told) > _STRAYS:
            yield f"     and {len(told) - _STRAYS:,} more: openleo fleet list{data}"
    if unasked:
        what = f"{len(unasked):,} dishes were" if len(unasked) > 1 else f"dish {unasked[0]} was"
        yield ""
        yield f"  ?  {what} not asked yet: `openleo fleet once{data}`, or `openleo fleet watch{data}`"
