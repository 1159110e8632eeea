"""Restoring beside a store that is there, rehearsing, and going on against a guard."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from control_world import START, Clock, World, account, accounts_of

from openleo.base.errors import BadInput
from openleo.control import ledger
from openleo.control.authorize import Forbidden
from openleo.control.backup import back_up, restore
from openleo.control.founding import found_network
from openleo.control.fsck import check_store
from openleo.control.log import GuardHeld, GuardInUse, GuardRefused
from openleo.control.overruling import accept_guard
from openleo.control.plane import SYSTEM, Actor, Plane
from openleo.control.store import Rehearsal, Store

Who = Callable[[Plane], Actor]


def who(world: World, name: str = "amina") -> Who:
    token = world.credentials[name].token
    return lambda plane: plane.authenticate(token)


def tree(folder: Path) -> dict[str, bytes]:
    """Return what a folder holds, but for SQLite's shared memory."""
    return {
        str(p.relative_to(folder)): p.read_bytes() if p.is_file() else b""
        for p in folder.rglob("*")
        if not p.name.endswith("-shm")
    }


def test_a_guard_of_a_store_that_is_there_is_refused_before_anything_is_written(
    network: World, tmp_path: Path
) -> None:
    back_up(network.plane.store, tmp_path / "b.tar", at=START)
    before = tree(tmp_path)
    with pytest.raises(GuardInUse) as refused:
        restore(
            tmp_path / "b.tar",
            tmp_path / "new",
            who=who(network),
            guard=network.folder / "guard",
            accept=["log-rolled-back", "log-forked"],
        )
    assert str(network.folder) in refused.value.detail
    assert "--rehearse" in refused.value.hint
    assert tree(tmp_path) == before
    network.plane.act(SYSTEM, account("one"))


def test_a_guard_elsewhere_says_whose_it_is_until_that_store_is_gone(network: World, tmp_path: Path) -> None:
    folder, guard = tmp_path / "other", tmp_path / "disk2" / "guard"
    guard.parent.mkdir()
    made = found_network(folder, network.plane.network, {"a": "a", "b": "b"}, guard=guard)
    with Plane.open(folder) as plane:
        back_up(plane.store, tmp_path / "b.tar", at=START)
    before, token = tree(tmp_path), made["a"].token

    def again(to: str) -> None:
        restore(
            tmp_path / "b.tar",
            tmp_path / to,
            who=lambda p: p.authenticate(token),
            guard=guard,
            clock=network.clock,
        )

    network.clock.now = made_at = Clock().now
    with pytest.raises(GuardInUse):
        again("new")
    assert tree(tmp_path) == before
    shutil.rmtree(folder)
    again("new")
    with Plane.open(tmp_path / "new", clock=lambda: made_at) as plane:
        plane.act(SYSTEM, account("one"))
        assert check_store(plane.store).failures == []
    with pytest.raises(GuardInUse, match="new"):
        again("third")


def test_a_guard_that_knows_more_than_the_backup_is_refused_before_anything_is_written(
    network: World, tmp_path: Path
) -> None:
    back_up(network.plane.store, tmp_path / "old.tar", at=START)
    network.plane.act(SYSTEM, account("one"))
    network.plane.close()
    elsewhere = tmp_path / "disk2"
    elsewhere.mkdir()
    shutil.copyfile(network.folder / "guard", elsewhere / "guard")
    before = tree(tmp_path)
    with pytest.raises(GuardRefused) as refused:
        restore(tmp_path / "old.tar", tmp_path / "new", who=who(network), guard=elsewhere / "guard")
    assert refused.value.code == "log-rolled-back"
    assert tree(tmp_path) == before


def test_a_guard_that_a_running_process_holds_is_not_taken(network: World, tmp_path: Path) -> None:
    """Nobody sees whose it is, where `guard.of` is lost and the store lies on another machine."""
    folder, guard = tmp_path / "other", tmp_path / "disk2" / "guard"
    guard.parent.mkdir()
    made = found_network(folder, network.plane.network, {"a": "a", "b": "b"}, guard=guard)
    with Plane.open(folder) as plane:
        back_up(plane.store, tmp_path / "b.tar", at=START)
        (guard.parent / "guard.of").unlink()
        before = tree(tmp_path)
        with pytest.raises(GuardHeld):
            restore(
                tmp_path / "b.tar",
                tmp_path / "new",
                who=lambda p: p.authenticate(made["a"].token),
                guard=guard,
            )
        assert tree(tmp_path) == before


def test_a_rehearsal_can_be_read_and_checked_and_decides_nothing(network: World, tmp_path: Path) -> None:
    back_up(network.plane.store, tmp_path / "b.tar", at=START)
    network.plane.act(SYSTEM, account("one"))
    new = tmp_path / "new"
    restore(tmp_path / "b.tar", new, who=who(network), rehearse=True)
    with Plane.open(new, clock=network.clock) as plane:
        assert check_store(plane.store).failures == []
        assert not plane.store.claim()
        for _ in range(2):
            with pytest.raises(Rehearsal) as refused:
                plane.act(SYSTEM, account("two"))
        assert refused.value.code == "rehearsal"
        assert accounts_of(plane) == []
    assert not list(new.glob("guard*"))
    (new / "rehearsal").unlink()  # then it is a copy like any other
    with pytest.raises(GuardRefused, match="there is no guard"):
        Plane.open(new)


def test_a_rehearsal_has_a_folder_of_its_own(network: World, tmp_path: Path) -> None:
    back_up(network.plane.store, tmp_path / "b.tar", at=START)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "guard").write_text("mine")
    with pytest.raises(BadInput, match="is not empty"):
        restore(tmp_path / "b.tar", tmp_path / "new", who=who(network), rehearse=True)
    with pytest.raises(BadInput, match="asks no guard"):
        restore(tmp_path / "b.tar", tmp_path / "n", who=who(network), rehearse=True, guard=tmp_path / "g")


def _lost(world: World) -> None:
    (world.folder / "guard").unlink()


def _half(world: World) -> None:
    (world.folder / "guard").write_bytes((world.folder / "guard").read_bytes()[:60])


def _rolled_back(world: World) -> None:
    old = (world.folder / "control.db").read_bytes()
    with Plane.open(world.folder, clock=world.clock) as plane:
        plane.act(SYSTEM, account("gone"))
    (world.folder / "control.db").write_bytes(old)


def _forked(world: World) -> None:
    with Plane.open(world.folder, clock=world.clock) as plane:
        plane.act(SYSTEM, account("a"))
    guard = (world.folder / "guard").read_bytes()
    shutil.copyfile(world.folder / "old.db", world.folder / "control.db")
    (world.folder / "guard").unlink()
    with Plane(Store.open(world.folder, accept=["guard-missing"]), clock=world.clock) as plane:
        plane.act(SYSTEM, account("b"))
    (world.folder / "guard").write_bytes(guard)


@pytest.mark.parametrize(
    ("damage", "code"),
    [(_lost, "guard-missing"), (_half, "guard-corrupt"), (_rolled_back, "log-rolled-back"),
     (_forked, "log-forked")],
)  # fmt: skip
@pytest.mark.parametrize("moved", [False, True])
def test_a_person_goes_on_against_the_guard_and_that_is_recorded(
    network: World, tmp_path: Path, damage: Callable[[World], None], code: str, moved: bool
) -> None:
    network.add_person("kofi", "viewer")
    network.plane.store.settle()
    network.plane.close()
    shutil.copyfile(network.folder / "control.db", network.folder / "old.db")
    damage(network)
    with pytest.raises(GuardRefused) as refused:
        Plane.open(network.folder)
    assert f"`openleo control accept {code} --reason '...'`" in refused.value.hint
    before, had_guard = tree(network.folder), (network.folder / "guard").exists()
    with pytest.raises(Forbidden):
        accept_guard(network.folder, code, reason="why", who=who(network, "kofi"), clock=network.clock)
    with pytest.raises(BadInput, match="needs a reason"):
        accept_guard(network.folder, code, reason=" ", who=who(network), clock=network.clock)
    other = "log-forked" if code != "log-forked" else "guard-missing"
    with pytest.raises(GuardRefused) as caught:
        accept_guard(network.folder, other, reason="why", who=who(network), clock=network.clock)
    assert caught.value.code == code
    assert {k: v for k, v in tree(network.folder).items() if not k.endswith("-wal")} == {
        k: v for k, v in before.items() if not k.endswith("-wal")
    }
    (tmp_path / "disk2").mkdir()
    guard = tmp_path / "disk2" / "guard" if moved else None
    entry = accept_guard(
        network.folder, code, reason="the disk died", who=who(network), guard=guard, clock=network.clock
    )
    assert bool(list(network.folder.glob("guard.overruled-1"))) == had_guard
    with Plane.open(network.folder, clock=network.clock) as plane:
        body = plane.read(SYSTEM, lambda tx: ledger.body_of(tx.conn, entry))
        assert (body["kind"], body["by"], body["reason"]) == ("guard.accepted", "amina", "the disk died")
        assert body["more"]["accepted"] == [code]
        plane.act(SYSTEM, account("after"))
        assert check_store(plane.store).failures == []
    assert (guard or network.folder / "guard").is_file()


def test_a_copy_does_not_overrule_the_guard_of_the_store_it_was_copied_from(
    network: World, tmp_path: Path
) -> None:
    folder, guard = tmp_path / "other", tmp_path / "disk2" / "guard"
    guard.parent.mkdir()
    made = found_network(folder, network.plane.network, {"a": "a", "b": "b"}, guard=guard)
    shutil.copytree(folder, tmp_path / "copy")
    with Plane.open(folder) as plane:
        plane.act(SYSTEM, account("one"))
    kept = guard.read_bytes()
    token = made["a"].token

    def accept(to: Path | None) -> int:
        return accept_guard(
            tmp_path / "copy", "log-rolled-back", reason="x", who=lambda p: p.authenticate(token), guard=to
        )

    with pytest.raises(GuardInUse):
        accept(None)
    accept(tmp_path / "mine")
    assert guard.read_bytes() == kept
    with Plane.open(folder) as plane:
        plane.act(SYSTEM, account("two"))


def test_a_founding_does_not_take_a_guard_that_is_there(network: World, tmp_path: Path) -> None:
    for guard in (network.folder / "guard", tmp_path / "file"):
        (tmp_path / "file").write_text("mine")
        with pytest.raises(GuardInUse):
            found_network(tmp_path / "new", network.plane.network, {"a": "a", "b": "b"}, guard=guard)
    assert not (tmp_path / "new" / "control.db").exists()
