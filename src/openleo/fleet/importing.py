"""Taking a list of kits into the register: what is new, what changes, what is left as it was."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from openleo.base.errors import BadInput
from openleo.fleet.kit_file import BadRow, KitFile, place_of
from openleo.fleet.kits import Kit
from openleo.fleet.register import DishEntry, Register
from openleo.fleet.tied import contradictions

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
    contradicted: tuple[str, ...] = field(default=())  # where a dish says that it is another terminal


def import_kits(register: Register, file: KitFile, *, strict: bool = False, dry: bool = False) -> Imported:
    """Take the good rows of a file into the register; with ``strict``, all rows or none.

    A column that the file has is the truth of the kits it names, blank cells too, except that a blank never
    ends a kit's being life-critical, nor takes its terminal.  Kits that it does not name stay.  ``dry``
    changes nothing.  All is done at once, so that a kill leaves the register as it was.  Raises BadInput
    where ``strict`` and a row is wrong.
    """
    with suppress(_Dry), register.at_once():
        done = _import(register, file, strict=strict)
        if dry:
            raise _Dry  # so that what is told is what would be
    return done


class _Dry(Exception):
    """All is to be left as it was."""


def _import(register: Register, file: KitFile, *, strict: bool) -> Imported:
    there = {kit.id: kit for kit in register.kits()}
    rows = _Rows.of(file, there)
    bad = [*file.bad, *(BadRow(line=line, reason=why) for line, why in rows.refused.items())]
    if strict and bad:
        raise _refused(bad, len(rows.good))
    asked = {id_: file.addresses[line] for line, id_ in rows.good.items() if line in file.addresses}
    dishes = _dishes_of(register.dishes(), asked)
    put: dict[str, Kit] = {}
    ended: list[str] = []
    for line, id_ in rows.good.items():
        told, before = file.kits[line], there.get(id_)
        if before is None:
            put[id_] = told
            continue
        silent = {"life_critical"} if line in file.silent_critical else set()
        if not told.terminal:  # a dish may have told it meanwhile
            silent.add("terminal")
        after = before.taking(told, file.columns - silent)
        if told.terminal and "terminal" in file.columns:
            after = replace(after, learned=False)
        elif before.learned and id_ in dishes.moved:
            after = replace(after, terminal="", learned=False)  # it is learned from the dish that is there
        if after != before:
            put[id_] = after
        if before.life_critical and not after.life_critical:
            ended.append(id_)
    for kit in _yielding(there, put):
        put[kit.id] = kit
    for dish in dishes.removed:
        register.remove_dish(dish)
    register.put_kits(put.values(), teach=False)
    register.put_dishes(dishes.put)  # all that moved have left by now, also where two change places
    now = register.kits()
    was = [(there[kit.id], kit) for kit in now if kit.id in there]
    changed = {kit.id: how for before, kit in was if (how := before.differences(kit))}
    told_of = set(rows.good.values())
    found = contradictions(now, register.dishes())
    return Imported(
        new=tuple(id_ for id_ in put if id_ not in there), changed=changed,
        same=sum(id_ in there and id_ not in changed for id_ in rows.good.values()),
        bad=tuple(sorted(bad, key=lambda row: row.line)), unknown=file.unknown,
        lacking=file.lacking, not_named=tuple(sorted(set(there) - rows.named)),
        no_longer_critical=tuple(ended), dishes=dishes.new, moved=dishes.moved, displaced=dishes.displaced,
        unread=file.unread,
        contradicted=tuple(str(one) for one in found if {one.kit.id, one.other} & told_of),
    )  # fmt: skip


def _yielding(there: Mapping[str, Kit], put: Mapping[str, Kit]) -> Iterator[Kit]:
    """Yield, without their terminals, the kits that had learned one which people now tell of another."""
    told = {kit.terminal: kit.id for kit in put.values() if kit.terminal and not kit.learned}
    for before in there.values():
        kit = put.get(before.id, before)
        if kit.learned and told.get(kit.terminal, kit.id) != kit.id:
            yield replace(kit, terminal="", learned=False)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Which kit each good row is, by line; why others are refused; and all kits that rows are about."""

    good: dict[int, str]
    refused: dict[int, str]
    named: set[str]

    @classmethod
    def of(cls, file: KitFile, there: Mapping[str, Kit]) -> "_Rows":
        """Judge the rows: each that is refused keeps what its kit had, so that others may be refused too."""
        index = {(column, getattr(k, column)): k.id for k in there.values() for column in _NAMING}
        target = {line: _target(told, index, there) for line, told in file.kits.items()}
        good: dict[int, str] = {}
        refused: dict[int, str] = {}
        first: dict[str, int] = {}
        for line, told in file.kits.items():
            id_ = target[line] or told.id
            if id_ in first:
                refused[line] = f"it is kit {id_}, as line {first[id_]} is; leave one of the two rows out"
            elif target[line] is None and id_ in there:
                refused[line] = f"the register has another kit {id_}; fill in its kit number or terminal"
            else:
                good[line] = id_
                first[id_] = line
        while True:
            given = {id_: file.kits[line] for line, id_ in good.items()}
            clashes = {
                line: clash
                for line, id_ in good.items()
                if (clash := _clash(file.kits[line], id_, index, given, there))
            }
            if not clashes:
                return cls(good, refused, {id_ for id_ in target.values() if id_ is not None})
            refused |= clashes
            good = {line: id_ for line, id_ in good.items() if line not in clashes}


@dataclass(frozen=True, slots=True)
class _DishChanges:
    """What a list does to dishes: addresses that are new; kits that moved (from, to), or lost theirs."""

    put: list[DishEntry]
    removed: list[DishEntry]
    new: tuple[str, ...]
    moved: dict[str, tuple[str, str]]
    displaced: dict[str, str]


def _dishes_of(known: Sequence[DishEntry], asked: Mapping[str, str]) -> _DishChanges:
    """Return what becomes of dishes where kits are asked at these addresses.

    A dish that somebody added by the way that leads to it (``source``) stays there.  A name goes with the
    kit; whom a dish said it is belongs to the address.
    """
    of_kit = {dish.kit: dish for dish in known if dish.kit}
    at = {place_of(dish.address): dish for dish in known if not dish.source}
    wanted = {kit: place_of(address) for kit, address in asked.items()}
    new: list[str] = []
    moved: dict[str, tuple[str, str]] = {}
    displaced: dict[str, str] = {}
    put: list[DishEntry] = []
    for kit, address in asked.items():
        before, here = of_kit.get(kit), at.get(wanted[kit])
        if before is not None and (before.source or place_of(before.address) == wanted[kit]):
            continue
        name = before.name if before is not None else ""
        if before is not None:
            moved[kit] = (before.address, address)
        elif here is None:
            new.append(address)
        if here is not None and here.kit and wanted.get(here.kit, wanted[kit]) == wanted[kit]:
            displaced[here.kit] = address
        if here is None:
            put.append(DishEntry(address=address, name=name, kit=kit))
        else:
            put.append(replace(here, name=name or (here.name if not here.kit else ""), kit=kit))
    kept = {dish.key for dish in put}
    removed = [of_kit[kit] for kit in moved if of_kit[kit].key not in kept]
    return _DishChanges(put, removed, tuple(new), moved, displaced)


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
    told: Kit, id_: str, index: Mapping[tuple[str, str], str], given: Mapping[str, Kit],
    there: Mapping[str, Kit],
) -> str:  # fmt: skip
    """Return what is wrong where another kit of the register has this terminal or serial, and keeps it.

    A terminal that a kit only learned from its dish is no claim of people's.
    """
    for column in ("terminal", "serial"):
        value = getattr(told, column)
        other = index.get((column, value)) if value else None
        if other is None or other == id_ or (column == "terminal" and there[other].learned):
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
