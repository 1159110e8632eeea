"""Kinds of terminal."""

import math

import numpy as np
import pytest

from openleo.base.errors import BadInput
from openleo.ground.kinds import (
    KINDS,
    boresight_enu,
    field_of_view_by_code,
    find_kind,
    kind_of_code,
)


def test_codes_are_stable_because_results_hold_them():
    assert {name: kind.code for name, kind in KINDS.items()} == {
        "round-gen1": 0,
        "standard": 1,
        "high-performance": 2,
        "flat-high-performance": 3,
        "standard-4": 4,
        "mini": 5,
        "in-motion": 6,
        "drone": 7,
    }
    assert all(kind_of_code(kind.code) is kind for kind in KINDS.values())


def test_every_kind_has_a_source_and_sane_numbers():
    for kind in KINDS.values():
        assert kind.source
        assert math.radians(90) <= kind.field_of_view_rad <= math.radians(140)
        assert 0 < kind.power_idle_w < kind.power_average_w < 200
        assert kind.in_motion == (kind.max_speed_m_s > 0)


@pytest.mark.parametrize(
    ("kind", "latitude_deg", "tilt_deg"),
    [
        ("standard", 50.0, 20.0),
        ("standard", 10.0, 10.0),
        ("standard", 0.0, 0.0),
        ("standard", -33.0, -20.0),
        ("in-motion", 50.0, 0.0),
        ("drone", -50.0, 0.0),
    ],
)
def test_a_dish_leans_toward_the_nearer_pole_but_never_past_its_latitude(kind, latitude_deg, tilt_deg):
    east, north, up = boresight_enu(KINDS[kind], math.radians(latitude_deg))
    assert east == 0.0
    assert math.degrees(math.atan2(north, up)) == pytest.approx(tilt_deg)


def test_boresights_of_many_latitudes_are_unit_vectors():
    vectors = boresight_enu(KINDS["mini"], np.radians([[-80.0, -5.0], [5.0, 80.0]]))
    assert vectors.shape == (2, 2, 3)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1.0)


def test_an_unknown_kind_names_the_nearest():
    with pytest.raises(BadInput) as caught:
        find_kind("flat high performance")
    assert "flat-high-performance" in caught.value.hint
    assert find_kind(" Mini ").name == "mini"


def test_a_code_outside_the_table_is_an_error():
    with pytest.raises(ValueError, match="codes are 0 to"):
        kind_of_code(len(field_of_view_by_code()))
