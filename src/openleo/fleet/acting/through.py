"""Orders to dishes through the agents at their sites, and when each agent was last heard.

DATA/fleet/orders.db is a file of its own, since agents ask every few seconds, and what is read again when
fleet.db changes need not be.  An order is one agent's, has a name that is good once, and ends by itself.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from openleo.base.errors import BadInput, OpenleoError, Refused
from openleo.control.check_ins import ClockOff
from openleo.fleet.acting.judging import Seen
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.plan import Through
from openleo.fleet.agent_request import ASKABLE, RESULTS, WINDOW_NS, Asked
from openleo.fleet.agents import Agents
from openleo.fleet.database import FleetDatabase

DATABASE: Final = "orders.db"
LIFE_NS: Final = 600 * 10**9  # an order that was not fetched by then is over
HEARD_NS: Final = 120 * 10**9  # an agent that spoke no later than this may be given one
KEPT_NS: Final = 400 * 86_400 * 10**9
TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS agent_orders (id TEXT PRIMARY KEY, agent TEXT NOT NULL,"
    " terminal TEXT NOT NULL, order_ TEXT NOT NULL, revert_after_s INTEGER, job TEXT NOT NULL,"
    " made_ns INTEGER NOT NULL, expires_ns INTEGER NOT NULL, state TEXT NOT NULL, fetched_ns INTEGER,"
    " result_ns INTEGER, answer TEXT NOT NULL DEFAULT '', before TEXT, confirmed_ns INTEGER)",
    "CREATE INDEX IF NOT EXISTS agent_orders_agent ON agent_orders (agent, made_ns)",
    "CREATE TABLE IF NOT EXISTS contacts (agent TEXT PRIMARY KEY, at_ns INTEGER NOT NULL, can TEXT NOT NULL,"
    " sees TEXT NOT NULL, reverts INTEGER NOT NULL, version TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS nonces (agent TEXT, nonce TEXT, time_ns INTEGER NOT NULL,"
    " PRIMARY KEY (agent, nonce))",
    "CREATE INDEX IF NOT EXISTS nonces_time ON nonces (time_ns)",
    "CREATE INDEX IF NOT EXISTS agent_orders_job ON agent_orders (job, terminal)",
    # ``carried``: the state of the order that stands in its job's record
    "CREATE TABLE IF NOT EXISTS order_ends (id TEXT PRIMARY KEY, reverted_ns INTEGER, carried TEXT)",
)
_COLUMNS: Final = (
    "id, agent, terminal, order_, revert_after_s, job, made_ns, expires_ns, state, fetched_ns, result_ns,"
    " answer, before, confirmed_ns, reverted_ns, carried"
)
NOT_GIVEN: Final = ("withdrawn", "expired")  # its agent surely never had it


class Replayed(Refused):
    """A request that came before."""

    code = "bad-signature"


class NoSuchOrder(BadInput):
    """An agent has no order of that name."""

    code = "not-found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An order as the server has it.

    ``state``: open, fetched; then expired, withdrawn, or what the agent says: done, refused, unreachable,
    unknown, reverted.
    """

    id: str
    agent: str
    terminal: str
    order: Order
    revert_after_s: int | None
    job: str
    made_ns: int
    expires_ns: int
    state: str = "open"
    fetched_ns: int | None = None
    result_ns: int | None = None
    answer: str = ""
    before: Seen | None = None
    confirmed_ns: int | None = None
    reverted_ns: int | None = None
    carried: str | None = None

    @property
    def undone_ns(self) -> int | None:
        """When its agent undoes it at the latest if nobody confirms it; None where it does not."""
        if self.revert_after_s is None or self.confirmed_ns is not None or self.result_ns is None:
            return None
        return self.result_ns + self.revert_after_s * 10**9 if self.state in ("done", "unknown") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """When an agent last asked for orders, and what it said then."""

    agent: str
    at_ns: int
    can: frozenset[str]
    sees: frozenset[str]
    reverts: bool
    version: str


def order_id(job: str, terminal: str, turn: int = 0) -> str:
    """Return the name of a job's order to a terminal: the same however often it is made.

    ``turn`` counts those before it that no agent was given.
    """
    text = f"{job}\n{terminal}" + (f"\n{turn}" if turn else "")
    return "o-" + hashlib.sha256(text.encode()).hexdigest()[:24]


class Orders:
    """The orders in an open database.  The caller passes the time, in Unix nanoseconds."""

    def __init__(self, database: FleetDatabase) -> None:
        self._db = database
        database.make(TABLES)

    @classmethod
    def of(cls, folder: Path) -> "Orders":
        """Open, or make, those of a fleet's folder; close them."""
        return cls(FleetDatabase(folder, name=DATABASE))

    def __enter__(self) -> "Orders":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        self._db.close()

    # What agents ask.

    def hear(self, asked: Asked, *, now_ns: int) -> None:
        """Take a signed request once; raises ClockOff and Replayed."""
        if abs(asked.time_ns - now_ns) > WINDOW_NS:
            raise ClockOff(
                f"the clock of {asked.device} is {(asked.time_ns - now_ns) / 1e9:+,.0f} s off",
                "set it, or ask with ours",
            )  # fmt: skip
        with self._db.changing() as conn:
            conn.execute("DELETE FROM nonces WHERE time_ns < ?", (now_ns - 2 * WINDOW_NS,))
            if conn.execute(
                "SELECT 1 FROM nonces WHERE agent = ? AND nonce = ?", (asked.device, asked.nonce)
            ).fetchall():
                raise Replayed("this request came before", "sign each anew")
            conn.execute("INSERT INTO nonces VALUES (?, ?, ?)", (asked.device, asked.nonce, asked.time_ns))

    def note(self, contact: Contact) -> None:
        """Keep what an agent said when it asked."""
        row = (
            contact.agent, contact.at_ns, _text(sorted(contact.can & set(ASKABLE))),
            _text(sorted(contact.sees)), int(contact.reverts), contact.version[:64],
        )  # fmt: skip
        with self._db.changing() as conn:
            conn.execute("INSERT OR REPLACE INTO contacts VALUES (?, ?, ?, ?, ?, ?)", row)

    def next_of(
        self, agent: str, sees: Collection[str], *, may: Callable[[Sent], str], now_ns: int
    ) -> Sent | None:
        """Return the order that an agent is to carry out now, or None; durable before it is given.

        It is to a dish that the agent ``sees`` now.  The same is given until its result came, or its time is
        over.  ``may`` says why one may not be given any more, "" where it may: it is withdrawn then.
        """
        self.expire(now_ns)
        for sent in self._select("agent = ? AND state IN ('open', 'fetched') ORDER BY made_ns, id", agent):
            if sent.expires_ns <= now_ns or sent.terminal not in sees:
                continue
            why = may(sent)
            if why:
                self._withdraw(sent.id, why)
                continue
            with self._db.changing() as conn:
                given = conn.execute(
                    "UPDATE agent_orders SET state = 'fetched', fetched_ns = ifnull(fetched_ns, ?)"
                    " WHERE id = ? AND state IN ('open', 'fetched') RETURNING id", (now_ns, sent.id),
                ).fetchall()  # fmt: skip
            if given:  # else it was withdrawn this moment
                return sent
        return None

    def confirmed_of(self, agent: str, *, now_ns: int) -> list[str]:
        """Return the orders of an agent that need not be undone, of the last day."""
        rows = self._db.rows(
            "SELECT id FROM agent_orders WHERE agent = ? AND confirmed_ns > ? AND state <> 'reverted'"
            " ORDER BY confirmed_ns DESC LIMIT 100", (agent, now_ns - 86_400 * 10**9),
        )  # fmt: skip
        return [row[0] for row in rows]

    def take_result(self, order: str, agent: str, found: Mapping[str, Any], *, now_ns: int) -> bool:
        """Keep what became of an order; False where that is known already.  Raises BadInput."""
        sent = self.find(order)
        if sent is None or sent.agent != agent:
            raise NoSuchOrder(f"{agent} has no order {order[:64]!r}", "it tells of its own orders alone")
        state, answer = str(found.get("state")), str(found.get("answer", ""))[:400]
        if state not in RESULTS:
            raise BadInput(f"an order cannot be {state[:32]!r}", f"it is one of {', '.join(RESULTS)}")
        before = _seen(found.get("before"))
        if sent.state in (state, "reverted"):
            return False
        with self._db.changing() as conn:
            conn.execute(
                "UPDATE agent_orders SET state = ?, answer = ?, before = ifnull(before, ?),"
                " result_ns = ifnull(result_ns, ?) WHERE id = ?",
                (state, answer, None if before is None else _text(before.plain()), now_ns, order),
            )
            if state == "reverted":
                conn.execute(
                    "INSERT INTO order_ends (id, reverted_ns) VALUES (?, ?)"
                    " ON CONFLICT (id) DO UPDATE SET reverted_ns = excluded.reverted_ns", (order, now_ns),
                )  # fmt: skip
        return True

    # What jobs do.

    def add(self, sent: Sent) -> None:
        """Keep an order for its agent; one of that name is left as it is."""
        with self._db.changing() as conn:
            conn.execute(
                "DELETE FROM agent_orders WHERE made_ns < ? AND state <> 'open'", (sent.made_ns - KEPT_NS,)
            )
            conn.execute("DELETE FROM order_ends WHERE id NOT IN (SELECT id FROM agent_orders)")
            conn.execute(
                "INSERT OR IGNORE INTO agent_orders (id, agent, terminal, order_, revert_after_s, job,"
                " made_ns, expires_ns, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open')",
                (
                    sent.id, sent.agent, sent.terminal, _text(sent.order.plain()), sent.revert_after_s,
                    sent.job, sent.made_ns, sent.expires_ns,
                ),
            )  # fmt: skip

    def find(self, order: str) -> Sent | None:
        """Return one order, or None."""
        found = self._select("id = ?", order)
        return found[0] if found else None

    def of_terminal(self, job: str, terminal: str) -> list[Sent]:
        """Return what a job ordered for a terminal, the latest first: all but the first were not given."""
        return self._select("job = ? AND terminal = ? ORDER BY agent_orders.rowid DESC", job, terminal)

    def of_step(self, job: str, terminal: str) -> Sent | None:
        """Return the order by which a job tells a terminal; None where it tells it from here, or not yet."""
        last = next(iter(self.of_terminal(job, terminal)), None)
        if last is None or (last.state in NOT_GIVEN and last.carried == last.state):
            return None
        return last

    def unsettled(self, job: str) -> list[Sent]:
        """Return a job's orders of which the agent has more to say."""
        return self._select(
            "job = ? AND (state IN ('open', 'fetched') OR (state IN ('done', 'unknown')"
            " AND confirmed_ns IS NULL AND revert_after_s IS NOT NULL)) ORDER BY made_ns, id", job,
        )  # fmt: skip

    def uncarried(self, job: str | None = None) -> list[Sent]:
        """Return the orders that stand otherwise in their jobs' records, or may; oldest first."""
        mine, values = ("job = ? AND ", (job,)) if job is not None else ("", ())
        return self._select(f"{mine}carried IS NOT state ORDER BY agent_orders.rowid", *values)

    def carry(self, sent: Sent) -> None:
        """Note that the job's record says how an order stands."""
        with self._db.changing() as conn:
            conn.execute(
                "INSERT INTO order_ends (id, carried) VALUES (?, ?)"
                " ON CONFLICT (id) DO UPDATE SET carried = excluded.carried", (sent.id, sent.state),
            )  # fmt: skip

    def withdraw(self, job: str, why: str) -> None:
        """End what a job ordered and no agent has."""
        if self._db.rows("SELECT 1 FROM agent_orders WHERE job = ? AND state = 'open' LIMIT 1", (job,)):
            with self._db.changing() as conn:
                conn.execute(
                    "UPDATE agent_orders SET state = 'withdrawn', answer = ?"
                    " WHERE job = ? AND state = 'open'",
                    (why, job),
                )

    def confirm(self, order: str, *, now_ns: int) -> None:
        """Let an agent leave an order as it is; what is undone already stays so."""
        with self._db.changing() as conn:
            conn.execute(
                "UPDATE agent_orders SET confirmed_ns = ? WHERE id = ? AND confirmed_ns IS NULL"
                " AND state IN ('done', 'unknown')", (now_ns, order),
            )  # fmt: skip

    def expire(self, now_ns: int) -> None:
        """End the orders that nobody fetched in time."""
        if self._db.rows("SELECT 1 FROM agent_orders WHERE state = 'open' AND expires_ns <= ?", (now_ns,)):
            with self._db.changing() as conn:
                conn.execute(
                    "UPDATE agent_orders SET state = 'expired' WHERE state = 'open' AND expires_ns <= ?",
                    (now_ns,),
                )

    def contacts(self) -> list[Contact]:
        """Return when each agent last asked."""
        rows = self._db.rows("SELECT agent, at_ns, can, sees, reverts, version FROM contacts ORDER BY agent")
        return [
            Contact(
                agent=r[0], at_ns=r[1], can=frozenset(msgspec.json.decode(r[2])),
                sees=frozenset(msgspec.json.decode(r[3])), reverts=bool(r[4]), version=r[5],
            )
            for r in rows
        ]  # fmt: skip

    def contact(self, agent: str) -> Contact | None:
        """Return when one agent last asked, or None."""
        return next((one for one in self.contacts() if one.agent == agent), None)

    # Inside.

    def _withdraw(self, order: str, why: str) -> None:
        """End an order that no agent has; of one that was given, only its agent says what became of it."""
        with self._db.changing() as conn:
            conn.execute(
                "UPDATE agent_orders SET state = 'withdrawn', answer = ? WHERE id = ? AND state = 'open'",
                (why, order),
            )

    def _select(self, where: str, *values: Any) -> list[Sent]:
        tables = "agent_orders LEFT JOIN order_ends USING (id)"
        return [_sent(r) for r in self._db.rows(f"SELECT {_COLUMNS} FROM {tables} WHERE {where}", values)]


def ways_through(orders: Orders, agents: Agents, *, now_ns: int) -> dict[str, Through]:
    """Return by terminal the agent that watches it, and why it cannot be used now, if it cannot."""
    known = {one.id: one for one in agents.all()}
    found: dict[str, list[Contact]] = {}
    for contact in orders.contacts():
        agent = known.get(contact.agent)
        for terminal in contact.sees:
            if agent is None or agent.terminals is None or terminal in agent.terminals:
                found.setdefault(terminal, []).append(contact)
    cut_off = {one.id for one in known.values() if one.state != "active"}
    return {terminal: _through(those, cut_off, now_ns) for terminal, those in found.items()}


def _through(those: Sequence[Contact], cut_off: Collection[str], now_ns: int) -> Through:
    live = [one for one in those if one.agent not in cut_off]
    fresh = [one for one in live if 0 <= now_ns - one.at_ns <= HEARD_NS]
    if len(fresh) > 1:
        names = ", ".join(one.agent for one in fresh)
        return Through(agent=names, trouble=f"{names} all say that they watch it")
    if fresh:
        one = fresh[0]
        trouble = "" if one.reverts else f"agent {one.agent} cannot undo orders"
        return Through(agent=one.agent, can=one.can, trouble=trouble)
    if not live:
        return Through(agent=those[0].agent, trouble=f"agent {those[0].agent} is cut off")
    last = max(live, key=lambda one: one.at_ns)
    ago_min = max(0, now_ns - last.at_ns) / 60e9
    return Through(
        agent=last.agent, trouble=f"agent {last.agent} has not asked for orders for {ago_min:,.0f} min"
    )


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _seen(found: object) -> Seen | None:
    """Return how an agent says a dish stood; raises BadInput for what cannot be."""
    if found is None:
        return None
    try:
        if not isinstance(found, dict):
            raise TypeError("it is no object")
        return msgspec.convert(Seen.read(found).plain(), Seen)
    except (TypeError, ValueError, OpenleoError) as error:
        raise BadInput(f"this is not how a dish stands: {error}", "see docs/fleet-operations.md") from error


def _sent(row: Sequence[Any]) -> Sent:
    return Sent(
        id=row[0], agent=row[1], terminal=row[2], order=Order(**msgspec.json.decode(row[3])),
        revert_after_s=row[4], job=row[5], made_ns=row[6], expires_ns=row[7], state=row[8],
        fetched_ns=row[9], result_ns=row[10], answer=row[11],
        before=None if row[12] is None else Seen.read(msgspec.json.decode(row[12])), confirmed_ns=row[13],
        reverted_ns=row[14], carried=row[15],
    )  # fmt: skip
