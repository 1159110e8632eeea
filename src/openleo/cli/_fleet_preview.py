"""What `openleo fleet do` says before it does anything."""

from typing import TYPE_CHECKING, Any

from openleo.cli._control import table as columns
from openleo.cli._fleet import At, show
from openleo.cli._fleet_looking import tell
from openleo.cli._text import counted

if TYPE_CHECKING:
    from openleo.fleet.acting.choosing import Asked
    from openleo.fleet.acting.plan import Candidate, Left, Plan, Settings

_SHOWN = 30


def show_plan(at: At, asked: "Asked", found: "Plan") -> None:
    """Say whom a job would tell, in which order, and whom not and why."""
    from openleo.fleet.acting.plain import plain_plan

    value = plain_plan(asked.order, found, asked.settings, found.not_ours)
    lines = [f"would tell {counted(len(found.chosen), 'terminal')}: {asked.order.says()}"]
    if found.off:
        lines.append(found.off)
    if found.chosen:
        lines += _whom(asked.settings, found, value)
    if found.left:
        lines += ["", f"left out, {len(found.left):,}:"]
        lines += [
            f"  {one.terminal}{_kit(found, one.terminal)} {one.site}: {_why(one)}"
            for one in found.left[:_SHOWN]
        ]
        if len(found.left) > _SHOWN:
            lines.append(f"  and {len(found.left) - _SHOWN:,} more: --format json")
    lines += ["", _what_then(found)]
    if at.as_json:
        show(at, value, lines)
    else:
        tell(lines)


def _why(one: "Left") -> str:
    return one.says if one.says.startswith(one.why) else f"{one.why}: {one.says}"


def _what_then(found: "Plan") -> str:
    if not found.chosen:
        return "nothing was done, and --go would do nothing: nobody of them can be told, see why above"
    if found.off:
        return "nothing was done; --go is refused until it is allowed"
    return 'nothing was done; to do it: --go --reason "..."'


def _whom(settings: "Settings", found: "Plan", value: dict[str, Any]) -> list[str]:
    named = ", ".join(f"{site or '(no site)'} {n:,}" for site, n in sorted(found.sites.items())[:_SHOWN])
    lines = [_how(settings, found), f"sites: {named}; people known to depend on them: {value['people']:,}"]
    if found.cuts and found.our_path:
        lines.append(f"our own way out goes over {_few(found.our_path)}, or may: told last")
    rows = [
        ("canary" if n < found.canaries else "", one.terminal, one.kit, one.site, _marks(found, one),
         value["through"].get(one.terminal, ""))
        for n, one in enumerate(found.chosen[:_SHOWN])
    ]  # fmt: skip
    lines += ["", *columns(("", "terminal", "kit", "site", "", ""), rows, none="")]
    if len(found.chosen) > _SHOWN:
        lines.append(f"and {len(found.chosen) - _SHOWN:,} more")
    return lines


def _marks(found: "Plan", one: "Candidate") -> str:
    rank = one.path_rank(found.not_ours)
    marks = ["LIFE-CRITICAL"] if one.life_critical else []
    marks += [["OUR OWN PATH"], ["PERHAPS OUR OWN PATH"]][rank < 2] if rank else []
    marks += ["dark already"] if one.away else []
    return ", ".join(marks)


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")


def _kit(found: "Plan", terminal: str) -> str:
    kit = found.kits.get(terminal, "")
    return f" ({kit})" if kit and kit != terminal else ""


def _how(settings: "Settings", found: "Plan") -> str:
    watched = f", watched for {settings.watch_minutes:g} min" if found.canaries else ""
    least = settings.least_minutes(len(found.chosen))
    return (
        f"canary {found.canaries}{watched}; then {settings.per_minute:g} a minute, at most"
        f" {settings.site_percent:g} % of a site at once; {least:.0f} min at least"
    )
