"""The terminals of a live network, as their local API shows them: right to the second against the engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from live_world import clock_before, make_engine, make_folder

from openleo.dish import replies
from openleo.dish.causes import CONNECTED, OUTAGES
from openleo.dish.firmware import NEWEST
from openleo.dish.inputs import LocationPolicy
from openleo.dish.terminal import RING, RINGS
from openleo.live.commanded import Spool, read_spool
from openleo.live.dishes import LiveDishes, live_dishes
from openleo.live.felt import Felt, start_s_of
from openleo.live.folder import LiveFolder
from openleo.live.history import Archive
from openleo.results.run import Run, open_run
from openleo.results.timeline import timeline_of
from openleo.scenario.load import load_scenario
from openleo.scenario.model import Scenario
from openleo.scenario.world import slots_of
from openleo.snapshot.causes import Cause
from small_scenario import small_toml

TWENTY_MINUTES = 80  # slots: more than the rings hold


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """With mains that fail, both gateways lost, obstructed terminals and vans, over twenty minutes."""
    path = tmp_path_factory.mktemp("dishes") / "small.toml"
    path.write_text(small_toml(minutes=20, unpaid=True, blackout=True))
    return load_scenario(path)


@pytest.fixture(scope="module")
def served(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> LiveFolder:
    folder = make_folder(tmp_path_factory.mktemp("served"), scenario)
    make_engine(folder, clock_before(slots_of(scenario)[0] + 1000, speed=1.0)).run()
    return folder


@pytest.fixture(scope="module")
def run(served: LiveFolder) -> Run:
    return open_run(served.run.path)


@contextmanager
def dishes_at(folder: LiveFolder, now_s: int, work: Path) -> Iterator[LiveDishes]:
    archive = Archive(folder.run, folder.segments)
    felt = Felt(archive, np.arange(len(archive.statics["terminals"]), dtype=np.int64))
    spool = Spool(work / "commands.jsonl")
    try:
        yield live_dishes(
            felt, spool, now_s=now_s, software=NEWEST, location=LocationPolicy.ENABLED, note=work / "note.npz"
        )
    finally:
        spool.close()


def seconds_of(run: Run, terminal: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the online seconds and the latency of each second of a run, by its own timeline."""
    line = timeline_of(run, terminal)
    online = line["seconds"].to_numpy()[:, None] >> np.arange(15) & 1
    rtt_ms = line["rtt_us"].fill_null(0).to_numpy()[:, None] / 1e3 * online
    return online.ravel().astype(bool), rtt_ms.ravel()


def test_rings_are_those_of_the_engine_second_by_second(served: LiveFolder, run: Run, tmp_path: Path) -> None:
    first_s = start_s_of(run.first_slot)
    with dishes_at(served, first_s, tmp_path) as live:
        live.advance_to(first_s + 15 * TWENTY_MINUTES)
        d = live.dishes
        booted = {row for row in range(len(d)) if d.booted_s[row] >= first_s}
        assert booted, "some lost mains"
        for row in range(len(d)):
            online, rtt_ms = seconds_of(run, row)
            assert len(online) == 15 * TWENTY_MINUTES
            lived = min(RING, int(d.now_s - max(d.booted_s[row], first_s)))
            counters = np.arange(d.counter[row] - lived, d.counter[row])
            drop = d.rings["drop"][row][counters % RING]
            assert (drop == ~online[-lived:]).all(), row
            latency = d.rings["latency_ms"][row][counters % RING]
            assert np.allclose(latency, rtt_ms[-lived:], atol=1e-3), row
        assert all(int(d.now_s - d.booted_s[row]) == d.counter[row] for row in range(len(d)))


def test_each_cause_is_shown_as_the_design_has_it(served: LiveFolder, run: Run, tmp_path: Path) -> None:
    """In the middle of every slot of the first six minutes, whatever every terminal meets there."""
    shows = {
        "NO_GATEWAY": "NO_PINGS", "OBSTRUCTED": "OBSTRUCTED", "BOOTING": "BOOTING",
        "NO_ACTIVE_ACCOUNT": "NO_SCHEDULE", "ACCOUNT_DISABLED": "NO_SCHEDULE",
    }  # fmt: skip
    names = {number: name for name, number in OUTAGES.items()}
    met = set()
    first_s = start_s_of(run.first_slot)
    lines = [timeline_of(run, row) for row in range(len(run.terminals))]
    with dishes_at(served, first_s, tmp_path) as live:
        for n in range(24):
            live.advance_to(first_s + 15 * n + 8)
            d = live.dishes
            for row, line in enumerate(lines):
                cause, seconds = line["cause"][n], line["seconds"][n]
                if seconds >> 7 & 1:
                    assert d.outage[row] == CONNECTED
                    assert d.reachable[row]
                elif cause == "POWER_OFF":
                    assert not d.reachable[row]
                else:
                    assert names[int(d.outage[row])] == shows[cause], (row, n, cause)
                    code = replies.status(d.terminal(row)).disablement_code
                    assert code == (Cause[cause] - 100 if Cause[cause] > 100 else 1)
                    met.add(cause)
    assert met >= {"NO_GATEWAY", "OBSTRUCTED", "BOOTING", "ACCOUNT_DISABLED"}


def test_made_anew_in_the_middle_dishes_are_as_if_they_had_lived_through_it(
    served: LiveFolder, run: Run, tmp_path: Path
) -> None:
    first_s = start_s_of(run.first_slot)
    then_s = first_s + 15 * 70 + 4  # the first 154 s are further back than what is lived through again
    (tmp_path / "a").mkdir()
    with dishes_at(served, first_s, tmp_path / "a") as along, dishes_at(served, then_s, tmp_path) as anew:
        along.advance_to(then_s)
        for name in ("counter", "booted_s", "boot_count", "outage", "reachable", "code", "powered"):
            assert np.array_equal(getattr(along.dishes, name), getattr(anew.dishes, name)), name
        for name in RINGS:
            assert np.array_equal(along.dishes.rings[name], anew.dishes.rings[name]), name
        since = along.dishes.outage_start_s >= then_s - RING
        assert np.array_equal(along.dishes.outage_start_s[since], anew.dishes.outage_start_s[since])
        assert not since.all(), "some are dark since before"
        along.note(tmp_path / "note.npz")
    with dishes_at(served, then_s + 30, tmp_path) as noted:
        dark = noted.dishes.outage != CONNECTED
        along.advance_to(then_s + 30)
        assert np.array_equal(along.dishes.outage_start_s[dark], noted.dishes.outage_start_s[dark])


def test_what_a_dish_is_told_is_written_down_and_holds_when_it_is_made_anew(
    served: LiveFolder, run: Run, tmp_path: Path
) -> None:
    first_s = start_s_of(run.first_slot)
    with dishes_at(served, first_s + 20, tmp_path) as live:
        starts = live.dishes.boot_count.copy()
        live.dishes.command(1, "stow")
        live.dishes.command(2, "reboot")
        live.dishes.command(3, "inhibit_gps", {"inhibit": 1})
        live.dishes.command(4, "power_save", {"start_min": 0, "duration_min": 1440, "enable": 1})
    told = read_spool(tmp_path / "commands.jsonl")
    ids = run.terminals["id"].to_list()
    assert [(one.terminal, one.act, one.at_s) for one in told] == [
        (ids[1], "stow", first_s + 20), (ids[2], "reboot", first_s + 20),
        (ids[3], "inhibit_gps", first_s + 20), (ids[4], "power_save", first_s + 20),
    ]  # fmt: skip
    for now_s in (first_s + 40, first_s + 15 * 75):  # within what is lived through again, and long after
        with dishes_at(served, now_s, tmp_path) as anew:
            d = anew.dishes
            assert d.outage[1] == OUTAGES["STOWED"]
            assert d.outage[4] == OUTAGES["SLEEPING"]
            assert d.boot_count[2] == starts[2] + 1
            assert d.booted_s[2] == first_s + 20
            assert d.counter[2] == now_s - (first_s + 20) - (0 if now_s > first_s + 900 else 20)
            assert d.inhibit_gps[3]


def test_nothing_is_shown_that_the_engine_has_not_decided(
    served: LiveFolder, run: Run, tmp_path: Path
) -> None:
    first_s = start_s_of(run.first_slot)
    with dishes_at(served, first_s, tmp_path) as live:
        live.advance_to(first_s + 15 * (TWENTY_MINUTES + 40))
        assert live.dishes.now_s == first_s + 15 * TWENTY_MINUTES


def test_terminals_are_where_they_are_and_look_where_their_satellite_stands(
    served: LiveFolder, run: Run, tmp_path: Path
) -> None:
    first_s = start_s_of(run.first_slot)
    with dishes_at(served, first_s + 600, tmp_path) as live:
        d, world = live.dishes, live.felt.archive.network.world
        moving = np.flatnonzero(world.terminals.track >= 0)
        assert (d.speed_m_s[moving] > 50).all()
        assert (np.abs(d.longitude_deg[moving] - world.terminals.longitude_deg[moving]) > 0.1).all()
        clear = replies.obstruction_map(d.terminal(0))
        hidden = replies.obstruction_map(d.terminal(31))  # of the woods
        assert 1.0 in clear.snr
        assert 0.0 not in clear.snr
        assert min(value for value in hidden.snr if value >= 0) < 1.0
