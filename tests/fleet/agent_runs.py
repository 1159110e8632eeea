"""Running `openleo agent` in a process of its own, as a remote site does."""

import compileall
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hostile_dish import PlayedDish
from servers_here import Here

import openleo
from openleo.cli._main import exit_code_of

Capture = pytest.CaptureFixture[str]

COMMAND = [sys.executable, "-c", "from openleo.cli import main; main()", "agent"]


@cache
def compiled() -> None:
    """Compile the package, as pip does where it installs one: compiling takes some MB."""
    compileall.compile_dir(Path(openleo.__file__).parent, quiet=2)


@contextmanager
def agent(*args: str, data: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a command of the agent; it is killed at the end, also where a test fails."""
    compiled()
    with subprocess.Popen(
        [*COMMAND, *args, "--data", str(data)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ),
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def rss_mb(process: "subprocess.Popen[bytes]") -> tuple[float, float]:
    """Return how much memory a process has, and had at most, MB (Linux)."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    told = dict(line.split(":", 1) for line in lines if ":" in line)
    now, peak = (int(told[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, peak


def modules_of(process: "subprocess.Popen[bytes]") -> set[str]:
    """Return the names of the compiled libraries that a process has loaded."""
    lines = Path(f"/proc/{process.pid}/maps").read_text().splitlines()
    return {line.split("/")[-1] for line in lines if ".so" in line}


def enrolled(data: Path, here: Here, dish: PlayedDish, *more: str) -> None:
    """Enrol an agent that watches a dish."""
    command = ["agent", "enrol", here.agent(), "--server", here.url, "--dish", dish.address, *more]
    assert exit_code_of([*command, "--data", str(data)]) == 0


def wait_for(holds: Callable[[], bool], *, seconds: float = 40.0) -> None:
    """Wait until something holds."""
    until_s = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until_s, "it did not come about"
        time.sleep(0.05)


def said_by(process: "subprocess.Popen[bytes]", words: str, *, most: int = 10) -> list[str]:
    """Return the lines on standard error up to the one with some words."""
    assert process.stderr is not None
    lines: list[str] = []
    while not any(words in line for line in lines):
        assert len(lines) < most, lines
        lines.append(process.stderr.readline().decode())
    return lines


def status_of(data: Path, capsys: Capture) -> tuple[str, dict[str, Any]]:
    """Return what `openleo agent status` says, as text and as JSON."""
    assert exit_code_of(["agent", "status", "--data", str(data)]) == 0
    text = capsys.readouterr().out
    assert exit_code_of(["agent", "status", "--data", str(data), "--format", "json"]) == 0
    return text, json.loads(capsys.readouterr().out)
