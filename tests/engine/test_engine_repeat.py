"""One result: whatever the workers, wherever a run is cut, whenever it is run again."""

import io
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import timedelta
from functools import lru_cache

import numpy as np
import pytest
from engine_worlds import differences, flat, made, net_of, ran, same_state

from openleo.engine import State, first_state, inspect, prepare, replay, run_slots, static_tables
from openleo.scenario import load_scenario
from openleo.scenario.world import compile_world

SLOTS = 20
# Something of everything, so that each part of the state matters.
EVERYTHING = {
    "areas": [{"name": "land", "country": "UA"},
              {"name": "west", "circle": {"latitude_deg": 49.8, "longitude_deg": 24.0, "radius_km": 150}}],
    "accounts": [{"name": "default"}],
    "terminals": [
        {"name": "civil", "count": 250, "country": "UA", "obstructed_share": 0.3},
        {"name": "cars", "place": "roam", "count": 25, "kind": "in-motion", "inside": ["land"],
         "speed_kmh": 300.0},
    ],
    "background": [{"name": "others", "countries": ["PL"], "terminals": 200, "cells": 60}],
    "gateways": {"include": ["Wola Krobowska", "Kaunas", "Usingen"], "antennas": 3},
    "network": {"beams": 3, "dwells": 4, "channels": 4, "active_share": 0.1},
}  # fmt: skip


def everything(seed=7, **more):
    scenario = made(SLOTS, **EVERYTHING, **more)
    at = [scenario.start + timedelta(seconds=15 * n) for n in range(SLOTS)]
    return scenario.with_changes(
        seed=seed,
        changes={
            "switches": [{"area": "west", "from": at[5], "until": at[9]}],
            "faults": [
                {"kind": "gateway", "target": "Kaunas", "from": at[4], "until": at[11]},
                {"kind": "power", "area": "land", "share": 0.3, "from": at[3], "until": at[8]},
            ],
        },
    )


LASERS = {
    "constellation": {"use": "kuiper-630", "isl": "grid"},
    "terminals": [{"name": "civil", "count": 60, "countries": ["UA", "EG"]}],
}


@lru_cache(maxsize=1)
def world():
    net = net_of(everything())
    return net, tuple(run_slots(net, first_state(net), *net.world.slots, workers=1))


def check(steps, wanted):
    assert len(steps) == len(wanted)
    for (state, snapshot), (wanted_state, wanted_snapshot) in zip(steps, wanted, strict=True):
        assert differences(snapshot, wanted_snapshot) == []
        assert same_state(state, wanted_state)


def test_the_world_of_these_tests_has_something_of_everything():
    net, steps = world()
    seen = {cause for _, snapshot in steps for cause in snapshot.causes}
    assert len(seen) >= 5
    assert sum(len(snapshot.moved) for _, snapshot in steps[1:]) > 0
    assert sum(snapshot.summary["handovers"] for _, snapshot in steps) > 0
    assert net.background.sum() == 200


@pytest.mark.parametrize("workers", [1, 2, 4, 7])
def test_the_number_of_threads_changes_nothing(workers):
    net, wanted = world()
    check(list(run_slots(net, first_state(net), *net.world.slots, workers=workers)), wanted)


def test_threads_of_ones_own_change_nothing():
    net, wanted = world()
    with ThreadPoolExecutor(3) as pool:
        check(list(run_slots(net, first_state(net), *net.world.slots, executor=pool)), wanted)
        assert pool.submit(int, "7").result() == 7, "the executor is the caller's to close"


def test_other_processes_change_nothing():
    net, wanted = world()
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        check(list(run_slots(net, first_state(net), *net.world.slots, executor=pool)), wanted)


@pytest.mark.parametrize("cuts", [[1], [10], [19], [4, 5, 11], list(range(1, SLOTS))], ids=str)
def test_a_run_may_be_cut_anywhere_and_go_on_from_the_saved_state(cuts):
    net, wanted = world()
    first, last = net.world.slots
    got, saved = [], first_state(net).to_bytes()
    for begin, end in zip([0, *cuts], [*cuts, last - first + 1], strict=True):
        state = State.from_bytes(saved)
        got += list(run_slots(net, state, first + begin, first + end - 1, workers=2))
        saved = got[-1][0].to_bytes()
    check(got, wanted)


def test_a_world_compiled_and_laid_out_again_gives_the_same():
    _, wanted = world()
    again = prepare(compile_world(everything()))
    check(list(run_slots(again, first_state(again), *again.world.slots, workers=2)), wanted)


def test_lasers_give_the_same_with_any_workers_and_from_any_cut():
    net = net_of(made(10, **LASERS))
    wanted = list(run_slots(net, first_state(net), *net.world.slots, workers=1))
    check(list(run_slots(net, first_state(net), *net.world.slots, workers=3)), wanted)
    state = State.from_bytes(wanted[4][0].to_bytes())
    first, last = net.world.slots
    check(list(run_slots(net, state, first + 5, last, workers=1)), wanted[5:])


def test_another_seed_gives_another_run():
    _, wanted = world()
    other = net_of(everything(seed=8))
    assert differences(ran(other)[0], wanted[0][1]) != []
    same_places = made(2, terminals=[{"place": "cities", "country": "UA", "count": 60}])
    one, two = (ran(net_of(same_places.with_changes(seed=seed))) for seed in (1, 2))
    assert any((a.cells["satellite"] != b.cells["satellite"]).any() for a, b in zip(one, two, strict=True))


def test_results_of_cells_alone_are_those_of_the_whole():
    _, wanted = world()
    net = net_of(everything(detail="cells"))
    for snapshot, (_, whole) in zip(ran(net), wanted, strict=True):
        assert snapshot.beams == {}
        assert snapshot.summary == whole.summary
        assert snapshot.causes == whole.causes
        for name, values in whole.cells.items():
            assert np.array_equal(snapshot.cells[name], values)


def test_a_replay_from_a_saved_state_returns_the_slot_and_the_states_about_it():
    net, wanted = world()
    first = net.world.slots[0]
    before, after, snapshot = replay(net, wanted[6][0], first + 7, first + 12)
    assert differences(snapshot, wanted[12][1]) == []
    assert same_state(before, wanted[11][0])
    assert same_state(after, wanted[12][0])
    with pytest.raises(ValueError, match="before"):
        replay(net, wanted[6][0], first + 7, first + 6)


def test_an_inspection_agrees_with_the_snapshot_that_it_explains():
    net, wanted = world()
    first = net.world.slots[0]
    for n in (0, 7, 15):
        before = first_state(net) if n == 0 else wanted[n - 1][0]
        snapshot = wanted[n][1]
        for k in range(0, len(net.tracked), 25):
            seen = inspect(net, before, first + n, int(net.tracked[k]))
            cells, mine = snapshot.cells, snapshot.beams["cell"] == net.tracked[k]
            counts = (seen.in_service_above_elevation, seen.outside_gso, seen.in_view, seen.with_route)
            assert counts == tuple(
                int(cells[name][k]) for name in ("seen", "outside_gso", "in_view", "with_route")
            )
            units = {look.satellite: look.units for look in seen.looks if look.units}
            shown = zip(snapshot.beams["satellite"][mine], snapshot.beams["colours"][mine], strict=True)
            assert units == {int(s): int(c).bit_count() for s, c in shown}
            verdicts = [look.verdict for look in seen.looks]
            assert verdicts.count("serves the cell") == cells["satellites"][k]


def test_the_steps_do_not_change_what_they_were_given():
    net, wanted = world()
    state = wanted[3][0]
    kept = state.to_bytes()
    first = net.world.slots[0]
    a = flat(next(iter(run_slots(net, state, first + 4, first + 4, workers=1)))[1])
    assert state.to_bytes() == kept
    b = flat(next(iter(run_slots(net, state, first + 4, first + 4, workers=1)))[1])
    assert all(np.array_equal(a[name], b[name]) for name in a)


def test_a_run_may_be_left_before_its_end():
    net, wanted = world()
    steps = run_slots(net, first_state(net), *net.world.slots, workers=2)
    check([next(steps), next(steps)], wanted[:2])
    steps.close()


# --- the state's bytes ---


def test_a_state_survives_its_bytes():
    _, wanted = world()
    for state, _ in wanted:
        content = state.to_bytes()
        assert same_state(State.from_bytes(content), state)
        assert State.from_bytes(content).to_bytes() == content


def arrays(*values):
    out = io.BytesIO()
    for value in values:
        np.save(out, value)
    return out.getvalue()


CELLS, GATEWAYS = np.zeros(3, np.int32), np.zeros(5, np.int16)
GARBAGE = {
    "nothing": b"",
    "noise": bytes(range(256)) * 8,
    "text": b"state",
    "a zip": b"PK\x03\x04" + bytes(100),
    "a pickle": b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00K\x07.",
    "one array": arrays(CELLS),
    "wrong types": arrays(CELLS.astype(np.int64), CELLS, GATEWAYS),
    "floats": arrays(CELLS.astype(np.float32), CELLS, GATEWAYS),
    "another shape": arrays(CELLS.reshape(1, 3), CELLS, GATEWAYS),
    "unequal lengths": arrays(CELLS, CELLS[:2], GATEWAYS),
    "cut short": arrays(CELLS, CELLS, GATEWAYS)[:-1],
    "too long": arrays(CELLS, CELLS, GATEWAYS) + b"x",
    "objects": arrays(CELLS, CELLS) + b"\x93NUMPY\x01\x00\x16\x00{'descr': '|O', 'fort",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_bytes_that_are_no_state_are_refused(name):
    with pytest.raises(ValueError, match="no saved state"):
        State.from_bytes(GARBAGE[name])


def test_the_tables_that_do_not_change_are_the_same_again():
    net, _ = world()
    one, two = static_tables(net), static_tables(net_of(everything()))
    for table, columns in one.items():
        for name, values in columns.items():
            assert np.array_equal(np.asarray(values), np.asarray(two[table][name]))


@pytest.mark.slow
def test_two_hours_of_the_reconstruction_are_the_same_with_any_workers_and_cut():
    scenario = load_scenario("ukraine-2022")
    scenario = scenario.with_changes(end=scenario.start + timedelta(hours=2))
    net = net_of(scenario)
    first, last = net.world.slots
    kept = {}
    for after, snapshot in run_slots(net, first_state(net), first, last, workers=1):
        kept[snapshot.slot] = (after, snapshot.summary, snapshot.causes)
    for begin in (first, first + 100, first + 333):
        state = first_state(net) if begin == first else State.from_bytes(kept[begin - 1][0].to_bytes())
        for after, snapshot in run_slots(net, state, begin, last, workers=4):
            wanted, summary, causes = kept[snapshot.slot]
            assert same_state(after, wanted)
            assert (snapshot.summary, snapshot.causes) == (summary, causes)
