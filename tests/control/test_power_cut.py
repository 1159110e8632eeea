"""What was acknowledged survives a power cut, and what is on the disk then is whole.

The disk keeps all that was flushed, and of what was written since each piece or not (`bad_disk`).  A chain of
lives goes on from what each cut left; it is cut while it decides, while the write-ahead log is brought into
the database, while the guard is written, and while it starts again.
"""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from bad_disk import Disk
from control_world import START, World

from openleo.base.errors import OpenleoError
from openleo.control.facts import Fact
from openleo.control.fsck import check_store
from openleo.control.ledger import Decision, root_at, size_of
from openleo.control.log import LogRolledBack, open_checkpoint
from openleo.control.network import NetworkKind
from openleo.control.once import once
from openleo.control.plane import SYSTEM, Plane, Tx
from openleo.control.schema import idempotency
from openleo.control.store import Store, StoreBroken

CUTS, CHAIN, CHAINS = 40, 40, 10
MOST_STEPS = 300  # writes and flushes before a cut: at most about eight decisions
DECISIONS = 40


@dataclass
class Chain:
    """One store, cut off again and again; ``acked`` are keys and the answers that clients hold."""

    disk: Disk
    synchronous: str = "FULL"
    acked: dict[str, str] = field(default_factory=dict)
    checkpoint: bytes = b""
    lost: int = 0
    decided: int = 0
    cuts_that_lost: int = 0
    starts_cut: int = 0
    wrong: list[str] = field(default_factory=list)
    number: int = 0

    def run(self, cuts: int) -> "Chain":
        """Live until so many cuts have come, and look at what each left."""
        for _ in range(cuts):
            few = self.disk.random.random() < 0.2  # in the start itself
            self.disk.steps_left = self.disk.random.randrange(1, 4 if few else MOST_STEPS)
            try:
                self._live()
            except (StoreBroken, OpenleoError):
                if not self.disk.dead:
                    raise
            self.disk.power_on()
            self._look()
        return self

    def _open(self, *accept: str) -> Plane:
        store = Store.open(self.disk.folder, driver=self.disk.driver(self.synchronous), accept=accept)
        return Plane(store, clock=lambda: START)

    def _live(self) -> None:
        """Decide until the power is cut."""
        try:
            plane = self._open()
        except OpenleoError:
            self.starts_cut += 1
            raise
        try:
            for _ in range(DECISIONS):
                self._decide(plane)
        finally:
            with self.disk.going_down():
                plane.close()

    def _decide(self, plane: Plane) -> None:
        self.number += 1
        key = f"key-{self.number}"
        answer = plane.act(SYSTEM, lambda tx: once(tx, key, key, lambda tx: (200, _decision(tx, key))).body)
        self.acked[key] = answer
        self.decided += 1
        self.checkpoint = plane.store.checkpoint()

    def _look(self) -> None:
        """Start again and hold what is there against what clients were told."""
        try:
            plane = self._open()
        except LogRolledBack:  # what openleo says of a database that forgot
            plane = self._open(LogRolledBack.code)
        with plane:
            findings = check_store(plane.store)
            self.wrong += [str(failure) for failure in findings.failures]
            with plane.store.reading() as conn:
                there = dict(conn.execute(idempotency.select().with_only_columns(*_ANSWER)).all())
                signed = open_checkpoint(self.checkpoint, [plane.store.vkey]) if self.checkpoint else None
                if signed and (signed.size > size_of(conn) or root_at(conn, signed.size) != signed.root):
                    self.wrong.append(f"the checkpoint of {signed.size} is not of this log")
        missing = [key for key, answer in self.acked.items() if there.get(key) != answer]
        self.lost += len(missing)
        self.cuts_that_lost += bool(missing)
        for key in missing:
            del self.acked[key]
        if missing:
            self.checkpoint = b""


_ANSWER = (idempotency.c.key, idempotency.c.body)


def _decision(tx: Tx, key: str) -> str:
    fact = Fact(noun="account", id=key, changes={"status": "active", "cut_terminals": []}, slot=1, new=True)
    return str(tx.record(Decision(kind="account.made", reason="for the test", facts=[fact])))


def chain(template: World, folder: Path, seed: int, *, synchronous: str = "FULL") -> Chain:
    """Return a chain on a copy of a founded network."""
    shutil.copytree(template.folder, folder)
    return Chain(Disk(folder, seed), synchronous)


@pytest.fixture
def template(founded: dict[NetworkKind, World]) -> World:
    return founded[NetworkKind.ENFORCED]


def test_no_acknowledged_decision_is_lost_when_the_power_is_cut(template: World, tmp_path: Path) -> None:
    lived = chain(template, tmp_path / "control", 1).run(CUTS)
    assert (lived.lost, lived.wrong) == (0, [])
    assert len(lived.acked) > 2 * CUTS
    assert lived.starts_cut > 0


def test_a_store_that_does_not_wait_for_the_disk_loses_acknowledged_decisions(
    template: World, tmp_path: Path
) -> None:
    """The test can fail: with synchronous NORMAL the same chain loses some."""
    lived = chain(template, tmp_path / "control", 1, synchronous="NORMAL").run(CUTS // 2)
    assert lived.lost > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 100 + CHAINS))
def test_no_acknowledged_decision_is_lost_in_hundreds_of_power_cuts(
    template: World, tmp_path: Path, seed: int
) -> None:
    lived = chain(template, tmp_path / "control", seed).run(CHAIN)
    assert (lived.lost, lived.wrong) == (0, [])
