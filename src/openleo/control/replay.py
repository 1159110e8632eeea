"""The decisions of a control database as the engine takes them: what acted on service, from which slot on."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from openleo.control.facts import read_facts
from openleo.control.network import Network
from openleo.policy import Rules, timeline
from openleo.scenario.decisions import NOUNS, Change, Decisions, Terminals, decided_rules

# What of each noun acts on service.  The rest (names, holders, keys, reasons, addresses) stays in the store.
_ACTS: dict[str, frozenset[str]] = {
    "area": frozenset(
        {
            "parent_id", "switch", "cells", "except_accounts", "cut_terminals", "valid_from_slot",
            "valid_until_slot", "active",
        }
    ),
    "account": frozenset({"status", "cut_terminals"}),
    "plan": frozenset(
        {
            "max_speed_kmh", "ocean", "roaming", "flyover_kmh", "flyover_countries", "max_distance_km",
            "active",
        }
    ),
    "line": frozenset({"account_id", "plan_id", "country", "latitude_deg", "longitude_deg", "status"}),
    "list": frozenset({"kind", "country", "accounts", "terminals", "active"}),
    "terminal": frozenset({"account_id", "line_id", "state", "life_critical"}),
}  # fmt: skip


def decisions_of(conn: Connection, network: Network) -> Decisions:
    """Return all that was decided about service, in the order of the log."""
    found = []
    for entry, fact in read_facts(conn, NOUNS):
        acting: dict[str, Any] = {k: v for k, v in fact.changes.items() if k in _ACTS[fact.noun]}
        if acting:
            found.append(Change(entry, fact.noun, fact.id, fact.slot, acting))
    return Decisions(denies=network.denies, origin=network.origin, changes=tuple(found))


def live_rules(
    conn: Connection,
    network: Network,
    slot: int,
    who: Terminals,
    *,
    account_names: Sequence[str],
    country_names: Sequence[str],
    plan_names: Sequence[str] = (),
) -> Rules:
    """Return the rules of one slot as they are decided now: what the live network asks before each slot."""
    rules = decided_rules(decisions_of(conn, network), who, (slot, slot))
    found = timeline(
        rules, (slot, slot), account_names=account_names, country_names=country_names, plan_names=plan_names
    )
    return found[0][1]
