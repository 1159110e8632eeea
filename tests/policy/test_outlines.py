"""Areas drawn as outlines decide as shapely and plain Python do, at borders, antimeridian and poles."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from openleo.ground.cells import cell_centre_deg, cells_from_names
from openleo.policy import Area, DisablementCode, Subjects, Switch, flatten, make_rules

BENCH = runpy.run_path(str(Path(__file__).resolve().parents[2] / "benchmarks" / "policy.py"))


def agree(areas: int, terminals: int, seed: int) -> set[str]:
    """The rules that decide, for some terminals against some areas."""
    made = BENCH["made_areas"](areas, seed=seed)
    subjects = BENCH["made_subjects"](BENCH["made_cells"](made, terminals, seed=seed + 1), seed=seed + 2)
    rules = BENCH["made_rules"](made)
    got = [rules.rule_ids[r] for r in rules.decide(subjects)[1]]
    assert got == BENCH["plain"](made, subjects)
    return set(got)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_few_thousand_terminals_against_a_hundred_areas_get_the_rule_that_shapely_gives(seed):
    rules = agree(100, 2_000, seed)
    assert {"", "areas/elsewhere", "plan/home/roaming", "plan/car/speed", "unpaid", "lost"} <= rules
    assert len(rules) > 20


@pytest.mark.slow
def test_a_million_terminals_against_a_thousand_areas_get_the_rule_that_shapely_gives():
    assert len(agree(1_000, 1_000_000, seed=11)) > 200


def served(cells, areas):
    rules = make_rules(flatten(areas, 0), account_names=("aid",), country_names=())
    count = len(cells)
    code, _ = rules.decide(
        Subjects(
            cell=cells,
            country=np.full(count, -1, np.int16),
            account=np.zeros(count, np.uint16),
            speed_m_s=np.zeros(count, np.float32),
        )
    )
    return code == DisablementCode.OKAY


def check_that_cells_make_an_area(names):
    cells = cells_from_names(names)
    assert len(cells) == len(names)
    areas = [Area(id="off", cells=cells, switch=Switch.OFF, code=DisablementCode.BLOCKED_AREA)]
    assert not served(cells, areas).any()
    around = np.setdiff1d(BENCH["cell_of"](*(cell_centre_deg(cells) + 0.3).T), cells)
    assert served(around, areas).all()
    assert len(around) > 0


def test_a_list_of_cells_is_an_area():
    check_that_cells_make_an_area(["8511920bfffffff", "85119213fffffff"])


def test_the_cells_that_were_really_off_are_an_area(test_data):
    lines = (test_data / "service_area" / "blacklisted_h3_res5.csv").read_text(encoding="utf-8").split()
    names = [line.split(",")[0] for line in lines[1:]]
    assert len(names) == 297
    check_that_cells_make_an_area(names)
