"""An ingest process that is killed loses nothing that it acknowledged, and doubles nothing."""

import asyncio
from pathlib import Path

import pytest
from soaking import Server, Soak, register


def soaked(folder: Path, *, devices: int, seconds: float, rate: float, kill_each_s: float) -> Soak:
    register(folder, devices)
    server = Server(folder)
    server.start()
    made = Soak(server, devices, connections=16)
    asyncio.run(made.run(seconds, rate, kill_each_s=kill_each_s))
    server.stop()
    return made


def test_a_killed_ingest_loses_and_doubles_nothing(tmp_path: Path) -> None:
    made = soaked(tmp_path, devices=20, seconds=6, rate=40, kill_each_s=1.5)
    assert made.check() == {"lost": 0, "doubled": 0}
    assert sum(made.acked.values()) == 6 * 40 * 15
    assert made.ready_s, "it was killed and came back, how often depends on how busy this machine is"


@pytest.mark.slow
def test_many_kills_under_load_lose_and_double_nothing(tmp_path: Path) -> None:
    made = soaked(tmp_path, devices=1_000, seconds=100, rate=150, kill_each_s=10)
    assert made.check() == {"lost": 0, "doubled": 0}
    assert sum(made.acked.values()) == 100 * 150 * 15
    assert len(made.ready_s) >= 5
