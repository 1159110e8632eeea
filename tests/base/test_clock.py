import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openleo.base.clock import (
    _LEAP_STARTS,
    first_slot_from,
    format_utc,
    parse_utc,
    slot_at,
    slot_start,
    slot_starts,
)
from openleo.base.errors import BadInput


@pytest.mark.parametrize(
    ("utc", "start"),
    [
        ("2022-10-07T00:00:00Z", "2022-10-06T23:59:57Z"),  # slots start at :12, :27, :42 and :57
        ("2022-10-07T00:00:11Z", "2022-10-06T23:59:57Z"),
        ("2022-10-07T00:00:12Z", "2022-10-07T00:00:12Z"),  # the boundary belongs to the new slot
        ("2016-06-01T00:00:00Z", "2016-05-31T23:59:58Z"),  # one leap second fewer
    ],
)
def test_a_slot_starts_at_gps_seconds_divisible_by_15(utc, start):
    assert format_utc(slot_start(slot_at(parse_utc(utc)))) == start


@given(st.integers(60_000_000, 110_000_000))
def test_a_slot_holds_its_own_start_and_not_the_nanosecond_before(slot):
    assert slot_at(slot_start(slot)) == slot
    assert slot_at(slot_start(slot) - np.timedelta64(1, "ns")) == slot - 1
    assert first_slot_from(slot_start(slot)) == slot
    assert first_slot_from(slot_start(slot) + np.timedelta64(1, "ns")) == slot + 1


def test_a_day_has_5760_slots():
    first, last = (first_slot_from(parse_utc(t)) for t in ("2022-10-07", "2022-10-08"))
    assert last - first == 5760


def test_text_that_is_no_time_is_named():
    with pytest.raises(BadInput, match="'yesterday' is not a time"):
        parse_utc("yesterday")


def test_many_slots_start_where_each_does_leap_seconds_too():
    leaps = [first_slot_from(leap) for leap in _LEAP_STARTS]
    slots = [max(leap + n, 0) for leap in leaps for n in range(-4, 5)]
    assert slot_starts(np.array(slots)).tolist() == [slot_start(slot).tolist() for slot in slots]
