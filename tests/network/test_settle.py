"""What a schedule amounts to: ways down, delays, and rates that no feeder link exceeds."""

import numpy as np
import pytest
from schedule_worlds import Small, World, scheduled, small_world

from openleo.base.constants import LIGHT_M_S
from openleo.network import settle as settle_module
from openleo.network.board import MAX_SATELLITES_PER_CELL, Board
from openleo.network.settle import CHANNEL_HZ, Beams, Ways, settle


def nothing(cells: int) -> Beams:
    shape = cells, MAX_SATELLITES_PER_CELL
    return Beams(
        np.full(shape, -1, np.int16), np.full(shape, -1, np.int32),
        *(np.full(shape, np.nan, np.float32) for _ in range(4)),
    )  # fmt: skip


def made_ways(world: World, board: Board, seed: int) -> Ways:
    """Odd satellites pass traffic on to the even one before them; the rest hold an antenna of their own."""
    rng = np.random.default_rng(seed)
    satellites, gateways, pops = len(board.load), len(board.free_antennas), 2
    by_laser = (np.arange(satellites) % 2 == 1) & (board.gateway < 0)
    gateway = np.where(board.gateway >= 0, board.gateway, 0).astype(np.int16)
    next_hop = np.where(by_laser, np.arange(satellites) - 1, -1).astype(np.int32)
    return Ways(
        feeder_s=rng.uniform(2e-3, 7e-3, (gateways, satellites)).astype(np.float32),
        fibre_s=rng.uniform(0.0, 20e-3, (gateways, pops)),
        gateway=gateway,
        by_laser=by_laser,
        next_hop=np.tile(next_hop, (pops, 1)),
        dist_s=rng.uniform(30e-3, 60e-3, (pops, satellites)),
    )


def settle_reference(world: World, ways: Ways, board: Board, feeder_cap_bps: float) -> dict:
    """Return (landing, gateway, user_s, feeder_s, fibre_s, rate_bps) by (cell, satellite), in plain loops."""
    rows, carried = {}, {}
    for c in range(len(board.first)):
        pop = int(world.points.pop[c])
        for b in range(MAX_SATELLITES_PER_CELL):
            units = int(board.colours[c, b]).bit_count()
            if not units:
                continue
            s = landing = int(board.satellite[c, b])
            if ways.by_laser[s]:
                while ways.next_hop[pop, landing] >= 0:
                    landing = int(ways.next_hop[pop, landing])
            gateway = int(ways.gateway[landing])
            sight = 0.5 * (world.sky.start_m[s] + world.sky.end_m[s]) - world.points.point_m[c]
            range_m = np.linalg.norm(sight)
            elevation_deg = np.degrees(np.arcsin(sight @ world.points.up[c] / range_m))
            efficiency = 2.5 if elevation_deg < 35.0 else 3.2 if elevation_deg < 50.0 else 4.0
            rate = units * 240e6 * efficiency / world.limits.dwells
            fibre = ways.fibre_s[gateway, pop]
            feeder = ways.dist_s[pop, s] - fibre if ways.by_laser[s] else ways.feeder_s[gateway, s]
            rows[c, s] = [landing, gateway, range_m / LIGHT_M_S, feeder, fibre, rate]
            carried[landing] = carried.get(landing, 0.0) + rate
    for row in rows.values():
        row[5] *= min(1.0, feeder_cap_bps / carried[row[0]])
    return rows


@pytest.mark.parametrize("feeder_cap_bps", [1e9, 20e9])
@pytest.mark.parametrize("seed", range(6))
def test_beams_agree_with_plain_loops(seed, feeder_cap_bps):
    world = small_world(seed, Small(cells=40, satellites=8, lasers=0.5, beams=6, antennas=2))
    board = scheduled(world)
    ways, out = made_ways(world, board, seed), nothing(40)
    settle(world.points, world.sky, ways, board, world.limits.dwells, feeder_cap_bps, out)
    want = settle_reference(world, ways, board, feeder_cap_bps)
    cell, beam = np.nonzero(out.rate_bps > 0.0)
    got = list(zip(cell.tolist(), board.satellite[cell, beam].tolist(), strict=True))
    assert sorted(got) == sorted(want)
    columns = (out.landing, out.gateway, out.user_s, out.feeder_s, out.fibre_s, out.rate_bps)
    for row, c, b in zip(got, cell, beam, strict=True):
        assert [column[c, b] for column in columns] == pytest.approx(want[row], rel=1e-5)


def test_no_feeder_link_carries_more_than_its_cap_and_below_it_nothing_is_lost():
    world = small_world(1, Small(cells=60, rings=6, satellites=6, lasers=1.0, beams=16, dwells=4, channels=4))
    board = scheduled(world)
    ways, free, capped = made_ways(world, board, 1), nothing(60), nothing(60)
    settle(world.points, world.sky, ways, board, 4, np.inf, free)
    cap = 0.5 * np.bincount(free.landing[free.landing >= 0], free.rate_bps[free.landing >= 0]).max()
    settle(world.points, world.sky, ways, board, 4, cap, capped)
    lit = free.rate_bps > 0.0
    for s in np.unique(free.landing[lit]):
        of = lit & (free.landing == s)
        assert capped.rate_bps[of].sum() == pytest.approx(min(free.rate_bps[of].sum(), cap), rel=1e-5)
        share = capped.rate_bps[of] / free.rate_bps[of]  # in proportion
        assert share == pytest.approx(share[0], rel=1e-5)


def test_a_unit_near_the_zenith_carries_four_bits_for_each_hertz():
    rate = settle_module.unit_rate_bps.py_func
    assert rate(1.0, 1) == 4.0 * CHANNEL_HZ
    assert rate(1.0, 8) == 0.5 * CHANNEL_HZ
    assert rate(np.sin(np.radians(49.9)), 1) < rate(np.sin(np.radians(50.1)), 1)
    assert rate(np.sin(np.radians(34.9)), 1) < rate(np.sin(np.radians(35.1)), 1)
