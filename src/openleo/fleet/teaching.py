"""Which kits learn their terminals from the dishes that are asked for them."""

import sqlite3
from collections.abc import Mapping
from typing import Final

# What dishes say of kits whose terminal nobody told, and that no dish of theirs confirms.
_SAID: Final = """
SELECT kits.id, dishes.terminal FROM dish_kits JOIN dishes USING (address, source)
JOIN kits ON kits.id = dish_kits.kit
WHERE (kits.terminal = '' OR kits.learned) AND dishes.terminal NOT IN ('', kits.terminal) AND NOT EXISTS (
    SELECT 1 FROM dish_kits AS mine JOIN dishes AS one USING (address, source)
    WHERE mine.kit = kits.id AND one.terminal = kits.terminal AND kits.terminal <> '')
ORDER BY dishes.address, dishes.source
"""
_HOLDERS: Final = """
SELECT terminal, id, learned AND NOT EXISTS (
    SELECT 1 FROM dish_kits AS mine JOIN dishes AS one USING (address, source)
    WHERE mine.kit = kits.id AND one.terminal = kits.terminal) AS loose
FROM kits WHERE terminal <> ''
"""
_TAKE_BACK: Final = """
UPDATE dishes SET terminal = ?1 WHERE ifnull(json_extract(progress, '$.terminal'), '') = ''
AND (address, source) IN (SELECT address, source FROM dish_kits WHERE kit = ?2)
AND terminal = (SELECT terminal FROM kits WHERE id = ?2 AND NOT learned AND terminal NOT IN ('', ?1))
"""


def to_learn(db: sqlite3.Connection) -> dict[str, str]:
    """Return by id the terminals that kits of a register learn now, and "" for those that lose theirs."""
    wanted: dict[str, str] = {}
    for row in db.execute(_SAID):
        wanted.setdefault(row["id"], row["terminal"])
    if not wanted:
        return {}
    holders = {row["terminal"]: (row["id"], bool(row["loose"])) for row in db.execute(_HOLDERS)}
    return learning(wanted, holders)


def take_back(db: sqlite3.Connection, terminals: Mapping[str, str]) -> None:
    """Let dishes that never spoke, and have their kits' terminals by people's word, follow that word.

    ``terminals`` is by kit what people tell now, before it is written.
    """
    db.executemany(_TAKE_BACK, [(terminal, kit) for kit, terminal in terminals.items()])


def learning(wanted: Mapping[str, str], holders: Mapping[str, tuple[str, bool]]) -> dict[str, str]:
    """Return the terminals that kits learn, and "" for kits that lose theirs to another.

    ``wanted`` is by kit what its dish says; ``holders`` by terminal which kit has it, and whether it may lose
    it.  A kit that is to have another terminal frees its own, so that dishes may have changed places.
    """
    first = {terminal: kit for kit, terminal in reversed(list(wanted.items()))}  # where two say the same
    left = {kit: terminal for kit, terminal in wanted.items() if first[terminal] == kit}
    while True:
        kept = {
            kit: terminal
            for kit, terminal in left.items()
            for holder, loose in (holders.get(terminal, ("", True)),)
            if loose or holder in left
        }
        if kept == left:
            break
        left = kept
    losing = {holders[terminal][0]: "" for terminal in left.values() if terminal in holders}
    return {**losing, **left}
