"""The `observed` preference: its formula, and whether the whole engine serves as the real scheduler did.

docs/observed-scheduler.md has the figures over 20 seeds.
"""

import importlib
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from openleo.base.hashing import hash_u32
from openleo.engine import prepare
from openleo.engine.geometry import geometries
from openleo.network.preference import PREFERENCES, preference
from openleo.orbits.builtin import load_constellation
from openleo.scenario import scenario_from
from openleo.scenario.world import compile_world

EARTH_MEAN_RADIUS_M = 6_371_008.8
START = datetime(2026, 8, 22, tzinfo=UTC)
EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"


def network_at(latitudes_deg, longitudes_deg, *, seed: int):
    """A few terminals under the fleet of 2026, whose every satellite reaches a gateway over lasers."""
    points = [list(map(float, point)) for point in zip(latitudes_deg, longitudes_deg, strict=True)]
    document = {
        "name": "anywhere",
        "start": START,
        "end": START + timedelta(hours=1),
        "seed": seed,
        "constellation": {"use": "starlink-2026", "isl": "grid"},
        "network": {"preference": "observed", "candidates": 64},
        "gateways": {"include": ["Usingen"]},
        "pops": {"include": ["Frankfurt"]},
        "terminals": [
            {"name": "dishes", "place": "points", "points": points, "kind": "flat-high-performance"}
        ],
    }
    return prepare(compile_world(scenario_from(document, origin="test")))


def utility_in_words(point_m, east_north_up, latitude_rad, middle_m, second_generation) -> float:
    """The formula of docs/observed-scheduler.md, by the weights in use, without noise and stay."""
    weights = preference("observed")
    sight = middle_m - point_m
    range_m = math.sqrt(sum(x * x for x in sight))
    height_m = math.sqrt(sum(x * x for x in middle_m)) - EARTH_MEAN_RADIUS_M
    _, north, up = (float(np.dot(axis, sight)) / range_m for axis in east_north_up)
    toward_pole = max(-1.0, min(1.0, math.degrees(latitude_rad) / 10.0))
    return (
        weights.footprint * (range_m / height_m) ** 2 / up
        + weights.poleward * north * toward_pole
        + weights.second_generation * second_generation
    )


def gumbel(seed: int, key: int, number: int, slot: int) -> float:
    """Standard Gumbel noise by its quantile function, from the hash of who, whom and when."""
    slice_of_4096 = int(hash_u32(key ^ seed, number, slot)) >> 20
    return -math.log(-math.log((slice_of_4096 + 0.5) / 4096))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_engine_likes_satellites_as_the_documented_formula_says(seed):
    random = np.random.default_rng(seed)
    net = network_at(random.uniform(-55.0, 55.0, 10), random.uniform(-180.0, 180.0, 10), seed=seed)
    slots = net.world.first_slot + random.integers(0, 240, 1)
    geometry = geometries(net, [net.timeline.at(int(slots[0]))], slots)[0]
    points, sky = net.points, geometry.sky
    generation = net.world.constellation.generation
    compared = 0
    for c in range(net.cell_count):
        frame = points.east[c], points.north[c], points.up[c]
        for s, value in zip(geometry.candidates[c], geometry.utility[c], strict=True):
            if s < 0:
                continue
            middle_m = 0.5 * (sky.start_m[s] + sky.end_m[s])
            expected = utility_in_words(
                points.point_m[c], frame, points.latitude_rad[c], middle_m, generation[sky.number[s]] == 20
            )
            expected += gumbel(net.world.scenario.seed, int(points.key[c]), int(sky.key[s]), int(slots[0]))
            assert value == pytest.approx(expected, abs=2e-5)
            compared += 1
    assert compared > 100


def test_nothing_of_2022_has_what_only_later_satellites_have_so_that_weight_is_neutral():
    assert preference("observed").second_generation > 0.0
    fleet = load_constellation("starlink-2022-10", at=np.datetime64("2022-10-07", "ns"))
    assert not (fleet.generation == 20).any()


@pytest.fixture
def scoring(test_data, monkeypatch):
    """The experiment that docs/observed-scheduler.md is written by."""
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    module = importlib.import_module("score_observed")
    record = test_data / "performance" / "satinview_ucl_2024-07-17"
    if not record.is_dir():
        pytest.skip("the record of serving satellites at Louvain-la-Neuve is not among the real files")
    monkeypatch.setattr(module.fit, "DATA", record)
    return module


@pytest.mark.slow
def test_in_the_hour_held_out_observed_serves_as_the_real_scheduler_did_and_no_other_does(scoring):
    record, seeds = scoring.read_record(), range(4)
    second = record.hours[1]
    real = record.part(second)
    sky = scoring.Sky(record.fleet, scoring.fit.LOUVAIN_DEG, second)
    _, kept, poleward, _ = scoring.figures(sky, real, sky.of(real)[0])
    scores = {name: scoring.score(record, 1, seeds, name)[0] for name in PREFERENCES}
    ks, simulated_kept, simulated_poleward, _ = scores["observed"].mean(axis=0)
    assert ks <= 0.12
    assert simulated_kept == pytest.approx(kept, abs=0.10)
    assert simulated_poleward == pytest.approx(poleward, abs=0.10)
    for name, others in scores.items():
        assert name == "observed" or others[:, 0].mean() > ks + 0.05, name


@pytest.mark.slow
def test_real_choices_of_the_hour_held_out_are_likelier_under_observed_than_under_any_other(scoring):
    record = scoring.read_record()
    loads = []
    for hour in (0, 1):
        _, _, runs = scoring.score(record, hour, range(1), "least-loaded")
        loads.append(runs[0].load)
    first, second = (scoring.hour_pairs(record, record.hours[h], loads[h]) for h in (0, 1))
    likelihoods = scoring.held_out(first, second)
    assert max(likelihoods, key=likelihoods.get) == "observed"


@pytest.mark.slow
def test_the_shipped_weights_are_those_fitted_on_the_first_hour_inside_the_engine(scoring):
    record = scoring.read_record()
    weights, errors = scoring.fitted(scoring.hour_pairs(record, record.hours[0]))
    shipped = [getattr(preference("observed"), name) for name in scoring.FEATURES["observed"]]
    assert np.abs(weights - shipped).max() < 0.01
    assert (np.abs(weights) > 2.0 * errors).all()
