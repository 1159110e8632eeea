"""Running `openleo agent` in a process of its own, as a remote site does."""

import compileall
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import openleo

COMMAND = [sys.executable, "-c", "from openleo.cli import main; main()", "agent"]


@cache
def compiled() -> None:
    """Compile the package, as pip does where it installs one: compiling takes some MB."""
    compileall.compile_dir(Path(openleo.__file__).parent, quiet=2)


def agent(*args: str, data: Path) -> "subprocess.Popen[bytes]":
    """Start a command of the agent."""
    compiled()
    return subprocess.Popen(
        [*COMMAND, *args, "--data", str(data)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ),
    )  # fmt: skip


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
