"""Checking a store: that nothing in it changed but by a decision, and that each is what its people signed.

Six checks, each of which names what it finds wrong:

1. the file: SQLite's own integrity check;
2. entries: each leaf opens to its stored fields; what was erased is named by a decision that erased it;
3. the tree: every hash follows from the leaves, and the root is the one that the guard's checkpoint signs;
4. facts: they are those in the entries' bodies, and none is without an entry;
5. tables: they equal a replay of the facts;
6. people: every signature is that of its signer's key at the time, no area was switched but by two humans who
   signed that very change, and no role that decides was given by fewer.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Integer, Select, Table, select
from sqlalchemy.exc import DBAPIError, NoResultFound

from openleo.base.errors import OpenleoError
from openleo.base.instants import read_instant
from openleo.control import ledger
from openleo.control.audit_people import Known, check_entry
from openleo.control.erasing import erased_fields
from openleo.control.facts import Fact, fold, read_facts
from openleo.control.log import FIELDS_V1, leaf_hash, open_checkpoint
from openleo.control.log.audit import EnoughFailures, Findings
from openleo.control.log.entry import HEADER_V1, SALT_BYTES, commitment, is_leaf
from openleo.control.log.merkle import node_hash
from openleo.control.schema import DECIDED, entries, entry_fields, facts, nodes
from openleo.control.store import Store, StoreBroken

_MOST_IN_HAND = 2_000  # entries at a time


def check_store(store: Store) -> Findings:
    """Check all of a store; the findings hold what was checked and, by name, what is wrong."""
    found = Findings()
    try:
        with store.reading() as conn:
            _check_file(conn, found)
            _check_entries(conn, found)
            _check_tree(conn, found)
            _check_checkpoint(conn, store, found)
            _check_facts_have_entries(conn, found)
            _check_tables(conn, found)
    except EnoughFailures:
        found.unchecked.append("the rest: there are too many failures to go on")
    except StoreBroken as error:
        found.fail("database", f"it cannot be read: {error}")
    except DBAPIError as error:
        found.fail("database", f"it cannot be read: {error.orig}")
    return found


def _check_file(conn: Connection, found: Findings) -> None:
    for row in conn.exec_driver_sql("PRAGMA integrity_check").scalars():
        if row != "ok":
            found.fail("database", str(row))
    for row in conn.exec_driver_sql("PRAGMA foreign_key_check"):
        found.fail(f"table {row[0]}", f"row {row[1]} points to a {row[2]} that is not there")
    found.count("integrity")


@dataclass(frozen=True, slots=True)
class _Entry:
    index: int
    leaf: bytes
    filed: Mapping[str, Any]  # its columns beside the leaf
    fields: Mapping[str, tuple[bytes | None, str | None]]  # salt and value
    facts: Sequence[Fact]

    @property
    def name(self) -> str:
        return f"entry {self.index}"

    def body(self) -> dict[str, Any] | None:
        """Return the whole decision, None where it was erased."""
        value = self.fields.get("body", (None, None))[1]
        try:
            body: dict[str, Any] | None = json.loads(value) if value else None
        except ValueError:
            return None  # its commitment fails too
        return body


def _check_entries(conn: Connection, found: Findings) -> None:
    erased, known = erased_fields(conn), Known()
    at = 0
    for entry in _entries(conn):
        if entry.index != at:
            found.fail(entry.name, f"entry {at} should come before it")
        at = entry.index + 1
        _check_leaf(entry, erased.get(entry.index, set()), found)
        body = entry.body()
        if body is not None:
            _check_body(entry, body, found)
        check_entry(entry.name, str(entry.filed["kind"]), body, entry.facts, known, found)
        found.count("entries")
    for index in sorted(set(erased) - set(range(at))):
        found.fail("erasures", f"a decision erased entry {index}, which is not there")


def _entries(conn: Connection) -> Iterator[_Entry]:
    first = 0
    while some := conn.execute(
        select(entries).where(entries.c.index >= first).order_by(entries.c.index).limit(_MOST_IN_HAND)
    ).mappings().all():  # fmt: skip
        last = int(some[-1]["index"])
        fields: dict[int, dict[str, tuple[bytes | None, str | None]]] = {}
        for row in conn.execute(_between(entry_fields, first, last)).mappings():
            fields.setdefault(row["index"], {})[row["name"]] = (row["salt"], row["value"])
        changed: dict[int, list[Fact]] = {}
        for row in conn.execute(_between(facts, first, last).order_by(facts.c.n)).mappings():
            fact = Fact(noun=row["noun"], id=row["subject"], changes=row["changes"], slot=row["slot"])
            changed.setdefault(row["index"], []).append(fact)
        for row in some:
            index = int(row["index"])
            yield _Entry(
                index,
                bytes(row["leaf"]),
                {str(k): v for k, v in row.items()},
                fields.get(index, {}),
                changed.get(index, ()),
            )
        first = last + 1


def _between(table: Table, first: int, last: int) -> Select[Any]:
    return select(table).where(table.c.index.between(first, last)).order_by(table.c.index)


def _check_body(entry: _Entry, body: Mapping[str, Any], found: Findings) -> None:
    """Hold an entry's facts, and what it is filed under, against what was decided."""
    filed = {
        "kind": body["kind"], "area_id": body["area"], "account_id": body["account"], "person_id": body["by"],
        "decided_at": read_instant(body["at"]),
    }  # fmt: skip
    for column, value in filed.items():
        if entry.filed[column] != value:
            found.fail(entry.name, f"it is filed with {column} {entry.filed[column]}, and is of {value}")
    plain = [{"noun": f.noun, "id": f.id, "slot": f.slot, "changes": dict(f.changes)} for f in entry.facts]
    if plain != body["facts"]:
        found.fail(entry.name, "its facts are not those that were decided")
    found.count("facts", len(plain))


def _check_leaf(entry: _Entry, erased: set[str], found: Findings) -> None:
    if not is_leaf(entry.leaf):
        found.fail(entry.name, "its leaf has not the form of one")
        return
    if set(entry.fields) != set(FIELDS_V1):
        found.fail(entry.name, f"its fields are not the {len(FIELDS_V1)} that an entry has")
        return
    for n, field in enumerate(FIELDS_V1):
        salt, value = entry.fields[field]
        start = len(HEADER_V1) + 32 * n
        if salt is None:
            if field not in erased or value is not None:
                found.fail(entry.name, f"{field} is gone, and no decision erased it")
            found.count("erased fields")
        elif (
            len(salt) != SALT_BYTES or commitment(field, bytes(salt), value) != entry.leaf[start : start + 32]
        ):
            found.fail(entry.name, f"{field} is not what its leaf commits to")


def _check_tree(conn: Connection, found: Findings) -> None:
    leaves = conn.execute(select(entries.c.leaf).order_by(entries.c.index)).scalars()
    level, wanted = 0, [leaf_hash(bytes(leaf)) for leaf in leaves]
    while wanted:
        query = select(nodes.c.index, nodes.c.hash).where(nodes.c.level == level)
        stored = {int(index): bytes(found_hash) for index, found_hash in conn.execute(query)}
        name = f"tree level {level}"
        for extra in sorted(stored.keys() - set(range(len(wanted)))):
            found.fail(name, f"it has a hash {extra}, for which there are not entries enough")
        for n, right in enumerate(wanted):
            if stored.get(n) != right:
                found.fail(name, f"hash {n} does not follow from the entries")
        found.count("hashes", len(wanted))
        wanted = [node_hash(wanted[i], wanted[i + 1]) for i in range(0, len(wanted) - 1, 2)]
        level += 1
    for high in conn.execute(select(nodes.c.level).where(nodes.c.level >= level).distinct()).scalars():
        found.fail(f"tree level {high}", "there should be none: there are not entries enough")


def _check_checkpoint(conn: Connection, store: Store, found: Findings) -> None:
    size = ledger.size_of(conn)
    try:
        checkpoint = open_checkpoint(store.checkpoint(), [store.vkey])
        if checkpoint.size > size:
            found.fail("guard", f"it signs for {checkpoint.size} entries, and there are {size}")
        elif checkpoint.root != ledger.root_at(conn, checkpoint.size):
            found.fail(
                "guard", f"the root of the first {checkpoint.size} entries is not the one that it signs"
            )
    except OpenleoError as error:
        found.fail("guard", error.detail)
    except NoResultFound as error:
        found.fail("tree", f"its root cannot be computed: {error}")
    found.count("checkpoint")


def _check_facts_have_entries(conn: Connection, found: Findings) -> None:
    for table in (facts, entry_fields):
        orphans = select(table.c.index).distinct().where(table.c.index.not_in(select(entries.c.index)))
        for index in conn.execute(orphans).scalars():
            found.fail(f"table {table.name}", f"it has rows of entry {index}, which is not there")


def _check_tables(conn: Connection, found: Findings) -> None:
    state = fold(fact for _, fact in read_facts(conn))
    for noun, table in DECIDED.items():
        expected = state[noun]
        for row in conn.execute(select(table)).mappings():
            name = f"{noun} {row['id']}"
            decided = expected.pop(row["id"], None)
            if decided is None:
                found.fail(name, "it is there without a decision")
                continue
            shown = Fact(noun=noun, id=row["id"], changes={k: v for k, v in row.items() if k != "id"}).plain()
            for column, value in shown.items():
                want = decided.get(column, _default(table.c[column]))
                if value != want:
                    found.fail(name, f"{column} is {_short(value)}, and was decided to be {_short(want)}")
            found.count("rows")
        for gone in sorted(expected):
            found.fail(f"{noun} {gone}", "it was decided, and is not there")


def _default(column: Column[Any]) -> Any:
    """Return what a column holds where no fact ever named it."""
    text: Any = getattr(column.server_default, "arg", None)
    if text is not None and isinstance(column.type, Boolean):
        return text == "1"
    return int(text) if text is not None and isinstance(column.type, Integer) else text


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
