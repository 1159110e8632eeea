"""A small scenario for the real engine, and its run."""

from pathlib import Path

import pytest

from openleo.results.execute import simulate
from openleo.results.run import Run
from openleo.scenario.load import load_scenario
from openleo.scenario.model import Scenario
from small_scenario import small_toml

SMALL = small_toml(blackout=True)


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
