"""How near to the best possible schedule ours is, where there is too little of everything.

OR-tools gives the best, or the best that it finds in the time, starting from ours.
"""

import numpy as np
import pytest
from best_schedule import Model, most_cells_by_flow
from schedule_worlds import Small, first_of, small_world

BEAMS_ALONE = Small(cells=60, rings=8, satellites=8, lasers=1.0, beams=3, dwells=2, nco=False)
FEW_ANTENNAS = Small(cells=60, rings=8, satellites=10, gateways=3, antennas=1, beams=4, dwells=2, nco=False)
# Few beams, few antennas and few colours, in turn scarcer; cells close enough that footprints meet.
SHORT_OF_ALL = {
    "6 satellites, 4 colours": Small(cells=30, rings=3, satellites=6, beams=3, dwells=2, channels=2),
    "8 satellites, 4 colours": Small(cells=40, rings=4, satellites=8, beams=8, dwells=2, channels=2),
    "8 satellites, 6 colours": Small(
        cells=50, rings=4, satellites=8, antennas=2, beams=4, dwells=3, channels=2
    ),
    "10 satellites, 4 colours": Small(
        cells=60, rings=5, satellites=10, antennas=2, beams=6, dwells=2, channels=2
    ),
    "10 satellites, 8 colours": Small(cells=60, rings=5, satellites=10, beams=6, dwells=4, channels=2),
}


def served(world):
    return int((first_of(world)[0].first >= 0).sum())


def compare(small, seeds, seconds):
    got, best = [], []
    for seed in seeds:
        world = small_world(seed, small)
        board, _ = first_of(world)
        model = Model(world)
        model.hint(board)
        got.append(int((board.first >= 0).sum()))
        best.append(model.most_cells(seconds)[0])
    return np.array(got), np.array(best)


def test_with_beam_limits_alone_no_more_cells_can_be_served():
    worlds = [small_world(seed, BEAMS_ALONE) for seed in range(25)]
    best = np.array([most_cells_by_flow(world) for world in worlds])
    assert np.mean(best < 60) > 0.5  # overloaded, most of them
    assert [served(world) for world in worlds] == best.tolist()


def test_with_few_antennas_at_least_ninety_five_percent_of_the_best():
    got, best = compare(FEW_ANTENNAS, range(5), 0.8)
    assert (got >= 0.95 * best).all()
    assert got.sum() >= 0.99 * best.sum()


@pytest.mark.parametrize("case", ["6 satellites, 4 colours", "8 satellites, 4 colours"])
def test_short_of_beams_antennas_and_colours_at_least_ninety_five_percent_of_the_best(case):
    got, best = compare(SHORT_OF_ALL[case], range(4), 1.5)
    assert got.sum() >= 0.95 * best.sum()


@pytest.mark.slow
@pytest.mark.parametrize("case", SHORT_OF_ALL)
def test_given_time_to_search_ninety_five_percent_of_the_best_still(case):
    got, best = compare(SHORT_OF_ALL[case], range(100, 104), 10.0)
    assert got.sum() >= 0.95 * best.sum()
    assert (got >= 0.88 * best).all()
