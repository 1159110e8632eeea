"""A server that is killed at random points loses nothing that it acknowledged and does nothing twice.

kill -9 cannot see a missing flush, for the system's cache survives it: test_power_cut is for that.
"""

from pathlib import Path

import pytest
from kills import Hammer, found

NOTHING = {
    "lost": 0,
    "doubled": 0,
    "inconsistent checkpoints": 0,
    "wrong in the store": 0,
    "wrong answers": 0,
}


def hammered(folder: Path, *, kills: int, least: int) -> Hammer:
    """Return what clients were told by a server that was killed so often."""
    terminals = least + least // 2 + 100
    made = Hammer(folder, found(folder, terminals), terminals)
    made.run(kills, least=least)
    return made


def test_a_server_that_is_killed_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    left = hammered(tmp_path / "control", kills=5, least=150)
    assert left.check() == NOTHING, left.wrong[:3]
    assert len(left.acked) >= 150
    assert len(left.checkpoints) > 1


@pytest.mark.slow
def test_fifty_kills_in_ten_thousand_activations_lose_nothing(tmp_path: Path) -> None:
    left = hammered(tmp_path / "control", kills=50, least=10_000)
    assert left.check() == NOTHING, left.wrong[:3]
    assert len(left.acked) >= 10_000
    assert len(left.ready_s) == 50
