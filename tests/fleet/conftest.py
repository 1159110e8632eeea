"""What tests of agents are about: a dish that is played, and an ingest that takes what is sent."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_dish import PlayedDish, in_thread
from servers_here import Here, ingest_here


@pytest.fixture
def dish() -> Iterator[PlayedDish]:
    with in_thread(PlayedDish("ut01000000-00000000-00000001").lived(120)) as there:
        yield there


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    with ingest_here(tmp_path / "server") as there:
        yield there
