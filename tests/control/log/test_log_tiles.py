"""The log as files: their names, what is written and when, and what a reader refuses."""

import os
from pathlib import Path

import pytest
from made_logs import VKEY_TEXT, Log, no_fsync

from openleo.base.errors import BadInput
from openleo.control.log import StorageFailed, TileReader, leaf_hash, verify_folder, write_tiles
from openleo.control.log.tile_paths import (
    TileName,
    levels,
    pack_entries,
    parse_tile_path,
    tiles_between,
    unpack_entries,
)


def files(folder: Path) -> set[str]:
    return {
        p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and ".tmp" not in p.parts
    }


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (TileName(level=0, index=0), "tile/0/000"),
        (TileName(level=0, index=1234067), "tile/0/x001/x234/067"),  # the specification's example
        (TileName(level=2, index=999, width=1), "tile/2/999.p/1"),
        (TileName(level=0, index=1000, width=255), "tile/0/x001/000.p/255"),
        (TileName(level=None, index=273, width=112), "tile/entries/273.p/112"),
    ],
)
def test_tiles_lie_where_the_specification_says(name: TileName, path: str) -> None:
    assert name.path == path
    assert parse_tile_path(path) == name


@pytest.mark.parametrize(
    "bad",
    [
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p",
        "tile/entry/000",
        "tile/0/٠٠٠",
        "tile/0/../000",
        "checkpoint",
    ],
)
def test_no_tile_has_another_path(bad: str) -> None:
    with pytest.raises(BadInput, match="no tile's path"):
        parse_tile_path(bad)


def test_a_tree_of_70000_has_the_tiles_that_the_specification_counts() -> None:
    def shape(level: int) -> tuple[int, list[int]]:
        widths = [tile.width for tile in tiles_between(0, 70_000, level)]
        return widths.count(256), [w for w in widths if w < 256]

    assert levels(70_000) == 3
    assert [shape(level) for level in range(3)] == [(273, [112]), (1, [17]), (0, [1])]


def test_a_log_of_256_has_a_full_tile_and_one_hash_above_it(tmp_path: Path) -> None:
    Log(256, plain=True).write(tmp_path)
    assert files(tmp_path) == {"checkpoint", "tile/0/000", "tile/1/000.p/1", "tile/entries/000"}


def test_growing_writes_only_what_is_new_and_drops_partial_tiles_that_are_full(tmp_path: Path) -> None:
    log = Log(600, plain=True)
    log.write(tmp_path, 300)
    first = files(tmp_path)
    kept = (tmp_path / "tile/0/000").stat().st_mtime_ns
    log.write(tmp_path, 400, old_size=300)
    assert files(tmp_path) - first == {"tile/0/001.p/144", "tile/entries/001.p/144"}
    assert first <= files(tmp_path)
    log.write(tmp_path, 600, old_size=400)
    assert files(tmp_path) == {
        "checkpoint",
        "tile/1/000.p/1",
        "tile/1/000.p/2",
        *(f"tile/{level}/{n}" for level in (0, "entries") for n in ("000", "001", "002.p/88")),
    }
    assert (tmp_path / "tile/0/000").stat().st_mtime_ns == kept
    assert verify_folder(tmp_path, VKEY_TEXT).ok


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 700, 66_000])
def test_a_reader_gives_back_what_was_written(size: int, tmp_path: Path) -> None:
    log = Log(size, plain=True)
    log.write(tmp_path)
    reader = TileReader(tmp_path, log.checkpoint())
    assert list(reader.entries(0, size)) == log.entries
    for index in range(0, size, max(1, size // 50)):
        assert reader.entry(index) == log.entries[index]
        for level in range(17):
            if (index >> level) + 1 << level <= size:
                assert reader.read(level, index >> level) == log.tree.read(level, index >> level)
    with pytest.raises(ValueError, match="not in a log"):
        reader.entry(size)
    with pytest.raises(ValueError, match="not in a log"):
        reader.read(0, size)


def test_a_reader_of_an_older_checkpoint_cuts_full_tiles(tmp_path: Path) -> None:
    log = Log(256, plain=True)
    log.write(tmp_path)
    reader = TileReader(tmp_path, log.checkpoint(100))
    assert list(reader.entries(90, 100)) == log.entries[90:100]
    assert reader.read(0, 99) == leaf_hash(log.entries[99])


@pytest.mark.parametrize("name", ["tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"])
@pytest.mark.parametrize("damage", ["change", "cut", "lengthen", "empty", "remove", "link"])
def test_a_reader_refuses_a_damaged_tile_and_names_it(name: str, damage: str, tmp_path: Path) -> None:
    log = Log(600, plain=True)
    log.write(tmp_path)
    hurt(tmp_path / name, damage)
    with pytest.raises(BadInput, match=name):
        list(TileReader(tmp_path, log.checkpoint()).entries(0, 600))


@pytest.mark.parametrize("name", ["tile/entries/000", "tile/entries/002.p/88"])
@pytest.mark.parametrize("damage", ["change", "cut", "lengthen", "empty", "remove", "link"])
def test_a_reader_refuses_a_damaged_bundle_and_names_it(name: str, damage: str, tmp_path: Path) -> None:
    log = Log(600, plain=True)
    log.write(tmp_path)
    hurt(tmp_path / name, damage)
    with pytest.raises(BadInput, match=name):
        list(TileReader(tmp_path, log.checkpoint()).entries(0, 600))


def hurt(path: Path, damage: str) -> None:
    content = path.read_bytes()
    if damage == "change":
        path.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "lengthen":
        path.write_bytes(content + b"\0")
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
        if damage == "link":
            path.symlink_to("/dev/zero")


@pytest.mark.parametrize("entries", [[], [b""], [b"a", b"", b"x" * 65_535]])
def test_bundles_hold_any_entries_up_to_their_limit(entries: list[bytes]) -> None:
    bundle = pack_entries(entries)
    assert unpack_entries(bundle, len(entries), "b") == entries
    with pytest.raises(BadInput, match="does not hold"):
        unpack_entries(bundle, len(entries) + 1, "b")


def test_an_entry_over_the_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 65535"):
        pack_entries([b"x" * 65_536])


def test_a_log_does_not_shrink(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot become"):
        Log(5, plain=True).write(tmp_path, 4, old_size=5)


def test_whichever_flush_fails_the_checkpoint_before_it_stays_and_can_be_read(tmp_path: Path) -> None:
    """A disk error at any flush ends the writing; what was published stays whole; a new start mends it."""
    log = Log(300, plain=True)
    log.write(tmp_path, 250)
    failures = 0
    while True:
        countdown = failures

        def fsync(_: int) -> None:
            nonlocal countdown
            countdown -= 1
            if countdown < 0:
                raise OSError(5, "Input/output error")

        try:
            write_tiles(
                tmp_path,
                log.signed(),
                old_size=250,
                entries=log.between,
                read=log.tree.read,
                fsync=fsync,
            )
        except StorageFailed:
            failures += 1
        else:
            break
        report = verify_folder(tmp_path, VKEY_TEXT)
        assert report.ok, report.failures
        assert report.checkpoint
        assert report.checkpoint.size in (250, 300)
        if report.checkpoint.size == 300:
            log.write(tmp_path, 250)  # only the flush of the last rename failed: begin again from before
    assert failures > 8
    assert verify_folder(tmp_path, VKEY_TEXT).checked["entries"] == 300


def test_every_file_is_flushed_before_the_checkpoint_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    replace = Path.replace

    def noting(self: Path, target: Path) -> Path:
        happened.append(f"rename {Path(target).name}")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", noting)
    log = Log(3, plain=True)
    write_tiles(
        tmp_path,
        log.signed(),
        old_size=0,
        entries=log.between,
        read=log.tree.read,
        fsync=lambda handle: happened.append("file" if os.fstat(handle).st_mode & 0o100000 else "folder"),
    )
    last = [step for step in happened if step.startswith("rename") or step == "file"]
    assert last == ["file", "rename 3", "file", "rename 3", "file", "rename checkpoint"]
    before_checkpoint = happened[: happened.index("rename checkpoint") - 1]
    assert before_checkpoint[-2:] == ["folder", "folder"]
    assert happened[-1] == "folder"
    assert no_fsync(0) is None
