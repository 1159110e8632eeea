"""Tags of terminals: account, site, gateway and what else people group them by."""

import re
from collections.abc import Mapping
from typing import Final

from openleo.base.errors import BadInput
from openleo.fleet.database import FleetDatabase

TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS tags (terminal TEXT, name TEXT, value TEXT NOT NULL,"
    " PRIMARY KEY (terminal, name)) WITHOUT ROWID",
)
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)
_TERMINAL: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
MOST_LETTERS: Final = 128


class Tags:
    """The tags in an open fleet database."""

    def __init__(self, database: FleetDatabase) -> None:
        self._db = database
        database.make(TABLES)

    def put(self, terminal: str, values: Mapping[str, str]) -> None:
        """Set tags of a terminal; an empty value takes a tag away."""
        if not _TERMINAL.fullmatch(terminal):
            raise BadInput(f"{terminal!r} names no terminal", "1 to 64 of A-Z, a-z, 0-9, and . _ : -")
        for name, value in values.items():
            if not _NAME.fullmatch(name) or len(value) > MOST_LETTERS:
                raise BadInput(
                    f"{name}={value[:40]} is no tag",
                    f"a name of a-z, 0-9, _ and -, and a value of at most {MOST_LETTERS} letters",
                )
        with self._db.changing() as conn:
            for name, value in values.items():
                if value:
                    conn.execute("INSERT OR REPLACE INTO tags VALUES (?, ?, ?)", (terminal, name, value))
                else:
                    conn.execute("DELETE FROM tags WHERE terminal = ? AND name = ?", (terminal, name))

    def of(self, name: str) -> dict[str, str]:
        """Return the value of a tag for each terminal that has it."""
        return dict(self._db.rows("SELECT terminal, value FROM tags WHERE name = ?", (name,)))

    def names(self) -> list[str]:
        """Return the tags that are in use."""
        return [row[0] for row in self._db.rows("SELECT DISTINCT name FROM tags ORDER BY name")]

    def all(self) -> dict[str, dict[str, str]]:
        """Return every terminal's tags."""
        found: dict[str, dict[str, str]] = {}
        for terminal, name, value in self._db.rows("SELECT terminal, name, value FROM tags"):
            found.setdefault(terminal, {})[name] = value
        return found
