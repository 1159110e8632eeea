"""Several instances, clocks, publications and works at once: none takes another with it."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from control_world import Clock, World, account, accounts_of

from openleo.base.errors import BadInput, Refused
from openleo.control import group, store
from openleo.control.facts import Fact
from openleo.control.fsck import check_store
from openleo.control.ledger import Decision
from openleo.control.log import verify_folder
from openleo.control.plane import SYSTEM, Plane, Tx
from openleo.control.publish import publish
from openleo.control.schema import accounts

# Several at once ----------------------------------------------------------------------------------------


def test_of_two_instances_the_second_reads_and_takes_over_when_the_first_ends(
    network: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_PATIENCE_S", 0.1)
    with Plane.open(network.folder, clock=network.clock) as second:
        network.plane.act(SYSTEM, account("one"))
        assert accounts_of(second) == ["one"]
        assert second.store.checkpoint() == network.plane.store.checkpoint()
        with pytest.raises(Refused, match="is held by another running instance"):
            second.act(SYSTEM, account("two"))
        assert not second.broken
        network.plane.act(SYSTEM, account("two"))
        network.plane.close()
        second.act(SYSTEM, account("three"))
        assert accounts_of(second) == ["one", "three", "two"]
        assert check_store(second.store).failures == []


def test_a_second_instance_is_ready_to_take_over_once_the_first_has_ended(network: World) -> None:
    """Nobody need decide something first: a server that is not ready is sent nothing."""
    with Plane.open(network.folder, clock=network.clock) as second:
        assert not second.store.claim()
        network.plane.close()
        assert second.store.claim()


def test_readers_see_what_was_there_until_a_decision_is_durable(network: World) -> None:
    with network.plane.store.writing() as conn:
        conn.execute(accounts.insert(), [{"id": "one", "status": "active", "cut_terminals": []}])
        assert accounts_of(network.plane) == []
    assert accounts_of(network.plane) == ["one"]


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
    assert accounts_of(grouped) == ["after"]
    assert not grouped.broken


def test_a_work_that_is_refused_takes_no_other_with_it(grouped: Plane) -> None:
    gate = threading.Event()
    first = grouped.submit(SYSTEM, lambda tx: gate.wait(10))
    works = [grouped.submit(SYSTEM, verb) for verb in (account("one"), _integrity, account("two"))]
    gate.set()
    first.result(timeout=10)
    assert [work.exception(timeout=10) is None for work in works] == [True, False, True]
    assert accounts_of(grouped) == ["one", "two"]


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
    assert accounts_of(grouped) == ["stays"]


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
