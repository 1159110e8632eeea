"""Beams, time, antennas, channels and feeder links are never shared out beyond what there is.

Read from the Snapshot's beams alone: bit dwell x channels + channel of a beam's colours is one unit.
"""

import math

import numpy as np
import pytest
from engine_worlds import (
    cell_degrees,
    geodetic_itrs_m,
    made,
    net_of,
    ran,
    satellites_itrs_m,
    three_times,
    zenith,
)

from openleo.scenario import load_scenario

# A dense country, so that cells want more units than there are; nobody in the background, whose beams a
# Snapshot does not show.
DENSE = {
    "terminals": [{"name": "civil", "count": 6000, "country": "UA"}],
    "network": {"active_share": 0.2, "preference": "longest-visibility"},
}
SCARCE = {
    "terminals": [{"name": "civil", "count": 500, "country": "UA"}],
    "network": {
        "beams": 2, "dwells": 3, "channels": 2, "active_share": 0.5, "preference": "longest-visibility",
    },
    "gateways": {"include": ["Wola Krobowska", "Kaunas"], "antennas": 3},
}  # fmt: skip
LASERS = {
    "constellation": {"use": "kuiper-630", "isl": "grid"},
    "gateways": {"include": ["Wola Krobowska", "Usingen"], "antennas": 2},
    "terminals": [{"name": "civil", "count": 1500, "countries": ["UA", "RO"]}],
    "network": {"active_share": 0.5, "preference": "longest-visibility"},
}
MIXED = {
    "constellation": {"use": "starlink-2026", "isl": "grid"},
    "terminals": [{"name": "civil", "count": 2000, "country": "UA"}],
    "network": {"active_share": 0.5, "preference": "longest-visibility"},
}
WORLDS = {"dense": DENSE, "scarce": SCARCE, "lasers": LASERS, "mixed": MIXED}


@pytest.fixture(scope="module", params=WORLDS)
def world(request):
    net = net_of(made(3, **WORLDS[request.param]))
    return net, ran(net)


def lit(beams, colours):
    """Whether each beam row has each unit (N, colours)."""
    return (beams["colours"][:, None] >> np.arange(colours, dtype=np.uint64) & np.uint64(1)).astype(bool)


def test_no_satellite_lights_more_beams_in_a_dwell_than_it_has(world):
    net, snapshots = world
    limits = net.world.network
    for snapshot in snapshots:
        units = lit(snapshot.beams, limits.dwells * limits.channels)
        assert units.sum() == sum(int(c).bit_count() for c in snapshot.beams["colours"])  # and no other bit
        by_dwell = units.reshape(-1, limits.dwells, limits.channels).sum(axis=2)
        used = np.zeros((len(net.world.constellation), limits.dwells), int)
        np.add.at(used, snapshot.beams["satellite"], by_dwell)
        assert used.max() <= limits.beams
        assert used.sum() == snapshot.summary["units"]


def test_no_cell_has_one_unit_from_two_satellites_or_more_than_four_satellites(world):
    net, snapshots = world
    limits = net.world.network
    for snapshot in snapshots:
        units = np.zeros((net.cell_count, limits.dwells * limits.channels), int)
        np.add.at(units, snapshot.beams["cell"], lit(snapshot.beams, units.shape[1]))
        assert units.max() == 1
        assert np.array_equal(units[net.tracked].sum(axis=1), snapshot.cells["units"])
        satellites = np.bincount(snapshot.beams["cell"], minlength=net.cell_count)[net.tracked]
        assert np.array_equal(satellites, snapshot.cells["satellites"])
        assert satellites.max() <= 4
        assert ((satellites > 0) == np.isin(snapshot.cells["cause"], [0])).all()


def test_no_gateway_follows_more_satellites_than_it_has_antennas(world):
    net, snapshots = world
    for snapshot in snapshots:
        beams = snapshot.beams
        if net.links is None:
            pairs = np.unique(np.stack([beams["satellite"], beams["gateway"]]), axis=1)
            assert len(np.unique(pairs[0])) == pairs.shape[1], "one antenna follows each satellite"
            following = np.bincount(pairs[1], minlength=len(net.world.gateways))
            assert (following <= net.world.gateways.antennas).all()
            assert snapshot.summary["antennas"] == snapshot.summary["satellites"] == pairs.shape[1]
        assert snapshot.summary["antennas"] <= net.world.gateways.antennas.sum()


def test_no_satellite_that_comes_down_itself_brings_more_than_its_feeder_carries(world):
    net, snapshots = world
    for snapshot in snapshots if net.links is None else ():  # over lasers others land its traffic
        carried = np.zeros(len(net.world.constellation))
        np.add.at(carried, snapshot.beams["satellite"], snapshot.beams["rate_kbps"])
        assert carried.max() <= net.world.network.feeder_gbps * 1e6 * 1.001


def test_a_feeder_that_is_too_small_is_shared_in_proportion():
    net = net_of(made(1, **DENSE, constellation={"use": "starlink-2022-10"}))
    wide = ran(net)[0].beams
    narrow_net = net_of(
        made(1, terminals=DENSE["terminals"], network={**DENSE["network"], "feeder_gbps": 1.0})
    )
    narrow = ran(narrow_net)[0].beams
    assert np.array_equal(wide["colours"], narrow["colours"])
    for satellite in np.unique(wide["satellite"]):
        mine = wide["satellite"] == satellite
        share = min(1.0, 1e6 / wide["rate_kbps"][mine].sum())
        assert narrow["rate_kbps"][mine] == pytest.approx(wide["rate_kbps"][mine] * share, rel=1e-3, abs=2.0)


def ellipses(net, snapshot):
    """Each beam's place (N, 3), east and north (N, 3), and axes with the long one's direction (N, 4)."""
    beams = snapshot.beams
    rows, at = np.unique(beams["satellite"], return_inverse=True)
    latitude, longitude = cell_degrees(net, beams["cell"])
    place, up = geodetic_itrs_m(latitude, longitude), zenith(latitude, longitude)
    lon = np.radians(longitude)
    east = np.stack([-np.sin(lon), np.cos(lon), 0.0 * lon], axis=-1)
    north = np.cross(up, east)
    sight = satellites_itrs_m(net, rows, three_times(snapshot.slot)[1:2])[0][at] - place
    range_m = np.linalg.norm(sight, axis=1)
    e, n = (sight * east).sum(axis=1), (sight * north).sum(axis=1)
    minor_m = range_m * math.tan(math.radians(net.world.network.beam_half_width_deg))
    major_m = minor_m * range_m / (sight * up).sum(axis=1)
    flat = np.hypot(e, n)
    return place, east, north, np.stack([major_m, minor_m, e / flat, n / flat], axis=-1)


def apart(first, second, east_m, north_m):
    """Whether some direction of 720 separates two ellipses."""
    angle = np.linspace(0.0, 2.0 * np.pi, 720, endpoint=False)
    x, y = np.cos(angle), np.sin(angle)

    def reach(ellipse):
        major, minor, e, n = ellipse
        return np.hypot(major * (e * x + n * y), minor * (e * y - n * x))

    return (east_m * x + north_m * y - reach(first) - reach(second)).max() > 0.0


def test_beams_on_one_channel_in_one_dwell_do_not_overlap_on_the_ground(world):
    net, snapshots = world
    limits = net.world.network
    asked = 0
    for snapshot in snapshots:
        place, east, north, shape = ellipses(net, snapshot)
        for unit in lit(snapshot.beams, limits.dwells * limits.channels).T:
            on = np.flatnonzero(unit)
            offset = place[on][None, :] - place[on][:, None]
            near = np.linalg.norm(offset, axis=2) < shape[on, 0][:, None] + shape[on, 0][None, :]
            for i, j in zip(*np.nonzero(np.triu(near, 1)), strict=True):
                a, b = on[i], on[j]
                asked += 1
                assert apart(shape[a], shape[b], offset[i, j] @ east[a], offset[i, j] @ north[a])
    assert asked > 0 or limits.beams < 16, "with many beams the test has something to ask"


def test_without_nco_neighbours_may_share_a_channel():
    crowded = {**SCARCE, "network": {**SCARCE["network"], "nco": False, "beams": 16}}
    net = net_of(made(1, **crowded))
    (snapshot,) = ran(net)
    place, _, _, shape = ellipses(net, snapshot)
    overlaps = 0
    for unit in lit(snapshot.beams, 6).T:
        on = np.flatnonzero(unit)
        apart_m = np.linalg.norm(place[on][None, :] - place[on][:, None], axis=2)
        overlaps += np.triu(apart_m < shape[on, 1][:, None] + shape[on, 1][None, :], 1).sum()
    assert overlaps > 0


def test_a_busier_cell_has_no_fewer_units_than_a_quiet_one_with_the_same_candidates():
    quiet, busy = [48.5, 24.0], [49.4, 25.6]
    groups = [
        {"name": "quiet", "place": "points", "points": [quiet], "count": 50},
        {"name": "busy", "place": "points", "points": [busy], "count": 500},
    ]
    net = net_of(made(4, terminals=groups, network={"active_share": 0.2}))
    asking = [s.cells["asking"] for s in ran(net)]
    units = [s.cells["units"].astype(int) for s in ran(net)]
    for a, u in zip(asking, units, strict=True):
        assert u[np.argmax(a)] > u[np.argmin(a)]


@pytest.mark.slow
def test_an_hour_of_the_reconstruction_breaks_no_limit():
    scenario = load_scenario("ukraine-2022").with_changes(without=["european-demand"])
    net = net_of(scenario.with_changes(end=scenario.start.replace(hour=1)))
    snapshots = ran(net, workers=2)
    world = net, snapshots
    test_no_satellite_lights_more_beams_in_a_dwell_than_it_has(world)
    test_no_cell_has_one_unit_from_two_satellites_or_more_than_four_satellites(world)
    test_no_gateway_follows_more_satellites_than_it_has_antennas(world)
    test_beams_on_one_channel_in_one_dwell_do_not_overlap_on_the_ground((net, snapshots[::12]))
