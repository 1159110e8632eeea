"""Taking a list of kits into the register: what is new, what changes, what is left as it was."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from openleo.base.errors import BadInput
from openleo.fleet.kit_file import BadRow, KitFile
from openleo.fleet.kits import Kit
from openleo.fleet.register import DishEntry, Register

_SHOWN = 20
_NAMING = ("kit", "terminal", "serial")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What a list did: ids that are new, changed (with what) or the same, and those it does not name."""

    new: tuple[str, ...]
    changed: dict[str, list[str]]
    same: int
    bad: tuple[BadRow, ...]
    unknown: tuple[str, ...]
    lacking: tuple[str, ...]
    not_named: tuple[str, ...]
    no_longer_critical: tuple[str, ...] = field(default=())
    dishes: tuple[str, ...] = field(default=())  # addresses that are new to the register
    moved: dict[str, tuple[str, str]] = field(default_factory=dict)  # kit -> address before, and now
    displaced: dict[str, str] = field(default_factory=dict)  # kit that is not asked any more -> address
    unread: tuple[BadRow, ...] = field(default=())


def import_kits(register: Register, file: KitFile, *, strict: bool = False, dry: bool = False) -> Imported:
    """Take the good rows of a file into the register; with ``strict``, all rows or none.

    A column that the file has is the truth of the kits it names, blank cells too, except that a blank never
    ends a kit's being life-critical, nor takes its terminal.  Kits that it does not name stay.  ``dry``
    changes nothing.  Raises BadInput where ``strict`` and a row is wrong.
    """
    there = {kit.id: kit for kit in register.kits()}
    index = {(column, getattr(k, column)): k.id for k in there.values() for column in _NAMING}
    told_of = {line: _target(told, index, there) for line, told in file.kits.items()}
    given = {id_: file.kits[line] for line, id_ in told_of.items() if id_ is not None}
    put: list[Kit] = []
    bad = list(file.bad)
    new: list[str] = []
    changed: dict[str, list[str]] = {}
    ended: list[str] = []
    for line, told in file.kits.items():
        before = there.get(told_of[line] or "")
        clash = _clash(told, before, index, given)
        if clash:
            bad.append(BadRow(line=line, reason=clash))
        elif before is None:
            put.append(told)
            new.append(told.id)
        else:
            silent = {"life_critical"} if line in file.silent_critical else set()
            if not told.terminal:  # a dish may have told it meanwhile
                silent.add("terminal")
            after = before.taking(told, file.columns - silent)
            if after != before:
                put.append(after)
                changed[before.id] = before.differences(after)
            if before.life_critical and not after.life_critical:
                ended.append(before.id)
    if strict and bad:
        raise _refused(bad, len(file.kits) + len(file.bad) - len(bad))
    if put and not dry:
        register.put_kits(put)
    ids = {line: told_of[line] or told.id for line, told in file.kits.items()}
    wrong = {row.line for row in bad}
    asked = {ids[line]: address for line, address in file.addresses.items() if line not in wrong}
    dishes, moved, displaced = _put_dishes(register, asked, dry=dry)
    return Imported(
        new=tuple(new), changed=changed, same=len(file.kits) + len(file.bad) - len(bad) - len(put),
        bad=tuple(sorted(bad, key=lambda row: row.line)), unknown=file.unknown,
        lacking=file.lacking,
        not_named=tuple(sorted(set(there) - set(given))), no_longer_critical=tuple(ended),
        dishes=dishes, moved=moved, displaced=displaced, unread=file.unread,
    )  # fmt: skip


def _put_dishes(
    register: Register, asked: Mapping[str, str], *, dry: bool
) -> tuple[tuple[str, ...], dict[str, tuple[str, str]], dict[str, str]]:
    """Put the dishes of kits at their addresses; return those that are new, moved, and displaced by others.

    A dish that somebody added by the way that leads to it (``source``) stays there.
    """
    known = register.dishes()
    of_kit = {dish.kit: dish for dish in known if dish.kit}
    at = {dish.address: dish for dish in known if not dish.source}
    new: list[str] = []
    moved: dict[str, tuple[str, str]] = {}
    displaced: dict[str, str] = {}
    put: list[DishEntry] = []
    for kit, address in asked.items():
        before, here = of_kit.get(kit), at.get(address)
        if before is not None and (before.source or before.address == address):
            continue
        if before is not None:
            moved[kit] = (before.address, address)
        elif here is None:
            new.append(address)
        if here is not None and here.kit and asked.get(here.kit, address) == address:
            displaced[here.kit] = address
        mine = here if here is not None and not here.kit else DishEntry(address=address)
        put.append(replace(mine, kit=kit))
    if not dry:
        for address in {before for before, _ in moved.values()} - {dish.address for dish in put}:
            register.remove_dish(at[address])
        for dish in put:  # all that moved have left by now, also where two change places
            register.put_dish(dish)
    return tuple(new), moved, displaced


def _target(told: Kit, index: Mapping[tuple[str, str], str], there: Mapping[str, Kit]) -> str | None:
    """Return the id of the register's kit that a row is about, if it is there.

    A kit number says which; where the row or the register has none, the terminal or serial number does.
    """
    for column in _NAMING:
        value = getattr(told, column)
        found = index.get((column, value)) if value else None
        if found is not None and not (told.kit and there[found].kit and told.kit != there[found].kit):
            return found
    return None


def _clash(
    told: Kit, target: Kit | None, index: Mapping[tuple[str, str], str], given: Mapping[str, Kit]
) -> str:
    """Return what is wrong where another kit of the register has this terminal or serial, and keeps it."""
    for column in ("terminal", "serial"):
        value = getattr(told, column)
        other = index.get((column, value)) if value else None
        if other is None or (target is not None and other == target.id):
            continue
        if other not in given or getattr(given[other], column) in ("", value):
            return f"{column} {value} is kit {other}'s in the register; remove that one, or give it another"
    return ""


def _refused(bad: list[BadRow], good: int) -> BadInput:
    lines = [str(row) for row in bad[:_SHOWN]]
    if len(bad) > _SHOWN:
        lines.append(f"and {len(bad) - _SHOWN:,} more")
    be = "row is" if len(bad) == 1 else "rows are"
    detail = f"{len(bad):,} {be} wrong and {good:,} good, so nothing was taken:"
    return BadInput("\n  ".join([detail, *lines]), "mend them, or take the good ones without --strict")
