"""What the tests of the live network may ask for."""

from pathlib import Path

import pytest
from live_world import SMALL

from openleo.scenario.load import load_scenario
from openleo.scenario.model import Scenario


@pytest.fixture(scope="session")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenario's file."""
    path = tmp_path_factory.mktemp("scenario") / "small.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture(scope="session")
def small(small_file: Path) -> Scenario:
    """45 terminals, some moving, in 40 slots."""
    return load_scenario(small_file)
