"""A network's control plane under a bad day, from one seed: the same seed gives the same day, to the byte.

People ask, propose, approve, refuse, confirm and change terminals over a network that loses, doubles and
delays messages; the server's clock jumps; the server dies before a commit, after it, or before its answer
arrives.  Clients send again under the same key until they are answered.  `Day.check` then holds what is left
to the rules.

    python tests/control/simulation.py SEED      prints the day of a seed and its hash
"""

import hashlib
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from sqlalchemy import Engine, select

from openleo.base.clock import slot_at, to_datetime64
from openleo.base.errors import OpenleoError
from openleo.control import areas, ledger, store, switching
from openleo.control.credential import Credential
from openleo.control.facts import Fact, fold, read_facts
from openleo.control.founding import found_network
from openleo.control.keys import is_signed
from openleo.control.network import Network, NetworkKind
from openleo.control.once import once
from openleo.control.plane import Actor, Plane, Tx
from openleo.control.replay import live_rules
from openleo.control.request import State
from openleo.control.schema import DECIDED, entries
from openleo.ground.cells import cells_in_circle
from openleo.ground.packed_cells import unpack_cells
from openleo.policy import DisablementCode, Subjects
from openleo.scenario.decisions import Terminals

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NETWORK = Network(name="Simulated day", kind=NetworkKind.ENFORCED, origin="day.example/log")
OWNERS = {"amina": "amina", "jonas": "jonas"}
STAFF = {  # (human, role); petro2 is a second account of one human
    "olena": ("olena", "operator"),
    "petro": ("petro", "approver"),
    "petro2": ("petro", "operator"),
    "rada": ("rada", "requester"),
}
HUMANS = OWNERS | {name: human for name, (human, _) in STAFF.items()}
STEPS = 60
WEIGHTS = {
    "ask": 4, "propose": 5, "approve": 6, "refuse": 0.5, "withdraw": 0.5, "emergency": 0.5, "confirm": 1,
    "sweep": 0.5, "terminal": 1,
}  # fmt: skip
WHO = {  # who can, who mostly tries
    "ask": ["amina", "olena", "petro2", "rada"],
    "propose": ["amina", "jonas", "olena", "petro2"],
    "approve": ["amina", "jonas", "petro", "petro"],
    "confirm": ["amina", "jonas", "petro"],
    "emergency": ["amina", "olena"],
    "terminal": ["amina", "olena"],
}
FITS = {"propose": State.ASKED, "approve": State.PROPOSED, "confirm": State.EMERGENCY}
COUNTRY = cells_in_circle(48.0, 35.0, 120e3)
SHAPES = {
    "country": (None, COUNTRY),
    "north": ("country", cells_in_circle(48.7, 35.0, 40e3)),
    "city": ("north", cells_in_circle(48.7, 35.0, 15e3)),
    "abroad": (None, cells_in_circle(49.0, 37.5, 40e3)),
}


class Died(BaseException):
    """The server's process ended here."""


@dataclass
class Message:
    """What a client sends, under one key, until it is answered."""

    key: str
    who: str
    what: str
    verb: Callable[[Tx], str]
    answered: bool = False


@dataclass
class Day:
    """One run of the simulation in a folder."""

    folder: Path
    seed: int
    trace: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.now = START
        self.credentials: dict[str, Credential] = {}
        self.acked: dict[str, str] = {}
        self.pending: list[Message] = []
        self.number = 0

    # The world ------------------------------------------------------------------------------------------

    def found(self) -> None:
        """Begin with a network of people of several roles, areas and terminals."""
        files, self.credentials = _founded()
        self.folder.mkdir(parents=True)
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        self.plane = self.open()
        self.actors = {n: Actor(id=n, human=human) for n, human in HUMANS.items()}

    def open(self) -> Plane:
        """Start a server on what the disk holds."""
        with patch.object(store, "make_engine", _engine_kept):
            return Plane.open(self.folder, clock=lambda: self.now, salts=self.random.randbytes)

    # Acting ---------------------------------------------------------------------------------------------

    def run(self) -> "Day":
        """Live through the day."""
        self.found()
        for _ in range(STEPS):
            self.now += timedelta(seconds=self.random.choice([1, 7, 40, 600, 4000]))
            if self.random.random() < 0.05:
                self.now -= timedelta(seconds=self.random.randrange(90))  # the clock was set back
            self.pending.append(self._ask_something())
            self._deliver()
        for _ in range(400):  # the network heals: everyone is answered in the end
            if not self.pending:
                break
            self._send(self.pending[0], lossless=True)
        assert not self.pending
        return self

    def _ask_something(self) -> Message:
        self.number += 1
        area = self.random.choice(list(SHAPES))
        what = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        able = WHO.get(what, list(self.actors))
        who = self.random.choice(able if self.random.random() < 0.85 else list(self.actors))
        switch = self.random.choice(["on", "on", "off"])
        pick = self.random.random()
        return Message(
            f"key-{self.number:04}", who, what, lambda tx: self._do(tx, what, who, area, switch, pick)
        )

    def _do(self, tx: Tx, what: str, who: str, area: str, switch: str, pick: float) -> str:
        if what == "ask":
            return switching.ask(tx, area, switch, reason=f"because {self.number}").id
        if what == "sweep":
            return f"swept {switching.sweep(tx)}"
        if what == "terminal":
            return _change_terminal(tx, pick)
        credential = self.credentials[who]
        if what == "emergency":
            _, text = switching.emergency_text(tx, area, reason="fire")
            signature = credential.sign("emergency", text)
            return switching.emergency_off(tx, area, reason="fire", signature=signature)[0].id
        found = switching.list_requests(tx, open_only=True)
        fits = [r for r in found if r.state == FITS.get(what, r.state)]
        if not found:
            return "nothing to do"
        if fits and 0.1 < pick < 0.9:  # people mostly know what they are looking at
            found = fits
        request = found[int(pick * len(found))]
        if what in {"refuse", "withdraw"}:
            return getattr(switching, what)(tx, request.id, reason="no").id
        signature = credential.sign(what, switching.to_sign(tx, request.id))
        done = getattr(switching, what)(tx, request.id, signature=signature)
        return done.id if what == "propose" else done[0].id

    def _deliver(self) -> None:
        for message in list(self.pending):
            if self.random.random() < 0.4:
                continue  # still on its way
            self._send(message)
            if self.random.random() < 0.15:
                self._send(message)  # doubled on the way

    def _send(self, message: Message, *, lossless: bool = False) -> None:
        fate = 1.0 if lossless else self.random.random()
        if fate < 0.1:
            return  # lost on the way there
        try:
            if fate < 0.2:
                self._dies_before_commit(message)
            elif fate < 0.3:
                self._dies_after_commit(message)
            answer = self._serve(message)
        except Died:
            self.plane.store.close()
            self.plane = self.open()
            self.trace.append(f"died in {message.key}")
            return
        except OpenleoError as refusal:
            answer = f"refused: {refusal.code}"
        if fate < 0.4:
            return  # the answer was lost
        before = self.acked.setdefault(message.key, answer)
        assert before == answer or answer.startswith("refused") or before.startswith("refused")
        self.trace.append(f"{self.now.isoformat()} {message.who} {message.what} -> {answer}")
        if message in self.pending:
            self.pending.remove(message)

    def _serve(self, message: Message) -> str:
        actor = self.actors[message.who]

        def verb(tx: Tx) -> str:
            return once(tx, message.key, message.key, lambda tx: (200, message.verb(tx))).body

        return self.plane.act(actor, verb)

    def _dies_before_commit(self, message: Message) -> None:
        def verb(tx: Tx) -> str:
            with suppress(OpenleoError):
                once(tx, message.key, message.key, lambda tx: (200, message.verb(tx)))
            raise Died

        self.plane.act(self.actors[message.who], verb)

    def _dies_after_commit(self, message: Message) -> None:
        """The commit is on the disk, the checkpoint is not signed, the client is not answered."""

        def advance(*_: Any) -> None:
            raise Died

        self.plane.store._advance = advance  # type: ignore[method-assign]  # a death at this very place
        self._serve(message)

    # What must hold -------------------------------------------------------------------------------------

    def check(self) -> None:
        """Assert the invariants on what the day left."""
        self.plane.close()
        with self.open() as plane, plane.store.reading() as conn:
            facts = [f for _, f in read_facts(conn)]
            folded = fold(facts)
            for noun, table in DECIDED.items():
                rows = {r.id: dict(r._mapping) for r in conn.execute(select(table))}
                assert set(rows) == set(folded[noun]), noun
                for name, columns in folded[noun].items():
                    told = Fact(noun=noun, id=name, changes={k: rows[name][k] for k in columns}).plain()
                    assert told == columns, f"{noun} {name}"
            self._check_two_people(conn)
            self._check_answers(conn)
            self._check_service(conn, folded)
            size = ledger.size_of(conn)
            assert plane.store._guard is not None
            assert plane.store._guard.checkpoint is not None
            assert plane.store._guard.checkpoint.root == ledger.root_at(conn, size)

    def _check_two_people(self, conn: Any) -> None:
        """No area is on without two humans who signed the same bytes."""
        for index, kind in conn.execute(select(entries.c.index, entries.c.kind)):
            body = ledger.body_of(conn, index)
            ons = [f for f in body["facts"] if f["noun"] == "area" and f["changes"].get("switch") == "on"]
            if not ons or kind == "area.emergency-reverted":
                continue
            assert kind == "area.switched", kind
            signers = {}
            for label, signature in body["signatures"].items():
                verb, name = label.split()
                key = self.credentials[name].public_key
                assert is_signed(key, f"{verb}\n{body['signed']}".encode(), signature)
                signers[verb] = HUMANS[name]
            assert set(signers) == {"propose", "approve"}
            assert signers["propose"] != signers["approve"]
            assert HUMANS[body["more"]["asked_by"]] != signers["approve"]

    def _check_answers(self, conn: Any) -> None:
        """What was answered is there, once."""
        asked = [answer for key, answer in self.acked.items() if answer.startswith("r-")]
        steps = [
            (body["more"]["request"], body["kind"])
            for body in (ledger.body_of(conn, i) for i in range(ledger.size_of(conn)))
            if "request" in body["more"]
        ]
        once_only = [s for s in steps if s[1] != "request.proposed"]
        assert len(once_only) == len(set(once_only)), "a step was done twice"
        assert set(asked) <= {request for request, _ in steps}

    def _check_service(self, conn: Any, folded: dict[str, dict[str, dict[str, Any]]]) -> None:
        """Nobody is served outside areas that are on, nor without an active terminal and account."""
        slot = slot_at(to_datetime64(self.now)) + 1000
        cells = np.unique(np.concatenate([c for _, c in SHAPES.values()]))[::7]
        cells = np.append(cells, cells_in_circle(40.0, 0.0, 20e3)[:1])
        names = [*folded["terminal"], "stranger"]
        who = Terminals(ids=names, accounts=[""] * len(names))
        rules = live_rules(conn, NETWORK, slot, who, account_names=["any"], country_names=["UA"])
        grid = [(c, n) for c in cells.tolist() for n in range(len(names))]
        code, _ = rules.decide(
            Subjects(
                cell=np.array([c for c, _ in grid], np.uint64),
                country=np.zeros(len(grid), np.int16),
                account=np.zeros(len(grid), np.uint16),
                speed_m_s=np.zeros(len(grid), np.float32),
                terminal=np.array([n for _, n in grid], np.uint32),
            )
        )
        holding = {a: set(unpack_cells(row["cells"]).tolist()) for a, row in folded["area"].items()}
        for (cell, n), got in zip(grid, code.tolist(), strict=True):
            row = folded["terminal"].get(names[n])
            may = (
                row is not None
                and row["state"] == "active"
                and folded["account"][row["account_id"]]["status"] == "active"
                and _is_on(
                    folded["area"],
                    {a for a, of in holding.items() if cell in of},
                    critical=bool(row["life_critical"]),
                )
            )
            assert (got == DisablementCode.OKAY) == may, (names[n], cell, got)

    def hash(self) -> str:
        """Return the hash of all that happened."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()


@cache
def _founded() -> tuple[dict[str, bytes], dict[str, Credential]]:
    """Return the files of a founded network, and everyone's credentials: every day begins with it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "control"
        credentials = found_network(folder, NETWORK, OWNERS, clock=lambda: START)
        credentials |= {person: Credential.make(person, NETWORK.origin) for person in STAFF}
        amina = Actor(id="amina", human="amina")
        with Plane.open(folder, clock=lambda: START) as plane:
            plane.act(amina, lambda tx: _more_people(tx, credentials))
            for area, (parent, cells) in SHAPES.items():
                new = areas.NewArea(id=area, cells=cells, parent_id=parent)
                plane.act(amina, lambda tx, new=new: areas.define_area(tx, new))
            plane.act(amina, _terminals)
        return {path.name: path.read_bytes() for path in folder.iterdir()}, credentials


_ENGINES: dict[tuple[Path, str], Engine] = {}
_make_engine = store.make_engine


def _engine_kept(path: Path, driver: store.Driver, *, begin: str, connections: int) -> Engine:
    """Make an engine once for each path: closed, it holds nothing but statements that it has compiled."""
    if (path, begin) not in _ENGINES:
        _ENGINES[path, begin] = _make_engine(path, driver, begin=begin, connections=connections)
    return _ENGINES[path, begin]


def _more_people(tx: Tx, credentials: dict[str, Credential]) -> None:
    found = []
    for n, (name, (human, role)) in enumerate(STAFF.items()):
        person = {"human": human, "public_key": credentials[name].public_key, "active": True}
        found.append(Fact(noun="person", id=name, changes=person, new=True))
        grant = {"person_id": name, "role": role, "active": True}
        found.append(Fact(noun="grant", id=f"s-{n}", changes=grant, new=True))
    tx.record(ledger.Decision(kind="test.people", reason="", facts=found))


def _is_on(areas_: dict[str, dict[str, Any]], holding: set[str], *, critical: bool) -> bool:
    """Say by plain loops whether a cell is on: the most specific areas that hold it are all on."""
    inner = [n for n in holding if not any(_is_under(areas_, other, n) for other in holding - {n})]
    switches = []
    for name in inner:
        at: str | None = name
        while at is not None and areas_[at]["switch"] == "inherit":
            at = areas_[at]["parent_id"]
        if at is not None:
            switches.append(areas_[at]["switch"])
    return bool(switches) and (critical or "off" not in switches)


def _is_under(areas_: dict[str, dict[str, Any]], name: str, above: str) -> bool:
    at = areas_[name]["parent_id"]
    while at is not None:
        if at == above:
            return True
        at = areas_[at]["parent_id"]
    return False


def _terminals(tx: Tx) -> int:
    found = [Fact(noun="account", id=f"a-{n}", changes={"status": "active", "cut_terminals": []}, new=True)
             for n in range(2)]  # fmt: skip
    for n in range(5):
        columns = {
            "serial": f"s-{n}", "kind": "standard", "account_id": f"a-{n % 2}", "state": "active",
            "life_critical": n == 0, "holder": "", "name": "",
        }  # fmt: skip
        found.append(Fact(noun="terminal", id=f"ut-{n}", changes=columns, slot=0, new=True))
    return tx.record(ledger.Decision(kind="test.terminals", reason="", facts=found))


def _change_terminal(tx: Tx, pick: float) -> str:
    tx.require("terminal.activate")
    name = f"ut-{int(pick * 5)}"
    state = "suspended" if pick < 0.5 else "active"
    slot = tx.effective_slot(None, "terminal", name)
    fact = Fact(noun="terminal", id=name, changes={"state": state}, slot=slot)
    tx.record(ledger.Decision(kind="terminal.test", reason="", facts=[fact]))
    return f"{name} {state}"


def live(seed: int, folder: Path) -> str:
    """Live through the day of a seed in a folder, which is emptied; check it and return its hash."""
    shutil.rmtree(folder, ignore_errors=True)
    day = Day(folder, seed).run()
    day.check()
    return day.hash()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as _folder:
        _day = Day(Path(_folder) / "control", int(sys.argv[1]))
        try:
            _day.run().check()
        finally:
            print("\n".join([*_day.trace, _day.hash()]))
