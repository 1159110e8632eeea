"""The lines of a summary."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from openleo.base.clock import format_utc, slot_start
from openleo.results.dark import Dark
from openleo.results.program import command
from openleo.results.summary import FaultEffect, Summary
from openleo.snapshot.causes import MEANING

if TYPE_CHECKING:
    from openleo.results.run import Run

_WHY = re.compile(r"; why: ([^;]+)")  # the first clause; `openleo explain` says all of it
_SHOWN = 12  # kinds of darkness; the rest are counted


def summary_lines(run: "Run", summary: Summary, *, warned: bool = False) -> Iterator[str]:
    """Yield what `openleo run` prints at its end; ``warned``: the warnings were printed at its start."""
    m, s = run.manifest, summary
    yield m["banner"]
    yield f"{m['title']} ({m['name']})" if m["title"] else str(m["name"])
    yield f"{run.span}: {run.until_slot - run.first_slot:,} slots of 15 s"
    yield ""
    cells = "1 cell" if s.cells == 1 else f"{s.cells:,} cells"
    yield f"terminals   {m['terminals']:,} in {cells}; online {_percent(s.online)} of the time"
    yield f"satellites  {s.satellites:,} in service; at most {s.satellites_most:,} serve at once"
    yield f"gateways    {s.gateways} with {s.antennas} antennas; at most {s.antennas_most} in use at once"
    yield f"worst slot  {_worst(s)}"
    if s.rtt_us[1] >= 0:
        low, mid, high = (value / 1000 for value in s.rtt_us)
        yield (
            f"latency     {mid:.1f} ms round trip to the point of presence, median over terminals and slots"
            f" (10 %: {low:.1f}, 90 %: {high:.1f})"
        )
    if s.rate_kbps[1] >= 0:
        low, mid, high = (value / 1000 for value in s.rate_kbps)
        yield f"rate        {mid:.0f} Mbit/s modelled for a busy terminal (20 %: {low:.0f}, 80 %: {high:.0f})"
    yield f"handovers   {s.handovers_an_hour:.0f} an hour for a terminal online"
    yield ""
    yield from _dark_lines(run, s)
    if s.faults:
        yield ""
        yield "faults"
        for fault in s.faults:
            yield from _fault_lines(fault)
    if m["warnings"] and not warned:
        yield ""
        for warning in m["warnings"]:
            yield f"warning: {warning['detail']}"
            yield f"hint: {warning['hint']}"
    yield ""
    yield from _next_lines(run, s)


def _percent(share: float) -> str:
    """Write a share so that what is not quite all never reads as 100 %."""
    if share in {0.0, 1.0}:
        return f"{share:.0%}"
    return f"{min(max(share * 100, 0.01), 99.99):.2f} %"


def _worst(s: Summary) -> str:
    text = f"{format_utc(slot_start(s.worst_slot))}: {_percent(s.worst_online)} online"
    if s.worst_cause is None:
        return text
    name, meaning = s.worst_cause.name, MEANING[s.worst_cause]
    return f"{text}; what stands out is {name} ({meaning}): {_count(s.worst_terminals)}"


def _count(terminals: int) -> str:
    return f"{terminals:,} terminal" + ("" if terminals == 1 else "s")


def _hours(hours: float) -> str:
    return f"{hours:,.0f} h" if hours >= 10 else f"{hours:.2g} h"


def _dark_lines(run: "Run", s: Summary) -> Iterator[str]:
    if not s.dark:
        yield "dark        nobody, at any time"
        return
    passing = ", those passing through too" if run.terminals["moving"].any() else ""
    yield f"dark, by cause: terminals that were for any time{passing}; hours of terminal time"
    width = max(len(group.cause.name) for group in s.dark)
    groups = _merged(s.dark)
    for same in groups[:_SHOWN]:
        yield f"  {same[0].cause.name:<{width}}  {_who(run, _sum(same))}; {_behind(run, same)}"
    if len(groups) > _SHOWN:
        rest = [group for same in groups[_SHOWN:] for group in same]
        yield f"  and {len(rest)} more, {_hours(sum(group.hours for group in rest))}"


def _merged(dark: tuple[Dark, ...]) -> list[list[Dark]]:
    """Put together what one cause did through several faults: the faults are told of below, one by one."""
    groups: dict[tuple[int, int, bool], list[Dark]] = {}
    for group in dark:
        groups.setdefault((group.cause, group.rule, group.fault >= 0), []).append(group)
    return sorted(groups.values(), key=lambda same: -sum(group.hours for group in same))


def _sum(same: list[Dark]) -> Dark:
    return replace(
        same[0],
        terminals=sum(group.terminals for group in same),
        throughout=sum(group.throughout for group in same),
        hours=sum(group.hours for group in same),
        from_slot=min(group.from_slot for group in same),
        until_slot=max(group.until_slot for group in same),
    )


def _who(run: "Run", group: Dark) -> str:
    known = group.throughout >= 0
    text = f"{_count(group.terminals)}{'' if known else ' at once'}, {_hours(group.hours)}"
    if group.throughout == group.terminals:
        return f"{text}, the whole run"
    if group.throughout > 0:
        text += f", {group.throughout:,} of them the whole run"
    if group.from_slot > run.first_slot or group.until_slot < run.until_slot:
        begin, end = (format_utc(slot_start(slot)) for slot in (group.from_slot, group.until_slot))
        text += f", between {begin} and {end}"
    return text


def _behind(run: "Run", same: list[Dark]) -> str:
    """Say which rule or faults are behind a kind of darkness, or what it means."""
    group = same[0]
    if group.rule >= 0:
        rule = run.rules.row(group.rule, named=True)
        why = _WHY.search(rule["text"])
        return f"rule {rule['id']}" + (f": {why[1]}" if why else "")
    if group.fault >= 0:
        names = [run.faults["name"][g.fault] for g in same]
        return f"{group.meaning}: " + ("faults " if len(names) > 1 else "fault ") + ", ".join(names)
    return group.meaning


def _fault_lines(fault: FaultEffect) -> Iterator[str]:
    begin, end = (format_utc(slot_start(slot)) for slot in (fault.from_slot, fault.until_slot))
    yield f"  {fault.name} ({fault.kind} {fault.target}), {begin} to {end}".replace(" )", ")")
    text = f"    online {_percent(fault.online)} meanwhile"
    if fault.otherwise >= 0:
        when = "before" if fault.is_before else "after"
        text += f"; up to an hour {when} {_percent(fault.otherwise)}"
    yield text
    if fault.most < 0:
        yield "    who was dark because of it is not kept with detail cells"
    elif fault.dark:
        parts = ", ".join(f"{cause.name} {_hours(hours)}" for cause, hours in fault.dark)
        yield f"    dark because of it: {parts} of terminal time; {_most(fault)}"
    else:
        yield "    no terminal was dark because of it"


def _most(fault: FaultEffect) -> str:
    if fault.most == 0:
        return "none throughout a slot"
    return f"at most {_count(fault.most)} at once, first at {format_utc(slot_start(fault.most_slot))}"


def _next_lines(run: "Run", s: Summary) -> Iterator[str]:
    yield f"run folder  {run.path}"
    explain = command("explain", run.path)
    if s.dark and s.example is not None:
        yield f"all dark    {explain} --at {format_utc(slot_start(s.worst_slot))}"
    if s.example is not None:
        terminal, slot = s.example
        at = format_utc(slot_start(slot))
        yield f"next        {explain} --terminal {shlex.quote(terminal)} --at {at}"
    else:
        yield f"next        {explain} --at {format_utc(slot_start(s.worst_slot))}"
    yield f"on a page   {command('serve', '--replay', run.path)}, then open http://127.0.0.1:8350"
