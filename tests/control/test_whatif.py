"""What a switch would do is told before it is decided, by the rules that the engine asks."""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import h3.api.basic_int as h3
import numpy as np
import pytest
from control_world import open_world
from deciding import KHERSON, add_account, add_terminal, asked, define, emergency, proposed, switched
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openleo.base.clock import first_slot_from, to_datetime64
from openleo.control import custody
from openleo.control.authorize import Forbidden
from openleo.control.inventory import Selection
from openleo.control.network import NetworkKind
from openleo.control.onboarding import Source, onboard
from openleo.control.reading import list_entries
from openleo.control.replay import decisions_of
from openleo.control.whatif import affected, affected_by
from openleo.ground.cells import cell_of, cell_outline_deg, cells_around, cells_in_circle
from openleo.ground.land import land_table
from openleo.policy import DisablementCode, Subjects, timeline
from openleo.scenario.decisions import Terminals, decided_rules

CENTRE = int(cells_in_circle(46.6, 32.6, 1e3)[0])
RING = np.setdiff1d(cells_around(KHERSON), KHERSON)
FAR = int(np.setdiff1d(cells_around(KHERSON, 4), cells_around(KHERSON, 3))[0])


@pytest.fixture
def served(network: Any) -> Any:
    """Kherson, on, in Ukraine, on; terminals inside, at the border and beyond."""
    define(network, "ukraine", cells_around(KHERSON, 5))
    define(network, "kherson", parent="ukraine")
    for account in ("ngo", "press"):
        add_account(network, account)
    add_terminal(network, "in-1", CENTRE)
    add_terminal(network, "in-2", int(KHERSON[0]), "press")
    add_terminal(network, "hospital", CENTRE, life_critical=True, name="City hospital")
    add_terminal(network, "border", int(RING[0]))
    add_terminal(network, "far", FAR)
    switched(network, "ukraine", "on")
    return network


def look(world: Any, area: str, switch: str, **more: Any) -> Any:
    return world.read("amina", lambda tx: affected_by(tx, area, switch, **more))


def test_an_off_cuts_those_inside_and_spares_the_life_critical(served: Any) -> None:
    seen = look(served, "kherson", "off")
    assert (seen.cells, seen.cells_changed) == (len(KHERSON), len(KHERSON))
    assert (seen.terminals_changed, seen.cut, seen.restored) == (2, 2, 0)
    assert seen.by_account == {"ngo": 1, "press": 1}
    assert seen.codes == {"OKAY -> CELL_IS_DISABLED": 2}
    assert (seen.neighbours_changed, seen.neighbours_spared) == (0, 1)
    assert [(one.id, one.name, one.spared) for one in seen.life_critical] == [
        ("hospital", "City hospital", True)
    ]


def test_a_life_critical_terminal_is_cut_only_by_name(served: Any) -> None:
    seen = look(served, "kherson", "off", include=["hospital"])
    assert seen.cut == 3
    assert [(one.spared, one.after) for one in seen.life_critical] == [(False, "CELL_IS_DISABLED")]


def test_the_preview_is_what_then_happens(served: Any) -> None:
    request = asked(served, "kherson", "off")
    proposed(served, request.id, include=["hospital"])
    seen = served.read("amina", lambda tx: affected(tx, tx_request(tx, request.id)))
    assert seen.cut == 3, "the proposal's own names count"
    switched(served, "kherson", "off", include=["hospital"])
    back = look(served, "kherson", "on")
    assert (back.cut, back.restored) == (0, 3)
    assert look(served, "kherson", "off", include=["hospital"]).terminals_changed == 0


def tx_request(tx: Any, request_id: str) -> Any:
    from openleo.control.switching import find_request

    return find_request(tx, request_id)


def test_areas_that_inherit_or_overlap_are_named(served: Any) -> None:
    define(served, "city", cells_in_circle(46.6, 32.6, 12e3), parent="kherson")
    define(served, "coast", np.union1d(KHERSON[:3], RING[:2]))
    seen = look(served, "kherson", "off")
    found = {one.id: (one.relation, one.shared, one.changed) for one in seen.areas}
    city = len(cells_in_circle(46.6, 32.6, 12e3))
    assert found["city"] == ("inside", city, city)
    assert found["ukraine"] == ("around", len(KHERSON), len(KHERSON))
    assert found["coast"] == ("overlaps", 3, 3)


def test_children_that_reach_beyond_the_area_are_neighbours_that_change(served: Any) -> None:
    define(served, "beyond", RING, parent="kherson")
    seen = look(served, "kherson", "off")
    assert seen.neighbours_changed == 1
    assert seen.neighbours_spared == 0
    assert seen.cells_changed == len(KHERSON) + len(RING)


def test_accounts_that_are_excepted_are_counted_and_not_cut(served: Any) -> None:
    seen = look(served, "kherson", "off", changes={"except_accounts": ["press"]})
    assert seen.by_account == {"ngo": 1}
    assert seen.excepted == {"press": 1}


def test_a_new_definition_says_which_cells_join_and_leave(served: Any) -> None:
    switched(served, "kherson", "off")
    wider = np.union1d(KHERSON[1:], RING)
    seen = look(served, "kherson", "as-is", changes={"cells": wider})
    assert (seen.cells_added, seen.cells_removed) == (len(RING), 1)
    assert seen.codes == {"CELL_IS_DISABLED -> OKAY": 1, "OKAY -> CELL_IS_DISABLED": 1}


def test_of_an_emergency_it_tells_what_confirming_keeps_off(served: Any) -> None:
    switched(served, "kherson", "on")
    opened, _ = emergency(served, "kherson")
    served.clock.turn(minutes=1)
    seen = served.read("jonas", lambda tx: affected(tx, opened))
    assert (seen.cut, seen.switch) == (2, "off")


def test_it_is_for_readers_of_requests_and_leaves_no_trace(served: Any) -> None:
    served.add_person("vera", "viewer")
    request = asked(served, "kherson", "off")
    before = served.read("amina", list_entries)
    served.read("amina", lambda tx: affected(tx, request))
    assert served.read("amina", list_entries) == before
    with pytest.raises(Forbidden):
        served.read("vera", lambda tx: affected(tx, request))


def test_an_empty_network_has_a_preview(network: Any) -> None:
    define(network, "kherson")
    seen = look(network, "kherson", "on")
    assert (seen.cells_changed, seen.terminals_changed) == (len(KHERSON), 0)


def test_in_a_simulated_network_it_is_told_for_the_time_that_was_asked_for(simulated: Any) -> None:
    define(simulated, "kherson")
    add_account(simulated, "ngo")
    add_terminal(simulated, "in-1", CENTRE)
    then = datetime(2022, 10, 7, tzinfo=UTC)
    request = asked(simulated, "kherson", "off", effective=then)
    seen = simulated.read("amina", lambda tx: affected(tx, request))
    assert (seen.slot, seen.cut) == (request.effective_slot, 1)


# Where a cell of operations and a cell of service part: the kit stands in EDGE, and the middle of its cell of
# resolution 7 in another.
KIT = (19.8081, -70.6789)
EDGE = int(cell_of(*KIT))
BESIDE = int(h3.cell_to_parent(h3.latlng_to_cell(*KIT, 7), 5))


def kit_at(world: Any, name: str, latitude: float, longitude: float) -> None:
    """Onboard and activate a terminal at a place."""
    text = f"id,kind,plan,latitude_deg,longitude_deg\n{name},mini,fixed,{latitude!r},{longitude!r}\n"
    source = Source.of(text.encode(), "kits.csv")
    world.act("amina", lambda tx: onboard(tx, source, account="ngo"))
    which = Selection(ids=[name])
    world.act("amina", lambda tx: custody.hand(tx, which, to="depot"))
    world.act("amina", lambda tx: custody.activate(tx, which))


def run_of(world: Any, places: dict[str, tuple[float, float]], slot: int) -> dict[str, str]:
    """Return what a run shows of terminals where they stand, from the decisions as they are."""
    decided = world.read("openleo", lambda tx: decisions_of(tx.conn, tx.network))
    who = Terminals(ids=list(places), accounts=["ngo"] * len(places))
    (_, rules), *_ = timeline(
        decided_rules(decided, who, (slot, slot)), (slot, slot), account_names=("", "ngo"),
        country_names=land_table().countries,
    )  # fmt: skip
    cell = cell_of(*np.array(list(places.values())).T)
    n = len(cell)
    code, _ = rules.decide(
        Subjects(
            cell=cell, country=land_table().country_of(cell).astype(np.int16),
            speed_m_s=np.zeros(n, np.float32), account=np.ones(n, np.uint16),
            home=np.full(n, -1, np.int16), distance_m=np.full(n, np.nan, np.float32),
            terminal=np.arange(n, dtype=np.uint32),
        )
    )  # fmt: skip
    return {name: DisablementCode(int(c)).name for name, c in zip(places, code, strict=True)}


def changes_in_runs(world: Any, places: dict[str, tuple[float, float]], area: str) -> dict[str, int]:
    """Switch an area off; return how many terminals changed, by codes, as `Preview.codes` tells it."""
    slot = slot_at(world)
    before = run_of(world, places, slot)
    switched(world, area, "off")
    after = run_of(world, places, slot_at(world))
    pairs = [f"{before[name]} -> {after[name]}" for name in places if before[name] != after[name]]
    return dict(sorted(Counter(pairs).items()))


def slot_at(world: Any) -> int:
    return first_slot_from(to_datetime64(world.clock.now))


@pytest.mark.parametrize(("cell", "cut"), [(EDGE, 1), (BESIDE, 0)])
def test_a_kit_by_a_cells_edge_is_counted_where_the_run_serves_it(network: Any, cell: int, cut: int) -> None:
    """Its place decides: the parent of its cell of resolution 7 is another cell than the one it stands in."""
    assert f"{EDGE:x}" == "854cf25bfffffff" != f"{BESIDE:x}"
    prepared(network)
    define(network, "land", np.unique(np.array([EDGE, BESIDE], np.uint64)))
    define(network, "one", np.array([cell], np.uint64))
    switched(network, "land", "on")
    switched(network, "one", "on")
    kit_at(network, "kit", *KIT)
    network.clock.turn(minutes=1)
    seen = look(network, "one", "off")
    assert seen.cut == cut
    assert dict(seen.codes) == changes_in_runs(network, {"kit": KIT}, "one")


def prepared(world: Any) -> None:
    add_account(world, "ngo")
    world.add("plan", "fixed", title="", ocean=True, active=True)


@st.composite
def near_a_border(draw: st.DrawFn) -> tuple[float, float]:
    """A place some metres from the border of a cell of Kherson, on either side."""
    corners = cell_outline_deg(int(draw(st.sampled_from(KHERSON.tolist()))))
    n, share = draw(st.integers(0, len(corners) - 1)), draw(st.floats(0.02, 0.98))
    (lon_a, lat_a), (lon_b, lat_b) = corners[n - 1], corners[n]
    off = draw(st.floats(-0.004, 0.004))
    return lat_a + share * (lat_b - lat_a) + off, lon_a + share * (lon_b - lon_a) + off


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    places=st.lists(near_a_border(), min_size=12, max_size=12), some=st.sets(st.integers(0, 6), min_size=2)
)
def test_near_the_borders_of_cells_the_preview_is_what_runs_show(
    founded: Any, tmp_path_factory: Any, places: list[tuple[float, float]], some: set[int]
) -> None:
    with copied(founded, tmp_path_factory.mktemp("edge")) as world:
        prepared(world)
        define(world, "land", cells_around(KHERSON, 2))
        define(world, "part", KHERSON[sorted(some)])
        switched(world, "land", "on")
        named = {f"kit-{n}": place for n, place in enumerate(places)}
        rows = "".join(f"{name},mini,fixed,{a!r},{b!r}\n" for name, (a, b) in named.items())
        source = Source.of(("id,kind,plan,latitude_deg,longitude_deg\n" + rows).encode(), "kits.csv")
        world.act("amina", lambda tx: onboard(tx, source, account="ngo"))
        every = Selection(ids=list(named))
        world.act("amina", lambda tx: custody.hand(tx, every, to="depot"))
        world.act("amina", lambda tx: custody.activate(tx, every))
        world.clock.turn(minutes=1)
        seen = look(world, "part", "off")
        assert dict(seen.codes) == changes_in_runs(world, named, "part")


@contextmanager
def copied(founded: Any, folder: Any) -> Iterator[Any]:
    template = founded[NetworkKind.ENFORCED]
    shutil.copytree(template.folder, folder / "control")
    world = open_world(folder / "control", template.credentials)
    yield world
    world.plane.close()


def test_those_whose_people_the_areas_are_and_who_stand_outside_are_told(served: Any) -> None:
    add_terminal(served, "stray", FAR, area_id="kherson")
    add_terminal(served, "at-home", CENTRE, area_id="kherson")
    seen = look(served, "kherson", "off")
    assert (seen.strays, seen.stray) == (1, "stray")
    assert seen.cut == 3, "the stray is none of those"


def test_decisions_for_a_run_hold_no_place(network: Any) -> None:
    prepared(network)
    kit_at(network, "kit", *KIT)
    plain = str(network.read("openleo", lambda tx: decisions_of(tx.conn, tx.network)).plain())
    assert str(EDGE) not in plain
    assert "cell'" not in plain
