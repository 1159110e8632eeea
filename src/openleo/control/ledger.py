"""Writing a decision: the log entry, its private fields and its facts, in the transaction of the change.

The leaf holds salted commitments alone.  What it commits to, and the salts, lie in `entry_fields`, which can
be erased without breaking a proof.  ``body`` is the whole decision: from the bodies the state follows.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select

from openleo.base.instants import instant_text
from openleo.control.canonical import canonical
from openleo.control.facts import Fact, apply_facts, write_facts
from openleo.control.log import FIELDS_V1, leaf_hash, seal
from openleo.control.log import instant_text as embargo_text
from openleo.control.log import root_at as tree_root
from openleo.control.log.merkle import node_hash
from openleo.control.schema import entries, entry_fields, meta, nodes

Salts = Callable[[int], bytes]
EMBARGO_DAYS = "embargo_days"  # in `meta`: so long nothing of an entry is shown, unless that is decided
DEFAULT_EMBARGO_DAYS = 7
# Built once: each decision asks them, and building one takes longer than its answer.
_LAST = select(func.max(entries.c.index))
_EMBARGO = select(meta.c.value).where(meta.c.name == EMBARGO_DAYS)
_NODE = select(nodes.c.hash).where(nodes.c.level == bindparam("at_level"), nodes.c.index == bindparam("at"))
_NEW_ENTRY, _NEW_FIELDS, _NEW_NODES = insert(entries), insert(entry_fields), insert(nodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be written: ``kind`` such as ``area.switched``, what it is about, why, and its facts.

    ``counts`` are numbers that may be disclosed alone (cells, terminals).  ``signatures`` are those of the
    people, over the bytes in ``signed``.  ``more`` is anything else that the record should keep; what it has
    under ``refers_to`` are the entries that this one is about.
    """

    kind: str
    reason: str
    facts: Sequence[Fact]
    action: str = ""
    area: str | None = None
    account: str | None = None
    terminals: Sequence[str] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    effective_slot: int | None = None
    also_by: Sequence[str] = ()
    signed: str = ""
    signatures: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)


def size_of(conn: Connection) -> int:
    """Return how many entries the log has."""
    last = conn.execute(_LAST).scalar()
    return 0 if last is None else int(last) + 1


def embargo_days(conn: Connection) -> float:
    """Return how many days nothing of a new entry is shown, unless it is decided otherwise."""
    found = conn.execute(_EMBARGO).scalar()
    return DEFAULT_EMBARGO_DAYS if found is None else float(found)


def append(
    conn: Connection, decision: Decision, *, by: str, at: datetime, salts: Salts = secrets.token_bytes
) -> int:
    """Apply a decision's facts, write its entry and return the entry's index."""
    index = size_of(conn)
    embargo_until = at + timedelta(days=embargo_days(conn))
    private = _private_fields(decision, by=by, at=at)
    private["embargo"] = embargo_text(embargo_until)  # as it is, not JSON: whoever verifies reads it
    sealed = seal(private, salts)
    apply_facts(conn, decision.facts)
    row = {
        "index": index, "leaf": sealed.leaf, "kind": decision.kind, "area_id": decision.area,
        "account_id": decision.account, "person_id": by, "decided_at": at, "embargo_until": embargo_until,
    }  # fmt: skip
    conn.execute(_NEW_ENTRY, row)
    conn.execute(
        _NEW_FIELDS,
        [
            {"index": index, "name": name, "salt": sealed.salts[name], "value": private.get(name)}
            for name in FIELDS_V1
        ],
    )
    write_facts(conn, index, decision.facts)
    _grow_tree(conn, index, leaf_hash(sealed.leaf))
    return index


def _private_fields(decision: Decision, *, by: str, at: datetime) -> dict[str, str]:
    """Return the fields that the entry commits to, as JSON; those that do not apply are left out."""
    body = {
        "kind": decision.kind, "by": by, "also_by": list(decision.also_by), "at": instant_text(at),
        "reason": decision.reason, "area": decision.area, "account": decision.account,
        "terminals": list(decision.terminals), "counts": dict(decision.counts), "action": decision.action,
        "effective_slot": decision.effective_slot, "signed": decision.signed,
        "signatures": dict(decision.signatures), "more": dict(decision.more),
        "facts": [
            {"noun": f.noun, "id": f.id, "slot": f.slot, "changes": f.plain()} for f in decision.facts
        ],
    }  # fmt: skip
    told: dict[str, object] = {
        "kind": decision.kind,
        "area": decision.area,
        "action": decision.action or None,
        "counts": dict(decision.counts) or None,
        "reason": decision.reason or None,
        "account": decision.account,
        "terminals": list(decision.terminals) or None,
        "decided_at": instant_text(at),
        "effective": decision.effective_slot,
        "request": decision.more.get("request"),
        "refers_to": decision.more.get("refers_to"),
        "by": [by, *decision.also_by],
        "signatures": dict(decision.signatures) or None,
        "body": body,
    }
    return {name: canonical(value).decode() for name, value in told.items() if value is not None}


def _grow_tree(conn: Connection, index: int, leaf: bytes) -> None:
    """Add a leaf's hash and those of the subtrees that it completes."""
    level, place, found = 0, index, leaf
    rows = [{"level": 0, "index": index, "hash": leaf}]
    while place % 2 == 1:
        found = node_hash(node_at(conn, level, place - 1), found)
        level, place = level + 1, place // 2
        rows.append({"level": level, "index": place, "hash": found})
    conn.execute(_NEW_NODES, rows)


def node_at(conn: Connection, level: int, index: int) -> bytes:
    """Return the hash of the whole subtree of 2**level leaves numbered ``index``."""
    return bytes(conn.execute(_NODE, {"at_level": level, "at": index}).scalar_one())


def root_at(conn: Connection, size: int) -> bytes:
    """Return the root of the log's first ``size`` entries."""
    return tree_root(partial(node_at, conn), size)


def body_of(conn: Connection, index: int) -> dict[str, Any]:
    """Return the whole private record of an entry; LookupError where it was erased."""
    value = conn.execute(
        select(entry_fields.c.value).where(entry_fields.c.index == index, entry_fields.c.name == "body")
    ).scalar()
    if value is None:
        raise LookupError(f"entry {index} has no body: it was erased, or is not there")
    found: dict[str, Any] = json.loads(value)
    return found
