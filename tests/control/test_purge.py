"""Purging: nothing is left, and what was copied before is unreadable without its slot."""

import os
import shutil
from pathlib import Path

import pytest
from control_world import World
from test_sealing import WORDS, sealed

from openleo.base.errors import BadInput
from openleo.control import purge as purging
from openleo.control.backup import FOLDER, back_up
from openleo.control.plane import Plane
from openleo.control.purge import NotConfirmed, names_of, purge
from openleo.control.sealing import KEYSLOT, open_slot


def test_nothing_is_left(network: World) -> None:
    (network.folder / FOLDER).mkdir()
    back_up(network.plane.store, network.folder / FOLDER / "b.tar", at=network.clock.now)
    network.plane.close()
    done = purge(network.folder, "test")
    assert not network.folder.exists()
    assert (done.sealed, done.left) == (False, ())
    assert done.files >= 4


@pytest.mark.parametrize("typed", ["", "tes", "TEST", "yes", "openleo"])
def test_another_name_destroys_nothing(network: World, typed: str) -> None:
    before = sorted(p.name for p in network.folder.iterdir())
    with pytest.raises(NotConfirmed, match="is not the name of the network"):
        purge(network.folder, typed)
    assert sorted(p.name for p in network.folder.iterdir()) == before


def test_the_content_is_overwritten_before_it_is_removed(
    network: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the first flush the file is as long as it was, and none of it is what it was."""
    network.plane.close()
    before = (network.folder / "control.db").read_bytes()
    flushed: list[bytes] = []
    flush = os.fsync

    def watched(handle: int) -> None:
        if os.fstat(handle).st_size == len(before):
            flushed.append(os.pread(handle, len(before), 0))
        flush(handle)

    monkeypatch.setattr(purging.os, "fsync", watched)
    purge(network.folder, "test")
    assert b"amina" in before
    assert len(flushed) == 1
    blocks = range(0, len(before), 64)
    assert not any(before[at : at + 64] == flushed[0][at : at + 64] for at in blocks)


def test_the_key_slot_goes_first_and_then_what_holds_copies_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "control"
    sealed(folder)
    (folder / FOLDER).mkdir()
    (folder / FOLDER / "b.tar").write_bytes(b"x")
    order = [path.name for path in purging._files(folder)]
    assert order[:2] == [KEYSLOT, "b.tar"]


def test_a_copy_of_a_sealed_store_is_unreadable_once_its_slot_is_gone(tmp_path: Path) -> None:
    folder, taken = tmp_path / "control", tmp_path / "taken"
    key = sealed(folder)
    taken.mkdir()
    for name in ("control.db", "guard"):
        shutil.copyfile(folder / name, taken / name)
    assert purge(folder, "log").sealed  # no key is needed: the guard names the network's log
    with pytest.raises(BadInput, match="is sealed"):
        Plane.open(taken)
    with pytest.raises(BadInput, match="no key slot"):
        open_slot(taken, WORDS)
    Plane.open(taken, key=key).close()  # it was the slot alone that kept it from being read


@pytest.mark.parametrize("damage", ["database", "guard", "both", "empty"])
def test_a_damaged_store_is_destroyed_all_the_same(network: World, damage: str) -> None:
    network.plane.close()
    if damage in ("database", "both"):
        (network.folder / "control.db").write_bytes(b"\xff" * 10_000)
    if damage in ("guard", "both"):
        (network.folder / "guard").write_bytes(b"\xff\n")
    if damage == "empty":
        (network.folder / "control.db").write_bytes(b"")
    purge(network.folder, names_of(network.folder)[0])
    assert not network.folder.exists()


def test_a_link_is_removed_and_what_it_names_left_alone(network: World, tmp_path: Path) -> None:
    network.plane.close()
    (tmp_path / "mine").write_text("dear")
    (network.folder / "link").symlink_to(tmp_path / "mine")
    purge(network.folder, "test")
    assert (tmp_path / "mine").read_text() == "dear"


def test_where_there_is_no_store_nothing_is_touched(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear")
    with pytest.raises(BadInput):
        purge(tmp_path, tmp_path.name)
    assert (tmp_path / "letter").exists()
