"""`openleo fleet import, list, remove`: the register of kits, dishes and accounts."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from openleo.base.errors import BadInput
from openleo.cli._control import table
from openleo.cli._fleet import At, data_words, fleet_options, show
from openleo.cli._text import counted, natural

if TYPE_CHECKING:
    from openleo.fleet.importing import Imported

_MOST_SHOWN = 50
_MOST_REMARKS = 200
_WEEK_NS = 7 * 86_400 * 10**9


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Take all rows, or none where one is wrong.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--encoding", metavar="NAME", help="The file's, where it is not UTF-8: cp1251, cp1252, ...")
@fleet_options
def import_(at: At, file: Path, strict: bool, dry_run: bool, encoding: str | None) -> None:
    """Take kits from a CSV file, as spreadsheets save it; give it again when it changes.

    Its first line names the columns, in many spellings: site, kit, terminal, serial, account, holder, phone,
    note, latitude and longitude (or coordinates), life critical (yes or no), people, and the address at which
    its dish is asked.  A row needs a kit, terminal or serial number.  Wrong rows are named with line and
    reason, and the others are taken.
    """
    from openleo.fleet.importing import import_kits
    from openleo.fleet.kit_file import read_kits

    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}", "name a CSV file of kits") from error
    read = read_kits(data, file.name, encoding=encoding)
    with at.register() as register:
        done = import_kits(register, read, strict=strict, dry=dry_run)
    show(at, done, _told(done, dry=dry_run, data=data_words(at)))
    if done.bad and not (done.new or done.changed or done.same):
        raise BadInput(f"no row of {file.name} could be read", "mend the rows above and give it again")


def _told(done: "Imported", *, dry: bool, data: str) -> list[str]:
    from openleo.fleet.kit_file import nearest

    lines = []
    for name in done.unknown:
        near = nearest(name)
        meant = f": did you mean {near}? Rename it so, and give the file again" if near else ""
        lines.append(f"WARNING: the heading {name!r} means nothing here and is not read{meant}")
    lines += [f"WARNING: {what}" for what in done.lacking]
    lines += _some([f"WARNING: no dish is asked for {row}" for row in done.unread])
    lines += _some([f"wrong: {row}" for row in done.bad])
    lines += _some([f"changed: {id_}: {'; '.join(how)}" for id_, how in done.changed.items()])
    lines += [f"no longer life-critical: {id_}" for id_ in done.no_longer_critical]
    if done.not_named:
        lines.append(
            f"{counted(len(done.not_named), 'kit')} of the register not in this file, and left as they are: "
            + ", ".join(done.not_named[:8]) + (", ..." if len(done.not_named) > 8 else "")
        )  # fmt: skip
    would = "would be " if dry else ""
    counts = f"{len(done.new):,} {would}new, {len(done.changed):,} {would}changed, {done.same:,} as they were"
    lines += _some([f"{kit}: asked at {now}, no longer at {old}" for kit, (old, now) in done.moved.items()])
    lines += _some(
        [f"{kit}: no longer asked, its address {at} is another's" for kit, at in done.displaced.items()]
    )
    lines += _some([f"WARNING: {what}" for what in done.contradicted])
    lines.append(f"{counts}, {len(done.bad):,} wrong")
    if done.dishes:
        dishes = counted(len(done.dishes), "dish")
        lines.append(f"{dishes} {would}new to be asked: openleo fleet once{data}, or watch")
    return lines


def _some(lines: list[str]) -> list[str]:
    if len(lines) <= _MOST_SHOWN:
        return lines
    return [*lines[:_MOST_SHOWN], f"... and {len(lines) - _MOST_SHOWN:,} more; --format json has all"]


@click.command("list")
@fleet_options
def list_(at: At) -> None:
    """List the kits, dishes and accounts of the register, and what is wrong with them."""
    from openleo.fleet.looking import need_fleet
    from openleo.fleet.site_clock import when
    from openleo.fleet.tied import contradictions

    need_fleet(at.folder)
    with at.register() as register:
        kits, dishes, accounts = register.kits(), register.dishes(), register.accounts()
        remarks = register.remarks()
    lines = table(
        ("kit", "terminal", "site", "account", "holder", "people", "life-critical"),
        [
            (k.id, k.terminal, k.site, k.account, k.called, k.people, "yes" if k.life_critical else "")
            for k in sorted(kits, key=lambda k: (natural(k.site), natural(k.id)))
        ],
        none="there are no kits: openleo fleet import kits.csv",
    )
    of = {name: (k.site, k.kit) for k in kits for name in (k.id, k.terminal) if name}
    lines += ["", *table(
        ("dish", "from", "name", "terminal", "site", "kit"), [
            (d.address, d.source, d.name, d.terminal, *(of.get(d.terminal) or of.get(d.kit, ("", ""))))
            for d in sorted(dishes, key=lambda d: (natural(d.address), natural(d.source)))
        ],
        none="there are no dishes: openleo fleet add 192.168.100.1",
    )]  # fmt: skip
    contradicted = [str(one) for one in contradictions(kits, dishes)]
    if contradicted:
        lines += ["", *_some([f"  ?  {one}" for one in contradicted])]
    if accounts:
        rows = [
            (a.name, a.vendor, a.number, a.client_id, a.secret_file or f"${a.secret_env}") for a in accounts
        ]
        lines += ["", *table(("account", "vendor", "number", "client id", "secret in"), rows, none="")]
    told = [r for r in remarks if r.kind != "position"]  # that a dish may not tell it is no trouble
    if told:
        week_ago_ns = told[0].last_ns - _WEEK_NS
        late = [r for r in told if r.last_ns >= week_ago_ns][:_MOST_REMARKS]
        lines += ["", "remarks, the latest first:"]
        lines += [f"  {r.subject}: {r.detail} (last {when(r.last_ns)}, {r.times} x)" for r in late]
        if len(late) < len(told):
            lines.append(f"  ... and {len(told) - len(late):,} older; --format json has all")
    value = {"kits": kits, "dishes": dishes, "accounts": accounts, "remarks": remarks,
             "contradicted": contradicted}  # fmt: skip
    show(at, value, lines)


@click.command("remove")
@click.argument("name")
@fleet_options
def remove(at: At, name: str) -> None:
    """Take a dish, kit or account out of the register; its telemetry stays.

    NAME is an address or name of a dish, a kit, terminal or site, or an account.
    """
    from openleo.fleet.kits import Kit
    from openleo.fleet.looking import need_fleet
    from openleo.fleet.register import DishEntry

    need_fleet(at.folder)
    with at.register() as register:
        found = register.find(name)
        if isinstance(found, DishEntry):
            register.remove_dish(found)
            told = f"dish {found.label} is no longer polled"
        elif isinstance(found, Kit):
            register.remove_kit(found.id)
            told = f"kit {found.id} is no longer in the register"
        else:
            register.remove_account(found.name)
            told = f"account {found.name} is no longer read"
            if found.secret_file:
                told += f"; its secret is still in {found.secret_file}: delete it if nothing else needs it"
    show(at, {"removed": found}, [told])


COMMANDS: tuple[click.Command, ...] = (import_, list_, remove)
