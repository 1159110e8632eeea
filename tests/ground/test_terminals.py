"""Terminals as columns, and their names."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.base.errors import BadInput
from openleo.ground.terminal_ids import TerminalIds, join_ids
from openleo.ground.terminals import Terminals, join_terminals


def group(count=3, **changes):
    settings = {"seed": 1, "group": "hospitals", "account": "health", "country": "UA"} | changes
    return Terminals.of(np.linspace(48, 50, count), np.full(count, 30.0), **settings)


def test_a_made_name_depends_on_seed_group_and_place_in_the_group_only():
    few, many = TerminalIds.made(7, "clinics", 3), TerminalIds.made(7, "clinics", 1000)
    assert few[:3] == many[:3]
    assert few[0] != TerminalIds.made(8, "clinics", 1)[0]
    assert few[0] != TerminalIds.made(7, "schools", 1)[0]
    assert few[0] == "ut-919ef901-24503cde"  # a change here renames everybody's terminals


@settings(deadline=None)  # the first call compiles
@given(seed=st.integers(0, 2**63 - 1), name=st.text(max_size=8))
def test_no_two_made_names_of_a_group_are_equal(seed, name):
    ids = TerminalIds.made(seed, name, 5000)
    assert len(np.unique(ids.code)) == 5000


def test_a_million_names_cost_no_time_until_read():
    started = time.process_time()
    ids = TerminalIds.made(1, "planet", 1_000_000)
    row = ids.row_of(ids[777_777])
    assert time.process_time() - started < 2.0  # measured 0.02 s
    assert row == 777_777
    assert ids.code.nbytes + ids.is_given.nbytes == 9_000_000


def test_given_and_made_names_are_found_after_joining_and_taking():
    ids = join_ids([TerminalIds.of(["mill", "school"]), TerminalIds.made(1, "a", 4), TerminalIds.of(["dam"])])
    assert (ids[0], ids[1], ids[6]) == ("mill", "school", "dam")
    assert [ids.row_of(name) for name in ids] == list(range(7))
    taken = ids.take(np.array([6, 2]))
    assert list(taken) == ["dam", ids[2]]
    assert "mill" not in taken
    assert "dam" in taken
    assert ids[-1] == "dam"


def test_an_unknown_name_says_which_are_near():
    with pytest.raises(BadInput, match="'mil'") as caught:
        TerminalIds.of(["mill", "school"]).row_of("mil")
    assert "mill" in caught.value.hint


@pytest.mark.parametrize(
    "parts",
    [
        [TerminalIds.made(1, "a", 3), TerminalIds.made(1, "a", 5)],
        [TerminalIds.of(["x"]), TerminalIds.of(["y", "x"])],
        [TerminalIds.made(1, "a", 3), TerminalIds.of([TerminalIds.made(1, "a", 3)[1]])],
    ],
    ids=["two groups of one name", "two files", "a file that uses a made name"],
)
def test_a_name_used_twice_is_an_error(parts):
    with pytest.raises(BadInput, match=r"ut-|'x'"):
        join_ids(parts)


def test_joining_groups_keeps_each_terminals_names():
    joined = join_terminals(
        [
            group(2),
            group(2, group="mills", account="grain", country="PL", kind="mini", backup_hours=4.0),
            group(1, group="mobile", account="health", country="", track=[5], mask=2),
        ]
    )
    assert len(joined) == 5
    assert joined.account_names == ("health", "grain")
    described = [joined.describe(row) for row in range(5)]
    assert [d["group"] for d in described] == ["hospitals", "hospitals", "mills", "mills", "mobile"]
    assert [d["country"] for d in described] == ["UA", "UA", "PL", "PL", ""]
    assert [d["account"] for d in described] == ["health", "health", "grain", "grain", "health"]
    assert [d["kind"] for d in described] == ["standard"] * 2 + ["mini"] * 2 + ["standard"]
    assert described[4]["moving"]
    assert described[2]["backup_hours"] == 4.0
    assert joined.track.tolist() == [-1, -1, -1, -1, 5]


def test_taking_rows_by_index_or_by_condition():
    terminals = group(4)
    by_index = terminals.take(np.array([3, 0]))
    assert by_index.ids[0] == terminals.ids[3]
    by_condition = terminals.take(terminals.latitude_deg > 49.0)
    assert len(by_condition) == 2


def test_no_groups_at_all_are_no_terminals():
    assert len(join_terminals([])) == 0


def test_longitudes_are_brought_into_range():
    assert Terminals.of([0.0, 0.0], [190.0, 180.0], seed=1).longitude_deg.tolist() == [-170.0, -180.0]


def test_columns_of_different_lengths_or_off_the_globe_are_a_programming_error():
    with pytest.raises(ValueError, match="latitudes"):
        Terminals.of([91.0], [0.0], seed=1)
    with pytest.raises(ValueError, match="broadcast"):
        Terminals.of([1.0, 2.0], [0.0, 0.0], seed=1, mask=[1, 2, 3])
