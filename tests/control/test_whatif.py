"""What a switch would do is told before it is decided, by the rules that the engine asks."""

from datetime import UTC, datetime
from typing import Any

import h3.api.basic_int as h3
import numpy as np
import pytest
from deciding import KHERSON, add_account, add_terminal, asked, define, emergency, proposed, switched

from openleo.control.authorize import Forbidden
from openleo.control.reading import list_entries
from openleo.control.whatif import affected, affected_by, cells_5_of
from openleo.ground.cells import cells_around, cells_in_circle

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


def test_parents_are_those_of_the_h3_library() -> None:
    fine = [cell for parent in KHERSON[:3].tolist() for cell in h3.cell_to_children(parent, 7)]
    expected = [h3.cell_to_parent(cell, 5) for cell in fine]
    assert cells_5_of(np.array(fine, np.int64)).tolist() == expected
