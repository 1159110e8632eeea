"""A small scenario for the real engine, and its run."""

from pathlib import Path

import pytest

from openleo.results.execute import simulate
from openleo.results.run import Run
from openleo.scenario.load import load_scenario
from openleo.scenario.model import Scenario

SMALL = """
schema = 1
name = "small"
start = 2022-10-07T00:00:00Z
end = 2022-10-07T00:06:00Z
seed = 7
chunk_slots = 5
[constellation]
use = "starlink-2022-10"
[gateways]
include = ["Wola Krobowska", "Muallim"]
[[accounts]]
name = "shops"
[[accounts]]
name = "unpaid"
status = "disabled"
why = "the bill was not paid"
[[terminals]]
name = "fixed"
count = 30
country = "UA"
account = "shops"
[[terminals]]
name = "woods"
count = 12
country = "UA"
account = "shops"
obstructed_share = 1.0
[[terminals]]
name = "late"
count = 4
country = "UA"
account = "unpaid"
[[terminals]]
name = "vans"
place = "track"
count = 3
kind = "in-motion"
account = "shops"
tracks = [{ waypoints = [[50.0, 30.0], [50.0, 31.0]], speed_kmh = 400 }]
[[areas]]
name = "kyiv"
circle = { latitude_deg = 50.45, longitude_deg = 30.52, radius_km = 60 }
[[faults]]
name = "mains"
kind = "power"
area = "kyiv"
from = 2022-10-07T00:01:00Z
until = 2022-10-07T00:02:00Z
assumption = "blackout"
[[faults]]
name = "both-lost"
kind = "gateway"
target = ["Wola Krobowska", "Muallim"]
from = 2022-10-07T00:04:00Z
until = 2022-10-07T00:05:00Z
why = "an exercise"
[[assumptions]]
id = "blackout"
text = "mains fail in Kyiv for a minute"
source = "assumed"
confidence = "low"
"""


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with 49 terminals of every sort in 24 slots."""
    path = tmp_path_factory.mktemp("scenario") / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def small_scenario(small: Path) -> Scenario:
    return load_scenario(small)


@pytest.fixture(scope="session")
def small_run(small_scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The small scenario run once; tests that change its folder copy it first."""
    return simulate(small_scenario, tmp_path_factory.mktemp("runs") / "small", workers=2)
