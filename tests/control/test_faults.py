"""The fault table: for each thing that can break, whether openleo goes on, ends, or refuses to start.

``progress``: what is asked is refused with a reason, nothing of it is written, and the next thing is done.
``fatal``: nobody can know what is on the disk, so nothing more is written and nothing is tried again; a
restart finds all that was acknowledged.  ``refuse-to-start``: a person must decide.
"""

import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import apsw
import pytest
import test_writer_thread as writer
from bad_disk import BROKEN, NO_SPACE, Disk
from control_world import Clock, World, account, accounts_of

from openleo.base.errors import BadInput, OpenleoError
from openleo.cli._control import open_plane
from openleo.control import driver
from openleo.control.fsck import check_store
from openleo.control.ledger import size_of
from openleo.control.plane import SYSTEM, Plane
from openleo.control.store import Store, StoreBroken, StoreFull, StoreLocked, StoreReadOnly


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
        assert accounts_of(plane) == ["before"]
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
        assert needs <= set(accounts_of(plane)) <= {"before", "during"}
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
    assert accounts_of(plane) == ["later"]
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
        assert accounts_of(plane) == ["after"]


def test_a_guard_that_another_instance_has_moved_ends_all_writing(network: World) -> None:
    guard = network.folder / "guard"
    guard.write_bytes(guard.read_bytes().replace(b"instance ", b"instance other-", 1))
    with pytest.raises(StoreBroken, match="has moved on"):
        network.plane.act(SYSTEM, account("during"))
    assert network.plane.broken


def test_a_command_whose_disk_fails_says_so_in_words(folder: Path) -> None:
    def command() -> None:
        with open_plane(folder, None) as plane:
            (folder / "guard").unlink()
            plane.act(SYSTEM, account("during"))

    with pytest.raises(BadInput, match="nobody can know whether it was decided"):
        command()


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
        assert accounts_of(plane) == ["one", "two"]


# The table in docs/reliability.md ---------------------------------------------------------------------------

OTHERS: list[tuple[str, str, str, Callable[..., None]]] = [
    ("decision that fills the disk, in a group of others", "progress",
     "the whole group is refused: store-full", test_a_full_disk_takes_back_the_whole_group_and_no_more),
    ("another program holds the database", "progress", "refused: store-locked",
     test_a_database_that_another_program_holds_refuses_for_now),
    ("another instance wrote the guard", "fatal", "what was just written is in no checkpoint",
     test_a_guard_that_another_instance_has_moved_ends_all_writing),
    ("second instance while one serves", "progress", "it reads; it decides once the first has ended",
     writer.test_of_two_instances_the_second_reads_and_takes_over_when_the_first_ends),
    ("clock set back", "progress", "no decision acts before an earlier one on the same thing",
     writer.test_when_the_clock_goes_back_slots_do_not),
    ("disk unreadable at the start", "refuse-to-start", "bad-input",
     test_a_disk_that_cannot_be_read_at_the_start_is_told_in_words),
    ("publication cut off anywhere", "progress", "the public copy is whole, and the next one goes on from it",
     writer.test_a_publication_that_was_cut_off_anywhere_is_whole_and_goes_on),
    ("public tile half-written", "progress", "`openleo log verify` names it; publish to another folder",
     writer.test_a_half_written_tile_is_found),
    ("bug in what decides", "progress", "that act fails, alone",
     writer.test_the_writer_outlives_whatever_a_work_raises),
    ("client gone before its turn", "progress", "what nobody waits for is not decided",
     writer.test_what_nobody_waits_for_any_more_is_not_decided),
    ("4,096 decisions waiting", "progress", "refused at once: busy",
     writer.test_a_queue_that_is_full_says_so_at_once),
]  # fmt: skip


def fault_table() -> str:
    """Return the faults of these tests as rows of a table."""
    rows = [(f.what, f.outcome, "a restart finds all that was acknowledged" if f.outcome == "fatal"
             else f"refused: {getattr(f.told, 'code', '')}") for f in FAULTS]  # fmt: skip
    rows += [(what, outcome, then) for what, outcome, then, _ in OTHERS]
    rows += [(what, "refuse-to-start", code) for what, _, code, _ in STARTS]
    return "\n".join(["| fault | outcome | what then |", "| --- | --- | --- |", *map(_row, rows)])


def _row(cells: tuple[str, str, str]) -> str:
    return f"| {' | '.join(cells)} |"


def test_the_table_in_the_docs_is_that_of_these_tests() -> None:
    """Write it with `python docs/write_reliability.py faults`."""
    page = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
    assert fault_table() in page.read_text(encoding="utf-8")
