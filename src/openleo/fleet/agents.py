"""The register of agents: programs at remote sites that send what they see of the dishes there.

An agent makes its key where it runs, and enrols it with a code that is good once and for a day; the code's
second half is kept as an argon2 hash.  One that is revoked is refused from its next batch on.
"""

import re
import secrets
from base64 import b64decode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from openleo.base.errors import BadInput, Refused, did_you_mean
from openleo.control.enrolment import WrongCode, read_code, to_prove
from openleo.control.keys import is_public_key, is_signed
from openleo.fleet.database import FleetDatabase

TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS agents (id TEXT PRIMARY KEY, site TEXT NOT NULL, account TEXT NOT NULL,"
    " terminals TEXT, state TEXT NOT NULL, since_ns INTEGER, public_key TEXT UNIQUE, code TEXT UNIQUE,"
    " hash TEXT, code_until_ns INTEGER, made_ns INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS captures (agent TEXT, since_ns INTEGER, until_ns INTEGER NOT NULL,"
    " PRIMARY KEY (agent, since_ns))",
)
FOREVER_NS: Final = 2**63 - 1
CODE_LIFE_NS: Final = 24 * 3_600 * 10**9
MOST_TERMINALS: Final = 10_000
_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's 32: no i, l, o, u
_FIRST, _SECOND = 8, 16
_NAME: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_HASHER: Final = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)  # 80 random bits need no more
_NOBODY: Final = _HASHER.hash(secrets.token_hex())


class AgentExists(Refused):
    """There is an agent of that name, or with that key."""

    code = "exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One agent: ``terminals`` are those that it may tell of, None for whatever it sees."""

    id: str
    site: str
    account: str
    terminals: frozenset[str] | None
    state: str  # waiting, active, revoked, captured
    since_ns: int | None
    public_key: str | None


class Agents:
    """The agents in an open fleet database.  The caller passes the time, in Unix nanoseconds."""

    def __init__(self, database: FleetDatabase) -> None:
        self._db = self.database = database
        database.make(TABLES)

    def add(
        self,
        name: str,
        *,
        now_ns: int,
        site: str = "",
        account: str = "",
        terminals: Collection[str] | None = None,
    ) -> str:
        """Add an agent; return the code with which it enrols its key, which is kept nowhere."""
        if not _NAME.fullmatch(name):
            raise BadInput(f"{name!r} is no agent's name", "1 to 64 of A-Z, a-z, 0-9, and . _ : -")
        if terminals is not None and len(terminals) > MOST_TERMINALS:
            raise BadInput(f"{len(terminals)} terminals are more than {MOST_TERMINALS}", "name fewer")
        listed = None if terminals is None else msgspec.json.encode(sorted(set(terminals))).decode()
        with self._db.changing() as conn:
            if conn.execute("SELECT 1 FROM agents WHERE id = ?", (name,)).fetchall():
                raise AgentExists(f"there is an agent {name} already", "take another name")
            conn.execute(
                "INSERT INTO agents (id, site, account, terminals, state, made_ns) VALUES (?, ?, ?, ?, ?, ?)",
                (name, site, account, listed, "waiting", now_ns),
            )
            return _new_code(conn, name, now_ns)

    def renew(self, name: str, *, now_ns: int) -> str:
        """Return a new code for an agent, with which it enrols a new key; until then the old key counts."""
        self._need(name)
        with self._db.changing() as conn:
            return _new_code(conn, name, now_ns)

    def enrol(self, code: str, *, public_key: str, proof: str, now_ns: int) -> str:
        """Take a key under a code, with a signature over `to_prove`; return the agent's name.

        Raises WrongCode, in the same words whatever is wrong with the code.
        """
        letters = read_code(code)
        with self._db.changing() as conn:
            rows = conn.execute(
                "SELECT id, hash, code_until_ns FROM agents WHERE code = ?", (letters[:_FIRST],)
            ).fetchall()
            name, hashed, until_ns = rows[0] if rows else ("", _NOBODY, 0)
            if not _fits(hashed, letters[_FIRST:]) or now_ns >= until_ns:
                raise WrongCode(
                    "this code is not good (any more)", "have a new one made: `openleo fleet agent code`"
                )
            if not is_public_key(public_key) or len(b64decode(public_key)) != 32:
                raise BadInput("this is no public key", "an Ed25519 public key is 32 bytes, in base64")
            if not is_signed(public_key, to_prove(code, public_key), proof):
                raise BadInput(
                    "the proof is not this key's signature over the code and the key",
                    "sign the bytes that `openleo.control.enrolment.to_prove` gives",
                )
            if conn.execute(
                "SELECT 1 FROM agents WHERE public_key = ? AND id <> ?", (public_key, name)
            ).fetchall():
                raise AgentExists("another agent has this key", "make a new key where the agent runs")
            conn.execute(
                "UPDATE agents SET public_key = ?, state = 'active', since_ns = NULL, code = NULL,"
                " hash = NULL, code_until_ns = NULL WHERE id = ?",
                (public_key, name),
            )
            conn.execute(
                "UPDATE captures SET until_ns = ? WHERE agent = ? AND until_ns = ?",
                (now_ns, name, FOREVER_NS),
            )
        return str(name)

    def cut_off(self, name: str, *, captured_since_ns: int | None = None) -> None:
        """Refuse an agent from now on; or, captured, keep what it sends as evidence, and believe nothing."""
        self._need(name)
        state = "revoked" if captured_since_ns is None else "captured"
        with self._db.changing() as conn:
            conn.execute(
                "UPDATE agents SET state = ?, since_ns = ?, code = NULL, hash = NULL WHERE id = ?",
                (state, captured_since_ns, name),
            )
            if captured_since_ns is not None:
                conn.execute(
                    "INSERT OR REPLACE INTO captures VALUES (?, ?, ?)", (name, captured_since_ns, FOREVER_NS)
                )

    def captures(self) -> list[tuple[str, int, int]]:
        """Return (agent, since, until) of what agents in wrong hands said: until one enrolled a new key."""
        return list(self._db.rows("SELECT agent, since_ns, until_ns FROM captures ORDER BY agent, since_ns"))

    def all(self) -> list[Agent]:
        """Return every agent, by name."""
        return [_agent(row) for row in self._db.rows(f"{_SELECT} ORDER BY id")]

    def find(self, name: str) -> Agent | None:
        """Return one agent, or None."""
        rows = self._db.rows(f"{_SELECT} WHERE id = ?", (name,))
        return _agent(rows[0]) if rows else None

    def version(self) -> tuple[int, int]:
        """Return what is another once anybody, here or in another process, has changed something."""
        return self._db.version()

    def _need(self, name: str) -> None:
        if self.find(name) is None:
            raise BadInput(f"there is no agent {name!r}", did_you_mean(name, [a.id for a in self.all()]))


_SELECT: Final = "SELECT id, site, account, terminals, state, since_ns, public_key FROM agents"


def _agent(row: Sequence[Any]) -> Agent:
    listed = None if row[3] is None else frozenset(msgspec.json.decode(row[3]))
    return Agent(
        id=row[0], site=row[1], account=row[2], terminals=listed, state=row[4], since_ns=row[5],
        public_key=row[6],
    )  # fmt: skip


def _new_code(conn: Any, name: str, now_ns: int) -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_FIRST + _SECOND))
    conn.execute(
        "UPDATE agents SET code = ?, hash = ?, code_until_ns = ? WHERE id = ?",
        (letters[:_FIRST], _HASHER.hash(letters[_FIRST:]), now_ns + CODE_LIFE_NS, name),
    )
    return "-".join(letters[n : n + 4] for n in range(0, len(letters), 4))


def _fits(hashed: str, letters: str) -> bool:
    try:
        return _HASHER.verify(hashed, letters)
    except (VerificationError, InvalidHashError):
        return False
