"""A network founded in a folder of its own, whose clock the test turns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from openleo.control.credential import Credential, token_hash
from openleo.control.facts import Fact
from openleo.control.founding import found_network
from openleo.control.ledger import Decision
from openleo.control.network import Network, NetworkKind
from openleo.control.plane import SYSTEM, Actor, Plane, Tx
from openleo.control.schema import accounts, tokens

T = TypeVar("T")
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that stands still until it is turned."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> datetime:
        """Go on by so many hours, minutes, seconds."""
        self.now += timedelta(**by)
        return self.now


@dataclass
class World:
    """A founded network: owners amina and jonas, who are two humans, and whoever is added."""

    folder: Path
    plane: Plane
    clock: Clock
    credentials: dict[str, Credential]
    people: dict[str, Actor] = field(default_factory=dict)

    def act(self, who: str, verb: Callable[[Tx], T]) -> T:
        """Do something as a person, or as openleo itself."""
        return self.plane.act(self.person(who), verb)

    def read(self, who: str, verb: Callable[[Tx], T]) -> T:
        """Read as a person."""
        return self.plane.read(self.person(who), verb)

    def person(self, who: str) -> Actor:
        """Return who acts."""
        return SYSTEM if who == "openleo" else self.people[who]

    def add_person(self, name: str, role: str, area: str | None = None, *, human: str = "") -> Credential:
        """Add a person with one role, as the network's own decision."""
        credential = Credential.make(name, self.plane.network.origin)
        columns = {"human": human or name, "public_key": credential.public_key, "active": True, "version": 1}
        grant = {"person_id": name, "role": role, "area_id": area, "active": True, "version": 1}
        found = [
            Fact(noun="person", id=name, changes=columns, new=True),
            Fact(noun="grant", id=f"g-{name}", changes=grant, new=True),
        ]
        self.record("person.added", *found)
        row = {"id": f"t-{name}-1", "person_id": name, "hash": token_hash(credential.token)}
        self.plane.act(SYSTEM, lambda tx: tx.conn.execute(tokens.insert(), [{**row, "made_at": tx.now}]))
        self.credentials[name] = credential
        self.people[name] = Actor(id=name, human=human or name)
        return credential

    def record(self, kind: str, *found: Fact) -> int:
        """Write facts by a decision of the network itself."""
        return self.plane.act(
            SYSTEM, lambda tx: tx.record(Decision(kind=kind, reason="for the test", facts=found))
        )

    def add(self, noun: str, id: str, *, slot: int | None = 0, **columns: Any) -> None:
        """Make a row of a decided table, such as an account."""
        self.record(
            f"{noun}.made", Fact(noun=noun, id=id, changes={**columns, "version": 1}, slot=slot, new=True)
        )


OWNERS = {"amina": "amina", "jonas": "jonas"}


def found(folder: Path, *, kind: NetworkKind = NetworkKind.ENFORCED) -> World:
    """Found a network whose owners are amina and jonas."""
    network = Network(name="test", kind=kind, origin="openleo.test/log")
    return open_world(folder, found_network(folder, network, OWNERS, clock=Clock()))


def open_world(folder: Path, credentials: dict[str, Credential]) -> World:
    """Open a network that `found` made, or a copy of it."""
    clock = Clock()
    plane = Plane.open(folder, clock=clock)
    people = {name: Actor(id=name, human=human) for name, human in OWNERS.items()}
    return World(folder=folder, plane=plane, clock=clock, credentials=dict(credentials), people=people)


def account(name: str) -> Callable[[Tx], int]:
    """Return a verb that decides to make an account."""
    fact = Fact(noun="account", id=name, changes={"status": "active", "cut_terminals": []}, slot=1, new=True)
    return lambda tx: tx.record(Decision(kind="account.made", reason="for the test", facts=[fact]))


def accounts_of(plane: Plane) -> list[str]:
    """Return the accounts that are there, in the order of their names."""
    with plane.store.reading() as conn:
        return sorted(conn.execute(accounts.select().with_only_columns(accounts.c.id)).scalars())
