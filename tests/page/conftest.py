"""A small network that is served as people serve it, two people who decide, and a real browser."""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

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
    """Where the network is, and the credentials of two people who own it."""

    url: str
    first: Path
    second: Path

    @property
    def env(self) -> dict[str, str]:
        """What the walks in web/e2e read."""
        named = {
            "OPENLEO_URL": self.url,
            "OPENLEO_FIRST": str(self.first),
            "OPENLEO_SECOND": str(self.second),
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
