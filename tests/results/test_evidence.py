"""An explanation agrees with the run's tables, for every cause that the small run has."""

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from openleo.results.choice import bits_set
from openleo.results.evidence import explain_cell, explain_elsewhere, explain_terminal
from openleo.results.explain_text import explanation_lines
from openleo.results.run import Run
from openleo.snapshot.causes import Cause


def example(run: Run, cause: str) -> tuple[int, int]:
    """Return a terminal and a slot with this cause; of obstructed ones, one that was online in part."""
    for row in range(len(run.terminals)):
        line = run.timeline(row).filter(pl.col("cause") == cause)
        if cause == "OBSTRUCTED":
            line = line.filter(pl.col("online_s") > 0)
        if len(line):
            return row, int(line["slot"][0])
    raise AssertionError(f"no terminal of the small run has {cause}")


def explained(run: Run, cause: str) -> dict[str, Any]:
    terminal, slot = example(run, cause)
    return explain_terminal(run, terminal, slot)


def words(found: dict[str, Any]) -> str:
    text = "\n".join(explanation_lines(found))
    assert json.loads(json.dumps(found)) == found, "it can be written as JSON"
    assert text.startswith("SIMULATION")
    return text


def test_an_online_terminal_has_a_way_whose_delays_add_up(small_run: Run) -> None:
    found = explained(small_run, "ONLINE")
    way = found["serving"]
    legs = way["user_ms"] + way["feeder_ms"] + way["fibre_ms"]
    assert way["rtt_ms"] == pytest.approx(2 * legs + way["access_ms"], abs=0.01)
    serving = [c for c in found["candidates"] if c["verdict"] == "serves the cell"]
    assert way["satellite"] in {c["satellite"] for c in serving}
    mine = next(c for c in serving if c["satellite"] == way["satellite"])
    assert len(way["units"]) == mine["units"]
    assert way["gateway"] in mine["gateways"]
    used = [g for g in way["gateways"] if g["used"]]
    assert [g["gateway"] for g in used] == [way["gateway"]]
    assert used[0]["elevation_deg"] >= used[0]["min_elevation_deg"]
    assert 1 <= used[0]["antennas_in_use"] <= used[0]["antennas"]
    assert found["faults"] == []
    text = words(found)
    assert ": ONLINE\n" in text
    assert "round trip" in text
    assert "no rule forbids service" in text


def test_candidates_that_serve_are_the_rows_of_beams(small_run: Run) -> None:
    found = explained(small_run, "ONLINE")
    row = (small_run.cell_index["h3"] == found["cell"]["h3"]).arg_true()[0]
    beams = small_run.beams.filter((pl.col("slot") == found["slot"]) & (pl.col("cell") == row))
    names = small_run.satellites["name"].gather(beams["satellite"].to_list()).to_list()
    units = dict(zip(names, bits_set(beams["colours"].to_numpy()).tolist(), strict=True))
    assert {c["satellite"]: c["units"] for c in found["candidates"] if c["units"]} == units
    assert sum(units.values()) == found["cell"]["units"]


def test_the_funnel_counts_the_verdicts(small_run: Run) -> None:
    funnel = (found := explained(small_run, "ONLINE"))["cell"]["funnel"]
    verdicts = [c["verdict"] for c in found["candidates"]]
    assert funnel["above_horizon"] == len(verdicts)
    out = {
        "in_service_above_min_elevation": ("below the minimum elevation", "out of service"),
        "outside_gso_exclusion": ("too near the geostationary arc",),
        "in_field_of_view": ("outside the terminals' field of view",),
        "with_a_way_to_the_pop": ("reaches no gateway",),
    }
    left = len(verdicts)
    for step, lost in out.items():
        left -= sum(verdict in lost for verdict in verdicts)
        assert funnel[step] == left, step
    counts = list(funnel.values())
    assert counts == sorted(counts, reverse=True)


def test_a_refused_terminal_names_the_rule_and_why(small_run: Run) -> None:
    found = explained(small_run, "ACCOUNT_DISABLED")
    assert found["policy"]["rule"] == "account/unpaid-2"
    assert found["serving"] is None
    text = words(found)
    assert "DARK, ACCOUNT_DISABLED" in text
    assert "the bill was not paid" in " ".join(text.split())


def test_a_power_cut_names_fault_and_assumption(small_run: Run) -> None:
    found = explained(small_run, "POWER_OFF")
    assert (found["own"]["power"], found["own"]["fault"]) == ("off", "mains")
    assert [a["id"] for a in found["assumptions"]] == ["blackout"]
    text = words(found)
    assert "no power: fault mains" in text
    assert f"openleo run {small_run.path} --without blackout" in text
    assert explained(small_run, "BOOTING")["own"]["power"] == "booting"


def test_a_lost_gateway_is_named_and_what_would_have_served(small_run: Run) -> None:
    found = explained(small_run, "NO_GATEWAY")
    assert found["verdict"]["fault"]["name"] == "both-lost"
    assert found["contention"]["relaxed"] == "fault"
    assert found["cell"]["funnel"]["with_a_way_to_the_pop"] == 0
    text = words(found)
    assert "without the fault both-lost the cell would be served" in text
    assert "reaches no gateway" in text


def test_seconds_behind_an_obstacle_are_told(small_run: Run) -> None:
    found = explained(small_run, "OBSTRUCTED")
    assert len(found["own"]["blocked_seconds"]) == 15 - found["verdict"]["online_s"]
    text = words(found)
    assert f"online {found['verdict']['online_s']} of 15 s" in text
    assert "obstacles hide its satellite in seconds " in text
    assert found["verdict"]["meaning"] == "obstacles hide the satellite that serves it"


def test_a_moving_terminal_is_where_it_last_entered_a_cell(small_run: Run) -> None:
    van = int(np.flatnonzero(small_run.terminals["moving"].to_numpy())[0])
    found = explain_terminal(small_run, van, small_run.until_slot - 1)
    assert found["terminal"]["speed_kmh"] == pytest.approx(400, abs=1)
    assert 30 < found["terminal"]["longitude_deg"] < 31
    assert "400 km/h" in words(found)


def test_contention_says_which_constraint_gave_way(small_run: Run, small_scenario: Any) -> None:
    from openleo.results.execute import simulate

    tight = small_scenario.with_changes(
        changes={"terminals.fixed.count": 300, "network.beams": 1, "network.dwells": 1, "faults": []},
        without=["blackout"],
    )
    run = simulate(tight, small_run.path.parent / "tight")
    causes = set(run.slot_causes["cause"]) & {Cause.NO_BEAM, Cause.NO_ANTENNA, Cause.NO_CHANNEL}
    assert causes
    for cause in sorted(causes):
        found = explained(run, Cause(cause).name)
        assert found["contention"]["relaxed"] == Cause(cause).name.removeprefix("NO_").lower()
        assert found["cell"]["funnel"]["with_a_way_to_the_pop"] > 0
        assert "the cell would be served" in " ".join(words(found).split())


def test_only_faults_that_touch_a_terminal_are_told(small_run: Run) -> None:
    off, slot = example(small_run, "POWER_OFF")
    assert [f["name"] for f in explain_terminal(small_run, off, slot)["faults"]] == ["mains"]
    here = small_run.terminals["cell"].to_list()
    other = next(
        row
        for row in range(len(here))
        if here[row] != here[off]
        and small_run.timeline(row)["cause"][slot - small_run.first_slot] == "ONLINE"
    )
    assert explain_terminal(small_run, other, slot)["faults"] == []


def test_a_run_by_cells_is_explained_alike(small_run: Run, small_scenario: Any) -> None:
    from openleo.results.execute import simulate

    coarse = small_scenario.with_changes(changes={"detail": "cells"})
    run = simulate(coarse, small_run.path.parent / "explained-by-cells")
    for cause in ("ONLINE", "NO_GATEWAY"):
        terminal, slot = example(small_run, cause)
        want, found = explain_terminal(small_run, terminal, slot), explain_terminal(run, terminal, slot)
        assert found == want | {"run": found["run"]}


def test_a_cell_is_explained_without_a_terminal(small_run: Run) -> None:
    terminal, slot = example(small_run, "ONLINE")
    row = int(small_run.terminals["cell"][terminal])
    found = explain_cell(small_run, row, slot)
    assert found["verdict"]["online"]
    assert ": SERVED\n" in (text := words(found))
    assert [set(entry["accounts"]) for entry in found["policy_here"]] == [{"shops"}, {"unpaid"}]
    assert "accounts unpaid: refused by rule account/unpaid-2" in text


def test_a_cell_without_terminals_says_what_policy_would(small_run: Run) -> None:
    found = explain_elsewhere(small_run, 0x851E4A9BFFFFFFF, small_run.first_slot)
    assert found["verdict"]["cause"] == "IDLE"
    assert found["cell"]["country"] == "UA"
    assert "the scenario has no terminals here" in words(found)
