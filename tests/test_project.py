"""The repository itself: what is committed, and that its pages keep up with the code."""

import os
import re
import runpy
import subprocess
import tomllib
from pathlib import Path

import pytest

import openleo
from openleo.cli._group import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
ONE_MB = 1_000_000
BINARY = {".png", ".jpg", ".ico", ".woff2", ".gz", ".npz", ".npy", ".bin", ".parquet"}

# Put together here, so that this file does not hold what it looks for.
MACHINE_PATHS = re.compile(
    "/" + "(?:work|root|home/[a-z]+|Users/[A-Za-z]+|opt/wheels|opt/pypi|tmp/[A-Za-z])" + "/"
)
REGISTRY_HOSTS = re.compile(
    "|".join([r"pypi\." + "org", "python" + "hosted", r"registry\.npm" + "js", r"deb\.deb" + "ian"])
)
INDEX_LINES = re.compile(r"^\s*--(?:extra-)?" + r"index-url|^\s*--find-" + "links", re.MULTILINE)


def committed() -> list[Path]:
    """Return the files that git tracks; skips where this is not a git checkout, as in a source archive."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        reason = "what is committed cannot be told: this is no git checkout"
        if os.environ.get("OPENLEO_REQUIRE_ALL") == "1":
            pytest.fail(f"{reason}: {listed.stderr}")
        pytest.skip(reason)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def texts() -> dict[str, str]:
    """Return the committed text files by name."""
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for path in committed()
        if path.suffix not in BINARY
    }


@pytest.mark.parametrize("pattern", [MACHINE_PATHS, REGISTRY_HOSTS, INDEX_LINES])
def test_no_committed_file_names_a_machine_or_a_registry(pattern: re.Pattern[str]) -> None:
    found = {name: match.group() for name, text in texts().items() if (match := pattern.search(text))}
    assert found == {}


def test_no_committed_file_is_over_a_megabyte() -> None:
    assert {path.name: path.stat().st_size for path in committed() if path.stat().st_size > ONE_MB} == {}


def test_the_requirements_hold_what_the_project_names_and_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pins = {name: pins_in(ROOT / "requirements" / name) for name in ("run.txt", "dev.txt")}
    named = {re.split(r"[<>=\[ ]", d)[0].lower() for d in project["project"]["dependencies"]}
    assert named <= {name for name, _ in pins["run.txt"]}
    assert pins["run.txt"] <= pins["dev.txt"]


def pins_in(path: Path) -> set[tuple[str, str]]:
    """Return (name, version) of each pin; every one of them must be followed by a hash."""
    blocks = re.split(r"\n(?=\S)", path.read_text(encoding="utf-8").strip())
    pins = set()
    for block in blocks:
        match = re.match(r"([a-z0-9-]+)==(\S+)", block)
        assert match, block
        assert "--hash=sha256:" in block, match.group()
        pins.add((match.group(1), match.group(2)))
    return pins


def test_the_changelog_tells_of_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(openleo.__version__)}\b", changelog, re.MULTILINE)


def test_every_direct_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    reasons = (ROOT / "docs" / "adr" / "0001-dependencies.md").read_text(encoding="utf-8")
    groups = project["dependency-groups"].values()
    lines = [
        *project["project"]["dependencies"],
        *(d for extra in project["project"]["optional-dependencies"].values() for d in extra),
        *(d for group in groups for d in group if isinstance(d, str)),
    ]
    names = {re.split(r"[<>=\[ ]", line)[0] for line in lines}
    assert sorted(name for name in names if f"`{name}`" not in reasons) == []


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    """`make docs` writes it again."""
    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == runpy.run_path(str(ROOT / "docs" / "write_cli.py"))["text"]()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_readme_or_a_guide_shows_every_command(name: str) -> None:
    pages = [ROOT / "README.md", *(p for p in (ROOT / "docs").rglob("*.md") if p.name != "cli.md")]
    assert any(f"openleo {name}" in page.read_text(encoding="utf-8") for page in pages)
