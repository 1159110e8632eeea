"""A small scenario, and ways to serve it: in this process, or as people do."""

import json
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openleo.base.clock import slot_start
from openleo.live.begin import begin, live_scenario
from openleo.live.clock import Clock, begin_at, ns_of
from openleo.live.engine import Engine
from openleo.live.folder import LiveFolder
from openleo.results.inputs import scenario_of
from openleo.scenario.model import Scenario
from small_scenario import small_toml

SMALL = small_toml(minutes=10, unpaid=False)
SLOTS = 40  # those that start in ten minutes


def make_folder(path: Path, scenario: Scenario, **how: Any) -> LiveFolder:
    """Make the folder of a network that is served, which ends where the scenario does."""
    folder = LiveFolder(path)
    begin(folder, live_scenario(scenario, start=None, length=scenario.end - scenario.start))
    return folder


def clock_before(slot: int, *, speed: float, slots: float = 1.0) -> Clock:
    """Return a clock that reaches a slot in so many slots' time."""
    return begin_at(ns_of(slot_start(slot)) - int(slots * 15e9), speed)


def make_engine(folder: LiveFolder, clock: Clock, **how: Any) -> Engine:
    """Return the engine of a folder."""
    return Engine(folder, scenario_of(folder.path, folder.config()["inputs"]), clock, **how)


@contextmanager
def running(engine: Engine) -> Iterator[threading.Thread]:
    """Run an engine on a thread; it stops at the end of the block, where it has not come to its end."""
    stop = threading.Event()
    engine._stop = stop.is_set
    failed: list[BaseException] = []

    def work() -> None:
        try:
            engine.run()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()
    if failed:
        raise failed[0]


@dataclass
class Served:
    """`openleo serve` as a process."""

    process: "subprocess.Popen[str]"
    address: str
    lines: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def get(self, path: str, **headers: str) -> Any:
        """Return an answer's JSON."""
        request = urllib.request.Request(self.address + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            error.close()  # it holds the answer's socket
            raise

    @property
    def stream(self) -> str:
        """The stream's address."""
        return self.address.replace("http", "ws") + "/v1/stream"

    def children(self) -> dict[str, int]:
        """Return the processes by module."""
        found = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(path.read_text().rpartition(")")[2].split()[1])
                words = (path.parent / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if parent == self.process.pid and "-m" in words:
                found[words[words.index("-m") + 1].rpartition(".")[2]] = int(path.parent.name)
        return found

    def wait_for(self, good: Callable[[Any], bool], path: str = "/v1/network", wait_s: float = 60.0) -> Any:
        """Ask until an answer is as wanted."""
        until = time.monotonic() + wait_s
        while True:
            try:
                found = self.get(path)
                if good(found):
                    return found
            except OSError:
                found = None
            assert self.process.poll() is None, "".join(self.errors)
            assert time.monotonic() < until, (found, "".join(self.errors))
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGINT) -> int:
        """End it as a person does; return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def serve(*arguments: str, command: tuple[str, ...] = ("serve",)) -> Iterator[Served]:
    """Serve with these arguments, on any free port."""
    code = "import sys; from openleo.cli import main; sys.argv[0] = 'openleo'; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *command, *arguments, "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    served = Served(process, "")
    err = process.stderr
    reader = threading.Thread(target=lambda: served.errors.extend(err), daemon=True)
    reader.start()
    try:
        while not served.address:
            line = process.stdout.readline()
            assert line, (process.wait(), "".join(served.errors))
            served.lines.append(line)
            found = re.search(r"on (http://\S+)", line)
            served.address = found.group(1) if found else ""
        yield served
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        process.stdout.close()
        reader.join(5)
        err.close()
