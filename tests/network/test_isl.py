"""Which satellites land traffic at which gateway."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from openleo.network.isl import landing_gateways

DELAYS = st.one_of(
    st.just(math.inf), st.sampled_from([0.002, 0.003, 0.004]), st.floats(2.0**-10, 2.0**-6, width=32)
)


def landing_gateways_reference(feeder_s, has_laser, antennas):
    """Gateway after gateway takes the nearest that are left; a quarter is kept where others are seen."""
    gateway, left = np.full(feeder_s.shape[1], -1), antennas.copy()
    for g, row in enumerate(feeder_s):
        others = np.isfinite(row) & ~has_laser
        keep = int(antennas[g] * 0.25) if others.any() else 0
        free = np.flatnonzero(np.isfinite(row) & has_laser & (gateway < 0))
        chosen = free[np.argsort(row[free], kind="stable")][: max(int(antennas[g]) - keep, 0)]
        gateway[chosen] = g
        left[g] -= len(chosen)
    return gateway, left


@given(
    st.tuples(st.integers(1, 5), st.integers(0, 90)).flatmap(
        lambda shape: st.tuples(
            hnp.arrays(np.float32, shape, elements=DELAYS),
            hnp.arrays(np.bool_, shape[1]),
            hnp.arrays(np.int16, shape[0], elements=st.integers(0, 9)),
        )
    )
)
@settings(max_examples=150, deadline=None)
def test_each_gateway_lands_the_nearest_satellites_that_are_left(world):
    feeder_s, has_laser, antennas = world
    gateway, left = np.empty(feeder_s.shape[1], np.int16), np.empty(len(antennas), np.int16)
    landing_gateways(feeder_s, has_laser, antennas, gateway, left)
    want_gateway, want_left = landing_gateways_reference(feeder_s, has_laser, antennas)
    np.testing.assert_array_equal(gateway, want_gateway)
    np.testing.assert_array_equal(left, want_left)
