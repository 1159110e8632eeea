"""`openleo account`: customers, plans, service lines, and lists of who is served where."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from openleo.base.errors import BadInput
from openleo.cli._control import Where, control_options, show, table
from openleo.cli._deciding import at_slot, reason_option
from openleo.cli._group import Group
from openleo.cli._instants import Instant
from openleo.cli._people import cut_of, include_option

if TYPE_CHECKING:
    from openleo.control.accounts import Changed
    from openleo.control.plane import Tx

_effective = click.option("--effective", type=Instant(), metavar="TIME",
                          help="When (default: the next slot that can be).")  # fmt: skip
_some_reason = reason_option("Why, for the record.", required=False)


@click.group("account", cls=Group)
def command() -> None:
    """Keep customers, their plans and service lines, and lists of who is served."""


@command.command("add")
@click.argument("name")
@click.option("--title", default="", metavar="TEXT", help="What people call it.")
@_effective
@control_options
def add(where: Where, name: str, title: str, effective: datetime | None) -> None:
    """Add a customer, active."""
    from openleo.control.accounts import add_account

    with where.desk() as desk:
        row = desk.act(lambda tx: add_account(tx, name, title=title, effective=effective))
    show(
        where, row, [f"account {name} is added; next: openleo account line NAME --account {name} --plan PLAN"]
    )


@command.command("list")
@control_options
def list_(where: Where) -> None:
    """List the customers."""
    _listed(where, "account", ["account", "title", "status", "why"], ("id", "title", "status", "reason"))


@command.command("plans")
@control_options
def plans(where: Where) -> None:
    """List the plans and what they allow."""
    names = ("id", "max_speed_kmh", "ocean", "roaming", "flyover_kmh", "flyover_countries", "max_distance_km")
    header = ["plan", "max km/h", "ocean", "roaming", "flyover km/h", "in", "max km from home"]
    _listed(where, "plan", header, names)


@command.command("lines")
@control_options
def lines_(where: Where) -> None:
    """List the service lines."""
    names = ("id", "account_id", "plan_id", "country", "latitude_deg", "longitude_deg", "status")
    _listed(where, "line", ["line", "account", "plan", "country", "latitude", "longitude", "status"], names)


@command.command("lists")
@control_options
def lists_(where: Where) -> None:
    """List the allow-lists and block-lists."""
    names = ("id", "kind", "country", "accounts", "terminals", "active", "reason")
    _listed(where, "list", ["list", "kind", "country", "accounts", "terminals", "active", "why"], names)


@command.command("show")
@click.argument("name")
@control_options
def show_(where: Where, name: str) -> None:
    """Show a customer, its service lines, and what it has that is life-critical."""
    from openleo.control.accounts import critical_in, find_account
    from openleo.control.decided import listed

    def verb(tx: "Tx") -> dict[str, Any]:
        row = find_account(tx, name)
        of_it = [dict(line._mapping) for line in listed(tx, "line") if line.account_id == name]
        return {**row._mapping, "lines": of_it, "life_critical": critical_in(tx, name)}

    with where.desk() as desk:
        found = desk.read(verb)
    why = f": {found['reason']}" if found["reason"] else ""
    out = [f"account {name} is {found['status']}{why}", f"title: {found['title'] or '-'}"]
    out.append(f"life-critical: {', '.join(found['life_critical']) or 'none'}")
    out += [f"line {line['id']}: {line['plan_id'] or 'no plan'}, {line['status']}" for line in found["lines"]]
    show(where, found, out)


@command.command("disable")
@click.argument("name")
@reason_option("Why; it is recorded.")
@_effective
@include_option
@control_options
def disable(
    where: Where, *, name: str, reason: str, effective: datetime | None, include: tuple[str, ...],
    second: Path | None,
) -> None:  # fmt: skip
    """Stop serving a customer; life-critical terminals are spared unless two people name each."""
    _end(where, name, "disabled", reason, effective, include, second)


@command.command("close")
@click.argument("name")
@reason_option("Why; it is recorded.")
@_effective
@include_option
@control_options
def close(
    where: Where, *, name: str, reason: str, effective: datetime | None, include: tuple[str, ...],
    second: Path | None,
) -> None:  # fmt: skip
    """Close a customer's account; life-critical terminals are spared unless two people name each."""
    _end(where, name, "closed", reason, effective, include, second)


@command.command("enable")
@click.argument("name")
@_some_reason
@_effective
@control_options
def enable_(where: Where, name: str, reason: str, effective: datetime | None) -> None:
    """Serve a customer again."""
    from openleo.control.accounts import enable

    with where.desk() as desk:
        _told(where, desk.act(lambda tx: enable(tx, name, reason=reason, effective=effective)))


@command.command("plan")
@click.argument("name")
@click.option("--title", default="", metavar="TEXT", help="What people call it.")
@click.option("--max-speed-kmh", type=float, metavar="N", help="No service above this speed.")
@click.option("--no-ocean", is_flag=True, help="No service at sea.")
@click.option(
    "--roaming",
    default="anywhere",
    metavar="none|anywhere|CC,CC",
    show_default=True,
    help="Where else than in the address's country.",
)
@click.option(
    "--flyover-kmh", type=float, metavar="N", help="A speed limit in the countries of the next option."
)
@click.option("--flyover-countries", default="", metavar="CC,CC", help="Where the flyover limit holds.")
@click.option("--max-distance-km", type=float, metavar="N", help="No service further from the address.")
@_some_reason
@_effective
@control_options
def plan(where: Where, *, name: str, no_ocean: bool, roaming: str, flyover_countries: str, reason: str,
         effective: datetime | None, **limits: Any) -> None:  # fmt: skip
    """Make a plan, or give one new terms; what is left out is without limit."""
    from openleo.control.plans import Terms, set_plan

    terms = Terms(
        ocean=not no_ocean,
        roaming=_roaming(roaming),
        flyover_countries=_countries(flyover_countries),
        **limits,
    )
    with where.desk() as desk:
        row = desk.act(lambda tx: set_plan(tx, name, terms, reason=reason, effective=effective))
    show(where, row, [f"plan {name} is at version {row.version}"])


@command.command("line")
@click.argument("name")
@click.option(
    "--account",
    "account_id",
    metavar="NAME",
    help="Whose line it is: to make it, or to change its plan and place.",
)
@click.option("--plan", "plan_id", metavar="PLAN", help="Its plan.")
@click.option("--country", metavar="CC", help="The country of its address.")
@click.option("--address", metavar="LAT,LON", help="Where it is at home, for plans that count from there.")
@click.option(
    "--status",
    type=click.Choice(["active", "paused", "overage", "closed"]),
    help="Pause it, resume it (active), say that its data is used up, or close it.",
)
@_some_reason
@_effective
@include_option
@control_options
def line(where: Where, *, name: str, account_id: str | None, plan_id: str | None, country: str | None,
         address: str | None, status: str | None, reason: str, effective: datetime | None,
         include: tuple[str, ...], second: Path | None) -> None:  # fmt: skip
    """Make a service line, change it, or pause, resume and close it."""
    from openleo.control.lines import NewLine, add_line, line_text, move_line, set_line
    from openleo.control.schema import lines as table_

    if (account_id is None) == (status is None):
        raise click.UsageError("give --account to make or change the line, or --status")
    latitude, longitude = _address(address)

    def place(tx: "Tx") -> Any:
        new = NewLine(id=name, account=account_id or "", plan=plan_id, country=country,
                      latitude_deg=latitude, longitude_deg=longitude)  # fmt: skip
        if tx.conn.execute(table_.select().where(table_.c.id == name)).first():
            return move_line(tx, new, reason=reason, effective=effective)
        return add_line(tx, new, effective=effective)

    with where.desk() as desk:
        if status is None:
            row = desk.act(place)
        else:
            wanted = status
            cut = cut_of(
                desk, include, second, lambda tx: line_text(tx, name, wanted, reason=reason, include=include)
            )
            row = desk.act(lambda tx: set_line(tx, name, wanted, reason=reason, effective=effective, cut=cut))
    show(where, row, [f"service line {name} of {row.account_id} is {row.status}"])


@command.command("allow-list")
@click.argument("name")
@click.option("--country", required=True, metavar="CC", help="Where those who are not on it are not served.")
@click.option(
    "--account", "accounts", multiple=True, metavar="NAME", help="Who is served; as often as needed."
)
@click.option("--terminal", "terminals", multiple=True, metavar="NAME", help="Which terminal is served.")
@reason_option("Why; it is recorded.")
@_effective
@include_option
@control_options
def allow_list(where: Where, name: str, **rest: Any) -> None:
    """Serve in a country those on the list alone."""
    _set_list(where, name, "allow", **rest)


@command.command("block-list")
@click.argument("name")
@click.option("--country", metavar="CC", help="In this country alone (default: anywhere).")
@click.option(
    "--account", "accounts", multiple=True, metavar="NAME", help="Who is not served; as often as needed."
)
@click.option("--terminal", "terminals", multiple=True, metavar="NAME", help="Which terminal is not served.")
@reason_option("Why; it is recorded.")
@_effective
@include_option
@control_options
def block_list(where: Where, name: str, **rest: Any) -> None:
    """Serve nobody on the list."""
    _set_list(where, name, "block", **rest)


@command.command("lift-list")
@click.argument("name")
@_some_reason
@_effective
@control_options
def lift_list_(where: Where, name: str, reason: str, effective: datetime | None) -> None:
    """Take a list back."""
    from openleo.control.lists import lift_list

    with where.desk() as desk:
        row = desk.act(lambda tx: lift_list(tx, name, reason=reason, effective=effective))
    show(where, row, [f"list {name} is lifted"])


def _set_list(where: Where, name: str, kind: str, *, country: str | None, accounts: tuple[str, ...],
              terminals: tuple[str, ...], reason: str, effective: datetime | None, include: tuple[str, ...],
              second: Path | None) -> None:  # fmt: skip
    from openleo.control.lists import NewList, list_text, set_list

    new = NewList(id=name, kind=kind, country=country, accounts=accounts, terminals=terminals)
    with where.desk() as desk:
        cut = cut_of(desk, include, second, lambda tx: list_text(tx, new, reason=reason, include=include))
        row = desk.act(lambda tx: set_list(tx, new, reason=reason, effective=effective, cut=cut))
    show(where, row, [f"{kind}-list {name} is at version {row.version}"])


def _end(where: Where, name: str, status: str, reason: str, effective: datetime | None,
         include: tuple[str, ...], second: Path | None) -> None:  # fmt: skip
    from openleo.control.accounts import end, end_text

    with where.desk() as desk:
        cut = cut_of(
            desk, include, second, lambda tx: end_text(tx, name, status, reason=reason, include=include)
        )
        done = desk.act(lambda tx: end(tx, name, status, reason=reason, effective=effective, cut=cut))
    _told(where, done)


def _told(where: Where, done: "Changed") -> None:
    row = done.account
    lines = [f"account {row.id} is {row.status} from {at_slot(done.effective_slot)} (entry {done.log_index})"]
    if done.spared:
        lines.append(f"spared, for lives depend on them: {', '.join(done.spared)}")
    if row.cut_terminals:
        lines.append(f"cut though lives depend on them: {', '.join(row.cut_terminals)}")
    value = {"account": dict(row._mapping), "effective": at_slot(done.effective_slot),
             "spared": list(done.spared), "entry": done.log_index}  # fmt: skip
    show(where, value, lines)


def _listed(where: Where, noun: str, header: list[str], names: tuple[str, ...]) -> None:
    from openleo.control.decided import listed

    with where.desk() as desk:
        found = desk.read(lambda tx: listed(tx, noun))
    rows = [[_cell(row._mapping[name], name) for name in names] for row in found]
    show(where, [dict(row._mapping) for row in found], table(header, rows, none=f"there is no {noun} yet"))


def _cell(value: object, name: str) -> str:
    if name == "roaming" and value is None:
        return "anywhere"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _countries(text: str) -> tuple[str, ...]:
    return tuple(code.strip() for code in text.split(",") if code.strip())


def _roaming(text: str) -> tuple[str, ...] | None:
    return None if text == "anywhere" else () if text == "none" else _countries(text)


def _address(text: str | None) -> tuple[float | None, float | None]:
    if text is None:
        return None, None
    try:
        latitude, longitude = map(float, text.split(","))
    except ValueError:
        raise BadInput(f"{text!r} is no address", "write latitude,longitude, such as 50.45,30.52") from None
    return latitude, longitude
