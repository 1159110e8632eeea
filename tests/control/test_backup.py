"""Backups: consistent while in use, and never a way to roll the log back unseen."""

import json
import shutil
import tarfile
import threading
from pathlib import Path

import pytest
from control_world import Clock, World

from openleo.base.errors import BadInput, OpenleoError, Refused
from openleo.control import accounts, ledger
from openleo.control.authorize import Forbidden
from openleo.control.backup import back_up, restore
from openleo.control.fsck import check_store
from openleo.control.log import GuardMissing, LogRolledBack
from openleo.control.plane import Actor, Plane


def size(world: World) -> int:
    return world.read("amina", lambda tx: ledger.size_of(tx.conn))


def lose(world: World, *, guard: bool = False) -> None:
    """Lose the disk, but for the guard."""
    world.plane.close()
    for path in list(world.folder.iterdir()):
        if guard or not path.name.startswith("guard"):
            path.unlink()


def amina(world: World, who: str = "amina"):  # type: ignore[no-untyped-def]
    token = world.credentials[who].token
    return lambda plane: plane.authenticate(token)


def test_the_newest_backup_comes_back_as_it_was(network: World, tmp_path: Path) -> None:
    network.act("amina", lambda tx: accounts.add_account(tx, "ngo"))
    made = back_up(network.plane.store, tmp_path / "b.tar", at=network.clock.now)
    before = size(network)
    assert (made.entries, made.network, made.sealed) == (before, "test", False)
    assert (tmp_path / "b.tar").stat().st_mode & 0o777 == 0o600
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".openleo-")]
    lose(network)
    restore(tmp_path / "b.tar", network.folder, who=amina(network), clock=network.clock)
    with Plane.open(network.folder, clock=network.clock) as plane:
        actor = Actor(id="amina", human="amina")
        body = plane.read(actor, lambda tx: ledger.body_of(tx.conn, before))
        assert (body["kind"], body["by"], body["more"]["accepted"]) == ("store.restored", "amina", [])
        assert plane.read(actor, lambda tx: accounts.find_account(tx, "ngo")).status == "active"
        assert check_store(plane.store).failures == []


def test_an_old_backup_is_refused_unless_a_person_accepts_it_and_that_is_recorded(
    network: World, tmp_path: Path
) -> None:
    back_up(network.plane.store, tmp_path / "old.tar", at=network.clock.now)
    before = size(network)
    network.act("amina", lambda tx: accounts.add_account(tx, "ngo"))
    lose(network)
    with pytest.raises(LogRolledBack) as caught:
        restore(tmp_path / "old.tar", network.folder, who=amina(network), clock=network.clock)
    assert "--accept log-rolled-back" in caught.value.hint
    assert not (network.folder / "control.db").exists()
    restore(
        tmp_path / "old.tar",
        network.folder,
        who=amina(network),
        accept=["log-rolled-back"],
        clock=network.clock,
    )
    with Plane.open(network.folder, clock=network.clock) as plane:
        actor = Actor(id="amina", human="amina")
        body = plane.read(actor, lambda tx: ledger.body_of(tx.conn, before))
        assert body["more"]["accepted"] == ["log-rolled-back"]
        assert f"\n{before + 1}\n" in body["more"]["guard_remembered"]  # what is now contradicted
        assert check_store(plane.store).failures == []
    assert list(network.folder.glob("guard.overruled-*"))


def test_a_new_machine_has_no_guard_and_says_so(network: World, tmp_path: Path) -> None:
    back_up(network.plane.store, tmp_path / "b.tar", at=network.clock.now)
    with pytest.raises(GuardMissing, match="a second copy that can sign"):
        restore(tmp_path / "b.tar", tmp_path / "deep" / "new", who=amina(network), clock=network.clock)
    assert not (tmp_path / "deep").exists()
    restore(
        tmp_path / "b.tar",
        tmp_path / "new",
        who=amina(network),
        accept=["guard-missing"],
        clock=network.clock,
    )


def test_nothing_is_restored_over_a_live_store_nor_by_who_may_not(network: World, tmp_path: Path) -> None:
    network.add_person("kofi", "viewer")
    back_up(network.plane.store, tmp_path / "b.tar", at=network.clock.now)
    with pytest.raises(Refused, match="holds a control database"):
        restore(tmp_path / "b.tar", network.folder, who=amina(network), clock=network.clock)
    with pytest.raises(Forbidden):
        restore(tmp_path / "b.tar", tmp_path / "new", who=amina(network, "kofi"), accept=["guard-missing"],
                clock=network.clock)  # fmt: skip
    assert not (tmp_path / "new" / "control.db").exists()
    with pytest.raises(BadInput, match="there already"):
        back_up(network.plane.store, tmp_path / "b.tar", at=network.clock.now)


def test_a_lost_databases_log_is_not_read_into_the_restored_one(network: World, tmp_path: Path) -> None:
    back_up(network.plane.store, tmp_path / "b.tar", at=network.clock.now)
    wal = tmp_path / "wal"
    shutil.copyfile(network.folder / "control.db-wal", wal)
    lose(network)
    shutil.copyfile(wal, network.folder / "control.db-wal")
    restore(tmp_path / "b.tar", network.folder, who=amina(network), clock=network.clock)
    with Plane.open(network.folder) as plane:
        assert check_store(plane.store).failures == []


def repack(path: Path, change: str) -> None:
    """Write a backup anew with one thing wrong."""
    with tarfile.open(path) as tar:
        files = {m.name: tar.extractfile(m).read() for m in tar.getmembers()}  # type: ignore[union-attr]
    manifest = json.loads(files["manifest.json"])
    if change == "a bit":
        files["control.db"] = files["control.db"][:-1] + bytes([files["control.db"][-1] ^ 1])
    elif change == "a stranger":
        manifest["sha256"]["../../evil"] = "0" * 64
    elif change == "a format":
        manifest["format"] = "openleo-backup/v9"
    elif change == "no database":
        del manifest["sha256"]["control.db"]
    elif change == "no manifest":
        files.pop("manifest.json")
    files.update({"manifest.json": json.dumps(manifest).encode()} if change != "no manifest" else {})
    path.unlink()
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            (path.parent / "piece").write_bytes(content)
            tar.add(path.parent / "piece", arcname=name)


@pytest.mark.parametrize("change", ["a bit", "a stranger", "a format", "no database", "no manifest"])
def test_a_backup_that_was_changed_is_refused(network: World, tmp_path: Path, change: str) -> None:
    back_up(network.plane.store, tmp_path / "b.tar", at=network.clock.now)
    repack(tmp_path / "b.tar", change)
    with pytest.raises(BadInput):
        restore(tmp_path / "b.tar", tmp_path / "new", who=amina(network), accept=["guard-missing"],
                clock=network.clock)  # fmt: skip
    assert not (tmp_path / "new" / "control.db").exists()
    assert not (tmp_path / "evil").exists()


def test_what_is_no_backup_says_so(network: World, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    for name in ("text", "none"):
        with pytest.raises(BadInput, match="backup"):
            restore(tmp_path / name, tmp_path / "new", who=amina(network), clock=Clock())


def test_a_backup_taken_while_others_write_is_one_state(network: World, tmp_path: Path) -> None:
    """Each is a state the network was in: it passes the check, and its entries are those of its tables."""
    stop = threading.Event()

    def write() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            network.act("amina", lambda tx, n=n: accounts.add_account(tx, f"a-{n}"))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for n in range(3):
            back_up(network.plane.store, tmp_path / f"{n}.tar", at=network.clock.now)
    finally:
        stop.set()
        writer.join()
    for n in range(3):
        restore(tmp_path / f"{n}.tar", tmp_path / f"new-{n}", who=amina(network), accept=["guard-missing"],
                clock=network.clock)  # fmt: skip
        with Plane.open(tmp_path / f"new-{n}", clock=network.clock) as plane:
            assert check_store(plane.store).failures == []


def test_a_guard_elsewhere_is_found_again(network: World, tmp_path: Path) -> None:
    from openleo.control.founding import found_network

    (tmp_path / "disk2").mkdir()
    guard, folder = tmp_path / "disk2" / "guard", tmp_path / "other"
    found_network(folder, network.plane.network, {"a": "a", "b": "b"}, guard=guard)
    assert guard.is_file()
    assert not (folder / "guard").exists()
    with Plane.open(folder) as plane:
        assert plane.store.checkpoint()
    guard.unlink()
    with pytest.raises(OpenleoError, match="there is no guard"):
        Plane.open(folder)
