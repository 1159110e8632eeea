"""A network behind its HTTP API, and people who send requests to it."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from openleo.api.app import create_app
from openleo.api.fleet_shown import FleetShown
from openleo.api.limits import DEFAULT_RATES, Limits, Rate
from openleo.control.credential import Credential, token_hash
from openleo.control.facts import Fact
from openleo.control.founding import found_network
from openleo.control.ledger import Decision
from openleo.control.network import Network, NetworkKind
from openleo.control.plane import SYSTEM, Plane, Tx
from openleo.control.schema import tokens
from openleo.fleet.acting.jobs import Job, Jobs
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.plan import Candidate, Plan, Settings
from openleo.fleet.database import FleetDatabase
from openleo.fleet.kits import Kit
from openleo.fleet.register import Register
from openleo.fleet.sample import Sample
from openleo.fleet.store import TelemetryStore
from openleo.fleet.table.filters import SavedFilters

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PLENTY = {name: Rate(per_s=1e6, burst=10**6, closed=rate.closed) for name, rate in DEFAULT_RATES.items()}
_keys = itertools.count(1)


@dataclass
class Clock:
    """A clock that stands still until it is turned."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Person:
    """Somebody with a credential, and the client with which requests are sent."""

    http: TestClient
    credential: Credential

    def get(self, path: str, **more: Any) -> Response:
        return self.send("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Response:
        return self.send("POST", path, body, **more)

    def send(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, match: object = None,
        headers: dict[str, str] | None = None,
    ) -> Response:  # fmt: skip
        """Send a request; a change gets a fresh key unless one is given ("" for none)."""
        sent = {"Authorization": f"Bearer {self.credential.token}", **(headers or {})}
        if method != "GET" and key != "":
            sent["Idempotency-Key"] = key or f"test-key-{next(_keys):012d}"
        if match is not None:
            sent["If-Match"] = "*" if match == "*" else f'"{match}"'
        return self.http.request(method, path, json=body, headers=sent)

    def sign(self, verb: str, text: str) -> str:
        return self.credential.sign(verb, text)


@dataclass
class World:
    """A network, its app and its people: owners amina and jonas, and whoever is added."""

    plane: Plane
    clock: Clock
    app: FastAPI
    http: TestClient
    limits: Limits
    people: dict[str, Person] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Person:
        return self.people[name]

    def record(self, *found: Fact) -> int:
        """Write facts by a decision of the network itself."""
        decision = Decision(kind="test.made", reason="for the test", facts=found)
        return self.plane.act(SYSTEM, lambda tx: tx.record(decision))

    def add(self, noun: str, id: str, **columns: Any) -> None:
        """Make a row of a decided table."""
        self.record(Fact(noun=noun, id=id, changes={**columns, "version": 1}, slot=0, new=True))

    def add_person(self, name: str, role: str | None = None, area: str | None = None) -> Person:
        """Add a person with at most one role."""
        credential = Credential.make(name, self.plane.network.origin)
        columns = {"human": name, "public_key": credential.public_key, "active": True, "version": 1}
        found = [Fact(noun="person", id=name, changes=columns, new=True)]
        if role is not None:
            grant = {"person_id": name, "role": role, "area_id": area, "active": True, "version": 1}
            found.append(Fact(noun="grant", id=f"g-{name}", changes=grant, new=True))
        self.record(*found)
        row = {"id": f"t-{name}-1", "person_id": name, "hash": token_hash(credential.token)}

        def write(tx: Tx) -> None:
            tx.conn.execute(tokens.insert(), [{**row, "made_at": tx.now}])

        self.plane.act(SYSTEM, write)
        self.people[name] = Person(self.http, credential)
        return self.people[name]


def make_fleet(folder: Path) -> None:
    """Make a real fleet of two kits, with a filter and a job that is over."""
    now_ns = int(START.timestamp()) * 10**9
    with Register(folder) as register:
        register.put_kits([Kit(id="KIT1", terminal="ut-1", site="Lviv"), Kit(id="KIT2", terminal="ut-2")])
    with TelemetryStore(folder) as store:
        store.add([Sample(terminal="ut-1", time_ns=now_ns, source="dish", software="2026.11.1", outage="")])
    with FleetDatabase(folder) as database:
        SavedFilters(database).put("some", "dark", by="amina", now_ns=now_ns)
        jobs, order = Jobs(database), Order(action="unstow")
        job = Job(
            id="j-some", order=order, settings=Settings(), chosen_by="dark", include=frozenset(),
            not_ours=frozenset(), site_sizes={}, reason="r", by="amina", made_ns=now_ns,
        )  # fmt: skip
        jobs.add(job, Plan(chosen=(Candidate(terminal="ut-1"),), canaries=1, left=()))
        jobs.end("j-some", "done", by="openleo", says="over", now_ns=now_ns)


def founded(folder: Path, *, limits: Limits | None = None, kind: NetworkKind = NetworkKind.ENFORCED) -> World:
    """Found a network and put the API before it; nobody is limited unless limits are given."""
    clock = Clock()
    network = Network(name="test", kind=kind, origin="openleo.test/log")
    credentials = found_network(folder, network, {"amina": "amina", "jonas": "jonas"}, clock=clock)
    plane = Plane.open(folder, clock=clock, grouped=True)
    limits = limits or Limits(rates=PLENTY)
    shown = FleetShown(folder=folder.parent / f"{folder.name}-fleet", control=folder)
    make_fleet(shown.folder)
    app = create_app(plane, limits=limits, shown=shown)
    http = TestClient(app, raise_server_exceptions=False)
    people = {name: Person(http, credential) for name, credential in credentials.items()}
    return World(plane=plane, clock=clock, app=app, http=http, limits=limits, people=people)


KHERSON = ["851e6387fffffff"]
AREA = {"id": "kherson", "title": "Kherson", "cells": KHERSON, "reason": "to begin with"}
