"""A whole number is read out of any text, or none is."""

import pytest

from openleo.base.digits import whole


@pytest.mark.parametrize(
    "text", ["", "²", "1²", "①", "٣", "௧", "-1", "+1", " 1", "1_0", "1.0", "9" * 19, "9" * 5_000]
)
def test_what_is_no_plain_number_is_none(text: str) -> None:
    assert whole(text) is None


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_plain_digits_are_a_number(text: str, number: int) -> None:
    assert whole(text) == number
