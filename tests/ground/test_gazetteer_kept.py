"""The scanned gazetteer is kept on disk, and nothing but the very same file's scan is taken from there."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from openleo.ground import gazetteer as module


@pytest.fixture
def table_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a small gazetteer of two places; what is kept of it lies below ``tmp_path``."""
    monkeypatch.setattr(module, "__file__", str(tmp_path / "gazetteer.py"))
    return written(tmp_path / "cities.json", "Kyiv")


def written(path: Path, name: str) -> Path:
    place = {"latitude": 50.45, "longitude": 30.52, "countrycode": "UA", "population": 2797553}
    path.write_text(json.dumps({"1": {"name": name, **place}, "2": {"name": "Odesa", **place}}))
    return path


def kept_files(folder: Path) -> list[Path]:
    return sorted((folder / "__pycache__").iterdir())


def test_the_second_look_reads_what_the_first_found(
    table_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = module._kept(table_file.read_bytes(), table_file)
    assert len(first) == 2
    assert len(kept_files(table_file.parent)) == 1
    monkeypatch.setattr(module, "_scanned", lambda raw: pytest.fail("scanned again"))
    second = module._kept(table_file.read_bytes(), table_file)
    np.testing.assert_array_equal(first, second)


def test_another_file_is_scanned_and_takes_the_place_of_the_former(table_file: Path) -> None:
    module._kept(table_file.read_bytes(), table_file)
    written(table_file, "Kropyvnytskyi")
    table = module._kept(table_file.read_bytes(), table_file)
    np.testing.assert_array_equal(table, module._scanned(table_file.read_bytes()))
    assert len(kept_files(table_file.parent)) == 1


@pytest.mark.parametrize("damage", ["cut", "empty", "text"])
def test_a_damaged_table_is_scanned_anew(table_file: Path, damage: str) -> None:
    first = module._kept(table_file.read_bytes(), table_file)
    (kept,) = kept_files(table_file.parent)
    whole = kept.read_bytes()
    kept.write_bytes({"cut": whole[:-30], "empty": b"", "text": b"nothing of the kind"}[damage])
    np.testing.assert_array_equal(module._kept(table_file.read_bytes(), table_file), first)
    assert kept.read_bytes() == whole


def test_a_folder_that_cannot_be_written_is_no_error(table_file: Path) -> None:
    (table_file.parent / "__pycache__").write_text("a file stands where the folder would")
    assert len(module._kept(table_file.read_bytes(), table_file)) == 2
    assert not list(table_file.parent.glob("**/gazetteer-*"))


def test_the_real_table_is_the_same_kept_or_scanned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw, path = module._raw_table()
    assert path is not None
    monkeypatch.setattr(module, "__file__", str(tmp_path / "gazetteer.py"))
    np.testing.assert_array_equal(module._kept(raw, path), module._kept(raw, path))
    shutil.rmtree(tmp_path / "__pycache__")
