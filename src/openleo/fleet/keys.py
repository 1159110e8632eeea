"""Whose telemetry is taken: the control plane's terminals, and the agents of the fleet's own register.

What is known of a device is read again as soon as either database has changed, so one that is revoked is
refused with its next request, whichever process revoked it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import msgspec

from openleo.control.driver import driver_for
from openleo.control.store import DATABASE, Store
from openleo.fleet.agents import FOREVER_NS, Agents

State = Literal["active", "revoked", "captured"]
MOST_KNOWN: Final = 100_000
Held = tuple[str, int, int]  # a device, and from when to when what it said is not believed


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a device stands: ``terminals`` are those that it may tell of, None for any."""

    public_key: str
    state: State
    terminals: frozenset[str] | None


class Keys(Protocol):
    """What knows devices."""

    def standing(self, device: str) -> Standing | None:
        """Return how a device stands now; None for one that has no key here."""

    def held(self) -> Iterable[Held]:
        """Return what is not to be believed, and since when."""


class AgentKeys:
    """The agents of the fleet's register."""

    def __init__(self, agents: Agents) -> None:
        self._agents = agents
        self._version: tuple[int, int] | None = None
        self._known: dict[str, Standing | None] = {}

    def standing(self, device: str) -> Standing | None:
        """Return how an agent stands, as of the last change in the register."""
        version = self._agents.version()
        if version != self._version or len(self._known) > MOST_KNOWN:
            self._known.clear()
            self._version = version
        if device not in self._known:
            self._known[device] = self._find(device)
        return self._known[device]

    def _find(self, device: str) -> Standing | None:
        agent = self._agents.find(device)
        if agent is None or agent.public_key is None:
            return None
        state: State = "active"
        if agent.state in {"revoked", "captured"}:
            state = "captured" if agent.state == "captured" else "revoked"
        return Standing(public_key=agent.public_key, state=state, terminals=agent.terminals)

    def held(self) -> list[Held]:
        """Return from when to when agents were in wrong hands; what was quarantined stays so."""
        return self._agents.captures()


class ControlKeys:
    """The control plane's terminals, each of which tells of itself alone.  For one thread; it only reads."""

    def __init__(self, folder: Path, *, key: bytes | None = None) -> None:
        Store.open(folder, key=key, claims=False).close()  # says what is wrong with it, if anything
        path = folder / DATABASE
        self._conn: Any = driver_for(path, key).connect(path)
        self._conn.isolation_level = None
        self._conn.execute("PRAGMA query_only = ON").fetchall()
        self._conn.execute("PRAGMA busy_timeout = 2000").fetchall()
        self._version = -1
        self._known: dict[str, Standing | None] = {}
        self._held: dict[str, list[Held]] = {}
        self._read_to = -1

    def close(self) -> None:
        """Close it."""
        self._conn.close()

    def standing(self, device: str) -> Standing | None:
        """Return how a terminal stands, as of the last decision that was written."""
        self._refresh()
        if device not in self._known:
            if len(self._known) > MOST_KNOWN:
                self._known.clear()
            self._known[device] = self._find(device)
        return self._known[device]

    def held(self) -> list[Held]:
        """Return from when to when terminals were in wrong hands; what was quarantined stays so."""
        self._refresh()
        return [one for spans in self._held.values() for one in spans]

    def accounts(self) -> dict[str, str]:
        """Return the account of each terminal that has one: the tag ``account`` of `History.by_tag`."""
        return dict(self._rows("SELECT id, account_id FROM terminals WHERE account_id IS NOT NULL"))

    def _refresh(self) -> None:
        version = self._rows("PRAGMA data_version")[0][0]
        if version != self._version:
            self._known.clear()
            self._read_captures()
            self._version = version

    def _find(self, device: str) -> Standing | None:
        rows = self._rows("SELECT public_key, state FROM terminals WHERE id = ?", (device,))
        if not rows or rows[0][0] is None:
            return None
        state: State = rows[0][1] if rows[0][1] in {"revoked", "captured"} else "active"
        return Standing(public_key=rows[0][0], state=state, terminals=frozenset({device}))

    def _read_captures(self) -> None:
        """Read on in the facts: since when terminals were in wrong hands, and when they were found again."""
        query = (
            'SELECT f."index", f.subject, f.changes, e.decided_at FROM facts f'
            ' JOIN entries e ON e."index" = f."index"'
            " WHERE f.noun = 'terminal' AND f.\"index\" > ? AND f.changes LIKE '%quarantined_since%'"
            ' ORDER BY f."index", f.n'
        )
        newest = self._rows('SELECT ifnull(max("index"), -1) FROM entries')[0][0]
        for _, subject, text, decided_at in self._rows(query, (self._read_to,)):
            since = msgspec.json.decode(text).get("quarantined_since")
            spans = self._held.setdefault(subject, [])
            if since is not None:
                spans.append((subject, unix_ns(since), FOREVER_NS))
            elif spans and spans[-1][2] == FOREVER_NS:
                spans[-1] = (*spans[-1][:2], unix_ns(decided_at))
        self._read_to = newest

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        return list(self._conn.execute(query, tuple(values)).fetchall())


class AllKeys:
    """Several that know devices, asked in turn."""

    def __init__(self, *keys: Keys) -> None:
        self._keys = keys

    def standing(self, device: str) -> Standing | None:
        """Return what the first that knows a device says."""
        return next((found for one in self._keys if (found := one.standing(device)) is not None), None)

    def held(self) -> list[Held]:
        """Return what any of them does not believe."""
        return [held for one in self._keys for held in one.held()]


def unix_ns(text: str) -> int:
    """Return the Unix nanoseconds of an instant's text."""
    at = datetime.fromisoformat(text)
    return int(at.timestamp()) * 10**9 + at.microsecond * 1_000
