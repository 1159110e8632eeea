"""A small network that is served as people serve it, two people who decide, and a real browser."""

import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from made_fleet import keep_telling, write_fleet

from dish_fleet import dish_fleet

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
COAST = """
schema = 1
name = "coast"
title = "A coast, made up for the page"
start = 2022-10-07T00:00:00Z
end = 2022-10-07T06:00:00Z
seed = 7
chunk_slots = 20
[constellation]
use = "starlink-2022-10"
[gateways]
include = ["Wola Krobowska", "Muallim", "Kaunas"]
[[terminals]]
name = "homes"
count = 500
country = "UA"
account = "homes"
backup_share = 0.0
[[terminals]]
name = "woods"
count = 60
country = "UA"
account = "shops"
obstructed_share = 1.0
[[terminals]]
name = "hospital"
place = "file"
file = "hospital.csv"
account = "clinic"
[[terminals]]
name = "vans"
place = "track"
count = 3
kind = "in-motion"
account = "shops"
tracks = [{ waypoints = [[50.0, 30.0], [50.0, 31.0]], speed_kmh = 80 }]
[[areas]]
name = "west"
circle = { latitude_deg = 49.84, longitude_deg = 24.03, radius_km = 150 }
[[faults]]
name = "lost"
kind = "gateway"
target = ["Wola Krobowska", "Muallim", "Kaunas"]
from = 2022-10-07T00:00:45Z
until = 2022-10-07T00:01:45Z
why = "an exercise: every gateway is lost"
[[faults]]
name = "blackout"
kind = "power"
area = "west"
from = 2022-10-07T00:00:30Z
until = 2022-10-07T05:00:00Z
share = 0.6
why = "mains lost in the west"
"""
HOSPITAL = """id,kind,account,latitude_deg,longitude_deg,life_critical,name
ut-hospital,standard,clinic,50.45,30.52,yes,Regional hospital
"""
# Enrolled and active in the control plane too, as one that lives depend on.
ENROLLED = (
    ("account", "add", "clinic"),
    ("account", "plan", "basic"),
    ("terminal", "onboard", "hospital.csv", "--plan", "basic", "--country", "UA", "--holder", "depot"),
    ("terminal", "ship", "ut-hospital", "--to", "clinic"),
    ("terminal", "receive", "ut-hospital"),
    (
        "terminal",
        "activate",
        "ut-hospital",
        "--reason",
        "it is set up",
        "--effective",
        "2022-10-07T00:00:00Z",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Where it is served, and the credentials of two people who own it, where people log in."""

    url: str
    first: Path | None = None
    second: Path | None = None
    data: Path | None = None

    @property
    def env(self) -> dict[str, str]:
        """What the walks in web/e2e read."""
        named = {
            "OPENLEO_URL": self.url,
            "OPENLEO_FIRST": str(self.first or ""),
            "OPENLEO_SECOND": str(self.second or ""),
            "OPENLEO_DATA": str(self.data or ""),
            "OPENLEO_PYTHON": sys.executable,
        }
        return {**os.environ, **named}


def _missing(reason: str) -> None:
    """Skip, or fail where nothing may be missing."""
    if os.environ.get("OPENLEO_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def node() -> str:
    """Node, with the page built, what the walks need installed, and a browser of the system."""
    found = shutil.which("node")
    if found is None:
        _missing("node is not there: the page needs it to be built and walked")
    if not (ROOT / "src/openleo/api/static/index.html").is_file():
        _missing("the page is not built: npm --prefix web ci && npm --prefix web run build")
    if not (WEB / "node_modules/playwright-core").is_dir():
        _missing("playwright-core is not there: npm --prefix web ci")
    if not os.environ.get("OPENLEO_CHROMIUM") and not any(shutil.which(name) for name in BROWSERS):
        _missing("no Chromium is installed: apt-get install chromium, or name one in OPENLEO_CHROMIUM")
    assert found is not None
    return found


def _openleo(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from openleo.cli import main; main()", *arguments]


@pytest.fixture(scope="session")
def served(node: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The network at x20, some minutes old."""
    home = tmp_path_factory.mktemp("page")
    (home / "coast.toml").write_text(COAST)
    (home / "hospital.csv").write_text(HOSPITAL)
    write_fleet(home / "data", time.time_ns())  # a real fleet beside the network
    data, people = ("--data", str(home / "data")), {}

    def run(*words: str) -> None:
        subprocess.run(_openleo(*words, *data), check=True, capture_output=True, cwd=home)

    run("control", "init", "coast", "--kind", "simulated", "--owner", "amina", "--owner", "jonas",
        "--credentials", str(home))  # fmt: skip
    for name in ("amina", "jonas"):
        people[name] = home / f"{name}.json"
        run("person", "key", "--new", str(people[name]), "--as", str(home / f"{name}.credential"))
    for words in ENROLLED:
        run(*words, "--as", str(people["amina"]))
    port = _free_port()
    log = (home / "serve.log").open("w")
    serve = ("serve", str(home / "coast.toml"), "--speed", "20", "--port", str(port))
    with subprocess.Popen(_openleo(*serve, *data), stdout=log, stderr=log) as child:
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", child)
            time.sleep(8)  # nearly three minutes of the network: the outage is over
            yield Served(url=f"http://127.0.0.1:{port}", first=people["amina"], second=people["jonas"])
        finally:
            child.terminate()
            child.wait(20)
    log.close()


@contextmanager
def _each_s(seconds: float, work: Callable[[], object]) -> Iterator[None]:
    """Do something again and again meanwhile."""
    ended = threading.Event()

    def go() -> None:
        while not ended.wait(seconds):
            work()

    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(30)


@contextmanager
def _running(home: Path, name: str, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command meanwhile; what it says goes to a file."""
    with (
        (home / f"{name}.log").open("w") as log,
        subprocess.Popen(_openleo(*arguments), stdout=log, stderr=log) as child,
    ):
        try:
            yield child
        finally:
            child.terminate()
            with suppress(subprocess.TimeoutExpired):
                child.wait(20)
            child.kill()


@contextmanager
def _fleet_page(home: Path, data: Path) -> Iterator[str]:
    """Serve the page of the fleet in a folder of data."""
    port = _free_port()
    with _running(home, "fleet", "fleet", "serve", "--data", str(data), "--port", str(port)) as child:
        _wait_for(f"http://127.0.0.1:{port}/health", child)
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def fleet_served(node: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a fleet that goes on telling, three served dishes that are polled among it, and two people."""
    home = tmp_path_factory.mktemp("fleet")
    data, began = home / "data", time.time_ns()
    told = ("--data", str(data))

    def run(*words: str) -> None:
        subprocess.run(_openleo(*words, *told), check=True, capture_output=True, cwd=home)

    run("control", "init", "relief", "--kind", "advisory", "--owner", "amina", "--owner", "jonas",
        "--credentials", str(home))  # fmt: skip
    for name in ("amina", "jonas"):
        run("person", "key", "--new", str(home / f"{name}.json"), "--as", str(home / f"{name}.credential"))
    write_fleet(data, began)
    with dish_fleet(3, start_s=int(began / 1e9) - 120) as dishes:
        for row in range(3):
            run("fleet", "add", dishes.address(row), "--name", f"depot-{row}")
        beat = lambda: dishes.advance(1, downlink_bps=2e6, uplink_bps=3e5)  # noqa: E731
        tell = lambda: keep_telling(data, began, time.time_ns())  # noqa: E731
        with (
            _each_s(1, beat), _each_s(10, tell), _running(home, "watch", "fleet", "watch", *told),
            _fleet_page(home, data) as url,
        ):  # fmt: skip
            yield Served(url=url, first=home / "amina.json", second=home / "jonas.json", data=data)


@pytest.fixture(scope="session")
def old_fleet(node: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a fleet of which nothing was heard for forty minutes, where nobody logs in."""
    home = tmp_path_factory.mktemp("old")
    write_fleet(home / "data", time.time_ns(), old_s=2400)
    with _fleet_page(home, home / "data") as url:
        yield Served(url=url, data=home / "data")


@pytest.fixture(scope="session")
def empty_fleet(node: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a fleet of nobody."""
    home = tmp_path_factory.mktemp("empty")
    (home / "data/fleet").mkdir(parents=True)
    with _fleet_page(home, home / "data") as url:
        yield Served(url=url, data=home / "data")


def _free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_for(url: str, child: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        assert child.poll() is None, "the server ended"
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer in a minute")
