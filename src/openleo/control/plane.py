"""The control plane as one object: the store, who acts, and transactions durable before they answer.

Every act runs in one transaction with the log entries it writes.  After the commit the log's checkpoint is
signed and the guard advanced; only then is the act acknowledged.  In a server acts are gathered into groups
that share a commit (at most 256, or 5 ms); each has a savepoint of its own, so one that is refused takes no
other with it.
"""

import secrets
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from openleo.base.errors import Refused
from openleo.control import authorize, ledger
from openleo.control.credential import token_hash
from openleo.control.facts import last_slot
from openleo.control.group import Group, Work
from openleo.control.network import Network
from openleo.control.schema import people, tokens
from openleo.control.store import Store, told_of

T = TypeVar("T")


class NotKnown(Refused):
    """Nobody is known by this token."""

    code = "unauthenticated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: a person's name, and the human behind it."""

    id: str
    human: str


SYSTEM = Actor(id="openleo", human="openleo")  # acts only by rules that people set


@dataclass(frozen=True, slots=True, kw_only=True)
class Tx:
    """One transaction, of one actor, at one instant."""

    conn: Connection
    network: Network
    actor: Actor
    now: datetime
    salts: ledger.Salts = secrets.token_bytes

    def require(self, action: str, area_id: str | None = None) -> authorize.Answer:
        """Return why the actor may; raises Forbidden where not."""
        return authorize.require(self.conn, self.actor.id, action, area_id)

    def record(self, decision: ledger.Decision) -> int:
        """Write a decision and return its place in the log."""
        return ledger.append(self.conn, decision, by=self.actor.id, at=self.now, salts=self.salts)

    def effective_slot(self, asked: datetime | None, noun: str, subject: str) -> int:
        """Return when a decision on a subject takes effect; raises TooEarly."""
        after = last_slot(self.conn, noun, subject)
        return self.network.effective_slot(asked, now=self.now, after=after)


Verb = Callable[[Tx], T]
Outcome = tuple[Any, BaseException | None]


def utc_now() -> datetime:
    """Return the wall clock; the one place that reads it for the control plane."""
    return datetime.now(UTC)


class Plane:
    """An open control plane; close it, or use it as a context."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], datetime] = utc_now,
        grouped: bool = False,
        salts: ledger.Salts = secrets.token_bytes,
    ) -> None:
        self.store = store
        self._clock, self._salts = clock, salts
        self.network = store.network
        self._group = Group(self._run_group) if grouped else None

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        key: bytes | None = None,
        clock: Callable[[], datetime] = utc_now,
        grouped: bool = False,
        guard: Path | None = None,
        salts: ledger.Salts = secrets.token_bytes,
    ) -> "Plane":
        """Open the store in a folder; BadInput where there is none, Refused where it was rolled back."""
        return cls(Store.open(folder, key=key, guard=guard), clock=clock, grouped=grouped, salts=salts)

    def __enter__(self) -> "Plane":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish what is queued and close the store."""
        if self._group is not None:
            self._group.close()
        self.store.close()

    @property
    def queued(self) -> int:
        """How many acts wait to be written."""
        return 0 if self._group is None else self._group.queued

    @property
    def broken(self) -> bool:
        """Whether storage failed, so that nothing more is written."""
        return self.store.broken

    def authenticate(self, token: str) -> Actor:
        """Return who holds a token; raises NotKnown.  The same words whatever is wrong with it."""
        digest = token_hash(token)
        with self.store.reading() as conn:
            row = conn.execute(
                select(people.c.id, people.c.human, people.c.active, tokens.c.expires_at, tokens.c.revoked_at)
                .join(tokens, tokens.c.person_id == people.c.id)
                .where(tokens.c.hash == digest)
            ).one_or_none()
        now = self._clock()
        good = (
            row is not None
            and row.active
            and row.revoked_at is None
            and (row.expires_at is None or now < row.expires_at)
        )
        if row is None or not good:
            raise NotKnown("nobody is known by this token", "ask an owner for `openleo person token NAME`")
        return Actor(id=row.id, human=row.human)

    def read(self, actor: Actor, verb: Verb[T]) -> T:
        """Run a verb that changes nothing."""
        with self.store.reading() as conn:
            return verb(self._tx(conn, actor))

    def act(self, actor: Actor, verb: Verb[T]) -> T:
        """Run a verb in a transaction; what it wrote is durable, and in a signed checkpoint, on return."""
        return self.submit(actor, verb).result()

    def submit(self, actor: Actor, verb: Verb[T]) -> "Future[T]":
        """Queue a verb and return its future result; raises Busy where the queue is full."""
        self.store.need_whole()
        if self._group is not None:
            return self._group.submit(lambda conn: verb(self._tx(conn, actor)))
        done: Future[T] = Future()
        self._run_group([(lambda conn: verb(self._tx(conn, actor)), done)])
        return done

    def _tx(self, conn: Connection, actor: Actor) -> Tx:
        return Tx(conn=conn, network=self.network, actor=actor, now=self._clock(), salts=self._salts)

    def _run_group(self, work: list[Work]) -> None:
        """Run works in one transaction and tell each its result once that is durable."""
        wanted = [(one, future) for one, future in work if future.set_running_or_notify_cancel()]
        outcomes: list[Outcome] = []
        try:
            with self.store.writing() as conn:
                outcomes = [_attempt(conn, one) for one, _ in wanted]
        except BaseException as failed:  # nothing of the group was written, or nobody can know
            outcomes = [(None, failed)] * len(wanted)
        for (_, future), (result, error) in zip(wanted, outcomes, strict=True):
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)


def _attempt(conn: Connection, one: Callable[[Connection], Any]) -> Outcome:
    """Run one work in a savepoint of its own; what storage says takes the whole group with it.

    After some errors (a full disk is one) SQLite has undone the whole transaction by itself.  To go on would
    be to write the rest of the group outside of any, unseen by the checkpoint.
    """
    point = conn.begin_nested()
    try:
        result = one(conn)
        point.commit()
    except DBAPIError as error:
        if told_of(error) is not error:
            raise
        point.rollback()  # fails, and the group with it, where the transaction is gone
        return None, error
    except Exception as error:
        point.rollback()
        return None, error
    return result, None
