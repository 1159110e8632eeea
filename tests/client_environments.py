"""Environments of other people's clients: a virtual environment each, from requirements pinned by hash.

They lie in ``.clients/`` of the checkout, which git ignores, and are made once for each list of requirements.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent / ".clients"
LISTS = HERE / "dish" / "clients"


def missing(reason: str) -> None:
    """Skip, or fail where everything is required."""
    if os.environ.get("OPENLEO_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def python_of(name: str, version: str = "") -> Path:
    """Return the interpreter of the environment of ``clients/NAME.txt``, made first where it is not there."""
    base = interpreter(version)
    if base is None:  # no package of the system brings it, so it cannot be asked for
        pytest.skip(f"there is no Python {version} with venv to make the environment of {name}")
    requirements = LISTS / f"{name}.txt"
    told = subprocess.run([base, "-VV"], capture_output=True, text=True, check=True).stdout
    key = hashlib.sha256(requirements.read_bytes() + told.encode()).hexdigest()[:12]
    folder = CACHE / f"{name}-{key}"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(base, folder, requirements)
    return folder / "bin" / "python"


def interpreter(version: str) -> str | None:
    """Return a Python of this version ("" is the one that runs this) that can make environments."""
    if not version:
        return sys.executable
    # Managers of versions lay them side by side.
    beside = Path(sys.base_prefix).parent.glob(f"{version}*/bin/python{version}")
    for found in (shutil.which(f"python{version}"), *map(str, beside)):
        if found is None:
            continue
        tried = subprocess.run([found, "-c", "import ensurepip, venv"], capture_output=True, check=False)
        if tried.returncode == 0:
            return found
    return None


def make(base: str, folder: Path, requirements: Path) -> None:
    """Make one environment; skips where the registry cannot be reached."""
    subprocess.run([base, "-m", "venv", str(folder)], check=True, capture_output=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--require-hashes", "--no-deps", "-r", str(requirements)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        missing(f"{requirements.name} could not be installed: {done.stderr.strip()[-400:]}")
    (folder / "ready").touch()


def clean() -> dict[str, str]:
    """Return this process's environment without what would let ours shine through."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OPENLEO"))}
