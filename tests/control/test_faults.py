"""The fault table: for each thing that can break, whether openleo goes on, ends, or refuses to start.

``progress``: what is asked is refused with a reason, nothing of it is written, and the next thing is done.
``fatal``: nobody can know what is on the disk, so nothing more is written and nothing is tried again; a
restart finds all that was acknowledged.  ``refuse-to-start``: a person must decide.
"""

import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import pytest
from bad_disk import BROKEN, NO_SPACE, Disk
from control_world import Clock, World, open_world

from openleo.base.errors import BadInput, OpenleoError, Refused
from openleo.control import driver, group, store
from openleo.control.facts import Fact
from openleo.control.fsck import check_store
from openleo.control.ledger import Decision, size_of
from openleo.control.log import verify_folder
from openleo.control.network import NetworkKind
from openleo.control.plane import SYSTEM, Plane, Tx
from openleo.control.publish import publish
from openleo.control.schema import accounts
from openleo.control.store import Store, StoreBroken, StoreFull, StoreLocked, StoreReadOnly


def account(name: str) -> Callable[[Tx], int]:
    """Return a verb that decides to make an account."""
    fact = Fact(noun="account", id=name, changes={"status": "active", "cut_terminals": []}, slot=1, new=True)
    return lambda tx: tx.record(Decision(kind="account.made", reason="for the test", facts=[fact]))


def there(plane: Plane) -> list[str]:
    """Return the accounts that are there, in the order of their names."""
    with plane.store.reading() as conn:
        return sorted(conn.execute(accounts.select().with_only_columns(accounts.c.id)).scalars())


@pytest.fixture
def folder(founded: dict[NetworkKind, World], tmp_path: Path) -> Path:
    """The folder of a founded network that nobody has open."""
    shutil.copytree(founded[NetworkKind.ENFORCED].folder, tmp_path / "control")
    return tmp_path / "control"


@pytest.fixture
def disk(folder: Path) -> Disk:
    return Disk(folder)


def opened(disk: Disk, *, grouped: bool = False) -> Plane:
    """Open the network on a disk that can fail."""
    return Plane(Store.open(disk.folder, driver=disk.driver()), clock=Clock(), grouped=grouped)


# The disk, while something is decided -------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """What the disk says at an op on a file, once openleo has decided one thing; and what comes of it."""

    what: str
    op: str
    file: str
    says: apsw.Error
    outcome: str
    told: type[Exception]


FAULTS = [
    Fault("flush of the write-ahead log fails", "sync", "control.db-wal", apsw.IOError(BROKEN), "fatal",
          StoreBroken),
    Fault("flush of the guard fails", "sync", "guard", apsw.IOError(BROKEN), "fatal", StoreBroken),
    Fault("write fails", "write", "control.db-wal", apsw.IOError(BROKEN), "fatal", StoreBroken),
    Fault("read fails", "read", "control.db", apsw.IOError(BROKEN), "fatal", StoreBroken),
    Fault("disk full", "write", "control.db-wal", apsw.FullError(NO_SPACE), "progress", StoreFull),
    Fault("disk read-only", "write", "control.db-wal",
          apsw.ReadOnlyError("attempt to write a readonly database"), "progress", StoreReadOnly),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
@pytest.mark.parametrize("grouped", [False, True], ids=["alone", "grouped"])
def test_what_a_failing_disk_does_to_a_decision(disk: Disk, fault: Fault, grouped: bool) -> None:
    plane = opened(disk, grouped=grouped)
    plane.act(SYSTEM, account("before"))
    steps: list[tuple[str, str]] = []

    def fail(op: str, name: str) -> None:
        steps.append((op, name))
        if (op, name) == (fault.op, fault.file):
            raise fault.says

    if fault.op == "read":  # a process has just what it used in hand
        plane.store._reader.dispose()
        plane.store._writer.dispose()
    disk.fault = fail
    with pytest.raises(fault.told):
        plane.act(SYSTEM, account("during"))
    assert plane.broken == (fault.outcome == "fatal")
    if fault.outcome == "fatal":
        _stays_broken(disk, plane, steps)
    else:
        disk.fault = lambda op, name: None
        assert there(plane) == ["before"]
        plane.act(SYSTEM, account("during"))
        plane.close()
    _is_whole_after_a_start(disk, needs={"before"} if fault.outcome == "fatal" else {"before", "during"})


def _stays_broken(disk: Disk, plane: Plane, steps: list[tuple[str, str]]) -> None:
    """What failed once is not tried again, though the disk would now say yes."""
    disk.fault = lambda op, name: steps.append((op, name))
    steps.clear()
    with pytest.raises(StoreBroken, match="nothing more is written"):
        plane.act(SYSTEM, account("after"))
    assert steps == []
    with disk.going_down():
        plane.close()


def _is_whole_after_a_start(disk: Disk, *, needs: set[str]) -> None:
    disk.fault = lambda op, name: None
    disk.power_on()
    with opened(disk) as plane:
        assert needs <= set(there(plane)) <= {"before", "during"}
        assert check_store(plane.store).failures == []
        plane.act(SYSTEM, account("again"))


def test_a_full_disk_takes_back_the_whole_group_and_no_more(network: World) -> None:
    """SQLite undoes the transaction by itself: the group's other works are not written outside of it."""
    plane = Plane(network.plane.store, clock=network.clock, grouped=True)
    with plane.store.reading() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        size = size_of(conn)
    big = "x" * 400_000
    plane.act(SYSTEM, lambda tx: tx.conn.exec_driver_sql(f"PRAGMA max_page_count = {pages + 40}").all())
    gate = threading.Event()
    first = plane.submit(SYSTEM, lambda tx: gate.wait(10))
    group_ = [plane.submit(SYSTEM, account("one")), plane.submit(SYSTEM, account(big)),
              plane.submit(SYSTEM, account("two"))]  # fmt: skip
    gate.set()
    first.exception()
    for work in group_:
        assert isinstance(work.exception(timeout=10), StoreFull)
    with plane.store.reading() as conn:
        assert size_of(conn) == size
    plane.act(SYSTEM, lambda tx: tx.conn.exec_driver_sql("PRAGMA max_page_count = 1000000").all())
    plane.act(SYSTEM, account("later"))
    assert there(plane) == ["later"]
    plane.close()


def test_a_database_that_another_program_holds_refuses_for_now(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "_BUSY_MS", 50)
    with Plane.open(folder, clock=Clock()) as plane:
        with closing(sqlite3.connect(folder / "control.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreLocked):
                plane.act(SYSTEM, account("during"))
        plane.act(SYSTEM, account("after"))
        assert there(plane) == ["after"]


def test_a_guard_that_another_instance_has_moved_ends_all_writing(network: World) -> None:
    guard = network.folder / "guard"
    guard.write_bytes(guard.read_bytes().replace(b"instance ", b"instance other-", 1))
    with pytest.raises(StoreBroken, match="has moved on"):
        network.plane.act(SYSTEM, account("during"))
    assert network.plane.broken


# Starts -------------------------------------------------------------------------------------------------


def _rolled_back(folder: Path, decide: Callable[[str], None]) -> None:
    decide("one")
    old = (folder / "control.db").read_bytes()
    decide("two")
    (folder / "control.db").write_bytes(old)


def _forked(folder: Path, decide: Callable[[str], None]) -> None:
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    decide("here")
    with Plane.open(copy, clock=Clock()) as other:
        other.act(SYSTEM, account("there"))
    shutil.copy(copy / "control.db", folder / "control.db")


def _without_guard(folder: Path, decide: Callable[[str], None]) -> None:
    decide("one")
    (folder / "guard").unlink()


def _half_a_guard(folder: Path, decide: Callable[[str], None]) -> None:
    decide("one")
    guard = folder / "guard"
    guard.write_bytes(guard.read_bytes()[:60])


def _without_wal(folder: Path, decide: Callable[[str], None]) -> None:
    """A copy of the folder, taken while in use, in which the write-ahead log is missing."""
    with Plane.open(folder, clock=Clock()) as plane:
        plane.act(SYSTEM, account("one"))
        assert (folder / "control.db-wal").stat().st_size > 0
        content = (folder / "control.db").read_bytes()
    (folder / "control.db").write_bytes(content)


def _cut_to(size: int) -> Callable[[Path, Callable[[str], None]], None]:
    def damage(folder: Path, decide: Callable[[str], None]) -> None:
        decide("one")
        database = folder / "control.db"
        database.write_bytes(database.read_bytes()[:size])

    return damage


def _half_made(folder: Path, decide: Callable[[str], None]) -> None:
    with closing(sqlite3.connect(folder / "control.db")) as found, found:
        found.execute("DELETE FROM meta")


def _other_version(folder: Path, decide: Callable[[str], None]) -> None:
    with closing(sqlite3.connect(folder / "control.db")) as found, found:
        found.execute("UPDATE alembic_version SET version_num = '9999'")


STARTS: list[tuple[str, Callable[[Path, Callable[[str], None]], None], str, str]] = [
    ("an old backup was restored", _rolled_back, "log-rolled-back", "were signed for"),
    ("another copy went on for itself", _forked, "log-forked", "are not those"),
    ("guard missing", _without_guard, "guard-missing", "there is no guard"),
    ("guard half-written", _half_a_guard, "guard-corrupt", "is corrupt"),
    ("write-ahead log lost", _without_wal, "log-rolled-back", "were signed for"),
    ("database empty", _cut_to(0), "bad-input", "sealed (or damaged)"),
    ("database's first bytes half-written", _cut_to(9), "bad-input", "sealed (or damaged)"),
    ("database's first page half-written", _cut_to(2_000), "bad-input", "cannot be read: it is damaged"),
    ("database half-written", _cut_to(200_000), "bad-input", "control.db"),
    ("making of the store cut off", _half_made, "bad-input", "was cut off"),
    ("another openleo's database", _other_version, "bad-input", "is of version 9999"),
]


@pytest.mark.parametrize(("damage", "code", "says"), [s[1:] for s in STARTS], ids=[s[0] for s in STARTS])
def test_what_openleo_refuses_to_start_with(
    folder: Path, damage: Callable[[Path, Callable[[str], None]], None], code: str, says: str
) -> None:
    """It changes nothing by that; a person decides."""

    def decide(name: str) -> None:
        with Plane.open(folder, clock=Clock()) as plane:
            plane.act(SYSTEM, account(name))

    damage(folder, decide)
    before = _contents(folder)
    with pytest.raises(OpenleoError) as refused:
        Plane.open(folder, clock=Clock())
    assert refused.value.code == code
    assert says in refused.value.detail
    assert refused.value.hint
    assert _contents(folder) == before


def _contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name in {"control.db", "guard"}}


def test_a_disk_that_cannot_be_read_at_the_start_is_told_in_words(disk: Disk) -> None:
    def fail(op: str, name: str) -> None:
        if op == "read":
            raise apsw.IOError(BROKEN)

    disk.fault = fail
    with pytest.raises(BadInput, match="cannot be read"):
        opened(disk)


def test_a_person_may_overrule_a_guard_knowing_why(folder: Path) -> None:
    """The overruled guard is kept beside the new one: it is evidence."""
    with Plane.open(folder, clock=Clock()) as plane:
        plane.act(SYSTEM, account("one"))
    (folder / "guard").unlink()
    with Plane(Store.open(folder, accept=["guard-missing"]), clock=Clock()) as plane:
        plane.act(SYSTEM, account("two"))
        assert there(plane) == ["one", "two"]


# Several at once ----------------------------------------------------------------------------------------


def test_of_two_instances_the_second_reads_and_takes_over_when_the_first_ends(
    network: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_PATIENCE_S", 0.1)
    with Plane.open(network.folder, clock=network.clock) as second:
        network.plane.act(SYSTEM, account("one"))
        assert there(second) == ["one"]
        assert second.store.checkpoint() == network.plane.store.checkpoint()
        with pytest.raises(Refused, match="is held by another running instance"):
            second.act(SYSTEM, account("two"))
        assert not second.broken
        network.plane.act(SYSTEM, account("two"))
        network.plane.close()
        second.act(SYSTEM, account("three"))
        assert there(second) == ["one", "three", "two"]
        assert check_store(second.store).failures == []


def test_readers_see_what_was_there_until_a_decision_is_durable(network: World) -> None:
    with network.plane.store.writing() as conn:
        conn.execute(accounts.insert(), [{"id": "one", "status": "active", "cut_terminals": []}])
        assert there(network.plane) == []
    assert there(network.plane) == ["one"]


# Time ---------------------------------------------------------------------------------------------------


def test_when_the_clock_goes_back_slots_do_not(network: World) -> None:
    """A decision on the same thing never takes effect before an earlier one."""
    network.add("account", "one", status="active", cut_terminals=[])
    slots = []

    def switch(status: str) -> Callable[[Tx], int]:
        def verb(tx: Tx) -> int:
            slots.append(tx.effective_slot(None, "account", "one"))
            fact = Fact(noun="account", id="one", changes={"status": status}, slot=slots[-1])
            return tx.record(Decision(kind="account.test", reason="", facts=[fact]))

        return verb

    for status, minutes in [("disabled", 0), ("active", -90), ("disabled", -60 * 24 * 400), ("active", 1)]:
        network.clock.turn(minutes=minutes)
        network.plane.act(SYSTEM, switch(status))
    network.clock.turn(days=401)
    network.plane.act(SYSTEM, switch("disabled"))
    assert slots == sorted(slots)
    assert len(set(slots)) == 2
    assert check_store(network.plane.store).failures == []


# The public copy ----------------------------------------------------------------------------------------


def test_a_publication_that_was_cut_off_anywhere_is_whole_and_goes_on(
    network: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the last file is in its place readers see the checkpoint of before, and all that it covers."""
    folder, replace = tmp_path / "log", Path.replace
    vkey = publish(network.plane, folder).vkey
    network.plane.act(SYSTEM, account("one"))
    for files in range(20):
        done: list[Path] = []

        def cut(part: Path, target: Path, done: list[Path] = done, files: int = files) -> Path:
            if len(done) == files:
                raise OSError(28, "No space left on device")
            done.append(target)
            return replace(part, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", cut)
            try:
                publish(network.plane, folder)
                break
            except BadInput:  # "the log cannot be published"
                pass
        report = verify_folder(folder, vkey)
        assert report.ok, report.failures
    assert files > 1
    report = verify_folder(folder, vkey)
    assert report.ok, report.failures


def test_a_half_written_tile_is_found(network: World, tmp_path: Path) -> None:
    """Publishing to another folder makes it anew."""
    network.plane.act(SYSTEM, account("one"))
    vkey = publish(network.plane, tmp_path / "log").vkey
    tile = max((p for p in (tmp_path / "log" / "tile").rglob("*") if p.is_file()), key=str)
    tile.write_bytes(tile.read_bytes()[:-7])
    assert [f.file for f in verify_folder(tmp_path / "log", vkey).failures] == [
        str(tile.relative_to(tmp_path / "log"))
    ]
    publish(network.plane, tmp_path / "anew")
    assert verify_folder(tmp_path / "anew", vkey).ok


# The writer ---------------------------------------------------------------------------------------------


@pytest.fixture
def grouped(folder: Path) -> Iterator[Plane]:
    plane = Plane.open(folder, clock=Clock(), grouped=True)
    yield plane
    plane.close()


def _integrity(tx: Tx) -> Any:
    return tx.conn.execute(accounts.insert(), [{"id": None, "status": None, "cut_terminals": []}])


@pytest.mark.parametrize(
    "error",
    [ValueError("a bug"), AssertionError("a bug"), Refused("no", "ask"), KeyboardInterrupt(), SystemExit(1),
     GeneratorExit()],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_the_writer_outlives_whatever_a_work_raises(grouped: Plane, error: BaseException) -> None:
    def verb(tx: Tx) -> int:
        account("never")(tx)
        raise error

    assert grouped.submit(SYSTEM, verb).exception(timeout=10) is error
    assert isinstance(grouped.submit(SYSTEM, _integrity).exception(timeout=10), Exception)
    grouped.act(SYSTEM, account("after"))
    assert there(grouped) == ["after"]
    assert not grouped.broken


def test_a_work_that_is_refused_takes_no_other_with_it(grouped: Plane) -> None:
    gate = threading.Event()
    first = grouped.submit(SYSTEM, lambda tx: gate.wait(10))
    works = [grouped.submit(SYSTEM, verb) for verb in (account("one"), _integrity, account("two"))]
    gate.set()
    first.result(timeout=10)
    assert [work.exception(timeout=10) is None for work in works] == [True, False, True]
    assert there(grouped) == ["one", "two"]


def test_what_nobody_waits_for_any_more_is_not_decided(grouped: Plane) -> None:
    """A client that goes away before its turn cancels its future; the writer goes on."""
    gate = threading.Event()
    first = grouped.submit(SYSTEM, lambda tx: gate.wait(10))
    while grouped.queued:  # until the writer has the first in hand
        pass
    left, stays = grouped.submit(SYSTEM, account("left")), grouped.submit(SYSTEM, account("stays"))
    assert left.cancel()
    gate.set()
    first.result(timeout=10)
    stays.result(timeout=10)
    assert there(grouped) == ["stays"]


def test_a_queue_that_is_full_says_so_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "MOST_QUEUED", 3)
    monkeypatch.setattr(group, "GATHER_S", 0.0)
    gate = threading.Event()
    plane = Plane.open(folder, clock=Clock(), grouped=True)
    works = [plane.submit(SYSTEM, lambda tx: gate.wait(10))]
    while plane.queued:
        pass
    works += [plane.submit(SYSTEM, account(f"a-{n}")) for n in range(3)]
    with pytest.raises(group.Busy, match="3 decisions wait"):
        plane.submit(SYSTEM, account("more"))
    gate.set()
    plane.close()
    assert [work.exception() for work in works] == [None] * 4
    with pytest.raises(group.Busy, match="is closing"):
        plane.submit(SYSTEM, account("late"))


def test_a_network_goes_on_from_a_copy_that_was_closed(folder: Path, tmp_path: Path) -> None:
    """Moving a network is moving its folder."""
    shutil.copytree(folder, tmp_path / "moved")
    world = open_world(tmp_path / "moved", {})
    world.plane.act(SYSTEM, account("one"))
    world.plane.close()
