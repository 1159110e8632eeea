"""Horizon masks: seconds online agree with an outsider's second by second, and beams are chosen stably."""

import math

import numpy as np
import pytest
from engine_worlds import ALL_SECONDS, made, net_of, ran, satellites_itrs_m
from hypothesis import given
from hypothesis import strategies as st

from openleo.base.clock import slot_start
from openleo.engine.masked import beam_shares, choose_beam
from openleo.snapshot.causes import Cause


def mask_file(folder, elevations_deg):
    """A mask as its file: 72 azimuths."""
    path = folder / "mask.csv"
    lines = [f"{5 * n},{e}" for n, e in enumerate(elevations_deg)]
    path.write_text("azimuth_deg,elevation_deg\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def masked(folder, elevations_deg, count=60, **more):
    group = {"name": "m", "count": count, "country": "UA", "mask": mask_file(folder, elevations_deg)}
    net = net_of(made(6, terminals=[group], network={"active_share": 0.3}, **more))
    return net, ran(net)


def test_a_terminal_walled_in_all_round_is_obstructed_all_the_time(tmp_path):
    net, snapshots = masked(tmp_path, [90.0] * 72)
    for snapshot in snapshots:
        assert snapshot.causes == {Cause.OBSTRUCTED: 60}
        assert snapshot.summary["online"] == 0
        assert (snapshot.cells["cause"] == Cause.ONLINE).all(), "its cell is served all the same"
        assert (snapshot.dark_seconds == 0).all()
        assert (snapshot.dark_cause == Cause.OBSTRUCTED).all()
        assert np.array_equal(np.sort(snapshot.dark), np.arange(len(net.world.terminals)))


def test_an_open_horizon_darkens_nobody(tmp_path):
    _, snapshots = masked(tmp_path, [0.0] * 72)
    for snapshot in snapshots:
        assert snapshot.causes == {}
        assert len(snapshot.dark) == 0


def beam_of(net, snapshot, terminal):
    """The satellite of a terminal: its cell's beams in turn, each as wide as its units."""
    mine = np.flatnonzero(snapshot.beams["cell"] == net.terminal_cell[terminal])
    units = np.array([int(c).bit_count() for c in snapshot.beams["colours"][mine]])
    share = beam_shares(net.world.scenario.seed, np.array([terminal], np.int32))[0]
    return int(snapshot.beams["satellite"][mine][choose_beam(int(share), units)])


def outside_seconds(net, snapshot, terminal, elevations_deg):
    """Bits of the seconds in which the terminal's satellite is above the mask, and of those in doubt."""
    t = net.world.terminals
    lat, lon = math.radians(t.latitude_deg[terminal]), math.radians(t.longitude_deg[terminal])
    e2 = (2.0 - 1.0 / 298.257223563) / 298.257223563
    n = 6_378_137.0 / math.sqrt(1.0 - e2 * math.sin(lat) ** 2)
    point = np.array(
        [n * math.cos(lat) * math.cos(lon), n * math.cos(lat) * math.sin(lon), n * (1 - e2) * math.sin(lat)]
    )
    times = slot_start(snapshot.slot) + np.arange(15) * np.timedelta64(1, "s")
    sight = satellites_itrs_m(net, [beam_of(net, snapshot, terminal)], times)[:, 0] - point
    east = sight @ [-math.sin(lon), math.cos(lon), 0.0]
    north = sight @ [
        -math.sin(lat) * math.cos(lon), -math.sin(lat) * math.sin(lon), math.cos(lat)
    ]  # fmt: skip
    up = sight @ [math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)]
    azimuth = np.degrees(np.arctan2(east, north)) % 360.0
    elevation = np.degrees(np.arctan2(up, np.hypot(east, north)))
    wall = np.interp(azimuth, 5.0 * np.arange(73), [*elevations_deg, elevations_deg[0]])
    bits = sum(1 << s for s in range(15) if elevation[s] >= wall[s])
    doubt = sum(1 << s for s in range(15) if abs(elevation[s] - wall[s]) < 0.1)
    return bits, doubt


def test_a_half_mask_gives_the_seconds_that_an_outsider_computes(tmp_path):
    wall = [70.0] * 37 + [0.0] * 35  # from north over east to south
    net, snapshots = masked(tmp_path, wall)
    partial = whole = 0
    for snapshot in snapshots:
        shown = dict(zip(snapshot.dark.tolist(), snapshot.dark_seconds.tolist(), strict=True))
        for terminal in range(0, 60, 2):
            bits, doubt = outside_seconds(net, snapshot, terminal, wall)
            got = shown.get(terminal, ALL_SECONDS)
            assert (got ^ bits) & ~doubt == 0
            partial += 0 < got < ALL_SECONDS
            whole += got == 0
        assert snapshot.causes.get(Cause.OBSTRUCTED, 0) == sum(s == 0 for s in shown.values())
        assert snapshot.summary["online"] == 60 - snapshot.causes.get(Cause.OBSTRUCTED, 0)
    assert partial > 0
    assert whole > 0


def test_a_masked_terminal_that_may_not_be_served_is_dark_by_policy_alone(tmp_path):
    net, snapshots = masked(
        tmp_path, [90.0] * 72, areas=[{"name": "land", "country": "UA"}], switches=[{"area": "land"}]
    )
    for snapshot in snapshots:
        assert snapshot.causes == {Cause.CELL_IS_DISABLED: 60}
        assert len(snapshot.dark) == len(net.world.terminals)


def test_a_masked_terminal_whose_cell_is_dark_has_its_cells_cause(tmp_path):
    _, snapshots = masked(tmp_path, [90.0] * 72, faults=[{"kind": "core"}])
    for snapshot in snapshots:
        assert snapshot.causes == {Cause.CORE_DOWN: 60}
        assert len(snapshot.dark) == 0


def test_terminals_divide_over_their_cells_beams_as_its_units_do():
    shares = beam_shares(7, np.arange(20_000, dtype=np.int32))
    units = np.array([5, 1, 2])
    chosen = np.bincount([choose_beam(int(s), units) for s in shares], minlength=3)
    assert chosen / len(shares) == pytest.approx(units / units.sum(), abs=0.01)


def test_a_terminal_keeps_its_place_when_slots_and_other_terminals_change():
    few, many = (beam_shares(7, np.arange(n, dtype=np.int32)) for n in (10, 1000))
    assert np.array_equal(few, many[:10])
    assert not np.array_equal(few, beam_shares(8, np.arange(10, dtype=np.int32)))


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 64), min_size=1, max_size=4))
def test_a_terminals_choice_is_always_one_of_its_cells_beams_and_grows_with_its_share(share, units):
    at = choose_beam(share, np.array(units))
    assert 0 <= at < len(units)
    assert choose_beam(0, np.array(units)) == 0
    assert choose_beam(2**32 - 1, np.array(units)) == len(units) - 1
    assert choose_beam(share // 2, np.array(units)) <= at
    below = sum(units[:at])
    assert below <= share * sum(units) // 2**32 < below + units[at]


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 64), min_size=1, max_size=4), st.integers(2, 8))
def test_a_choice_stays_when_all_beams_grow_alike(share, units, times):
    assert choose_beam(share, np.array(units)) == choose_beam(share, np.array(units) * times)
