"""The wheel and the source archive: what a person gets who installs openleo rather than clones it."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import openleo

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive and the wheel made from it."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (found,) = dist.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts folder of an environment with the wheel; only its dependencies are borrowed from here."""
    home = tmp_path_factory.mktemp("env")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    python = home / "bin" / "python"
    install = ["install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *install], check=True)
    (site,) = home.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python.parent


def run(*args: str | Path, cwd: Path) -> str:
    """Run a command away from the checkout and return what it prints."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [str(a) for a in args],
        cwd=cwd,
        env=env,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_installed_wheel_answers_and_has_its_data(installed: Path, tmp_path: Path) -> None:
    place = run(installed / "python", "-c", "import openleo; print(openleo.__file__)", cwd=tmp_path)
    assert Path(place.strip()).is_relative_to(installed.parent)
    assert run(installed / "openleo", "--version", cwd=tmp_path) == f"openleo {openleo.__version__}\n"
    assert "Commands:" in run(installed / "openleo", "--help", cwd=tmp_path)
    assert "ukraine-2022" in run(installed / "openleo", "scenarios", cwd=tmp_path)
    told = run(installed / "openleo", "constellation", "info", "starlink-2022-10", cwd=tmp_path)
    assert "satellites" in told


def test_the_wheel_holds_every_file_of_the_package_and_its_type_marker(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    package = {
        str(path.relative_to(ROOT / "src"))
        for path in (ROOT / "src" / "openleo").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert package - held == set()
    assert "openleo/py.typed" in held
    assert [
        name
        for name in held
        if name.split("/")[0] not in {"openleo", f"openleo-{openleo.__version__}.dist-info"}
    ] == []


def test_the_source_archive_holds_what_builds_and_tests_it(dist: Path) -> None:
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.split("/", 1)[1] for name in tar.getnames() if "/" in name}
    wanted = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Makefile", "requirements/run.txt"}
    assert wanted - names == set()
    assert {name.split("/")[0] for name in names} >= {"src", "tests", "docs", "benchmarks"}
