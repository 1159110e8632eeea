"""A run folder: what it refuses, what it says when part of it is missing, and that the rest is safe."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import openleo
from openleo.base.errors import BadInput, OpenleoWarning, Refused
from openleo.results import store
from openleo.results.execute import default_folder, find_scenario, simulate
from openleo.results.run import Run, open_run
from openleo.scenario.load import load_scenario
from openleo.scenario.model import Scenario


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file but host.json, which is outside the rule of equal bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "host.json"
    }


@pytest.fixture
def copy(small_run: Run, tmp_path: Path) -> Path:
    """A copy of the small run that a test may damage."""
    return Path(shutil.copytree(small_run.path, tmp_path / "copy"))


def test_the_number_of_workers_changes_no_byte(
    small_run: Run, small_scenario: Scenario, tmp_path: Path
) -> None:
    for workers in (1, 4):
        simulate(small_scenario, tmp_path / str(workers), workers=workers)
        assert contents(tmp_path / str(workers)) == contents(small_run.path)


def test_the_manifest_lists_every_file_with_its_hash(small_run: Run) -> None:
    small_run.verify()
    noted = set(small_run.manifest["files"])
    noted |= {name for line in lines(small_run.path) for name in line["files"]}
    rest = {"manifest.json", "scenario.json", "chunks.jsonl"}
    assert set(contents(small_run.path)) == noted | rest
    assert small_run.manifest["chunks"]["sha256"] == store.sha256_of_file(small_run.path / "chunks.jsonl")
    assert "wall_s" in (small_run.path / "host.json").read_text()


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "chunks.jsonl").read_text().splitlines()]


def test_running_again_computes_nothing(copy: Path, small_scenario: Scenario) -> None:
    before = contents(copy)
    told: list[object] = []
    again = simulate(small_scenario, copy, fresh=lambda: told.append("fresh"))
    assert told == []
    assert again.is_complete
    assert contents(copy) == before


def test_another_scenario_is_refused_with_both_hashes(copy: Path, small_scenario: Scenario) -> None:
    other = small_scenario.with_changes(seed=8)
    with pytest.raises(Refused) as refused:
        simulate(other, copy)
    assert small_scenario.sha256()[:16] in refused.value.detail
    assert other.sha256()[:16] in refused.value.detail
    assert "--out" in refused.value.hint


def test_a_folder_with_something_else_is_refused_and_left_alone(
    small_scenario: Scenario, tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(Refused, match=r"thesis\.tex"):
        simulate(small_scenario, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_each_scenario_has_a_folder_of_its_own(small_scenario: Scenario) -> None:
    folder = default_folder(small_scenario)
    assert folder == default_folder(small_scenario)
    assert folder.parent == Path("runs")
    assert folder.name.startswith("small-")
    assert default_folder(small_scenario.with_changes(seed=8)) != folder


def test_a_run_of_another_version_is_not_gone_on_with(copy: Path, small_scenario: Scenario) -> None:
    change_manifest(copy, openleo="0.0.1", complete=False)
    with pytest.raises(Refused, match=r"0\.0\.1"):
        simulate(small_scenario, copy)


def test_other_versions_of_packages_are_told(copy: Path, small_scenario: Scenario) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    change_manifest(copy, versions=manifest["versions"] | {"polars": "0.1"}, complete=False)
    with pytest.warns(OpenleoWarning, match=r"polars 0\.1 then"):
        simulate(small_scenario, copy)


def change_manifest(folder: Path, **changes: object) -> None:
    data = json.loads((folder / "manifest.json").read_text()) | changes
    (folder / "manifest.json").write_text(json.dumps(data))


def drop(name: str) -> Callable[[Path], None]:
    return lambda folder: next(folder.glob(name)).unlink()


def halve(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = next(folder.glob(name))
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return damage


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (drop("cells/*.parquet"), "is missing"),
        (halve("beams/*.parquet"), "has"),
        (halve("terminals.parquet"), "is missing or not whole"),
        (drop("manifest.json"), "no run folder"),
        (halve("manifest.json"), "is not JSON"),
        (lambda folder: change_manifest(folder, schema=99), "schema 99"),
        (lambda folder: change_manifest(folder, complete=False), "is not complete"),
        (lambda folder: (folder / "chunks.jsonl").write_text("{}\n"), "line 1"),
        (drop("chunks.jsonl"), "0 of 24 slots"),
        (shutil.rmtree, "there is no run folder"),
    ],
)
def test_a_damaged_folder_is_an_error_that_says_what_to_do(
    copy: Path, damage: Callable[[Path], None], says: str
) -> None:
    damage(copy)
    with pytest.raises(BadInput, match=says) as error:
        open_run(copy)
    assert error.value.hint


def test_a_changed_file_of_the_same_size_is_found_by_verify(copy: Path) -> None:
    path = next((copy / "slots").glob("*.parquet"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadInput, match="hash"):
        open_run(copy).verify()


@pytest.mark.parametrize("name", ["cells", "state", "slots"])
def test_a_damaged_chunk_is_computed_again(
    copy: Path, small_run: Run, small_scenario: Scenario, name: str
) -> None:
    sorted((copy / name).iterdir())[2].unlink()
    simulate(small_scenario, copy)
    assert contents(copy) == contents(small_run.path)


def test_half_a_line_and_half_a_file_do_not_count(
    copy: Path, small_run: Run, small_scenario: Scenario
) -> None:
    change_manifest(copy, complete=False, chunks=None)
    path = copy / "chunks.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    (copy / "cells" / "1.parquet.part").write_bytes(b"half")
    assert open_run(copy, partial=True).until_slot < small_run.until_slot
    simulate(small_scenario, copy)
    assert contents(copy) == contents(small_run.path)


def test_a_folder_that_was_only_begun_begins_anew(
    small_run: Run, small_scenario: Scenario, tmp_path: Path
) -> None:
    (tmp_path / "scenario.json").write_bytes((small_run.path / "scenario.json").read_bytes()[:100])
    (tmp_path / "terminals.parquet.part").write_bytes(b"half")
    simulate(small_scenario, tmp_path)
    assert contents(tmp_path) == contents(small_run.path)


def test_a_second_writer_is_refused(small_scenario: Scenario, tmp_path: Path) -> None:
    with store.held(tmp_path), pytest.raises(Refused, match="another openleo"):
        simulate(small_scenario, tmp_path)


def test_a_run_folder_stands_for_its_scenario(small_run: Run, small_scenario: Scenario) -> None:
    found, folder = find_scenario(small_run.path)
    assert folder == small_run.path
    assert found.sha256() == small_scenario.sha256()
    assert small_run.world.slots == (small_run.first_slot, small_run.until_slot - 1)


def test_files_that_a_scenario_names_are_kept(small: Path, tmp_path: Path) -> None:
    (tmp_path / "dishes.csv").write_text("id,latitude,longitude\nclinic,50.0,30.0\n")
    block = '[[terminals]]\nname = "file"\nplace = "file"\nfile = "dishes.csv"\naccount = "shops"\n'
    text = small.read_text().replace("[[areas]]", block + "[[areas]]", 1)
    (tmp_path / "own.toml").write_text(text)
    scenario = load_scenario(tmp_path / "own.toml").with_changes(changes={"chunk_slots": 24})
    made = simulate(scenario, tmp_path / "run")
    (tmp_path / "dishes.csv").unlink()
    kept = open_run(tmp_path / "run")
    (tmp_path / "dishes.csv").write_text("id,latitude,longitude\nclinic,50.0,30.0\n")
    assert kept.scenario().sha256() == scenario.sha256()
    assert kept.terminal_row("clinic") == made.terminal_row("clinic")
    (kept.path / kept.manifest["inputs"][0]["file"]).write_text("id,latitude,longitude\n")
    with pytest.raises(BadInput, match="not what the run was made from"):
        _ = open_run(tmp_path / "run").world


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the disk be full at the third file of cells."""
    real = os.fsync
    seen: list[str] = []

    def fsync(handle: int) -> None:
        name = os.readlink(f"/proc/self/fd/{handle}") if sys.platform == "linux" else ""
        seen.append(name)
        if sum("/cells/" in name for name in seen) == 3 and "/cells/" in name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    yield
    monkeypatch.setattr(os, "fsync", real)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the name of an open file")
def test_a_full_disk_loses_nothing(
    small_run: Run,
    small_scenario: Scenario,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    full_disk: None,
) -> None:
    folder = tmp_path / "my $HOME run"
    with pytest.raises(Refused, match="is full") as error:
        simulate(small_scenario, folder)
    assert str(folder) in error.value.detail
    assert f"openleo run '{folder}' --resume" in error.value.hint
    assert not list(folder.rglob("*.part"))
    whole = open_run(folder, partial=True)
    assert 0 < whole.until_slot - whole.first_slot < 24
    assert whole.cells.height > 0
    monkeypatch.undo()
    simulate(small_scenario, folder)
    assert contents(folder) == contents(small_run.path)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can mount a small disk"
)
def test_a_really_full_disk_loses_nothing(small_run: Run, small_scenario: Scenario, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    size = sum(len(content) for content in contents(small_run.path).values()) * 2 // 3
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this system lets nobody mount a small disk")
    try:
        with pytest.raises(Refused, match="is full"):
            simulate(small_scenario, disk / "run")
        subprocess.run(["mount", "-o", "remount,size=50m", disk], check=True)
        simulate(small_scenario, disk / "run")
        assert contents(disk / "run") == contents(small_run.path)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_openleo_run_and_open_run_need_no_more_than_a_name(
    small: Path, small_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.warns(OpenleoWarning, match="outside the run.s span"):
        made = openleo.run(small, workers=1, end=datetime(2022, 10, 7, 0, 2, tzinfo=UTC))
    assert made.path == default_folder(made.scenario())
    assert isinstance(openleo.open_run(made.path).slots, pl.DataFrame)


def test_importing_openleo_loads_nothing_heavy() -> None:
    heavy = ("numpy", "numba", "polars", "pydantic", "click")
    code = f"import sys, openleo; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = openleo.nonsense
