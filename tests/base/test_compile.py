import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import openleo

ASK = "import numba, openleo.base.compile; print(numba.config.CACHE_DIR)"


def cache_folder(package: Path, **environment: str) -> str:
    """Return where a fresh process with this copy of the package keeps compiled kernels."""
    env = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    env |= {"PYTHONPATH": str(package.parent), **environment}
    done = subprocess.run([sys.executable, "-c", ASK], env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("file", ["base/hashing.py", "network/nco.py"])
def test_compiled_kernels_are_not_used_with_other_sources(tmp_path: Path, file: str) -> None:
    """A helper in another file is part of a kernel: a change in any of them asks for a new cache."""
    package = tmp_path / "openleo"
    for room in ("base", "network"):
        shutil.copytree(Path(openleo.__file__).parent / room, package / room)
    shutil.copy(openleo.__file__, package / "__init__.py")
    before = cache_folder(package)
    assert Path(before).is_dir()
    assert cache_folder(package) == before
    kernels = package / file
    kernels.write_text(kernels.read_text() + "\n# another helper\n")
    assert cache_folder(package) != before


def test_a_cache_folder_that_the_user_names_is_kept(tmp_path: Path) -> None:
    package = Path(openleo.__file__).parent
    assert cache_folder(package, NUMBA_CACHE_DIR=str(tmp_path)) == str(tmp_path)
