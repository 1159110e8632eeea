"""The tutorials are run from their first command to the last, and print what they say that they print."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
TUTORIALS = ["tutorial.md", "fleet-tutorial.md"]
_BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "=== step {} of the tutorial ==="


@dataclass(frozen=True)
class Step:
    """A block of commands, and what the document says that it prints."""

    line: int
    commands: str
    printed: str


def steps(text: str) -> list[Step]:
    """Return the blocks of commands, each with the block of output after it, if there is one."""
    found: list[Step] = []
    for block in _BLOCK.finditer(text):
        kind, content = block.groups()
        if kind == "sh":
            found.append(Step(text.count("\n", 0, block.start()) + 2, content, ""))
        else:
            assert not found[-1].printed, "two blocks of output follow one of commands"
            found[-1] = Step(found[-1].line, found[-1].commands, content)
    return found


def words(line: str) -> str:
    """Return a line with its blanks made one: how wide a column is does not matter."""
    return " ".join(line.split())


def missing(printed: str, output: str) -> str | None:
    """Return the first line that should be printed and is not, in order; ``...`` stands for anything."""
    rest = iter([words(line) for line in output.splitlines()])
    for line in filter(None, map(words, printed.splitlines())):
        wanted = re.compile(".*".join(re.escape(part) for part in line.split("...")))
        if not any(wanted.fullmatch(one) for one in rest):
            return line
    return None


@pytest.mark.parametrize("name", TUTORIALS)
def test_the_tutorial_runs_and_prints_what_it_says(tmp_path: Path, name: str) -> None:
    found = steps((DOCS / name).read_text(encoding="utf-8"))
    script = "".join(f"echo '{_MARK.format(n)}'\n{step.commands}" for n, step in enumerate(found))
    home = {key: value for key, value in os.environ.items() if not key.startswith("OPENLEO_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e"], check=False, input=script, cwd=tmp_path, env={**home, "PATH": path}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600,
    )  # fmt: skip
    parts = re.split(_MARK.format(r"\d+") + "\n", done.stdout)[1:]
    assert done.returncode == 0, f"line {found[len(parts) - 1].line} of the tutorial:\n{parts[-1]}"
    assert len(parts) == len(found)
    for step, part in zip(found, parts, strict=True):
        line = missing(step.printed, part)
        assert line is None, f"line {step.line}: {line!r} is not printed, but:\n{part}"


@pytest.mark.parametrize(
    ("printed", "output", "expected"),
    [
        ("a\nc", "a\nb\nc", None),
        ("c\na", "a\nb\nc", "a"),
        ("a  ... d", "a b c d", None),
        ("a ...", "a", "a ..."),
        ("a (b)", "a b", "a (b)"),
    ],
)
def test_what_is_printed_is_found_in_order(printed: str, output: str, expected: str | None) -> None:
    assert missing(printed, output) == expected
