"""Dishes that several tests ask; a test that changes one serves its own."""

from collections.abc import Iterator

import pytest

from dish_fleet import Fleet, dish_fleet


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    """One dish of the newest firmware, in service."""
    with dish_fleet() as served:
        yield served


@pytest.fixture(scope="session")
def old_and_new() -> Iterator[Fleet]:
    """A dish of 2024-12 and one of 2026-06."""
    with dish_fleet(2, firmwares=("2024.12.04.mr46620", "2026.06.12.mr81164")) as served:
        yield served


@pytest.fixture(scope="session")
def fleet_of_40() -> Iterator[Fleet]:
    """Forty dishes."""
    with dish_fleet(40) as served:
        yield served
