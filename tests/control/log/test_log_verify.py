"""What an outsider finds: every changed byte of a package, by the file's name, and nothing in a good one."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from made_logs import EMBARGO, VKEY_TEXT, Log, key

from openleo.base.errors import BadInput
from openleo.control.log import Checkpoint, Report, sign_checkpoint, verify_folder
from openleo.control.log.audit import MAX_FAILURES


def named(report: Report) -> set[str]:
    return {failure.file for failure in report.failures}


def flip(path: Path, at: int, bit: int) -> Callable[[], None]:
    """Change one bit of a file; what is returned changes it back."""
    content = path.read_bytes()
    path.write_bytes(content[:at] + bytes([content[at] ^ (1 << bit)]) + content[at + 1 :])

    def back() -> None:
        path.write_bytes(content)

    return back


def package_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and ".tmp" not in p.parts)


def test_a_good_package_is_checked_whole(tmp_path: Path) -> None:
    log = Log(600)
    log.package(tmp_path / "log", disclosed=[0, 3, 299, 599])
    older = tmp_path / "older"
    older.write_bytes(log.signed(300))
    report = verify_folder(tmp_path / "log", VKEY_TEXT + "\n", older=[older], now=EMBARGO)
    assert report.failures == ()
    assert report.ok
    assert report.unchecked == ()
    assert report.checkpoint == log.checkpoint()
    assert report.checked == {
        "signatures": 2,
        "tiles": 4,
        "bundles": 3,
        "entries": 600,
        "root": 1,
        "disclosed entries": 4,
        "disclosed fields": 28,
        "older checkpoints": 1,
    }


@pytest.mark.parametrize("size", [0, 1, 256, 257, 66_000])
def test_a_good_log_of_any_size_is_good(size: int, tmp_path: Path) -> None:
    Log(size, plain=True).write(tmp_path)
    report = verify_folder(tmp_path, VKEY_TEXT)
    assert report.failures == ()
    assert report.checked.get("entries", 0) == size


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_one_changed_bit_in_any_byte_of_a_small_package_is_found_and_named(step: int, tmp_path: Path) -> None:
    """Every seventh byte; every one in the slow run."""
    Log(3).package(tmp_path, disclosed=[0, 2])
    files = package_files(tmp_path)
    assert len(files) == 6
    for path in files:
        name = path.relative_to(tmp_path).as_posix()
        for at in range(0, path.stat().st_size, step):
            back = flip(path, at, at % 8)
            report = verify_folder(tmp_path, VKEY_TEXT)
            assert named(report) == {name}, (name, at)
            back()
    assert verify_folder(tmp_path, VKEY_TEXT).ok


def test_one_changed_bit_in_any_file_of_a_larger_package_is_found_and_named(tmp_path: Path) -> None:
    """Several levels, full and partial tiles, and the older partial tiles that are kept."""
    log = Log(520, plain=True)
    log.write(tmp_path, 515)
    log.write(tmp_path, 520, old_size=515)
    assert verify_folder(tmp_path, VKEY_TEXT).checked["older tiles"] == 2
    for path in package_files(tmp_path):
        name = path.relative_to(tmp_path).as_posix()
        size = path.stat().st_size
        for at in sorted({0, 1, 2, 3, 31, 32, size // 3, size // 2, size - 33, size - 1} & set(range(size))):
            back = flip(path, at, 7 - at % 8)
            assert named(verify_folder(tmp_path, VKEY_TEXT)) == {name}, (name, at)
            back()


@pytest.mark.slow
def test_one_changed_bit_at_three_levels_of_tiles_is_found_and_named(tmp_path: Path) -> None:
    Log(66_000, plain=True).write(tmp_path)
    paths = ["tile/2/000.p/1", "tile/1/000", "tile/1/001.p/1", "tile/0/100", "tile/0/257.p/208"]
    for name in [*paths, "tile/entries/100", "tile/entries/257.p/208"]:
        for at in (0, (tmp_path / name).stat().st_size - 1):
            back = flip(tmp_path / name, at, 3)
            assert named(verify_folder(tmp_path, VKEY_TEXT)) == {name}
            back()


@pytest.mark.parametrize(
    "names",
    [
        ["tile/entries/000", "tile/1/000.p/2"],
        ["tile/0/001", "tile/entries/002.p/88"],
        ["tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2"],
        ["tile/entries/000", "tile/0/001", "tile/1/000.p/2"],
    ],
)
def test_several_changed_files_are_all_named(names: list[str], tmp_path: Path) -> None:
    """Where three files disagree about one hash, none can be told to be right: all are named."""
    Log(600, plain=True).write(tmp_path)
    for name in names:
        flip(tmp_path / name, 5, 1)
    assert named(verify_folder(tmp_path, VKEY_TEXT)) >= set(names)


@pytest.mark.parametrize("index", [10, 599])
def test_an_entry_that_is_rewritten_with_its_tile_does_not_reach_the_root(index: int, tmp_path: Path) -> None:
    log = Log(600, plain=True)
    forged = Log(600, plain=True)
    forged.tree = Log(600, plain=True, seed="forged").tree
    forged.entries = Log(600, plain=True, seed="forged").entries
    log.write(tmp_path / "a")
    forged.write(tmp_path / "b")
    tile = "000" if index < 256 else "002.p/88"
    for name in (f"tile/0/{tile}", f"tile/entries/{tile}"):
        shutil.copy(tmp_path / "b" / name, tmp_path / "a" / name)
    report = verify_folder(tmp_path / "a", VKEY_TEXT)
    assert not report.ok
    assert {f"tile/0/{tile}", f"tile/entries/{tile}", "checkpoint"} & named(report)


@pytest.mark.parametrize(
    "name", ["tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/001", "checkpoint"]
)
@pytest.mark.parametrize("damage", ["remove", "halve", "lengthen", "device", "link"])
def test_a_missing_or_half_written_file_is_named(name: str, damage: str, tmp_path: Path) -> None:
    Log(600, plain=True).write(tmp_path / "log")
    path = tmp_path / "log" / name
    content = path.read_bytes()
    path.unlink()
    if damage == "halve":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "lengthen":
        path.write_bytes(content + b"\n")
    elif damage == "device":
        path.mkdir()
    elif damage == "link":
        (tmp_path / "elsewhere").write_bytes(content)
        path.symlink_to(tmp_path / "elsewhere")
    report = verify_folder(tmp_path / "log", VKEY_TEXT)
    assert named(report) == {name}
    assert all(failure.reason for failure in report.failures)


def test_a_damaged_bundle_leaves_its_disclosures_unchecked_and_the_rest_checked(tmp_path: Path) -> None:
    Log(300).package(tmp_path, disclosed=[3, 280])
    flip(tmp_path / "tile/entries/000", 100, 0)
    report = verify_folder(tmp_path, VKEY_TEXT)
    assert named(report) == {"tile/entries/000"}
    assert report.unchecked == ("disclosed/3.json",)
    assert report.checked["disclosed entries"] == 1


@pytest.mark.parametrize(
    ("name", "content", "failed"),
    [
        ("tile/0/README", b"", True),
        ("tile/0/0", b"", True),
        ("tile/0/001.p/7", b"", True),
        ("disclosed/03.json", b"{}", True),
        ("disclosed/3.json", b"{}", True),
        ("disclosed/note.txt", b"", True),
        ("vkey", b"other+key\n", True),
        ("README.txt", b"hello", False),
        ("tile/0/009", b"", False),
        (".tmp/file", b"half of", None),
    ],
)
def test_a_stray_file_is_a_failure_or_at_least_listed(
    name: str, content: bytes, failed: bool | None, tmp_path: Path
) -> None:
    Log(300).package(tmp_path, disclosed=[])
    (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
    (tmp_path / name).write_bytes(content)
    report = verify_folder(tmp_path, VKEY_TEXT)
    assert named(report) == ({name} if failed else set())
    assert report.unchecked == ((name,) if failed is False else ())


def test_a_disclosure_of_another_entry_is_named(tmp_path: Path) -> None:
    Log(9).package(tmp_path, disclosed=[3])
    (tmp_path / "disclosed/3.json").rename(tmp_path / "disclosed/4.json")
    assert named(verify_folder(tmp_path, VKEY_TEXT)) == {"disclosed/4.json"}


def test_what_is_shown_too_early_is_named(tmp_path: Path) -> None:
    Log(9).package(tmp_path, disclosed=[3])
    early = verify_folder(tmp_path, VKEY_TEXT, now=EMBARGO - timedelta(seconds=1))
    assert named(early) == {"disclosed/3.json"}
    assert "under embargo until 2026-03-01" in early.failures[0].reason
    assert verify_folder(tmp_path, VKEY_TEXT, now=EMBARGO).ok


def older_file(folder: Path, signed: bytes) -> Path:
    path = folder / "older"
    path.write_bytes(signed)
    return path


@pytest.mark.parametrize("size", [0, 1, 255, 256, 300, 600])
def test_an_older_checkpoint_that_is_extended_is_good(size: int, tmp_path: Path) -> None:
    log = Log(600, plain=True)
    log.write(tmp_path / "log")
    assert verify_folder(tmp_path / "log", VKEY_TEXT, [older_file(tmp_path, log.signed(size))]).ok


@pytest.mark.parametrize("size", [1, 300, 600])
def test_an_older_checkpoint_of_a_fork_is_found(size: int, tmp_path: Path) -> None:
    Log(600, plain=True).write(tmp_path / "log")
    older = older_file(tmp_path, Log(600, plain=True, seed="fork").signed(size))
    report = verify_folder(tmp_path / "log", VKEY_TEXT, [older])
    assert named(report) == {"checkpoint"}
    assert "does not extend" in report.failures[0].reason


def test_a_log_that_was_rolled_back_is_found(tmp_path: Path) -> None:
    log = Log(600, plain=True)
    log.write(tmp_path / "log", 500)
    report = verify_folder(tmp_path / "log", VKEY_TEXT, [older_file(tmp_path, log.signed(600))])
    assert named(report) == {"checkpoint"}
    assert "500 entries" in report.failures[0].reason


def test_one_changed_bit_in_any_byte_of_an_older_checkpoint_is_named(tmp_path: Path) -> None:
    log = Log(5, plain=True)
    log.write(tmp_path / "log")
    older = older_file(tmp_path, log.signed(4))
    for at in range(older.stat().st_size):
        back = flip(older, at, at % 8)
        assert named(verify_folder(tmp_path / "log", VKEY_TEXT, [older])) == {str(older)}
        back()


def test_another_logs_key_verifies_nothing(tmp_path: Path) -> None:
    Log(3, plain=True).write(tmp_path)
    for other in (key(seed="another"), key(name="other.example.org")):
        assert named(verify_folder(tmp_path, other.verifier.text())) == {"checkpoint"}


def test_a_bad_key_and_a_missing_folder_are_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        verify_folder(tmp_path, "no key")
    with pytest.raises(BadInput, match="no folder"):
        verify_folder(tmp_path / "none", VKEY_TEXT)


def test_a_signed_claim_of_a_giant_log_ends_after_a_thousand_failures(tmp_path: Path) -> None:
    log = Log(1, plain=True)
    log.write(tmp_path)
    checkpoint = log.checkpoint()
    giant = Checkpoint(origin=checkpoint.origin, size=2**62, root=checkpoint.root)
    (tmp_path / "checkpoint").write_bytes(sign_checkpoint(giant, key()))
    report = verify_folder(tmp_path, VKEY_TEXT)
    assert len(report.failures) == MAX_FAILURES + 1
    assert "stopped after 1000 failures" in report.failures[-1].reason
