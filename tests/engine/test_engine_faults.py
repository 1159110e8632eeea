"""A fault acts from the slot at or after its time, is named as the cause, and ends as it began."""

from datetime import timedelta

import numpy as np
import pytest
from engine_worlds import fates, first_slots, instant, made, net_of, ran

from openleo.base.clock import slot_start
from openleo.snapshot.causes import Cause, Reason

SHELLS = ["53.1-547", "53.2-540", "70.0-570", "97.7-560"]
AT = first_slots(8)


def failing(kind, target=None):
    """Return a fault that holds in the third, fourth and fifth slot."""
    block = {"kind": kind, "from": AT[2], "until": AT[5], "name": f"the {kind}"}
    return block | ({} if target is None else {"target": target})


def run_with(*faults, slots=8, **more):
    net = net_of(made(slots, faults=list(faults), **more))
    return net, ran(net)


def causes_by_slot(snapshots):
    return [snapshot.causes for snapshot in snapshots]


BOTH = ["Wola Krobowska", "Kaunas"]
# What fails, the one cause that every terminal is then dark for, and the reason shown with it.
TOTAL = [
    (failing("gateway", BOTH), Cause.NO_GATEWAY, Reason.NONE),
    (failing("shell", SHELLS), Cause.NO_SATS, Reason.OUT_OF_SERVICE),
    (failing("pop", "Warsaw"), Cause.POP_DOWN, Reason.NONE),
    (failing("core"), Cause.CORE_DOWN, Reason.NONE),
]


@pytest.mark.parametrize(("fault", "cause", "reason"), TOTAL, ids=lambda v: getattr(v, "name", None))
def test_what_everybody_hangs_on_darkens_everybody_for_its_slots_and_no_longer(fault, cause, reason):
    net, snapshots = run_with(fault)
    everybody = len(net.world.terminals)
    for n, snapshot in enumerate(snapshots):
        if 2 <= n < 5:
            assert snapshot.causes == {cause: everybody}
            assert (snapshot.cells["cause"] == cause).all()
            assert (snapshot.cells["reason"] == reason).all()
            assert (snapshot.cells["fault"] == 0).all()
            assert snapshot.summary["online"] == 0
        else:
            assert snapshot.causes == {}
            assert (snapshot.cells["fault"] == -1).all()


@pytest.mark.parametrize(("late_s", "slot"), [(-14, 2), (-1, 2), (0, 2), (1, 3), (14, 3), (15, 3)], ids=str)
def test_a_fault_acts_from_the_first_slot_that_starts_at_or_after_its_time(late_s, slot):
    late = timedelta(seconds=late_s)
    _, snapshots = run_with(failing("core") | {"from": AT[2] + late, "until": AT[5] + late})
    dark = [n for n, snapshot in enumerate(snapshots) if snapshot.causes]
    assert dark == [slot, slot + 1, slot + 2]


def test_the_slots_of_a_run_are_those_that_start_in_it():
    net, snapshots = run_with()
    starts = [instant(snapshot.slot) for snapshot in snapshots]
    assert starts == AT
    assert slot_start(net.world.slots[1] + 1) >= np.datetime64(net.world.scenario.end.replace(tzinfo=None))


def test_one_fibre_of_two_cut_sends_everybody_over_the_other_gateway():
    net, snapshots = run_with(failing("fibre", ["Wola Krobowska", "Warsaw"]))
    for n, snapshot in enumerate(snapshots):
        used = {net.world.gateways.name[g] for g in np.unique(snapshot.beams["gateway"])}
        assert used == ({"Kaunas"} if 2 <= n < 5 else {"Kaunas", "Wola Krobowska"})
        assert snapshot.summary["online"] == len(net.world.terminals)


def test_every_fibre_cut_is_no_gateway_with_the_fibre_as_evidence():
    cuts = [failing("fibre", [name, "Warsaw"]) | {"name": name} for name in BOTH]
    net, snapshots = run_with(*cuts)
    for snapshot in snapshots[2:5]:
        assert snapshot.causes == {Cause.NO_GATEWAY: len(net.world.terminals)}
        assert np.isin(snapshot.cells["fault"], [0, 1]).all()


def test_a_terminal_of_another_pop_is_not_touched_by_a_cut_fibre_or_a_pop_that_is_down():
    here = {"terminals": [{"name": "ua", "count": 40, "country": "UA"},
                          {"name": "de", "count": 40, "country": "DE"}],
            "pops": {"include": ["Warsaw", "Frankfurt"], "home": {"UA": "Warsaw", "DE": "Frankfurt"}},
            "gateways": {"include": ["Wola Krobowska", "Kaunas", "Usingen", "Aerzen"]}}  # fmt: skip
    for fault, cause in (
        (failing("pop", "Warsaw"), Cause.POP_DOWN),
        (failing("fibre", ["Wola Krobowska", "Warsaw"]), None),
    ):
        net, snapshots = run_with(fault, **here)
        german = net.world.terminals.group == 1
        for fate in fates(net, snapshots):
            assert (fate.cause[german] == Cause.ONLINE).all()
        for snapshot in snapshots[2:5]:
            assert snapshot.causes == ({} if cause is None else {cause: 40})
            home = net.points.pop[snapshot.beams["cell"]]
            over = snapshot.beams["gateway"]
            if cause is None:
                wola, warsaw = net.world.gateways.index_of(BOTH[0]), net.world.pops.index_of("Warsaw")
                assert not ((over == wola) & (home == warsaw)).any()


def test_a_lost_gateway_never_shows_as_no_satellites():
    lost = failing("gateway", "Wola Krobowska")
    # so few antennas that the other cannot take everybody
    net, snapshots = run_with(
        lost,
        terminals=[{"name": "civil", "count": 400, "country": "UA"}],
        gateways={"include": BOTH, "antennas": 2},
        network={"beams": 8, "dwells": 4},
    )
    _, whole = run_with(
        terminals=[{"name": "civil", "count": 400, "country": "UA"}],
        gateways={"include": BOTH, "antennas": 2},
        network={"beams": 8, "dwells": 4},
    )
    worse = 0
    for snapshot, other in zip(snapshots[2:5], whole[2:5], strict=True):
        assert Cause.NO_SATS not in snapshot.causes
        worse += other.summary["online"] - snapshot.summary["online"]
        blamed = snapshot.cells["fault"] == 0
        assert (snapshot.cells["cause"][blamed] == Cause.NO_GATEWAY).all()
        assert blamed.any()
    assert worse > 0
    assert all((s.cells["fault"] == -1).all() for n, s in enumerate(snapshots) if not 2 <= n < 5)
    assert net.world.faults[0].name == "the gateway"


# So far north of the shell that few satellites rise high enough.
NORTH = {
    "terminals": [{"name": "line", "place": "points", "kind": "flat-high-performance",
                   "points": [[57.0 + 0.2 * k, 23.8] for k in range(40)]}],
    "gateways": {"include": ["Kaunas"], "antennas": 16},
    "constellation": {"use": "kuiper-630"},
    "network": {"gso_exclusion_deg": 1.0},
}  # fmt: skip


def test_the_last_satellite_lost_is_no_satellites_out_of_service_with_the_fault_as_evidence():
    net, (snapshot,) = run_with(slots=1, **NORTH)
    cells = snapshot.cells
    (last,) = np.flatnonzero((cells["seen"] == 1) & (cells["cause"] == Cause.ONLINE))[:1]
    row = int(cells["satellite"][last])
    name = net.world.constellation.sets.name[row]
    _, (without,) = run_with({"kind": "satellite", "target": name}, slots=1, **NORTH)
    assert without.cells["cause"][last] == Cause.NO_SATS
    assert without.cells["reason"][last] == Reason.OUT_OF_SERVICE
    assert without.cells["fault"][last] == 0
    assert row not in without.beams["satellite"]
    saw = cells["seen"] - without.cells["seen"]
    assert set(np.unique(saw)) == {0, 1}
    others = (saw == 0) & (cells["cause"] != Cause.ONLINE)
    assert (without.cells["fault"][others] == -1).all()  # dark before, dark for their own reasons


def test_a_lost_plane_and_a_lost_shell_are_out_of_service_to_those_who_see_no_other():
    for kind, target in (("plane", [f"51.9-630/p{p:02d}" for p in range(34)]), ("shell", "51.9-630")):
        net, snapshots = run_with(
            {"kind": kind, "target": target, "from": AT[1], "until": AT[2]},
            slots=3,
            constellation={"use": "kuiper-630"},
        )
        assert snapshots[1].causes == {Cause.NO_SATS: len(net.world.terminals)}
        assert (snapshots[1].cells["reason"] == Reason.OUT_OF_SERVICE).all()
        assert (snapshots[1].cells["fault"] == 0).all()
        assert (snapshots[1].cells["seen"] == 0).all()


def test_half_a_shell_lost_loses_about_half_its_satellites():
    half = {"kind": "shell", "target": "51.9-630", "share": 0.5}
    whole = ran(net_of(made(2, constellation={"use": "kuiper-630"})))
    left = ran(net_of(made(2, constellation={"use": "kuiper-630"}, faults=[half])))
    seen = [np.mean([s.cells["seen"].mean() for s in run]) for run in (whole, left)]
    assert 0.3 < seen[1] / seen[0] < 0.7


# --- mains power ---

AREA = [{"name": "land", "country": "UA"}]


def power(**more):
    return {"kind": "power", "area": "land", "name": "mains", "from": AT[2], "until": AT[5], **more}


def test_without_mains_a_terminal_is_off_then_boots_for_two_minutes_then_is_online():
    net, snapshots = run_with(power(), slots=15, areas=AREA)
    everybody = len(net.world.terminals)
    want = [None] * 2 + [Cause.POWER_OFF] * 3 + [Cause.BOOTING] * 8 + [None] * 2
    assert causes_by_slot(snapshots) == [{} if c is None else {c: everybody} for c in want]
    for fate, cause in zip(fates(net, snapshots), want, strict=True):
        assert (fate.fault == (-1 if cause is None else 0)).all()
    for snapshot, cause in zip(snapshots, want, strict=True):
        assert (snapshot.cells["cause"] == (Cause.ONLINE if cause is None else Cause.IDLE)).all()


def test_a_battery_rides_through_and_a_small_one_gives_out_on_the_slot():
    net, snapshots = run_with(
        power(),
        slots=15,
        areas=AREA,
        terminals=[
            {"name": "none", "count": 10, "country": "UA"},
            {"name": "two", "count": 20, "country": "UA", "backup_hours": 29.0 / 3600.0},
            {"name": "three", "count": 30, "country": "UA", "backup_hours": 44.0 / 3600.0},
        ],
    )
    want = [{}] * 2 + [{Cause.POWER_OFF: 10}] * 2 + [{Cause.POWER_OFF: 30}] + [{Cause.BOOTING: 30}] * 8
    assert causes_by_slot(snapshots)[:13] == want
    for fate in fates(net, snapshots):
        assert (fate.cause[30:] == 0).all()


def test_a_share_of_an_area_loses_mains_and_the_others_do_not():
    net, snapshots = run_with(
        power(share=0.5), areas=AREA, terminals=[{"name": "civil", "count": 400, "country": "UA"}]
    )
    off = snapshots[3].causes[Cause.POWER_OFF]
    assert 140 < off < 260
    fate = fates(net, snapshots)[3]
    assert (fate.cause == Cause.POWER_OFF).sum() == off == (fate.fault == 0).sum()
    assert snapshots[3].summary["online"] == 400 - off


def test_a_second_cut_while_booting_is_power_off_again_and_names_itself():
    again = power(name="again", **{"from": AT[6], "until": AT[7]})
    net, snapshots = run_with(power(), again, slots=17, areas=AREA)
    got = [set(c) for c in causes_by_slot(snapshots)]
    want = [set()] * 2 + [{Cause.POWER_OFF}] * 3 + [{Cause.BOOTING}] + [{Cause.POWER_OFF}]
    assert got == want + [{Cause.BOOTING}] * 8 + [set()] * 2
    seen = [set(fate.fault.tolist()) for fate in fates(net, snapshots)]
    assert seen[3] == {0}
    assert seen[6] == {1}


def test_vehicles_have_power_of_their_own():
    mover = {"name": "car", "place": "roam", "count": 10, "kind": "in-motion", "inside": ["land"]}
    net, snapshots = run_with(power(), areas=AREA, terminals=[mover])
    assert all(s.causes.get(Cause.POWER_OFF, 0) == 0 for s in snapshots)
    assert (net.world.terminals.track >= 0).all()


def test_two_faults_that_only_together_darken_a_cell_are_blamed_by_the_first():
    one, other = (failing("gateway", name) | {"name": name} for name in BOTH)
    net, snapshots = run_with(one, other)
    for snapshot in snapshots[2:5]:
        assert snapshot.causes == {Cause.NO_GATEWAY: len(net.world.terminals)}
        assert (snapshot.cells["fault"] >= 0).all()
        assert 0 in snapshot.cells["fault"]
