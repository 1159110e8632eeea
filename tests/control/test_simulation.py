"""Bad days of a control plane, from seeds: what must hold holds on each, and each can be lived again."""

import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
import simulation

from openleo.control.plane import SYSTEM, Actor
from openleo.control.schema import accounts

FEW, MANY = range(15), range(1_000)
PROCESSES = 2
MEMORY = Path("/dev/shm")  # a flush costs nothing there, and a day survives no power cut anyway


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory, where there is one."""
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as name:
        yield Path(name)


def lived(seed: int, folder: Path) -> str | None:
    """Live through a day; return what went wrong and how to see it, or None."""
    try:
        simulation.live(seed, folder / "control")
    except Exception as error:
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        return f"seed {seed}: {said}\n  see the day: python tests/control/simulation.py {seed}"
    return None


def lived_all(seeds: range, folder: Path) -> list[str]:
    """Live through days one after the other; return what went wrong."""
    folder.mkdir()
    return [wrong for seed in seeds if (wrong := lived(seed, folder)) is not None]


def test_what_must_hold_holds_on_some_bad_days(folder: Path) -> None:
    """No area is on without two people, nobody is served outside of those, the tables are the log's fold."""
    assert not lived_all(FEW, folder / "days")


@pytest.mark.slow
def test_what_must_hold_holds_on_a_thousand_bad_days(folder: Path) -> None:
    parts = [MANY[n::PROCESSES] for n in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = pool.map(lived_all, parts, [folder / str(n) for n in range(PROCESSES)])
        assert [wrong for part in found for wrong in part] == []


def test_the_same_seed_gives_the_same_day(folder: Path) -> None:
    """The hash is of all that was answered, and of who died when."""
    once, again, other = (simulation.live(seed, folder / "control") for seed in (3, 3, 4))
    assert once == again
    assert once != other


def test_a_broken_rule_is_told_with_the_command_that_shows_the_day(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(day: simulation.Day) -> None:
        day.plane.close()
        raise AssertionError("area city is on without two people")

    monkeypatch.setattr(simulation.Day, "check", check)
    assert lived(7, folder) == (
        "seed 7: AssertionError: area city is on without two people\n"
        "  see the day: python tests/control/simulation.py 7"
    )


class Lied(simulation.Day):
    """A day on which two accounts of one human pass for two humans."""

    def found(self) -> None:
        super().found()
        self.actors["petro2"] = Actor(id="petro2", human="somebody")


def test_one_human_who_proposes_and_approves_is_seen(folder: Path) -> None:
    """The checks can fail: they know who is who, whatever the server believes."""
    days = (Lied(folder / str(seed), seed).run() for seed in FEW)
    assert any(_is_broken(day) for day in days)


def _is_broken(day: simulation.Day) -> bool:
    try:
        day.check()
    except AssertionError:
        return True
    return False


def test_a_table_that_was_changed_without_a_decision_is_seen(folder: Path) -> None:
    day = simulation.Day(folder / "control", 3).run()
    day.plane.act(SYSTEM, lambda tx: tx.conn.execute(accounts.update().values(status="closed")))
    with pytest.raises(AssertionError, match="account"):
        day.check()
