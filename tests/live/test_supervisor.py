"""The supervisor: children that die are started again, and none stays behind."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from live_world import serve

from openleo.base.errors import Refused
from openleo.live import supervisor
from openleo.live.child import TOLD
from openleo.live.supervisor import Child, bound, supervise


def child(tmp_path: Path, body: str, **told: object) -> Child:
    """Return a child whose module holds ``body``."""
    (tmp_path / "worker.py").write_text(textwrap.dedent(body))
    sys.path.insert(0, str(tmp_path))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    return Child(name="worker", module="worker", told=told)


WORKER = """
    import sys, threading
    from openleo.live.child import end_with_parent, on_signal, orders
    done = threading.Event()
    on_signal(done.set)
    told = orders()
    end_with_parent(done.set)
    with open(told["file"], "a") as file:
        file.write("started\\n")
    done.wait()
    with open(told["file"], "a") as file:
        file.write("ended\\n")
"""


@pytest.fixture(autouse=True)
def _same_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    monkeypatch.setattr(sys, "path", list(sys.path))


def wait_for_lines(path: Path, many: int, wait_s: float = 20.0) -> list[str]:
    until = time.monotonic() + wait_s
    while True:
        lines = path.read_text().splitlines() if path.exists() else []
        if len(lines) >= many:
            return lines
        assert time.monotonic() < until, lines
        time.sleep(0.02)


def test_a_child_that_is_killed_is_started_again_and_is_asked_to_end(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    made = child(tmp_path, WORKER, file=str(file))
    stop = threading.Event()

    def meddle() -> None:
        wait_for_lines(file, 1)
        assert made.process is not None
        os.kill(made.process.pid, signal.SIGKILL)
        wait_for_lines(file, 2)
        stop.set()

    thread = threading.Thread(target=meddle)
    thread.start()
    saved: list[int] = []
    assert supervise([made], save=lambda: saved.append(1), stop=stop) == 0
    thread.join()
    assert file.read_text().splitlines() == ["started", "started", "ended"]
    assert made.starts == 2
    assert saved


def test_one_that_says_what_is_wrong_ends_it_all(tmp_path: Path) -> None:
    made = child(tmp_path, f"import sys; sys.exit({TOLD})")
    assert supervise([made]) == 1
    assert made.starts == 1


def test_one_that_never_lives_is_not_tried_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_SLOWEST_S", 0.1)
    made = child(tmp_path, "raise SystemExit(3)")
    assert supervise([made]) == 1
    assert made.starts == 6


def test_a_child_does_not_outlive_its_supervisor(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    made = child(tmp_path, WORKER, file=str(file))
    code = f"""
        from openleo.live.supervisor import Child, supervise
        supervise([Child(name="worker", module="worker", told={dict(made.told)!r})])
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])
    wait_for_lines(file, 1)
    parent.kill()
    parent.wait()
    assert wait_for_lines(file, 2) == ["started", "ended"]


def test_a_port_that_is_taken_is_refused_with_what_to_do() -> None:
    with bound("127.0.0.1", 0) as taken, pytest.raises(Refused, match="cannot be listened on") as refused:
        bound("127.0.0.1", taken.getsockname()[1])
    assert "--port" in refused.value.hint


def test_a_scenario_that_cannot_run_is_told_as_everywhere(tmp_path: Path) -> None:
    """Found by the engine alone, when it compiles it."""
    path = tmp_path / "wrong.toml"
    path.write_text(
        'schema = 1\nname = "wrong"\nstart = 2022-10-07T00:00:00Z\nend = 2022-10-07T00:10:00Z\n'
        '[constellation]\nuse = "starlink-2022-10"\n[gateways]\ninclude = ["Nowhere"]\n'
        '[[terminals]]\nname = "t"\ncount = 1\ncountry = "UA"\n'
    )
    with serve(str(path), "--data", str(tmp_path / "data")) as served:
        assert served.process.wait(60) == 1
        time.sleep(0.2)
        told = "".join(served.errors)
    assert "error:" in told
    assert "Nowhere" in told
    assert "hint:" in told
