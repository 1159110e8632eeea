"""A run that is stopped, however rudely, keeps every finished chunk and ends in the same bytes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from openleo.cli._main import exit_code_of
from openleo.results.run import open_run
from openleo.scenario.load import load_scenario

CHUNKS = 60
OPTIONS = ["--for", "1h", "--chunk-slots", "4", "--workers", "2"]


@pytest.fixture(scope="module")
def whole(small: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of an hour that nothing stopped."""
    folder = tmp_path_factory.mktemp("stops") / "whole"
    assert exit_code_of(["run", str(small), "--out", str(folder), "--quiet", *OPTIONS]) == 0
    return contents(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "host.json"
    }


class Child:
    """A run in a process of its own, which begins with SIGINT as ``interrupt`` has it."""

    def __init__(self, small: Path, folder: Path, interrupt: str = "default_int_handler") -> None:
        begin = f"import signal; signal.signal(signal.SIGINT, signal.{interrupt})"
        main = f"{begin}; from openleo.cli import main; main()"
        command = [sys.executable, "-c", main, "run", str(small), "--out", str(folder), "--quiet", *OPTIONS]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._chunks = folder / "chunks.jsonl"

    def chunks(self) -> int:
        return self._chunks.read_bytes().count(b"\n") if self._chunks.is_file() else 0

    def wait_for(self, chunks: int) -> None:
        until = time.monotonic() + 60
        while True:
            ended = self.process.poll() is not None
            if self.chunks() >= chunks:
                return
            assert not ended, self.process.communicate()
            assert time.monotonic() < until, f"{chunks} chunks did not come within a minute"
            time.sleep(0.002)

    def freeze(self) -> None:
        """Return when the process stands still, or has ended."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def end(self, *signals: signal.Signals) -> tuple[int, str]:
        """Send signals; return the exit code and what was told."""
        for one in signals:
            self.process.send_signal(one)
        _, told = self.process.communicate(timeout=60)
        return self.process.returncode, told


def stopped(small: Path, folder: Path, by: signal.Signals) -> tuple[int, str]:
    """Start a run, send a signal when two chunks are there; return its exit code and what it told.

    The run stands still while it is looked at: on a busy machine it could be done before the signal comes,
    and is then begun again.
    """
    for _ in range(5):
        child = Child(small, folder)
        child.wait_for(2)
        child.freeze()
        if child.chunks() <= CHUNKS // 2:
            return child.end(by, signal.SIGCONT)
        child.end(signal.SIGKILL)
        shutil.rmtree(folder)
    raise AssertionError("five runs were half done before anybody looked")


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
def test_ctrl_c_says_how_to_go_on_and_loses_nothing(
    small: Path, whole: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    code, told = stopped(small, folder, signal.SIGINT)
    assert code == 130
    assert re.search(r"stopped: [\d,]+ of 240 slots are whole", told)
    assert f"openleo run {folder} --resume" in told
    assert "Traceback" not in told
    before = open_run(folder, partial=True)
    assert 2 <= len(before.chunks) < CHUNKS
    kept = {name: content for name, content in contents(folder).items() if re.search(r"/\d+\.", name)}
    assert kept.items() <= whole.items()
    assert exit_code_of(["run", str(folder), "--resume", "--quiet"]) == 0
    assert capsys.readouterr().out == f"{folder}\n"
    assert contents(folder) == whole
    sittings = json.loads((folder / "host.json").read_text())["sittings"]
    assert [sitting["slots"] > 0 for sitting in sittings] == [True, True]
    assert sum(sitting["slots"] for sitting in sittings) == 240


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
def test_a_killed_run_goes_on_when_the_same_command_is_given_again(
    small: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    code, _ = stopped(small, folder, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert not open_run(folder, partial=True).is_complete
    assert exit_code_of(["run", str(small), "--out", str(folder), "--quiet", *OPTIONS]) == 0
    assert contents(folder) == whole


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
def test_a_run_in_the_background_of_a_script_is_not_stopped_by_its_ctrl_c(
    small: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    child = Child(small, folder, interrupt="SIG_IGN")
    for chunks in range(1, CHUNKS // 2):
        child.wait_for(chunks)
        child.process.send_signal(signal.SIGINT)
    assert child.end() == (0, "")
    assert contents(folder) == whole


def test_chunks_change_no_figure(small: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    """What is in a table does not depend on how slots are cut into chunks."""
    scenario = load_scenario(small)
    assert scenario.chunk_slots != 4
    runs = []
    for slots in ("4", "7"):
        folder = tmp_path / slots
        options = ["--out", str(folder), "--quiet", "--chunk-slots", slots]
        assert exit_code_of(["run", str(small), *options]) == 0
        runs.append(open_run(folder))
    for name in ("slots", "slot_causes"):
        assert runs[0].table(name).collect().equals(runs[1].table(name).collect())
    for name in ("cells", "beams"):
        key = ["slot", "cell", "satellite"]
        a, b = (run.table(name).sort(key).collect() for run in runs)
        assert a.equals(b)
